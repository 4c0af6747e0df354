package mo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/queue"
)

// replyLife is how long a reply is of any use.
const replyLife = 10 * time.Minute

// stop puts the number on the lists of the applications that own the address, of all where nobody does. What
// is on the list already is told again, but not answered: two machines would answer each other for ever.
func (i *Inbox) stop(ctx context.Context, m Message, from phone.Number, owners []*otp.App) error {
	for _, app := range i.addressed(owners) {
		text := ""
		if len(owners) > 0 {
			text = app.StopReply
		}
		added, err := i.add(ctx, app, m, from, text)
		if err == nil && !added {
			err = i.tellOptOut(ctx, app, m, from, true)
		}
		if err != nil {
			return err
		}
		i.Log.Info().Str("app", app.Name).Str("link", m.Link).Bool("new", added).Msg("number opted out")
	}
	return nil
}

// add puts a number on an application's list and stores with it what its application and its owner are told:
// what comes again after a failure then finds all of it, or nothing. False, and nothing is stored, when it is
// there already. What the handset wanted is done without a reply too, where there is no room for one.
func (i *Inbox) add(ctx context.Context, app *otp.App, m Message, from phone.Number, reply string) (added bool, err error) {
	for _, text := range []string{reply, ""} {
		tx := i.Queue.Begin()
		i.List.Add(tx, i.Queue.OptOuts(), app.Name, from.E164)
		if err = i.noteOptOut(tx, app, m, from, true); err != nil {
			return false, err
		}
		i.replyIn(tx, app, m, from, text)
		err = i.Queue.Commit(ctx, tx)
		if !errors.Is(err, queue.ErrFull) || text == "" {
			break
		}
		i.Log.Warn().Str("app", app.Name).Msg("no room for a reply to a handset")
	}
	if errors.Is(err, queue.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// start takes the number off again.
func (i *Inbox) start(ctx context.Context, m Message, from phone.Number, owners []*otp.App) error {
	for _, app := range i.addressed(owners) {
		removed, err := i.List.Remove(ctx, app.Name, from.E164)
		if err != nil {
			return err
		}
		if err := i.tellOptOut(ctx, app, m, from, false); err != nil {
			return err
		}
		i.Log.Info().Str("app", app.Name).Str("link", m.Link).Bool("was", removed).Msg("number opted in")
	}
	return nil
}

// help answers for the applications that have something to say; false when none has.
func (i *Inbox) help(ctx context.Context, m Message, from phone.Number, owners []*otp.App) (answered bool, err error) {
	for _, app := range owners {
		if app.HelpReply == "" {
			continue
		}
		if err := i.reply(ctx, app, m, from, app.HelpReply); err != nil {
			return false, err
		}
		answered = true
	}
	return answered, nil
}

func (i *Inbox) addressed(owners []*otp.App) []*otp.App {
	if len(owners) > 0 {
		return owners
	}
	apps := i.Apps()
	all := make([]*otp.App, len(apps))
	for n := range apps {
		all[n] = &apps[n]
	}
	return all
}

func (i *Inbox) tellOptOut(ctx context.Context, app *otp.App, m Message, from phone.Number, out bool) error {
	return i.store(ctx, func(tx *queue.Tx) error { return i.noteOptOut(tx, app, m, from, out) })
}

// noteOptOut adds to a transaction what an application is told.
func (i *Inbox) noteOptOut(tx *queue.Tx, app *otp.App, m Message, from phone.Number, out bool) error {
	url := app.MOURL
	if url == "" {
		url = app.CallbackURL
	}
	if url == "" {
		return nil
	}
	status := "OPTED_IN"
	if out {
		status = "OPTED_OUT"
	}
	return i.note(tx, app, url, OptOut, optOutItem{PhoneNumber: from.E164, CountryISO: orNull(from.Country), Status: status, To: m.To,
		Datetime: m.Received.UTC().Truncate(time.Second)})
}

// reply sends a text back from the address that was written to. It belongs to no OTP, so nothing is told of
// its delivery. Its id is the same for a while, so that a number that writes again and again gets one.
func (i *Inbox) reply(ctx context.Context, app *otp.App, m Message, from phone.Number, text string) error {
	err := i.store(ctx, func(tx *queue.Tx) error {
		i.replyIn(tx, app, m, from, text)
		return nil
	})
	if errors.Is(err, queue.ErrFull) {
		i.Log.Warn().Str("app", app.Name).Msg("no room for a reply to a handset")
		return nil
	}
	return err
}

// replyIn adds a reply to a transaction, where there is a text and a route for it.
func (i *Inbox) replyIn(tx *queue.Tx, app *otp.App, m Message, from phone.Number, text string) {
	if text == "" {
		return
	}
	sender := app.From
	for _, s := range app.AllSenders() {
		if sameSender(s, m.To) {
			sender = s
		}
	}
	route, err := i.Route(otp.Traffic{App: app.Name, From: sender, To: from.E164})
	if err != nil {
		i.Log.Warn().Err(err).Str("app", app.Name).Msg("no route for a reply to a handset")
		return
	}
	at := m.Received.UTC()
	name := fmt.Sprintf("%s %s %s %d", app.Name, from.E164, text, at.Unix()/int64(replyLife/time.Second))
	const ref = "" // of no OTP
	id := uuid.NewSHA1(uuid.NameSpaceOID, []byte(i.Box.Name("reply", name))).String()
	tx.SMS(queue.Outbound{ID: id, Ref: ref, App: app.Name, Route: route, From: sender, To: from.E164,
		Text: i.Box.Seal([]byte(text), queue.TextContext(ref)), TLVs: app.TLVsOf(from.Country, ""), Country: from.Country, Created: at, Expires: i.Queue.Now().Add(replyLife)})
}

// Set is what an operator does for a number's owner, without a reply. It says whether that changed anything.
func (i *Inbox) Set(ctx context.Context, app *otp.App, number phone.Number, out bool) (changed bool, err error) {
	m := Message{Received: i.Queue.Now()}
	if out {
		return i.add(ctx, app, m, number, "")
	}
	if changed, err = i.List.Remove(ctx, app.Name, number.E164); err != nil || !changed {
		return false, err
	}
	return true, i.tellOptOut(ctx, app, m, number, false)
}

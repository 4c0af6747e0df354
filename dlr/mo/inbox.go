package mo

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/optout"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/seal"
)

// Message is what a link got of a handset.
type Message struct {
	Link     string
	From, To string // addresses as they were
	Text     string
	Received time.Time

	// Parts with the same addresses and reference belong together.
	Reference   uint16
	Part, Parts int // from 1; 1 and 1 where it is whole
}

// Inbox takes messages. Its fields are set before the first call; it is safe for use by many goroutines.
type Inbox struct {
	Queue *queue.Queue
	Box   *seal.Box
	List  *optout.List
	Apps  func() []otp.App                            // those of the present configuration
	Route func(otp.Traffic) (route string, err error) // of a reply
	Log   zerolog.Logger

	taken *prometheus.CounterVec
}

// What became of a message; the values of the label "result".
const (
	resultPart     = "part"     // kept until the others are there
	resultStop     = "stop"     // on the opt-out list
	resultStart    = "start"    // off it
	resultHelp     = "help"     // answered
	resultReceived = "received" // given to an application
	resultCounted  = "counted"  // nobody is to be told
	resultError    = "error"    // could not be stored; the SMSC is asked to try again
)

// Collector is the inbox's metric, for the caller to register. It is called before the first message.
func (i *Inbox) Collector() prometheus.Collector {
	i.taken = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otpgw_smpp_handset_messages_total",
		Help: "Messages from handsets by what became of them."}, []string{"result"})
	for _, r := range []string{resultPart, resultStop, resultStart, resultHelp, resultReceived, resultCounted, resultError} {
		i.taken.WithLabelValues(r)
	}
	return i.taken
}

// Take takes a message in.
func (i *Inbox) Take(ctx context.Context, m Message) error {
	result, err := i.take(ctx, m)
	if err != nil {
		result = resultError
	}
	if i.taken != nil {
		i.taken.WithLabelValues(result).Inc()
	}
	return err
}

func (i *Inbox) take(ctx context.Context, m Message) (result string, err error) {
	owners := i.owners(m.To)
	if m.Parts > 1 {
		if !anyListens(owners) {
			return resultCounted, nil
		}
		whole, forget, err := i.join(ctx, &m)
		if err != nil || !whole {
			return resultPart, err
		}
		if result, err = i.read(ctx, m, owners); err == nil {
			forget()
		}
		return result, err
	}
	return i.read(ctx, m, owners)
}

// read does what a whole message asks for.
func (i *Inbox) read(ctx context.Context, m Message, owners []*otp.App) (result string, err error) {
	from := handset(m.From)
	switch optout.Read(m.Text, from.Country, m.To) {
	case optout.Stop:
		return resultStop, i.stop(ctx, m, from, owners)
	case optout.Start:
		return resultStart, i.start(ctx, m, from, owners)
	case optout.Help:
		if answered, err := i.help(ctx, m, from, owners); answered || err != nil {
			return resultHelp, err
		}
	}
	result = resultCounted
	for _, app := range owners {
		if app.MOURL == "" {
			continue
		}
		if err := i.tell(ctx, app, app.MOURL, Received, i.received(m, from)); err != nil {
			return "", err
		}
		result = resultReceived
	}
	return result, nil
}

// owners are the applications that send as the address a message was written to.
func (i *Inbox) owners(to string) (owners []*otp.App) {
	apps := i.Apps()
	for n := range apps {
		for _, sender := range apps[n].AllSenders() {
			if sameSender(sender, to) {
				owners = append(owners, &apps[n])
				break
			}
		}
	}
	return owners
}

// nationalDigits are the fewest that a number without its country's code is known by.
const nationalDigits = 7

// sameSender: a number may come with a plus or as it is dialled within its country; names have no case.
func sameSender(sender, to string) bool {
	sender, to = strings.TrimPrefix(sender, "+"), strings.TrimPrefix(to, "+")
	if strings.EqualFold(sender, to) {
		return true
	}
	if strings.Trim(sender+to, "0123456789") != "" {
		return false
	}
	to = strings.TrimLeft(to, "0")
	return len(to) >= nationalDigits && strings.HasSuffix(sender, to)
}

func anyListens(apps []*otp.App) bool {
	for _, app := range apps {
		if app.MOURL != "" {
			return true
		}
	}
	return false
}

// handset is the number of a message's source, with its country where it can be told.
func handset(from string) phone.Number {
	digits := "+" + strings.TrimPrefix(strings.TrimPrefix(from, "+"), "00")
	if p, ok := phone.Parse(digits, ""); ok {
		return p
	}
	return phone.Number{E164: digits}
}

// tell stores an event for an application. Its id is its own, so that its order is no other's.
func (i *Inbox) tell(ctx context.Context, app *otp.App, url string, kind otp.EventKind, item any) error {
	return i.store(ctx, func(tx *queue.Tx) error { return i.note(tx, app, url, kind, item) })
}

// store stores what is added to a transaction, if anything is.
func (i *Inbox) store(ctx context.Context, add func(tx *queue.Tx) error) error {
	tx := i.Queue.Begin()
	if err := add(tx); err != nil || tx.Empty() {
		return err
	}
	return i.Queue.Commit(ctx, tx)
}

// note is tell as a part of a transaction.
func (i *Inbox) note(tx *queue.Tx, app *otp.App, url string, kind otp.EventKind, item any) error {
	return otp.Notice{ID: uuid.NewString(), App: app.Name, URL: url, Kind: kind, Item: item}.Add(tx)
}

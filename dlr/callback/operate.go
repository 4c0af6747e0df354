package callback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// DeadKind is the kind of this package's dead letters.
const DeadKind = deadKind

// ErrDisabled means that a callback was not replayed: its URL is believed to want none.
var ErrDisabled = errors.New("callback: the URL is disabled")

// Endpoints lists the URLs that answered 410, of all applications.
func (d *Dispatcher) Endpoints(ctx context.Context) ([]Endpoint, error) { return d.endpoints.list(ctx) }

// Enable lets callbacks go to an application's URL again that answered 410. Other daemons see it within
// seconds.
func (d *Dispatcher) Enable(ctx context.Context, app, url string) error {
	return d.endpoints.enable(ctx, target{app, url})
}

// EnableID is Enable by the id of an Endpoint, which it returns; queue.ErrNotFound when there is none.
func (d *Dispatcher) EnableID(ctx context.Context, id string) (Endpoint, error) {
	return d.endpoints.enableID(ctx, id)
}

// About is what a dead callback is about.
type About struct {
	App       string
	Host      string
	Event     otp.EventKind
	WebhookID string
	OTPs      []string
}

// Describe reads a dead letter of this package; ok is false when it cannot be read, which may be why it is
// one.
func Describe(l *queue.DeadLetter) (about About, ok bool) {
	b, err := dead(l)
	if err != nil {
		return About{}, false
	}
	about = About{App: b.App, Host: hostOf(b.URL), Event: b.Kind, WebhookID: b.ID}
	for _, h := range b.Held {
		about.OTPs = append(about.OTPs, h.OtpID)
	}
	return about, true
}

// Replay sends a dead letter of this package again, from its first try. To a URL that is disabled it would
// die again at once: then it stays where it is, and the error is ErrDisabled with the Endpoint, unless enable
// says to enable that first.
func (d *Dispatcher) Replay(ctx context.Context, l *queue.DeadLetter, enable bool) (Endpoint, error) {
	if b, err := dead(l); err == nil {
		at, off, err := d.endpoints.disabled(ctx, b.target())
		switch {
		case err != nil:
			return Endpoint{}, err
		case off && !enable:
			return at, fmt.Errorf("%w until %s: it answered 410", ErrDisabled, at.Until.Format("15:04:05 MST"))
		case off:
			if err := d.endpoints.enable(ctx, b.target()); err != nil {
				return at, err
			}
		}
	}
	return Endpoint{}, d.o.Queue.Replay(ctx, l.Sequence)
}

// dead reads the batch of a dead letter, also of one that is an item.
func dead(l *queue.DeadLetter) (*batch, error) {
	if isBatch(l.Subject) {
		return decode(l.Data)
	}
	var e otp.Event
	if err := json.Unmarshal(l.Data, &e); err != nil {
		return nil, err
	}
	return &batch{App: e.App, URL: e.URL, Kind: e.Kind, Held: []held{{OtpID: e.OtpID, N: e.N}}}, nil
}

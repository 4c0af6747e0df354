package otp

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/internal/counts"
	"github.com/otpgw/otpgw/otp/lookup"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/seal"
)

// Service is every operation on OTPs. Its fields are set before the first call and then only read; it is safe
// for use by many goroutines, and many daemons may run one each on the same store.
//
// Errors are *Error. An operation that waits for the store does so until its context ends, then the error is
// CodeUnavailable; what it changed until then is not known.
type Service struct {
	Queue *queue.Queue
	Box   *seal.Box
	Apps  []App // for what happens without a request: messages sent again, the guard's counts

	// Measure says in how many parts a text goes over a route, and in which encoding. No parts: it cannot be
	// sent.
	Measure func(route, text string) (parts int, encoding string)
	// Route says which route a message takes. Its error is an *Error, ErrNoRoute or one that says more.
	Route func(Traffic) (route string, err error)
	// Links are the names of the links, for Conversion. Nil: none.
	Links func() []string
	// FirstLink is the link that a route prefers, for a message sent again to avoid. Nil, or "": not known.
	FirstLink func(route string) string
	// Price is what a part to a number costs, which may be one of a network (MCC and MNC) that is known. Nil:
	// nothing.
	Price func(e164, network string) float64
	// Lookup asks what is known of a number before its message is routed. Nil: nothing is. An error refuses
	// the message.
	Lookup func(context.Context, lookup.Question) (lookup.Finding, error)
	// DoNotSend says whether the operator sends nothing to a number. Nil: there is no such number.
	DoNotSend func(e164 string) (bool, error)
	// OptedOut says whether a number wants no messages of an application. Nil: none has said so.
	OptedOut func(app, e164 string) (bool, error)
	// Changed is told of each change, once it is stored, and of each new OTP. Nil: nobody is.
	Changed func(Published)
	// Asked is told of each OTP that is made, Arrived of each that a receipt says is delivered, and Ended of
	// each that has ended, once that is stored. Nil: nobody is.
	Asked, Arrived, Ended func(*Record)
	// SenderRule says what can be a sender.
	SenderRule SenderRule
	// Announce adds the event of a change to the change's transaction; settled is told afterwards whether that
	// may be stored, once for each transaction. Nil: the event waits as an item, see Event.Store.
	Announce func(tx *queue.Tx, e *Event) (settled func(stored bool), err error)
	// CallbackAllowed accepts a literal address in a callback URL although it is not public. Nil accepts
	// none.
	CallbackAllowed func(netip.Addr) bool

	// Trace is what an OTP that a request makes is to carry of the request's trace, opaque here. Nil: nothing
	// is traced.
	Trace func(ctx context.Context, otpID string) []byte

	Retention func() time.Duration // how long an OTP is known after its PIN ran out; nil: DefaultRetention

	Now func() time.Time // nil: the store's clock, which all daemons share
	Log zerolog.Logger

	// Evaluated counts comparisons of a guess with a PIN.
	Evaluated atomic.Uint64

	// Untold counts changes whose callback found no room.
	Untold atomic.Uint64

	apps     atomic.Pointer[[]App] // after Reconfigure
	quotas   keeper
	finding  sync.Mutex // one question of Find at a time
	guessing guessLines
	counter  counts.Counter
	found    guard.Found
	crowd    crowd // of OTPs
	keyed    crowd // of idempotency keys
	gaveUp   abandoned
}

// Clock is the service's time.
func (s *Service) Clock() time.Time { return s.now() }

func (s *Service) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return s.Queue.Now()
}

// ParseNewOtp is the package's ParseNewOtp with the rules of this gateway.
func (s *Service) ParseNewOtp(body []byte, app *App) (NewOtp, error) {
	return ParseNewOtp(body, app, s.SenderRule, s.CallbackAllowed)
}

// Get is an OTP of an application, by the clock.
func (s *Service) Get(ctx context.Context, app *App, id string) (Otp, error) {
	r, _, err := s.load(ctx, id, app.Name)
	if err != nil {
		return Otp{}, err
	}
	return s.shownAt(ctx, r, s.now())
}

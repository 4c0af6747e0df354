// Package smsctest puts a simulated SMSC into Go tests: it starts on a free port, ends with the test, and
// fails the test when what was expected did not come.
//
//	func TestLogin(t *testing.T) {
//		sim := smsctest.Start(t)
//		app := startMyApp(sim.Addr()) // binds to it, as it would to a carrier
//		app.Login("+491701234567")
//		app.Confirm(sim.Code("+491701234567"))
//	}
//
// What becomes of a message is said by a rule, with Expect; the test fails when no message met it:
//
//	sim.Expect(smsctest.Refuse("+4917", wire.StatusThrottled).Once())
//	sim.Expect(smsctest.Receipt("+4918", smsc.Undeliverable))
//
// Where no rule says anything, the last four digits of the number do: see smsc.Magic.
//
// The package is a thin layer: a Server is a *smsc.Server, with all of its methods.
package smsctest

import (
	"context"
	"strings"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Patience is how long a Server waits for what must come before it fails the test.
const Patience = 10 * time.Second

// T is what this package uses of *testing.T.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Server is a simulated SMSC that belongs to a test.
type Server struct {
	*smsc.Server
	t T
}

// Start starts an SMSC on a free port of 127.0.0.1 and ends it with the test. A Config is only needed to
// change something: accounts, limits, rules, a seed. Receipts come at once.
func Start(t T, cfg ...smsc.Config) *Server {
	t.Helper()
	var c smsc.Config
	switch len(cfg) {
	case 0:
	case 1:
		c = cfg[0]
	default:
		t.Fatalf("smsctest: Start takes one Config, not %d", len(cfg))
	}
	srv, err := smsc.Start(c)
	if err != nil {
		t.Fatalf("%v", err)
		return nil
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		_ = srv.Close(ctx) // a client that does not answer unbind is the test's own matter
	})
	return &Server{srv, t}
}

// Message returns the next message to a number, also one that came before the call; each is returned once. It
// fails the test when none comes.
func (s *Server) Message(to string) smsc.Message {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	m, err := s.Wait(ctx, to)
	if err != nil {
		s.t.Fatalf("no message to %s came in %s: %v; kept are %s", to, Patience, err, s.summary())
	}
	return m
}

// Code returns the one-time code in the next message to a number. It fails the test when no message comes, or
// it has no code.
func (s *Server) Code(to string) string {
	s.t.Helper()
	m := s.Message(to)
	if m.Code == "" {
		s.t.Fatalf("the message to %s has no code: %q", to, m.Text)
	}
	return m.Code
}

// Receipts waits until a message has n receipts that were answered, and returns them. It fails the test when
// they do not come.
func (s *Server) Receipts(m smsc.Message, n int) []smsc.ReceiptInfo {
	s.t.Helper()
	var answered []smsc.ReceiptInfo
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		now, ok := s.Server.Message(m.ID)
		if !ok {
			s.t.Fatalf("message %s is not kept any more", m.ID)
			return nil
		}
		answered = answered[:0]
		for _, r := range now.Receipts {
			if r.Status == smsc.ReceiptAnswered {
				answered = append(answered, r)
			}
		}
		if len(answered) >= n {
			return answered
		}
	}
	s.t.Fatalf("message %s has %d answered receipts after %s, want %d", m.ID, len(answered), Patience, n)
	return nil
}

// AssertSent fails the test unless a message to the number with that in its text is kept. It does not wait.
func (s *Server) AssertSent(to, text string) {
	s.t.Helper()
	for _, m := range s.Messages(smsc.Filter{To: to}) {
		if strings.Contains(m.Text, text) {
			return
		}
	}
	s.t.Errorf("no message to %s has %q in it; kept are %s", to, text, s.summary())
}

// AssertCount fails the test unless so many messages to the number are kept. It does not wait.
func (s *Server) AssertCount(to string, n int) {
	s.t.Helper()
	if got := len(s.Messages(smsc.Filter{To: to})); got != n {
		s.t.Errorf("%d messages to %s are kept, want %d; kept are %s", got, to, n, s.summary())
	}
}

// AssertNone fails the test when a message to the number is kept, or comes within a time.
func (s *Server) AssertNone(to string, within time.Duration) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if m, err := s.WaitFor(ctx, smsc.Filter{To: to, After: "0"}); err == nil {
		s.t.Errorf("a message to %s came: %q", to, m.Text)
	}
}

// summary is what is kept, for the message of a failure.
func (s *Server) summary() string {
	ms := s.Messages(smsc.Filter{Limit: 5})
	if len(ms) == 0 {
		return "none"
	}
	var all []string
	for _, m := range ms {
		all = append(all, m.To)
	}
	return "messages to " + strings.Join(all, ", ")
}

// Rule is a smsc.Rule that is written in one line. Its fields may be set as well.
type Rule smsc.Rule

// On is a rule for the numbers that begin so; the empty one is for all. It says what a good day says, until
// something is added.
func On(to string) Rule { return Rule{Match: smsc.Match{To: to}} }

// Refuse answers with a status.
func Refuse(to string, s wire.Status) Rule {
	r := On(to)
	r.Submit.Status = smsc.Refuse(s)
	return r
}

// Receipt sends a receipt of that state.
func Receipt(to string, s smsc.State) Rule {
	r := On(to)
	r.Receipt.State = s
	return r
}

// Silent takes the message and does not answer.
func Silent(to string) Rule {
	r := On(to)
	r.Submit.NoAnswer = true
	return r
}

// Broken takes the message and breaks the connection instead of answering.
func Broken(to string) Rule {
	r := On(to)
	r.Submit.Close = smsc.CloseBefore
	return r
}

// Once makes a rule hold for one message.
func (r Rule) Once() Rule { return r.Times(1) }

// Times makes a rule hold for n messages.
func (r Rule) Times(n int) Rule {
	r.Count = n
	return r
}

// Expectation is a rule that messages have to meet.
type Expectation struct {
	s  *Server
	id string
	n  int
}

// Expect puts a rule in front of the others. The test fails at its end when fewer messages met it than its
// Count, or none when it has no Count.
func (s *Server) Expect(r Rule) *Expectation {
	s.t.Helper()
	added, err := s.Rules().Add(smsc.Rule(r))
	if err != nil {
		s.t.Fatalf("smsctest: the rule cannot be: %v", err)
		return nil
	}
	e := &Expectation{s, added.ID, max(1, r.Count)}
	s.t.Cleanup(func() { e.Met() })
	return e
}

// Met reports whether enough messages met the rule so far, and fails the test when they did not.
func (e *Expectation) Met() bool {
	e.s.t.Helper()
	r, ok := e.s.Rules().Get(e.id)
	if !ok { // taken out by the test: it is not expected any more
		return true
	}
	if r.Hits < uint64(e.n) {
		e.s.t.Errorf("%d messages met the rule %s (to %q), want %d; kept are %s", r.Hits, e.id, r.Match.To, e.n, e.s.summary())
		return false
	}
	return true
}

// Hits is how many messages met the rule so far.
func (e *Expectation) Hits() int {
	r, _ := e.s.Rules().Get(e.id)
	return int(r.Hits)
}

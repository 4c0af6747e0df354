package smsctest_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/smsctest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// app is an application under test: it binds to an SMSC and sends.
type app struct {
	s     *session.Session
	ended chan struct{}
}

func startApp(addr string) *app {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	a := &app{ended: make(chan struct{})}
	a.s = session.New(conn, session.Options{Handlers: map[wire.Command]session.Handler{
		wire.DeliverSM: func(ctx context.Context, s *session.Session, f wire.Frame) {
			_ = s.Respond(ctx, f, wire.StatusOK, wire.MessageResp{})
		},
	}})
	go func() {
		defer close(a.ended)
		_ = a.s.Run(context.Background())
	}()
	if _, err := a.s.Bind(context.Background(), wire.BindTransceiver, wire.Bind{SystemID: "shop", Password: "secret"}); err != nil {
		panic(err)
	}
	return a
}

// send sends a text and returns how it was answered.
func (a *app) send(to, body string) string {
	parts, _, err := text.Split(body, 1, text.Options{})
	if err != nil {
		panic(err)
	}
	answer := ""
	for _, p := range parts {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		f, err := a.s.Do(ctx, wire.SubmitSM, &wire.Message{
			Source: wire.Address{TON: 5, Addr: "Shop"}, Dest: wire.Address{TON: 1, NPI: 1, Addr: strings.TrimPrefix(to, "+")},
			ESMClass: p.ESMClass, DataCoding: p.DataCoding, RegisteredDelivery: 1, ShortMessage: p.ShortMessage,
		})
		cancel()
		if answer = f.Status.Name(); err != nil {
			answer = "no answer"
		}
	}
	return answer
}

// stop ends the application.
func (a *app) stop() {
	a.s.Close(session.ErrClosed)
	<-a.ended
}

// exampleT is a *testing.T for the examples, which have none.
type exampleT struct{ cleanups []func() }

func (t *exampleT) Helper()                        {}
func (t *exampleT) Errorf(format string, a ...any) { fmt.Printf("FAIL: "+format+"\n", a...) }
func (t *exampleT) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (t *exampleT) Cleanup(f func())               { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}

// The whole of it: start, let the application send, take the code.
func Example() {
	t := &exampleT{} // in a test: the *testing.T
	defer t.end()

	sim := smsctest.Start(t)
	app := startApp(sim.Addr())
	defer app.stop()

	app.send("+491701234567", "Ваш код 482913")
	m := sim.Message("+491701234567")
	fmt.Println(m.From, m.Encoding, m.Code)

	app.send("+491701234567", "Your code is 1234")
	fmt.Println(sim.Code("+491701234567"))
	// Output:
	// Shop UCS2 482913
	// 1234
}

// What becomes of messages is said by rules; the test fails when they are not met.
func ExampleServer_Expect() {
	t := &exampleT{}
	defer t.end()
	sim := smsctest.Start(t)
	app := startApp(sim.Addr())
	defer app.stop()

	sim.Expect(smsctest.Refuse("+4917", wire.StatusThrottled).Once())
	failed := sim.Expect(smsctest.Receipt("+4918", smsc.Undeliverable))

	fmt.Println(app.send("+491701234567", "first"))
	fmt.Println(app.send("+491701234567", "again"))
	fmt.Println(app.send("+491801234567", "lost"), failed.Hits())
	for _, r := range sim.Receipts(sim.Message("+491801234567"), 1) {
		fmt.Println(r.State, r.Err)
	}
	// Output:
	// ESME_RTHROTTLED
	// ESME_ROK
	// ESME_ROK 1
	// UNDELIV 001
}

// A number's last four digits choose its outcome, so that many a test needs no rule.
func ExampleStart_magic() {
	t := &exampleT{}
	defer t.end()
	sim := smsctest.Start(t, smsc.Config{Seed: 1})
	app := startApp(sim.Addr())
	defer app.stop()

	fmt.Println(app.send("+491700009006", "nowhere"))
	fmt.Println(app.send("+491700009001", "not delivered"))
	fmt.Println(sim.Receipts(sim.Message("+491700009001"), 1)[0].State)
	// Output:
	// ESME_RINVDSTADR
	// ESME_ROK
	// UNDELIV
}

// A rule says anything that a real SMSC was seen to do.
func ExampleOn() {
	t := &exampleT{}
	defer t.end()
	sim := smsctest.Start(t, smsc.Config{Seed: 1})
	app := startApp(sim.Addr())
	defer app.stop()

	r := smsctest.On("+49")
	r.Submit.IDFormat = smsc.IDHexUpper    // in the answer
	r.Receipt.IDFormat = smsc.IDDecimal    // in the receipt
	r.Receipt.Format = smsc.FormatTextOnly // no TLVs
	r.Receipt.Intermediate = []smsc.State{smsc.Enroute}
	r.Receipt.Copies = 2
	sim.Expect(r)

	app.send("+491701234567", "hello")
	m := sim.Message("+491701234567")
	fmt.Println(m.MessageIDs[0])
	for _, r := range sim.Receipts(m, 3) {
		id, _, _ := strings.Cut(r.Text, " ")
		fmt.Println(id, r.State)
	}
	// Output:
	// 3B9ACA01
	// id:1000000001 ENROUTE
	// id:1000000001 DELIVRD
	// id:1000000001 DELIVRD
}

// The application's peer breaks the connection, or says nothing.
func ExampleBroken() {
	t := &exampleT{}
	defer t.end()
	sim := smsctest.Start(t)
	app := startApp(sim.Addr())
	defer app.stop()

	sim.Expect(smsctest.Silent("+4917"))
	sim.Expect(smsctest.Broken("+4918"))
	fmt.Println(app.send("+491701234567", "x"))
	fmt.Println(app.send("+491801234567", "x"))
	sim.AssertCount("+491701234567", 1)
	sim.AssertSent("+491801234567", "x")
	// Output:
	// no answer
	// no answer
}

// recorder is a T that remembers its failures.
type recorder struct {
	exampleT
	failures []string
}

type fatal struct{}

func (r *recorder) Errorf(format string, a ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, a...))
}
func (r *recorder) Fatalf(format string, a ...any) { r.Errorf(format, a...); panic(fatal{}) }

// TestFailures: each assertion fails when what it is for is not so, and says what is there.
func TestFailures(t *testing.T) {
	tests := []struct {
		name string
		do   func(*smsctest.Server)
		want string // empty: no failure
	}{
		{"sent", func(s *smsctest.Server) { s.AssertSent("+491", "code") }, ""},
		{"not sent", func(s *smsctest.Server) { s.AssertSent("492", "code") }, "kept are messages to 491"},
		{"other text", func(s *smsctest.Server) { s.AssertSent("491", "CODE") }, `no message to 491 has "CODE"`},
		{"count", func(s *smsctest.Server) { s.AssertCount("491", 1) }, ""},
		{"wrong count", func(s *smsctest.Server) { s.AssertCount("491", 2) }, "1 messages to 491 are kept, want 2"},
		{"none", func(s *smsctest.Server) { s.AssertNone("492", 10*time.Millisecond) }, ""},
		{"one", func(s *smsctest.Server) { s.AssertNone("491", 10*time.Millisecond) }, "a message to 491 came"},
		{"no code", func(s *smsctest.Server) { s.Code("491") }, "has no code"},
		{"expectation not met", func(s *smsctest.Server) { s.Expect(smsctest.Silent("77")) }, `(to "77"), want 1`},
		{"met too seldom", func(s *smsctest.Server) { s.Expect(smsctest.Silent("77").Times(3)) }, "want 3"},
		{"taken back", func(s *smsctest.Server) { s.Expect(smsctest.Silent("77")); _ = s.Rules().Replace(nil) }, ""},
		{"no such rule", func(s *smsctest.Server) { s.Expect(smsctest.On("77").Times(-1)) }, "count: -1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &recorder{}
			func() {
				defer func() {
					if v := recover(); v != nil && v != (fatal{}) {
						panic(v)
					}
				}()
				defer rec.end()
				s := smsctest.Start(rec)
				app := startApp(s.Addr())
				defer app.stop()
				app.send("491", "code, but none")
				tt.do(s)
			}()
			got := strings.Join(rec.failures, "; ")
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("failed with %q, want %q", got, tt.want)
			}
		})
	}
}

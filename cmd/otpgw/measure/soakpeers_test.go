package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// soakPlan is how long and how fast.
type soakPlan struct{ Seconds, Rate int }

// The failures, of a thousand messages each; together one in twenty.
const (
	throttledShare = 15
	refusedShare   = 5
	silentShare    = 2
	droppedShare   = 1
	lostShare      = 10
	doubledShare   = 10
	failedShare    = 5 // callbacks, by request: 500
	hungShare      = 2 // callbacks, by request: no answer
)

// hang is how long a callback is kept without an answer.
const hang = 12 * time.Second

// soakPeers are the load, the SMSC and the callback receiver of a soak: one process, for who guesses has to
// know what came.
type soakPeers struct {
	plan      soakPlan
	api       string
	client    *http.Client
	submits   atomic.Int64
	callbacks atomic.Int64
	made      atomic.Int64
	refused   atomic.Int64
	verified  atomic.Int64
	wrong     atomic.Int64 // answers that should not be
	lastWrong atomic.Value // one of them

	mu   sync.Mutex
	pins map[string]chan string // by number
}

// soakRole prints where callbacks go and where the SMSC listens, reads where the API is, and then prints
// "made N" each second, and in the end what came of it.
func soakRole(ctx context.Context, text []byte) error {
	p := &soakPeers{pins: make(map[string]chan string),
		client: &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	if err := json.Unmarshal(text, &p.plan); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	receiver := &http.Server{Handler: http.HandlerFunc(p.callback), ReadHeaderTimeout: time.Minute}
	go func() { _ = receiver.Serve(ln) }()
	defer receiver.Close()
	carrier, err := smsc.Start(smsc.Config{Keep: 1000, KeepPDUs: -1, NoMagic: true, ReceiptDelay: 200 * time.Millisecond, OnSubmit: p.submit})
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = carrier.Close(closing)
	}()
	fmt.Println("http://" + ln.Addr().String())
	fmt.Println(carrier.Addr())
	select {
	case p.api = <-processtest.Heard:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.run(ctx)
	fmt.Printf("done, %d wrong (%v): %d made, %d refused, %d verified, %d submits, %d callbacks\n", p.wrong.Load(), p.lastWrong.Load(),
		p.made.Load(), p.refused.Load(), p.verified.Load(), p.submits.Load(), p.callbacks.Load())
	return nil
}

// soakTick is how often what is due is begun.
const soakTick = 10 * time.Millisecond

// run begins what is due by the clock: a tick that comes late, as on a busy machine, has its share with the
// next.
func (p *soakPeers) run(ctx context.Context) {
	pace := time.NewTicker(soakTick)
	defer pace.Stop()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	began := time.Now()
	room := make(chan struct{}, 2000)
	var all sync.WaitGroup
	defer all.Wait()
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			fmt.Println("made", p.made.Load())
		case <-pace.C:
			past := min(time.Since(began), time.Duration(p.plan.Seconds)*time.Second)
			for due := int(past.Seconds() * float64(p.plan.Rate)); n < due; n++ {
				this := n
				select {
				case room <- struct{}{}:
					all.Go(func() {
						p.one(this)
						<-room
					})
				default: // the daemon does not keep up: who asks is refused here
					p.refused.Add(1)
				}
			}
			if past == time.Duration(p.plan.Seconds)*time.Second {
				return
			}
		}
	}
}

// one asks for an OTP and, when its SMS comes soon, verifies it with a wrong guess before.
func (p *soakPeers) one(n int) {
	to := number(n)
	pin := make(chan string, 1)
	p.mu.Lock()
	p.pins[to[1:]] = pin
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.pins, to[1:])
		p.mu.Unlock()
	}()
	status, id := p.ask("/otp", fmt.Sprintf(`{"phoneNumber":%q}`, to))
	if status != http.StatusCreated {
		p.refused.Add(1)
		p.note("POST /otp", status)
		return
	}
	p.made.Add(1)
	select {
	case code := <-pin:
		if status, _ := p.ask("/otp/"+id, `{"pin":"x"}`); status != http.StatusBadRequest {
			p.note("a wrong guess", status)
		}
		if status, _ := p.ask("/otp/"+id, `{"pin":"`+code+`"}`); status == http.StatusOK {
			p.verified.Add(1)
		} else {
			p.note("a right guess", status)
		}
	case <-time.After(3 * time.Second): // throttled, or refused
	}
}

// note notes an answer that should not be; none, or a refusal for now, is a failure that clients live with.
func (p *soakPeers) note(what string, status int) {
	if status != 0 && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
		p.wrong.Add(1)
		p.lastWrong.Store(fmt.Sprint(what, ": ", status))
	}
}

func (p *soakPeers) ask(path, body string) (status int, otpID string) {
	req, err := http.NewRequest("POST", p.api+path, strings.NewReader(body))
	if err != nil {
		return 0, ""
	}
	req.Header.Set("X-API-KEY", apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	var said struct{ OtpID string }
	_ = json.NewDecoder(resp.Body).Decode(&said)
	return resp.StatusCode, said.OtpID
}

// submit takes a message or fails, by its place in the order they come.
func (p *soakPeers) submit(i smsc.SubmitInfo) smsc.Outcome {
	switch n := p.submits.Add(1) * 7919 % 1000; { // a prime, so that failures do not come in a row
	case n < throttledShare:
		return smsc.Outcome{Status: wire.StatusThrottled}
	case n < throttledShare+refusedShare:
		return smsc.Outcome{Status: wire.StatusInvDstAdr}
	case n < throttledShare+refusedShare+silentShare:
		return smsc.Outcome{NoAnswer: true}
	case n < throttledShare+refusedShare+silentShare+droppedShare:
		return smsc.Outcome{Drop: true}
	}
	p.mu.Lock()
	pin := p.pins[strings.TrimPrefix(i.To, "+")]
	p.mu.Unlock()
	if pin != nil {
		select {
		case pin <- smsc.FindCode(i.Text):
		default: // its second copy
		}
	}
	switch n := p.submits.Load() * 104729 % 1000; {
	case n < lostShare:
		return smsc.Outcome{NoReceipt: true}
	case n < lostShare+doubledShare:
		return smsc.Outcome{Receipts: []smsc.Receipt{{}, {}}}
	}
	return smsc.Outcome{}
}

func (p *soakPeers) callback(w http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body)
	switch n := p.callbacks.Add(1) * 7919 % 1000; {
	case n < failedShare:
		w.WriteHeader(http.StatusInternalServerError)
	case n < failedShare+hungShare:
		select {
		case <-req.Context().Done():
		case <-time.After(hang):
		}
		w.WriteHeader(http.StatusGatewayTimeout)
	}
}

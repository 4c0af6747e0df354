package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// What the load counts beside what it keeps of each OTP.
const (
	countRefused  = "refused"            // nobody relies on it
	countUnknown  = "no answer to POST"  // accepted or not: nobody may rely on it
	countRepeated = "repeated with key"  // requests made again under the same Idempotency-Key
	countAbsent   = "404 after the 201"  //
	countTwoOTPs  = "second OTP for key" //
)

// Bounds of the load.
const (
	requestTimeout = 12 * time.Second // a client's: longer than the daemon promises to take
	maxLives       = 400              // OTPs in work at once; more are not asked for
	giveUp         = 45 * time.Second // on an SMS
	repeats        = 8                // of a request that was not answered
)

// load asks for OTPs and uses them, as applications and people do.
type load struct {
	w      *world
	client *http.Client
	lives  chan struct{}
	skip   atomic.Int64 // OTPs not asked for, since too many were in work
}

func newLoad(w *world) *load {
	return &load{w: w, lives: make(chan struct{}, maxLives),
		client: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: maxLives}}}
}

// run asks for OTPs at the rate until ctx ends, and waits for those in work.
func (l *load) run(ctx context.Context) {
	tick := time.NewTicker(time.Second / time.Duration(l.w.set.rate))
	defer tick.Stop()
	var all sync.WaitGroup
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			all.Wait()
			l.client.CloseIdleConnections()
			return
		case <-tick.C:
		}
		select {
		case l.lives <- struct{}{}:
			all.Go(func() {
				newLife(l, n).live()
				<-l.lives
			})
		default:
			l.skip.Add(1)
		}
	}
}

// life is one OTP from its request to its end.
type life struct {
	l    *load
	rand *rand.Rand
	to   string // its number, without +
	id   string
	max  int
	key  string // Idempotency-Key, or none
	body string
}

func newLife(l *load, n int) *life {
	r := rand.New(rand.NewPCG(l.w.set.seed, uint64(n)))
	f := &life{l: l, rand: r, to: fmt.Sprintf("4670%07d", n), max: 1 + r.IntN(5)}
	more := ""
	ttl := 1800
	switch dice := r.IntN(100); {
	case dice < 3:
		more = fmt.Sprintf(`,"otpCallbackUrl":"http://127.0.0.1:9/dead/%d"`, r.IntN(3))
		l.w.ledger.with(f.to, func(e *entry) { e.deadURL = true })
	case dice < 8 && l.w.set.expiring:
		ttl = 60
	}
	if r.IntN(5) == 0 {
		f.key = fmt.Sprint("key-", n)
	}
	f.body = fmt.Sprintf(`{"phoneNumber":"+%s","maxAttempts":%d,"ttl":%d%s}`, f.to, f.max, ttl, more)
	if ttl == 60 {
		l.w.ledger.with(f.to, func(e *entry) { e.expires = time.Now().Add(time.Minute) })
	}
	return f
}

func (f *life) live() {
	if !f.create() {
		return
	}
	f.readEverywhere()
	var got chan struct{}
	expires := false
	f.l.w.ledger.with(f.to, func(e *entry) { got, expires = e.got, !e.expires.IsZero() })
	select {
	case <-got:
	case <-time.After(giveUp):
		return
	}
	if expires { // nobody uses it
		return
	}
	var pin string
	f.l.w.ledger.with(f.to, func(e *entry) { pin = e.pin })
	switch dice := f.rand.IntN(10); {
	case dice < 5:
		f.guess(pin)
	case dice < 7: // an attacker, everywhere at once
		f.guessAtOnce(repeated(wrong(pin), 12))
	case dice < 8: // and the user with him
		f.guessAtOnce(append(repeated(wrong(pin), 6), pin, pin))
	case dice < 9:
		f.cancel()
	}
}

func repeated(pin string, n int) []string {
	pins := make([]string, n)
	for i := range pins {
		pins[i] = pin
	}
	return pins
}

func wrong(pin string) string {
	if pin[0] == 'A' {
		return "B" + pin[1:]
	}
	return "A" + pin[1:]
}

// reply is an answer of the API, as far as the load cares.
type reply struct {
	status int // 0: none came
	code   int // of an error
	otpID  string
	state  string // of an OTP
	dlr    string
	tries  int // failed guesses
}

// ask makes a request of one of the daemons.
func (f *life) ask(daemon int, method, path, body string) reply {
	return f.l.ask(daemon, method, path, body, f.key)
}

func (l *load) ask(daemon int, method, path, body, key string) reply {
	req, err := http.NewRequest(method, l.w.daemons[daemon].url()+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return reply{}
	}
	req.Header.Set("X-API-KEY", apiKey)
	req.Header.Set("Content-Type", "application/json")
	if key != "" && path == "/otp" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return reply{}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}
	}
	var said struct {
		Error    struct{ Code int }
		OtpID    string
		Status   string
		Attempts int
		Delivery struct{ Status string }
	}
	if json.Unmarshal(text, &said) != nil || resp.StatusCode >= 400 && said.Error.Code == 0 {
		l.w.ledger.strange(fmt.Sprintf("%s: %d that is no JSON of the API", method, resp.StatusCode))
		return reply{}
	}
	return reply{resp.StatusCode, said.Error.Code, said.OtpID, said.Status, said.Delivery.Status, said.Attempts}
}

func (f *life) any() int { return f.rand.IntN(len(f.l.w.daemons)) }

// create asks for the OTP; with a key as often as it takes, and then once more, when it must be the same.
func (f *life) create() bool {
	for range repeats {
		a := f.ask(f.any(), "POST", "/otp", f.body)
		switch {
		case a.status == http.StatusCreated:
			f.id = a.otpID
			f.l.w.ledger.with(f.to, func(e *entry) {
				e.otpID, e.accepted, e.max, e.claimed = a.otpID, time.Now(), f.max, "PENDING"
				f.l.w.ledger.note("accepted", map[string]any{"to": f.to, "otp": a.otpID, "deadURL": e.deadURL})
			})
			if f.key != "" {
				f.repeat()
			}
			return true
		case a.status == 0:
			f.l.w.ledger.count(countUnknown)
		case a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests ||
			a.status == http.StatusConflict && f.key != "": // the first one is under way
			f.l.w.ledger.count(countRefused)
		default:
			f.l.w.ledger.strange(fmt.Sprintf("POST /otp: %d, %d", a.status, a.code))
			return false
		}
		if f.key == "" {
			return false // it may be there: who asks again without a key may get two
		}
		f.l.w.ledger.count(countRepeated)
		time.Sleep(time.Duration(100+f.rand.IntN(400)) * time.Millisecond) // a client's pause
	}
	return false
}

// repeat makes the same request of two daemons at once.
func (f *life) repeat() {
	var both sync.WaitGroup
	for range 2 {
		daemon := f.any()
		both.Go(func() {
			f.l.w.ledger.count(countRepeated)
			if a := f.ask(daemon, "POST", "/otp", f.body); a.status == http.StatusCreated && a.otpID != f.id {
				f.l.w.ledger.count(countTwoOTPs)
			}
		})
	}
	both.Wait()
}

// readEverywhere reads one OTP in five on every daemon, as soon as its 201 is there.
func (f *life) readEverywhere() {
	if f.rand.IntN(5) > 0 {
		return
	}
	for daemon := range f.l.w.daemons {
		switch a := f.ask(daemon, "GET", "/otp/"+f.id, ""); a.status {
		case 0, http.StatusOK, http.StatusServiceUnavailable:
		case http.StatusNotFound:
			f.l.w.ledger.count(countAbsent)
		default:
			f.l.w.ledger.strange(fmt.Sprintf("GET: %d, %d", a.status, a.code))
		}
	}
}

// guess tries the right PIN until somebody says what came of it.
func (f *life) guess(pin string) {
	for range repeats {
		if f.try(f.any(), pin) {
			return
		}
		time.Sleep(time.Duration(100+f.rand.IntN(400)) * time.Millisecond) // a person's
	}
}

// guessAtOnce tries many PINs at the same time, over all daemons, and then the rest of the attempts one by
// one.
func (f *life) guessAtOnce(pins []string) {
	var all sync.WaitGroup
	first := f.any()
	for i, pin := range pins {
		all.Go(func() { f.try((first+i)%len(f.l.w.daemons), pin) })
	}
	all.Wait()
}

// The codes of a guess's answer.
const (
	codeVerified  = 2023
	codeCancelled = 2024
	codeExpired   = 2025
	codeFailed    = 2026
	codeLast      = 2027
	codeExpiring  = 2028
	codeWrong     = 2029
)

// try is one guess; false when it is not known what came of it.
func (f *life) try(daemon int, pin string) bool {
	a := f.ask(daemon, "POST", "/otp/"+f.id, `{"pin":"`+pin+`"}`)
	known := true
	f.l.w.ledger.with(f.to, func(e *entry) {
		switch {
		case a.status == http.StatusOK:
			e.told, e.right, e.claimed = e.told+1, e.right+1, "VERIFIED"
		case a.code == codeVerified: // also: by a guess of ours whose answer was lost
			e.claimed = "VERIFIED"
		case a.code == codeLast:
			e.told, e.claimed = e.told+1, "FAILED"
		case a.code == codeFailed:
			e.claimed = "FAILED"
		case a.code == codeWrong:
			e.told++
		case a.code == codeCancelled:
			e.claimed = "CANCELLED"
		default:
			known = false
			if !final(e.claimed) {
				e.claimed = ""
			}
		}
	})
	if !known {
		f.l.check("guess", a)
	}
	return known
}

func (f *life) cancel() {
	for range repeats {
		a := f.ask(f.any(), "DELETE", "/otp/"+f.id, "")
		if a.status == http.StatusOK || a.status == http.StatusForbidden { // 403: by one of ours whose answer was lost
			f.l.w.ledger.with(f.to, func(e *entry) { e.claimed = "CANCELLED" })
			return
		}
		f.l.w.ledger.with(f.to, func(e *entry) { e.claimed = "" })
		f.l.check("cancel", a)
		time.Sleep(time.Duration(100+f.rand.IntN(400)) * time.Millisecond) // a client's pause
	}
}

// check notes an answer that is neither none, nor a refusal, nor an absence.
func (l *load) check(what string, a reply) {
	switch a.status {
	case 0, http.StatusServiceUnavailable, http.StatusTooManyRequests:
	case http.StatusNotFound:
		l.w.ledger.count(countAbsent)
	default:
		l.w.ledger.strange(fmt.Sprintf("%s: %d, %d", what, a.status, a.code))
	}
}

// read reads what the records of numbers say: a few at once, each on the next daemon when one does not answer.
func (l *load) read(numbers []string) {
	work := make(chan string)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for to := range work {
				l.readOne(to)
			}
		})
	}
	for _, to := range numbers {
		work <- to
	}
	close(work)
	readers.Wait()
	l.client.CloseIdleConnections()
}

func (l *load) readOne(to string) {
	var id string
	l.w.ledger.with(to, func(e *entry) { id = e.otpID })
	for daemon := range l.w.daemons {
		if a := l.ask(daemon, "GET", "/otp/"+id, "", ""); a.status == http.StatusOK {
			l.w.ledger.with(to, func(e *entry) { e.status, e.delivery = a.state, a.dlr })
			return
		}
	}
}

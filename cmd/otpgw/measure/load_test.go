package measure

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	apiKey  = "measure-key-of-an-application"
	workers = 64
	// stuck is how long nothing may come before the load gives up on the rest.
	stuck = 90 * time.Second
	// refusedPause is a client's pause before it asks again.
	refusedPause = 20 * time.Millisecond
)

// loadPlan is what the load process is to do.
type loadPlan struct {
	API       []string // base URLs, taken in turn; for Kannel that of sendsms
	Kannel    bool
	First     int // number of the first message
	Count     int
	PerSecond int  // 0: as fast as answers come
	Spread    bool // over all numbers of a country; else one after the other
	Delay     time.Duration
	Verify    bool   // each is verified, once its message is delivered
	TTL       int    // seconds of a PIN; 0: half an hour
	URL       string // of the callbacks, which nobody waits for then; "": the load's own
}

// loadResult is what it measured. Times are in ms, and beyond the receipt's delay where they end with a
// callback.
type loadResult struct {
	Rate               float64 // delivered per second
	P50, P99           float64 // from request to callback
	CreateP50, Create9 float64 // from request to answer, p50 and p99
	Refused            int     // answers that said: not now; the request was made again
	Missing            int     // callbacks that never came
}

// loadRun posts messages and times their callbacks. A message is known by its number.
type loadRun struct {
	plan    loadPlan
	client  *http.Client
	url     string
	began   []time.Time
	created []time.Duration
	ids     []string       // of the OTPs
	took    []atomic.Int64 // ns from request to callback
	left    atomic.Int64
	refused atomic.Int64
	last    atomic.Int64 // when a callback came last, Unix ns
	done    chan struct{}
}

func loadRole(_ context.Context, text []byte) error {
	var plan loadPlan
	if err := json.Unmarshal(text, &plan); err != nil {
		return err
	}
	l := &loadRun{plan: plan, began: make([]time.Time, plan.Count), created: make([]time.Duration, plan.Count), ids: make([]string, plan.Count),
		took: make([]atomic.Int64, plan.Count), done: make(chan struct{}),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}, Timeout: time.Minute}}
	l.left.Store(int64(plan.Count))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	receiver := &http.Server{Handler: http.HandlerFunc(l.callback), ReadHeaderTimeout: time.Minute}
	go func() { _ = receiver.Serve(ln) }()
	defer receiver.Close()
	l.url = "http://" + ln.Addr().String()
	if plan.URL != "" {
		l.url = plan.URL
	}
	began := time.Now()
	if err := l.each(l.one); err != nil {
		return err
	}
	if plan.URL != "" {
		return json.NewEncoder(os.Stdout).Encode(loadResult{})
	}
	l.await()
	if plan.Verify {
		if err := l.each(l.verify); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(l.result(began))
}

// await waits for the last callback, or until none came for long.
func (l *loadRun) await() {
	l.last.Store(time.Now().UnixNano())
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-l.done:
			return
		case <-tick.C:
			if time.Since(time.Unix(0, l.last.Load())) > stuck {
				return
			}
		}
	}
}

func (l *loadRun) result(began time.Time) loadResult {
	r := loadResult{Refused: int(l.refused.Load())}
	var times []time.Duration
	for i := range l.took {
		if t := l.took[i].Load(); t > 0 {
			times = append(times, time.Duration(t)-l.plan.Delay)
		}
	}
	r.Missing = l.plan.Count - len(times)
	r.Rate = float64(len(times)) / (time.Unix(0, l.last.Load()).Sub(began) - l.plan.Delay).Seconds()
	r.P50, r.P99 = percentiles(times)
	r.CreateP50, r.Create9 = percentiles(l.created)
	return r
}

// percentiles are p50 and p99 in ms.
func percentiles(times []time.Duration) (p50, p99 float64) {
	if len(times) == 0 {
		return 0, 0
	}
	times = slices.Clone(times)
	slices.Sort(times)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return ms(times[len(times)/2]), ms(times[len(times)*99/100])
}

// each does something with each message, by the plan's rate.
func (l *loadRun) each(do func(i int) error) error {
	work := make(chan int, 1024)
	errs := make(chan error, workers)
	var posting sync.WaitGroup
	for range workers {
		posting.Go(func() {
			for i := range work {
				if err := do(i); err != nil {
					select {
					case errs <- err:
					default:
					}
				}
			}
		})
	}
	began := time.Now()
	for i := range l.plan.Count {
		if l.plan.PerSecond > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(l.plan.PerSecond)))) // the pace of the load
		}
		work <- i
	}
	close(work)
	posting.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// one posts a message until it is accepted.
func (l *loadRun) one(i int) error {
	l.began[i] = time.Now()
	for {
		req, err := l.request(i)
		if err != nil {
			return err
		}
		asked := time.Now()
		resp, err := l.client.Do(req)
		if err != nil {
			return err
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusCreated, http.StatusAccepted:
			l.created[i] = time.Since(asked)
			if l.plan.Verify {
				l.ids[i], err = idIn(text)
			}
			return err
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			l.refused.Add(1)
			time.Sleep(refusedPause) // a client's
		default:
			return fmt.Errorf("%s: %d %s", req.URL.Path, resp.StatusCode, text)
		}
	}
}

func (l *loadRun) request(i int) (*http.Request, error) {
	n := l.plan.First + i
	base := l.plan.API[i%len(l.plan.API)]
	if l.plan.Kannel {
		q := url.Values{"username": {"u"}, "password": {"p"}, "from": {"Verify"}, "to": {l.plan.number(n)}, "text": {"Your verification code is 123456"},
			"dlr-mask": {"1"}, "dlr-url": {fmt.Sprintf("%s/?n=%d", l.url, n)}}
		return http.NewRequest("GET", base+"/cgi-bin/sendsms?"+q.Encode(), nil)
	}
	pin := ""
	if l.plan.Verify {
		pin = fmt.Sprintf(`,"pin":%q`, ownPIN)
	}
	return l.postTo(base+"/otp", fmt.Sprintf(`{"phoneNumber":%q,"trackId":"00000000-0000-4000-8000-%012x","ttl":%d,"otpCallbackUrl":%q%s}`,
		l.plan.number(n), n, cmp.Or(l.plan.TTL, 1800), l.url, pin))
}

func (l *loadRun) postTo(url, body string) (*http.Request, error) {
	req, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err == nil {
		req.Header.Set("X-API-KEY", apiKey)
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

// ownPIN is that of OTPs that are to be verified, where the application may choose it.
const ownPIN = "271828"

func idIn(answer []byte) (string, error) {
	var o struct{ OtpID string }
	err := json.Unmarshal(answer, &o)
	return o.OtpID, err
}

// verify ends an OTP. A guess that is refused is made again, and may have been right before.
func (l *loadRun) verify(i int) error {
	for again := false; ; again = true {
		req, err := l.postTo(l.plan.API[i%len(l.plan.API)]+"/otp/"+l.ids[i], fmt.Sprintf(`{"pin":%q}`, ownPIN))
		if err != nil {
			return err
		}
		resp, err := l.client.Do(req)
		if err != nil {
			return err
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusOK, again && bytes.Contains(text, []byte(`"code":2023`)):
			return nil
		case resp.StatusCode != http.StatusServiceUnavailable:
			return fmt.Errorf("%s: %d %s", req.URL.Path, resp.StatusCode, text)
		}
		l.refused.Add(1)
		time.Sleep(refusedPause) // a client's
	}
}

// number is the nth valid telephone number.
func number(n int) string { return fmt.Sprintf("+4670%07d", n) }

func (p *loadPlan) number(n int) string {
	if p.Spread {
		return fmt.Sprintf("+49151%08d", n*spreadBy%allNumbers)
	}
	return number(n)
}

// The numbers that there are where they are spread, and what makes of one after the other all of them, far from
// each other. Ten thousand have a prefix in common.
const (
	allNumbers = 100_000_000
	spreadBy   = 61_803_399
)

func (l *loadRun) finish(n int) {
	i := n - l.plan.First
	if i < 0 || i >= l.plan.Count {
		return
	}
	now := time.Now()
	if l.took[i].CompareAndSwap(0, max(1, int64(now.Sub(l.began[i])))) {
		l.last.Store(now.UnixNano())
		if l.left.Add(-1) == 0 {
			close(l.done)
		}
	}
}

func (l *loadRun) callback(_ http.ResponseWriter, req *http.Request) {
	if l.plan.Kannel {
		if n, err := strconv.Atoi(req.URL.Query().Get("n")); err == nil {
			l.finish(n)
		}
		return
	}
	var cb struct {
		Event string
		Data  []struct{ Status, TrackData string }
	}
	if json.NewDecoder(req.Body).Decode(&cb) != nil || cb.Event != "dlr_update" {
		return
	}
	for _, item := range cb.Data {
		if item.Status != "DELIVERED" || len(item.TrackData) != 36 {
			continue
		}
		if n, err := strconv.ParseUint(item.TrackData[24:], 16, 32); err == nil {
			l.finish(int(n))
		}
	}
}

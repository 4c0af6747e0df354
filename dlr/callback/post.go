package callback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Bounds of one attempt. Its longest time is that of connecting and DefaultTimeout (Options.Timeout), each on
// its own: a receiver far away may take as long to answer as one nearby.
const (
	DefaultTimeout = 15 * time.Second // from the request's end to the answer's header; Standard Webhooks asks for 15 to 30 s
	dialTimeout    = 5 * time.Second
	tlsTimeout     = 5 * time.Second
	sendTimeout    = 5 * time.Second // for the request's body
	maxDrain       = 64 << 10        // octets of an answer that are read, so that its connection serves again,
	drainTime      = time.Second     // and for how long: the status was the answer
	idlePerHost    = 16
	idleTotal      = 512
	idleTimeout    = 60 * time.Second
)

// errNoSecret means that the application of an event is not configured any more.
var errNoSecret = errors.New("the application has no callback secret")

// sender makes single attempts. It knows nothing of retries.
type sender struct {
	reach   atomic.Pointer[reach]
	secrets func(app string) []string
	agent   string
	now     func() time.Time
}

// reach is where requests may go, and how long they may take.
type reach struct {
	kept    *http.Transport // its connections are used again
	fresh   *http.Transport // makes a connection for each request
	timeout time.Duration
}

func newSender(o *Options, agent string) *sender {
	s := &sender{secrets: o.Secrets, agent: agent, now: o.Now}
	s.change(o.Egress, o.Timeout)
	return s
}

// change holds for the requests after it. Connections that are kept are not used any more, for they may go to
// where none may go now.
func (s *sender) change(g Egress, timeout time.Duration) {
	to := &reach{kept: newTransport(&g, timeout), fresh: newTransport(&g, timeout), timeout: timeout}
	to.fresh.DisableKeepAlives = true
	if before := s.reach.Swap(to); before != nil {
		before.kept.CloseIdleConnections()
	}
}

// newTransport never uses a proxy of the environment: behind one, egress would see the proxy alone.
func newTransport(g *Egress, answer time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: g.control}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  answer,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           idleTotal,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
	}
}

func (s *sender) close() { s.reach.Load().kept.CloseIdleConnections() }

// answer is what a receiver said.
type answer struct {
	status     int
	retryAfter time.Duration // 0 when it named no time
	silent     bool          // it said nothing, on a connection that was kept: that one may be dead, and others with it
}

// post signs and sends a body once, after Standard Webhooks: the id is the same on every try, the timestamp
// is that of this one. It returns an error when there was no answer. traceparent is that of W3C's Trace
// Context; empty: none. fresh asks for a connection of its own.
func (s *sender) post(ctx context.Context, target, app, id string, body []byte, traceparent string, fresh bool) (answer, error) {
	header, err := s.header(app, id, body)
	if err != nil {
		return answer{}, err
	}
	if traceparent != "" {
		header.Set("Traceparent", traceparent)
	}
	to := s.reach.Load()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout+tlsTimeout+sendTimeout+to.timeout)
	defer cancel()
	var a answer
	stale := fresh
	if !fresh {
		a, stale, err = s.exchange(ctx, to.kept, target, header, body)
	}
	if stale {
		a, _, err = s.exchange(ctx, to.fresh, target, header, body)
	}
	return a, err
}

// exchange is stale when the request failed on a kept connection before anything of an answer came: most
// often the receiver had closed it for being idle as the request was written. net/http repeats such a request
// itself only where it is a GET or the like; a callback carries its webhook-id, so it may be repeated too.
func (s *sender) exchange(ctx context.Context, over *http.Transport, target string, header http.Header, body []byte) (a answer, stale bool, err error) {
	var reused, answered atomic.Bool // the transport may still tell of a request that was given up
	trace := &httptrace.ClientTrace{
		GotConn:              func(c httptrace.GotConnInfo) { reused.Store(c.Reused) },
		GotFirstResponseByte: func() { answered.Store(true) },
	}
	attempt, enough := context.WithCancel(httptrace.WithClientTrace(ctx, trace))
	defer enough()
	req, err := http.NewRequestWithContext(attempt, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return a, false, errors.New("callback: the URL is not valid")
	}
	req.Header = header.Clone()
	// RoundTrip follows no redirect: the answer of the URL itself counts, and a redirect is no
	// acknowledgement.
	resp, err := over.RoundTrip(req)
	if err != nil {
		timeout, isNet := errors.AsType[net.Error](err)
		a.silent = reused.Load() && !answered.Load()
		return a, a.silent && ctx.Err() == nil && !(isNet && timeout.Timeout()), cause(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols { // whose body is the connection, which no context ends
		defer time.AfterFunc(drainTime, enough).Stop()
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxDrain)) // the status is the answer, whatever its body does
	}
	return answer{status: resp.StatusCode, retryAfter: s.retryAfter(resp)}, false, nil
}

// header is signed with each secret of the application, the newest first: while a secret is changed,
// receivers that know the old one or the new one accept the same request (Standard Webhooks, "Signature
// scheme").
func (s *sender) header(app, id string, body []byte) (http.Header, error) {
	secrets := s.secrets(app)
	if len(secrets) == 0 {
		return nil, errNoSecret
	}
	now := s.now()
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		hook, err := webhooks.NewWebhook(secret)
		if err != nil { // never the library's text: it may quote the secret
			return nil, fmt.Errorf("callback: the secret of application %q is not base64", app)
		}
		if signatures[i], err = hook.Sign(id, now, body); err != nil {
			return nil, errors.New("callback: cannot sign")
		}
	}
	h := make(http.Header)
	h.Set(webhooks.HeaderWebhookID, id)
	h.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Set(webhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", s.agent)
	return h, nil
}

// retryAfter is what an answer says of when to come again, in seconds or as a date (RFC 9110, 10.2.3). It
// counts with a 429 or 503, where it is defined for callers that are too many or too early. A date is taken
// against the receiver's own clock, where it sends that.
func (s *sender) retryAfter(resp *http.Response) time.Duration {
	text := resp.Header.Get("Retry-After")
	if text == "" || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestRetryAfter)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		now = s.now()
	}
	return min(max(at.Sub(now), 0), longestRetryAfter)
}

// longestRetryAfter is the most that a receiver may ask for: past it a wrong value would silence it for days.
const longestRetryAfter = time.Hour

// cause takes the URL out of an error of net/http: its query may hold a credential of the application.
func cause(err error) error {
	if errors.Is(err, ErrRefusedAddress) {
		return ErrRefusedAddress
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

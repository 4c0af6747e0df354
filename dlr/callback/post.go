package callback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Bounds of one attempt.
const (
	DefaultTimeout = 15 * time.Second // the whole attempt
	dialTimeout    = 5 * time.Second
	tlsTimeout     = 5 * time.Second
	headerTimeout  = 10 * time.Second // from the request's end to the answer's header
	maxDrain       = 64 << 10         // octets of an answer that are read, so that its connection serves again
	idlePerHost    = 4
	idleTotal      = 256
	idleTimeout    = 60 * time.Second
)

// errNoSecret means that the application of an event is not configured any more.
var errNoSecret = errors.New("the application has no callback secret")

// sender makes single attempts. It knows nothing of retries.
type sender struct {
	client    *http.Client
	transport *http.Transport
	secret    func(app string) (string, bool)
	agent     string
	timeout   time.Duration
	now       func() time.Time
}

// newTransport never uses a proxy of the environment: behind one, the address guard would see the proxy alone.
func newTransport(g *Guard) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: g.control}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           idleTotal,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
	}
}

// newClient does not follow redirects: the answer of the URL itself counts, and a redirect is no acknowledgement.
func newClient(t *http.Transport) *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post signs and sends a body once, after Standard Webhooks: the id is the same on every try, the timestamp is that of
// this one. It returns the HTTP status, or an error when there was no answer.
func (s *sender) post(ctx context.Context, target, app, id string, body []byte) (int, error) {
	secret, ok := s.secret(app)
	if !ok {
		return 0, errNoSecret
	}
	hook, err := webhooks.NewWebhook(secret)
	if err != nil {
		return 0, fmt.Errorf("callback: the secret of application %q is not base64", app) // never the library's text: it may quote the secret
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("callback: the URL is not valid")
	}
	now := s.now()
	signature, err := hook.Sign(id, now, body)
	if err != nil {
		return 0, errors.New("callback: cannot sign")
	}
	req.Header.Set(webhooks.HeaderWebhookID, id)
	req.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(webhooks.HeaderWebhookSignature, signature)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.agent)
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, cause(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxDrain)) // the status is the answer, whatever its body does
	return resp.StatusCode, nil
}

// cause takes the URL out of an error of net/http: its query may hold a credential of the application.
func cause(err error) error {
	if errors.Is(err, ErrRefusedAddress) {
		return ErrRefusedAddress
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return errors.New("no answer")
}

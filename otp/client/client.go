package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
)

// Defaults of Config.
const (
	DefaultTimeout = 15 * time.Second // of one try
	DefaultRetries = 3
	DefaultMaxWait = 10 * time.Second
)

// maxAnswer is what is read of an answer; the API's own are a few KiB.
const maxAnswer = 1 << 20

// Config is what New needs: the address, and an API key or an application's id and secret.
type Config struct {
	BaseURL string // of the gateway, like https://otp.example.net

	APIKey string
	// ApplicationID and Secret get access tokens by OAuth (client credentials) when there is no APIKey.
	ApplicationID, Secret string

	HTTPClient *http.Client  // nil: one of its own, with DefaultTimeout, which follows no redirect
	Retries    int           // tries after the first; 0 is DefaultRetries, below 0 none
	MaxWait    time.Duration // the longest Retry-After that is waited for; 0 is DefaultMaxWait
}

// Client calls the gateway. It may be used by many goroutines.
type Client struct {
	base    string
	config  Config
	http    *http.Client
	retries int
	maxWait time.Duration

	mu    sync.Mutex // guards token
	token token
}

// New checks the configuration. It connects to nothing.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.BaseURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("client: BaseURL is not an http or https URL")
	}
	if c.APIKey == "" && (c.ApplicationID == "" || c.Secret == "") {
		return nil, errors.New("client: neither an APIKey nor an ApplicationID with its Secret")
	}
	out := &Client{base: strings.TrimRight(c.BaseURL, "/"), config: c, http: c.HTTPClient, retries: c.Retries, maxWait: c.MaxWait}
	if out.http == nil {
		out.http = &http.Client{Timeout: DefaultTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if out.retries == 0 {
		out.retries = DefaultRetries
	}
	if out.maxWait == 0 {
		out.maxWait = DefaultMaxWait
	}
	return out, nil
}

// call is one request of the API.
type call struct {
	method, path string
	header       http.Header
	body         any // nil: none
	repeat       repeat
}

// do sends a request until it is answered for good, and decodes the answer into out.
func (c *Client) do(ctx context.Context, r call, out any) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return fmt.Errorf("client: %w", err)
		}
	}
	renewed := false
	for try := 0; ; try++ {
		err := c.once(ctx, r, body, out)
		var e *Error
		if errors.As(err, &e) && e.Code == CodeInvalidAPIKey && c.config.APIKey == "" && !renewed {
			renewed = true // revoked, or the gateway's clock is ahead
			c.forgetToken()
			continue
		}
		delay, again := r.repeat.after(err, try)
		if err == nil || !again || try >= c.retries || delay > c.maxWait {
			if try > 0 && r.repeat == cancelling && e != nil && e.Code == CodeCancelledAlready {
				return nil // by a try whose answer was lost
			}
			return err
		}
		if backoff.Sleep(ctx, delay) != nil {
			return err // of the last try: it says more than the context does
		}
	}
}

// once is a single try.
func (c *Client) once(ctx context.Context, r call, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := c.authorize(ctx, req); err != nil {
		return err
	}
	return c.roundTrip(req, out)
}

func (c *Client) roundTrip(req *http.Request, out any) error {
	resp, err := c.http.Do(req)
	if err != nil {
		return &transportError{err}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return &transportError{err}
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return errorOf(resp, data)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return &transportError{fmt.Errorf("client: the answer is not the API's: %w", err)}
	}
	return nil
}

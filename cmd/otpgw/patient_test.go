package main

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// client is an HTTP client whose connections end with the test. It is patient.
func client(t testing.TB) *http.Client {
	c := hasty(t)
	c.Transport = patient{c.Transport.(*http.Transport), new(atomic.Int64)}
	return c
}

// hasty is a client for tests of what is refused, and when.
func hasty(t testing.TB) *http.Client {
	tr := &http.Transport{MaxIdleConnsPerHost: 256}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: testTimeout}
}

// patient asks again what was answered 503 with a Retry-After, as every caller has to: the disk of a machine
// that runs tests may stand still for seconds. Each OTP is asked for under an Idempotency-Key, so that it is
// the same one that is asked for again; while the first request with it is under way the answer is 409. A
// right guess of which the outcome was stored, but not told, is right.
type patient struct {
	*http.Transport
	repeated *atomic.Int64 // requests
}

func (p patient) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if req.Method == http.MethodPost && req.URL.Path == "/otp" && req.Header.Get("Idempotency-Key") == "" {
		req.Header.Set("Idempotency-Key", rand.Text())
	}
	again := false
	for began := time.Now(); ; again = true {
		resp, err := p.Transport.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		seconds, none := strconv.Atoi(resp.Header.Get("Retry-After"))
		busy := resp.StatusCode == http.StatusServiceUnavailable || again && resp.StatusCode == http.StatusConflict
		if !busy || none != nil || req.Body != nil && req.GetBody == nil || time.Since(began) > await.Patience {
			if again && resp.StatusCode == http.StatusBadRequest {
				return resp, rightBefore(resp)
			}
			return resp, nil
		}
		resp.Body.Close()
		p.repeated.Add(1)
		if err := backoff.Sleep(req.Context(), time.Duration(seconds)*time.Second); err != nil {
			return nil, err
		}
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// rightBefore makes the answer to a repeated guess, that the OTP is verified already, the one to the first.
func rightBefore(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if bytes.Contains(body, []byte(`"code":2023`)) {
		resp.StatusCode = http.StatusOK
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// mustBeReady waits until a daemon is, by its operator's port: while its store stands still it is not.
func mustBeReady(t testing.TB, c *http.Client, admin string) (a answer) {
	t.Helper()
	await.That(t, "the daemon is ready", func() bool {
		var err error
		a, err = call(c, "GET", admin+"/readyz", "")
		return err == nil && a.status == http.StatusOK
	})
	return a
}

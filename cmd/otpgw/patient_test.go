package main

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// client is an HTTP client whose connections end with the test. It is patient.
func client(t testing.TB) *http.Client {
	c := hasty(t)
	c.Transport = patient{c.Transport.(*http.Transport)}
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
// the same one that is asked for again.
type patient struct{ *http.Transport }

func (p patient) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if req.Method == http.MethodPost && req.URL.Path == "/otp" && req.Header.Get("Idempotency-Key") == "" {
		req.Header.Set("Idempotency-Key", rand.Text())
	}
	for began := time.Now(); ; {
		resp, err := p.Transport.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable || time.Since(began) > await.Patience {
			return resp, err
		}
		seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil || req.Body != nil && req.GetBody == nil {
			return resp, nil
		}
		resp.Body.Close()
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

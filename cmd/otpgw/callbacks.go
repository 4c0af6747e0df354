package main

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// keptCallbacks is how many callbacks the demo's receiver shows.
const keptCallbacks = 100

// receivedCallback is one request that the demo's receiver took.
type receivedCallback struct {
	Time      time.Time       `json:"time"`
	WebhookID string          `json:"webhookId"`
	Signature string          `json:"signature"` // valid, or what is wrong with it
	Body      json.RawMessage `json:"body"`
}

// receivedCallbacks is the demo's callback URL: POST takes a callback and checks its signature as a receiver
// should, GET lists the newest ones, oldest first.
type receivedCallbacks struct {
	secret atomic.Pointer[string]

	mu  sync.Mutex // guards the rest
	all []receivedCallback
}

func (c *receivedCallbacks) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /callbacks", c.take)
	mux.HandleFunc("GET /callbacks", c.list)
	return mux
}

func (c *receivedCallbacks) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil || !json.Valid(body) {
		http.Error(w, "the body is no JSON of at most 1 MiB", http.StatusBadRequest)
		return
	}
	got := receivedCallback{Time: time.Now().UTC(), WebhookID: req.Header.Get(standardwebhooks.HeaderWebhookID), Body: body, Signature: "valid"}
	status := http.StatusNoContent
	if err := c.verify(body, req.Header); err != nil {
		got.Signature, status = err.Error(), http.StatusUnauthorized
	}
	c.mu.Lock()
	c.all = append(c.all, got)
	if len(c.all) > keptCallbacks {
		c.all = c.all[len(c.all)-keptCallbacks:]
	}
	c.mu.Unlock()
	w.WriteHeader(status)
}

func (c *receivedCallbacks) verify(body []byte, h http.Header) error {
	secret := c.secret.Load()
	if secret == nil {
		return http.ErrServerClosed
	}
	hook, err := standardwebhooks.NewWebhook(*secret)
	if err != nil {
		return err
	}
	return hook.Verify(body, h)
}

func (c *receivedCallbacks) list(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	all := append([]receivedCallback{}, c.all...)
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(all) // whoever asked may have gone
}

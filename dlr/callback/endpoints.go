package callback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// Bounds of what is remembered of URLs.
const (
	endpointLife = 5 * time.Second // another daemon's 410 is seen after this at the latest
	maxEndpoints = 10000
)

// endpoint is what this process remembers of a URL.
type endpoint struct {
	disabled bool
	read     time.Time // when disabled was looked up
	failed   time.Time // last try that failed slowly; zero after any other
}

// endpoints knows which URLs are disabled (KV_endpoint, by hash of the URL), and which hung just now.
type endpoints struct {
	bucket *queue.Bucket
	now    func() time.Time

	mu    sync.Mutex
	known map[string]endpoint
}

func newEndpoints(b *queue.Bucket, now func() time.Time) *endpoints {
	return &endpoints{bucket: b, now: now, known: make(map[string]endpoint)}
}

// disabledEndpoint is the value of KV_endpoint. It holds no URL: its query may be a credential.
type disabledEndpoint struct {
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

func endpointKey(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:])
}

// disabled reports whether the URL answered 410 once.
func (e *endpoints) disabled(ctx context.Context, url string) (bool, error) {
	e.mu.Lock()
	k, ok := e.known[url]
	e.mu.Unlock()
	if ok && e.now().Sub(k.read) < endpointLife {
		return k.disabled, nil
	}
	_, err := e.bucket.Get(ctx, endpointKey(url))
	if err != nil && !errors.Is(err, queue.ErrNotFound) {
		return false, fmt.Errorf("callback: look up endpoint: %w", err)
	}
	e.note(url, func(k *endpoint) { k.disabled, k.read = err == nil, e.now() })
	return err == nil, nil
}

// disable stores that the URL wants no more callbacks.
func (e *endpoints) disable(ctx context.Context, url string) error {
	value, err := json.Marshal(disabledEndpoint{Host: hostOf(url), Since: e.now().UTC()})
	if err != nil {
		return err
	}
	if _, err := e.bucket.Put(ctx, endpointKey(url), value, 0); err != nil {
		return fmt.Errorf("callback: disable endpoint: %w", err)
	}
	e.note(url, func(k *endpoint) { k.disabled, k.read = true, e.now() })
	return nil
}

func (e *endpoints) enable(ctx context.Context, url string) error {
	if err := e.bucket.Delete(ctx, endpointKey(url)); err != nil {
		return fmt.Errorf("callback: enable endpoint: %w", err)
	}
	e.note(url, func(k *endpoint) { *k = endpoint{} })
	return nil
}

// failedAt is when the URL last failed slowly, zero when it did not or answered since.
func (e *endpoints) failedAt(url string) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.known[url].failed
}

// tried notes the outcome of a try: whether it failed in a way that holds up others.
func (e *endpoints) tried(url string, stuck bool) {
	if !stuck && e.failedAt(url).IsZero() {
		return
	}
	e.note(url, func(k *endpoint) {
		k.failed = time.Time{}
		if stuck {
			k.failed = e.now()
		}
	})
}

// note changes what is known of a URL; any other is forgotten to make room.
func (e *endpoints) note(url string, change func(*endpoint)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k, ok := e.known[url]
	if !ok && len(e.known) >= maxEndpoints {
		for other := range e.known {
			delete(e.known, other)
			break
		}
	}
	change(&k)
	e.known[url] = k
}

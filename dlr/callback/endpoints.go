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

// Times and bounds of what is known of URLs that answered 410.
const (
	believed     = time.Hour          // a 410; after it the next callback asks anew
	endpointTTL  = 7 * 24 * time.Hour // after the last 410
	endpointLife = 5 * time.Second    // another daemon's 410 is seen after this at the latest
	maxEndpoints = 10000
	listLimit    = 1000
)

// Endpoint is a URL of an application that answered 410: it wants no more callbacks. Its callbacks are dead
// letters for an hour; then the next one is sent to it, and any answer but another 410 enables it again. It
// holds no URL, for that may hold a credential of the application.
type Endpoint struct {
	ID    string    `json:"id"`
	App   string    `json:"app"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"` // the first 410
	Until time.Time `json:"until"` // asked again from then on
}

// target is where callbacks go. The same URL in two applications is two targets: what one's secret, items or
// 410 do there is not the other's business.
type target struct{ app, url string }

// id is the key of KV_endpoint.
func (t target) id() string {
	sum := sha256.Sum256([]byte(t.app + "\n" + t.url))
	return hex.EncodeToString(sum[:16])
}

// known is what this process remembers of a target.
type known struct {
	Endpoint           // zero: it is not disabled
	read     time.Time // when that was looked up
}

// endpoints knows which targets are disabled (KV_endpoint).
type endpoints struct {
	bucket *queue.Bucket
	now    func() time.Time // the store's clock: another daemon reads the times

	mu    sync.Mutex
	known map[target]known
}

func newEndpoints(b *queue.Bucket, now func() time.Time) *endpoints {
	return &endpoints{bucket: b, now: now, known: make(map[target]known)}
}

// disabled returns what is stored of a target that answered 410, and whether that is still believed.
func (e *endpoints) disabled(ctx context.Context, t target) (at Endpoint, off bool, err error) {
	e.mu.Lock()
	k, ok := e.known[t]
	e.mu.Unlock()
	if !ok || e.now().Sub(k.read) >= endpointLife {
		k.Endpoint = Endpoint{}
		switch entry, err := e.bucket.Get(ctx, t.id()); {
		case err == nil:
			k.Endpoint = readEndpoint(t.id(), entry.Value)
		case !errors.Is(err, queue.ErrNotFound):
			return at, false, fmt.Errorf("callback: look up endpoint: %w", err)
		}
		e.note(t, func(was *known) { was.Endpoint, was.read = k.Endpoint, e.now() })
	}
	return k.Endpoint, k.Until.After(e.now()), nil
}

// disable stores that the target answered 410 now.
func (e *endpoints) disable(ctx context.Context, t target) error {
	was, _, _ := e.disabled(ctx, t)
	now := e.now().UTC()
	at := Endpoint{ID: t.id(), App: t.app, Host: hostOf(t.url), Since: was.Since, Until: now.Add(believed)}
	if at.Since.IsZero() {
		at.Since = now
	}
	value, err := json.Marshal(at)
	if err != nil {
		return err
	}
	if _, err := e.bucket.Put(ctx, at.ID, value, endpointTTL); err != nil {
		return fmt.Errorf("callback: disable endpoint: %w", err)
	}
	e.note(t, func(k *known) { k.Endpoint, k.read = at, now })
	return nil
}

// enable forgets that the target answered 410.
func (e *endpoints) enable(ctx context.Context, t target) error {
	if err := e.bucket.Delete(ctx, t.id()); err != nil {
		return fmt.Errorf("callback: enable endpoint: %w", err)
	}
	e.note(t, func(k *known) { *k = known{} })
	return nil
}

// list returns the disabled targets of all applications.
func (e *endpoints) list(ctx context.Context) ([]Endpoint, error) {
	items, err := e.bucket.List(ctx, listLimit)
	if err != nil {
		return nil, fmt.Errorf("callback: list endpoints: %w", err)
	}
	list := make([]Endpoint, len(items))
	for i, it := range items {
		list[i] = readEndpoint(it.Key, it.Value)
	}
	return list, nil
}

// enableID is enable for one of the list.
func (e *endpoints) enableID(ctx context.Context, id string) (Endpoint, error) {
	entry, err := e.bucket.Latest(ctx, id)
	if err != nil {
		return Endpoint{}, err
	}
	if err := e.bucket.Delete(ctx, id); err != nil {
		return Endpoint{}, fmt.Errorf("callback: enable endpoint: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for t, k := range e.known {
		if k.ID == id {
			delete(e.known, t)
		}
	}
	return readEndpoint(id, entry.Value), nil
}

// readEndpoint reads a value, also one of the version before: that has no application and no end, and so is
// not believed.
func readEndpoint(id string, value []byte) (at Endpoint) {
	_ = json.Unmarshal(value, &at)
	at.ID = id
	return at
}

// note changes what is known of a target; any other is forgotten to make room.
func (e *endpoints) note(t target, change func(*known)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k, ok := e.known[t]
	if !ok && len(e.known) >= maxEndpoints {
		for other := range e.known {
			delete(e.known, other)
			break
		}
	}
	change(&k)
	e.known[t] = k
}

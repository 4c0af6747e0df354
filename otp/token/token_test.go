package token

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/seal"
)

// clock is the store's, moved by hand.
type clock struct {
	q      *queue.Queue
	offset time.Duration
}

func (c *clock) Now() time.Time { return c.q.Now().Add(c.offset) }

// daemons are two keepers on one store, with one key.
func daemons(t *testing.T) (a, b *Keeper, c *clock) {
	t.Helper()
	box, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	c = &clock{q: queuetest.Open(t)}
	return &Keeper{c.q, box, c.Now}, &Keeper{c.q, box, c.Now}, c
}

func TestToken(t *testing.T) {
	b, twin, clock := daemons(t)
	ctx := context.Background()
	token, err := b.Issue(ctx, "demo", ScopeOtpRead)
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.Issue(ctx, "demo", ScopeOtp)
	if err != nil || other == token {
		t.Fatal(err)
	}
	find := func(daemon *Keeper, token string) (Token, bool) {
		t.Helper()
		got, good, err := daemon.Find(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		return got, good
	}
	if got, good := find(twin, token); !good || got.App != "demo" || got.Allows(ScopeOtp) || !got.Allows(ScopeOtpRead) {
		t.Errorf("%+v %v", got, good)
	}
	if got, good := find(b, other); !good || !got.Allows(ScopeOtp) || !got.Allows(ScopeOtpRead) {
		t.Errorf("%+v %v", got, good)
	}
	for _, bad := range []string{"", "x", token[:len(token)-1], token + "x", token[:len(token)-1] + ".", strings.ToUpper(token), "otpgw_" + strings.Repeat("*", 43)} {
		if _, good := find(b, bad); good {
			t.Errorf("%q is good", bad)
		}
	}
	// The store has hashes: not one byte of a token in clear.
	key, _ := keyOf(token)
	e, err := b.Queue.Tokens().Get(ctx, key)
	if err != nil || strings.Contains(key+string(e.Value), token[6:20]) {
		t.Errorf("%s %s %v", key, e.Value, err)
	}
	if own, err := b.Revoke(ctx, "other", token); own || err != nil {
		t.Errorf("another's: %v %v", own, err)
	}
	if own, err := twin.Revoke(ctx, "demo", token); !own || err != nil {
		t.Errorf("%v %v", own, err)
	}
	if _, good := find(b, token); good {
		t.Error("revoked, and still good")
	}
	if own, err := b.Revoke(ctx, "demo", token); !own || err != nil {
		t.Errorf("again: %v %v", own, err)
	}
	clock.offset += TTL
	if _, good := find(b, other); good {
		t.Error("expired, and still good")
	}
}

// TestTokenGoes: the store forgets it by itself.
func TestTokenGoes(t *testing.T) {
	t.Parallel()
	b, _, _ := daemons(t)
	token, err := b.Issue(context.Background(), "demo", ScopeOtp)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := keyOf(token)
	e, err := b.Queue.Tokens().Get(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Queue.Tokens().Update(context.Background(), key, e.Value, time.Second, e.Revision); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the token is gone", func() bool {
		_, err := b.Queue.Tokens().Get(context.Background(), key)
		return errors.Is(err, queue.ErrNotFound)
	})
}

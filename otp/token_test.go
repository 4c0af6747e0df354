package otp

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

func TestToken(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	token, err := b.IssueToken(ctx, b.app, ScopeOtpRead)
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.IssueToken(ctx, b.app, ScopeOtp)
	if err != nil || other == token {
		t.Fatal(err)
	}
	find := func(daemon *bench, token string) (Token, bool) {
		t.Helper()
		got, good, err := daemon.FindToken(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		return got, good
	}
	if got, good := find(b.twin(), token); !good || got.App != "demo" || got.Allows(ScopeOtp) || !got.Allows(ScopeOtpRead) {
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
	key, _ := tokenKey(token)
	e, err := b.Queue.Tokens().Get(ctx, key)
	if err != nil || strings.Contains(key+string(e.Value), token[6:20]) {
		t.Errorf("%s %s %v", key, e.Value, err)
	}
	if own, err := b.RevokeToken(ctx, &App{Name: "other"}, token); own || err != nil {
		t.Errorf("another's: %v %v", own, err)
	}
	if own, err := b.twin().RevokeToken(ctx, b.app, token); !own || err != nil {
		t.Errorf("%v %v", own, err)
	}
	if _, good := find(b, token); good {
		t.Error("revoked, and still good")
	}
	if own, err := b.RevokeToken(ctx, b.app, token); !own || err != nil {
		t.Errorf("again: %v %v", own, err)
	}
	b.clock.advance(TokenTTL)
	if _, good := find(b, other); good {
		t.Error("expired, and still good")
	}
}

// TestTokenGoes: the store forgets it by itself.
func TestTokenGoes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	token, err := b.IssueToken(context.Background(), b.app, ScopeOtp)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := tokenKey(token)
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

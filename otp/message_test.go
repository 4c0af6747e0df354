package otp

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
)

// TestMessageID: the id of a message is the UUID of version 5 that a daemon of any version makes of the same.
func TestMessageID(t *testing.T) {
	for _, id := range []string{"00000000-0000-0000-0000-000000000000", "6f9619ff-8b86-4011-b42d-00c04fc964ff", uuid.NewString()} {
		for _, n := range []int{0, 1, 9, 10, 12345678901} {
			want := uuid.NewSHA1(uuid.MustParse(id), fmt.Appendf(nil, "message %d", n)).String()
			if got := messageID(id, n); got != want {
				t.Errorf("message %d of %s: %s, want %s", n, id, got, want)
			}
			if first := IsFirst(id, want); first != (n == 0) {
				t.Errorf("message %d of %s is the first: %t", n, id, first)
			}
		}
	}
	if IsFirst("reply", "m") {
		t.Error("a message of no OTP is a first one")
	}
}

// BenchmarkIsFirst is asked of each message that was handed over.
func BenchmarkIsFirst(b *testing.B) {
	b.ReportAllocs()
	id, message := "6f9619ff-8b86-4011-b42d-00c04fc964ff", messageID("6f9619ff-8b86-4011-b42d-00c04fc964ff", 0)
	for b.Loop() {
		if !IsFirst(id, message) {
			b.Fatal("it is not the first")
		}
	}
}

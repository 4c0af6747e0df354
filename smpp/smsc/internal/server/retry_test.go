package server

import (
	"testing"
	"time"
)

func TestPauseAfter(t *testing.T) {
	for _, tt := range []struct {
		n           int
		first, want time.Duration
	}{
		{1, time.Second, time.Second},
		{2, time.Second, 2 * time.Second},
		{5, time.Second, 16 * time.Second},
		{6, time.Second, 30 * time.Second},
		{1000, time.Second, 30 * time.Second}, // nothing overflows
		{1, time.Minute, time.Minute},         // who wants it that seldom has it
		{9, time.Minute, time.Minute},
	} {
		if got := pauseAfter(tt.n, tt.first); got != tt.want {
			t.Errorf("after attempt %d with %s first: %s, want %s", tt.n, tt.first, got, tt.want)
		}
	}
}

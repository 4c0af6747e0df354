package link

import "testing"

// TestEndThatNobodyWaitsFor: the end of a message shares the append of another while half of the window is free;
// not where a message waits for its place, or where what is counted or told apart hangs on it.
func TestEndThatNobodyWaitsFor(t *testing.T) {
	tests := []struct {
		name               string
		window, inTheirWay int // this one among them
		ahead              int64
		parts              int
		unhurried          bool
	}{
		{"at rest", 10, 1, 0, 1, true},
		{"half of the window", 10, 5, 0, 1, true},
		{"more than half", 10, 6, 0, 1, false},
		{"one at a time", 1, 1, 0, 1, false},
		{"a copy that is counted", 10, 1, 7, 1, false},
		{"several parts", 10, 1, 0, 2, false},
	}
	for _, test := range tests {
		w := &shift{bind: &bind{unsettled: make(chan struct{}, test.window)}}
		for range test.inTheirWay {
			w.bind.unsettled <- struct{}{}
		}
		if got := w.unhurried(&errand{ahead: test.ahead}, &try{results: make([]result, test.parts)}); got != test.unhurried {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}

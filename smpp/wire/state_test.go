package wire

import (
	"encoding/json"
	"errors"
	"testing"
)

// TestStateIsReadAsWritten: every state's word is read as that state again, in JSON too, and another word is
// refused and named.
func TestStateIsReadAsWritten(t *testing.T) {
	for s := MessageState(0); s <= Scheduled; s++ {
		data, err := json.Marshal(s)
		var got MessageState
		if err == nil {
			err = json.Unmarshal(data, &got)
		}
		if err != nil || got != s {
			t.Errorf("%s: written as %s, read as %s, %v", s, data, got, err)
		}
	}
	for _, word := range []string{"ODD", "NONE", "delivrd", "DELIVRD "} {
		state := Enroute
		var unknown *UnknownStateError
		if err := state.UnmarshalText([]byte(word)); !errors.As(err, &unknown) || unknown.Word != word || state != Enroute {
			t.Errorf("%q is %s, %v", word, state, err)
		}
	}
}

func TestFailedStates(t *testing.T) {
	for s := MessageState(0); s <= Scheduled; s++ {
		if want := s != 0 && s != Delivered && s != Enroute && s != Accepted; s.Failed() != want {
			t.Errorf("%s: failed is %t", s, !want)
		}
	}
}

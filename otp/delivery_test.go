package otp

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestFold: reports in the form "part/parts STATUS [code]", after each the whole's state, with ! when it is
// announced.
func TestFold(t *testing.T) {
	tests := []struct {
		name  string
		parts int
		steps []string
	}{
		{"delivered", 1, []string{"1/1 SENT -> SENT!", "1/1 DELIVERED -> DELIVERED!"}},
		{"delivered without a word before", 1, []string{"1/1 DELIVERED -> DELIVERED!"}},
		{"a code with success is none", 1, []string{"1/1 DELIVERED 0 -> DELIVERED!"}},
		{"failed", 1, []string{"1/1 FAILED 27 -> FAILED 27!"}},
		{"failed without a code", 1, []string{"1/1 FAILED -> FAILED!"}},
		{"twice", 1, []string{"1/1 SENT -> SENT!", "1/1 SENT -> SENT", "1/1 DELIVERED -> DELIVERED!", "1/1 DELIVERED -> DELIVERED"}},
		{"late intermediate", 1, []string{"1/1 DELIVERED -> DELIVERED!", "1/1 SENT -> DELIVERED"}},
		{"first final stays", 1, []string{"1/1 FAILED 5 -> FAILED 5!", "1/1 DELIVERED -> FAILED 5", "1/1 FAILED 6 -> FAILED 5"}},
		{"delivered stays", 1, []string{"1/1 DELIVERED -> DELIVERED!", "1/1 FAILED 5 -> DELIVERED"}},
		{"accepted tells nothing", 1, []string{"1/1 ACCEPTED -> ACCEPTED"}},
		{"accepted after sent", 1, []string{"1/1 SENT -> SENT!", "1/1 ACCEPTED -> SENT"}},
		{"scheduled, then sent", 1, []string{"1/1 SCHEDULED -> SCHEDULED!", "1/1 SENT -> SENT!", "1/1 SCHEDULED -> SENT"}},
		{"two parts", 2, []string{"1/2 DELIVERED -> SENT!", "2/2 DELIVERED -> DELIVERED!"}},
		{"two parts, other order", 2, []string{"2/2 SENT -> SENT!", "2/2 DELIVERED -> SENT", "1/2 DELIVERED -> DELIVERED!"}},
		{"one of two fails", 2, []string{"1/2 DELIVERED -> SENT!", "2/2 FAILED 9 -> FAILED 9!"}},
		{"first fails, second arrives", 2, []string{"1/2 FAILED 9 -> FAILED 9!", "2/2 DELIVERED -> FAILED 9"}},
		{"both fail, the first counts", 2, []string{"2/2 REJECTED 1 -> REJECTED 1!", "1/2 FAILED 2 -> REJECTED 1"}},
		{"rejected as a whole", 2, []string{"0/2 REJECTED 11 -> REJECTED 11!", "1/2 DELIVERED -> REJECTED 11"}},
		{"no coverage as a whole", 1, []string{"0/0 NO_COVERAGE -> NO COVERAGE!"}},
		{"a whole spares what is final", 2, []string{"1/2 DELIVERED -> SENT!", "0/2 FAILED 3 -> FAILED 3!"}},
		{"sent in more parts than measured", 1, []string{"1/2 DELIVERED -> SENT!", "2/2 DELIVERED -> DELIVERED!"}},
		{"sent in fewer parts than measured", 3, []string{"1/2 DELIVERED -> SENT!", "2/2 DELIVERED -> DELIVERED!"}},
		{"number of parts not known", 2, []string{"1/0 DELIVERED -> SENT!", "2/0 DELIVERED -> DELIVERED!"}},
		{"part past the number of parts", 1, []string{"3/1 DELIVERED -> SENT!", "1/3 DELIVERED -> SENT", "2/3 DELIVERED -> DELIVERED!"}},
		{"more parts than can be", 1, []string{"1/9999 DELIVERED -> SENT!"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			d := newDelivery(test.parts, at)
			for i, step := range test.steps {
				in, want, _ := strings.Cut(step, " -> ")
				r := DeliveryReport{At: at.Add(time.Duration(i+1) * time.Second)}
				var status string
				var code int
				n, _ := fmt.Sscanf(in, "%d/%d %s %d", &r.Part, &r.Parts, &status, &code)
				r.Status = DeliveryStatus(strings.ReplaceAll(status, "_", " "))
				if n == 4 {
					r.ErrorCode = intp(code)
				}
				before := sprint(d.Parts)
				changed, announce := d.fold(r)
				got := d.Status.String()
				if d.ErrorCode != nil {
					got += fmt.Sprint(" ", *d.ErrorCode)
				}
				if announce {
					got += "!"
					if !d.At.Equal(r.At) {
						t.Errorf("%s: time %s", step, d.At)
					}
				}
				if got != want {
					t.Fatalf("%s: %s", step, got)
				}
				if announce && !changed || !changed && len(d.Parts) == test.parts && before != sprint(d.Parts) {
					t.Errorf("%s: changed %v", step, changed)
				}
			}
		})
	}
}

func TestDeliveryCodes(t *testing.T) {
	for s, want := range map[DeliveryStatus]int{"ACCEPTED": 1, "SENT": 2, "DELIVERED": 3, "FAILED": 4, "REJECTED": 5, "NO COVERAGE": 6, "SCHEDULED": 7, "x": 0} {
		if s.Code() != want {
			t.Errorf("%s: %d", s, s.Code())
		}
	}
}

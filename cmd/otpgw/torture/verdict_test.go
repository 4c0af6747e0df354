package torture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// The rows of the table. Those that have a bound are what must not be, see bounds.
const (
	rowAccepted  = "accepted"
	rowAtSMSC    = "at the SMSC"
	rowDelivered = "delivered, and told so"
	rowVerified  = "verified"
	rowCallbacks = "callbacks"

	rowLost        = "lost"
	rowTwice       = "sent twice"
	rowThrice      = "sent more than twice"
	rowLate        = "late over 15 s"
	rowUndelivered = "never told DELIVERED"
	rowUntold      = "end never told"
	rowTwoBodies   = "webhook-ids with two bodies"
	rowTwoIDs      = "changes under two webhook-ids"
	rowBackwards   = "deliveries told backwards"
	rowUnsigned    = "callbacks not signed"
	rowOverLimit   = "guesses over the limit"
	rowTwiceRight  = "verified twice"
	rowContradicts = "records that contradict an answer"
	rowOpen        = "records not DELIVERED in the end"
	rowUnread      = "missing: records that cannot be read"
	rowAbsent      = "reads that are 404 after the 201"
	rowTwoOTPs     = "second OTPs of one key"
	rowReceipts    = "receipts never answered"
	rowOdd         = "answers that the API does not have"
	rowLeaks       = "PINs or texts in the clear"
	rowStates      = "memories that differ"
	rowCrashes     = "panics and data races"
	rowEnds        = "daemons that ended by themselves"
)

// none are the rows that have to be empty for a run to pass.
var none = []string{rowLost, rowThrice, rowUndelivered, rowUntold, rowTwoBodies, rowTwoIDs, rowBackwards, rowUnsigned, rowOverLimit, rowTwiceRight,
	rowContradicts, rowOpen, rowUnread, rowAbsent, rowTwoOTPs, rowReceipts, rowOdd, rowLeaks, rowStates,
	rowCrashes, rowEnds}

// most is how many of a row a run may have; false for those that only count.
//
// A message goes twice where nobody knows that it went: its daemon died, or was away for longer than its
// lease, between the submit_sm and the storing of the answer; or the carrier's answer was cut off. That is
// what was in the link's window each time.
func (v *verdict) most(row string) (int, bool) {
	if row == rowTwice {
		return window * v.doubts, true
	}
	return 0, slices.Contains(none, row)
}

// verdict is the table of a run.
type verdict struct {
	rows     []string // in the order they are printed
	values   map[string]int
	notes    map[string]string
	examples map[string][]string // of rows that count OTPs: number, id
	doubts   int                 // faults that leave a window in doubt
}

func (v *verdict) set(row string, value int, note string) {
	if v.values == nil {
		v.values, v.notes = make(map[string]int), make(map[string]string)
	}
	if _, ok := v.values[row]; !ok {
		v.rows = append(v.rows, row)
	}
	v.values[row] = value
	if note != "" {
		v.notes[row] = note
	}
}

// judge makes the table of what the ledger holds.
func (l *ledger) judge() *verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := new(verdict)
	for _, times := range l.doubts {
		v.doubts += times
	}
	n := make(map[string]int)
	copies := make(map[int]int)
	var worst time.Duration
	examples := make(map[string][]string)
	v.examples = examples
	hit := func(row, to string) {
		n[row]++
		examples[row] = append(examples[row], to+" "+l.at(to).otpID)
	}
	for _, to := range slices.Sorted(maps.Keys(l.by)) {
		e := l.by[to]
		e.judge(to, hit)
		if e.copies > 0 {
			copies[e.copies]++
		}
		if !e.accepted.IsZero() && e.copies > 0 {
			worst = max(worst, e.arrived.Sub(e.accepted))
		}
	}
	v.set(rowAccepted, n[rowAccepted], tally(l.counts))
	v.set(rowAtSMSC, n[rowAtSMSC], "copies: "+histogram(copies))
	v.set(rowDelivered, n[rowDelivered], "")
	v.set(rowVerified, n[rowVerified], "")
	v.set(rowCallbacks, l.callbacks, fmt.Sprintf("%d webhook-ids", len(l.bodies)))
	n[rowTwoBodies], n[rowUnsigned], n[rowReceipts] = len(l.twoBodies), l.unsigned, l.unreceived
	n[rowAbsent], n[rowTwoOTPs] = l.counts[countAbsent], l.counts[countTwoOTPs]
	for answer, times := range l.odd {
		n[rowOdd] += times
		examples[rowOdd] = append(examples[rowOdd], answer)
	}
	examples[rowTwoBodies] = slices.Collect(maps.Keys(l.twoBodies))
	n[rowLeaks], examples[rowLeaks] = len(l.leaks)+l.marked, l.leaks
	n[rowStates], examples[rowStates] = len(l.differ), l.differ
	for _, c := range l.crashes {
		n[rowCrashes]++
		examples[rowCrashes] = append(examples[rowCrashes], c.String())
	}
	documented := 0
	for _, e := range l.ends {
		if e.documented(l.faults) {
			documented++
			continue
		}
		n[rowEnds]++
		examples[rowEnds] = append(examples[rowEnds], e.String())
	}
	for _, row := range []string{rowTwice, rowThrice, rowLate, rowLost, rowUndelivered, rowUntold, rowTwoBodies, rowTwoIDs, rowBackwards, rowUnsigned,
		rowOverLimit, rowTwiceRight, rowContradicts, rowOpen, rowUnread, rowAbsent, rowTwoOTPs, rowReceipts, rowOdd, rowLeaks, rowStates,
		rowCrashes, rowEnds} {
		slices.Sort(examples[row])
		note := strings.Join(examples[row][:min(3, len(examples[row]))], ", ")
		if row == rowLate {
			note = "the latest after " + worst.Round(time.Millisecond).String()
		}
		if row == rowStates {
			note = fmt.Sprintf("looked at %d times, at %d positions; %s", l.looks, len(l.states), note)
		}
		if row == rowEnds && documented > 0 {
			note = fmt.Sprintf("%d more as is documented for what was broken then; %s", documented, note)
		}
		if row == rowTwice {
			note = fmt.Sprintf("window %d; in doubt by %s; %s", window, tally(l.doubts), note)
		}
		v.set(row, n[row], note)
	}
	return v
}

// judge reports each row that the entry counts in.
func (e *entry) judge(to string, hit func(row, to string)) {
	accepted := !e.accepted.IsZero()
	ended := final(e.claimed) && e.expires.IsZero()
	for row, is := range map[string]bool{
		rowAccepted:    accepted,
		rowAtSMSC:      e.copies > 0,
		rowTwice:       e.copies > 1,
		rowThrice:      e.copies > 2,
		rowLost:        accepted && e.copies == 0 && e.expires.IsZero(), // one that expires early may go before it is sent
		rowLate:        accepted && e.copies > 0 && e.arrived.Sub(e.accepted) > lateAfter,
		rowDelivered:   e.wasTold("dlr_update", to, "DELIVERED"),
		rowUndelivered: accepted && !e.deadURL && e.copies > 0 && !e.wasTold("dlr_update", to, "DELIVERED"),
		rowVerified:    e.right > 0,
		rowUntold: accepted && !e.deadURL && (ended && !e.wasTold("otp_update", to, e.claimed) ||
			!e.expires.IsZero() && !e.wasTold("otp_update", to, "EXPIRED")),
		rowBackwards:   e.backwards,
		rowOverLimit:   e.max > 0 && e.told > e.max,
		rowTwiceRight:  e.right > 1,
		rowContradicts: accepted && e.status != "" && ended && e.status != e.claimed,
		rowOpen:        accepted && e.status != "" && e.undelivered(),
		rowUnread:      accepted && e.status == "",
	} {
		if is {
			hit(row, to)
		}
	}
	for c, ids := range e.changes {
		if len(ids) > 1 {
			hit(rowTwoIDs, fmt.Sprintf("%s %s (%d)", to, c.Status, len(ids)))
		}
	}
}

func tally(counts map[string]int) string {
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", what, counts[what]))
	}
	return strings.Join(parts, ", ")
}

// histogram is how many messages came how often: "1 x 4980, 2 x 20".
func histogram(copies map[int]int) string {
	var parts []string
	for _, n := range slices.Sorted(maps.Keys(copies)) {
		parts = append(parts, fmt.Sprintf("%d x %d", n, copies[n]))
	}
	return strings.Join(parts, ", ")
}

// over is which rows are over their bounds.
func (v *verdict) over() (rows []string) {
	for _, row := range v.rows {
		if most, bounded := v.most(row); bounded && v.values[row] > most {
			rows = append(rows, row)
		}
	}
	return rows
}

func (v *verdict) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	over := v.over()
	for _, row := range v.rows {
		sign := " "
		if slices.Contains(over, row) {
			sign = "!"
		}
		fmt.Fprintf(w, "%s %s\t%d\t%s\n", sign, row, v.values[row], v.notes[row])
	}
	_ = w.Flush()
	return b.String()
}

// TestVerdict plants each thing that must not be, and wants it in its row, and nowhere else.
func TestVerdict(t *testing.T) {
	const to = "46700000001"
	good := func() *ledger {
		l := newLedger()
		l.with(to, func(e *entry) {
			e.otpID, e.accepted, e.max, e.told, e.right = "id", time.Now(), 3, 2, 1
			e.claimed, e.status, e.delivery = "VERIFIED", "VERIFIED", "DELIVERED"
		})
		l.arrive(arrival{to, "PIN", time.Now()})
		for i, c := range []change{{"dlr_update", to, "SENT"}, {"dlr_update", to, "DELIVERED"}, {"otp_update", to, "VERIFIED"}} {
			l.hear(told{WebhookID: fmt.Sprint("w", i), Body: fmt.Sprint("b", i), Signed: true, Taken: true, Changes: []change{c}})
		}
		return l
	}
	must := func(rows ...string) []string { return rows }
	now := time.Now()
	tests := []struct {
		name  string
		plant func(*ledger)
		want  []string
	}{
		{"nothing", func(*ledger) {}, nil},
		{"lost", func(l *ledger) {
			l.with("46700000002", func(e *entry) { e.accepted, e.status = time.Now(), "PENDING" })
		}, must(rowLost)},
		{"not promised", func(l *ledger) { l.with("46700000002", func(*entry) {}) }, nil},
		{"twice", func(l *ledger) { l.arrive(arrival{To: to}) }, must(rowTwice)},
		{"thrice", func(l *ledger) { l.arrive(arrival{To: to}); l.arrive(arrival{To: to}) }, must(rowTwice, rowThrice)},
		{"late", func(l *ledger) { l.by[to].accepted = l.by[to].arrived.Add(-16 * time.Second) }, must(rowLate)},
		{"not taken", func(l *ledger) { delete(l.by[to].taken, change{"dlr_update", to, "DELIVERED"}) }, must(rowUndelivered)},
		{"end not taken", func(l *ledger) { delete(l.by[to].taken, change{"otp_update", to, "VERIFIED"}) }, must(rowUntold)},
		{"not expired", func(l *ledger) { l.by[to].expires = time.Now() }, must(rowUntold)},
		{"two bodies", func(l *ledger) { l.hear(told{WebhookID: "w1", Body: "other", Signed: true}) }, must(rowTwoBodies)},
		{"two ids", func(l *ledger) {
			l.hear(told{WebhookID: "w9", Body: "b", Signed: true, Taken: true, Changes: []change{{"dlr_update", to, "SENT"}}})
		}, must(rowTwoIDs)},
		{"again", func(l *ledger) {
			l.hear(told{WebhookID: "w0", Body: "b0", Signed: true, Taken: true, Changes: []change{{"dlr_update", to, "SENT"}}})
		}, nil},
		{"backwards", func(l *ledger) {
			l.hear(told{WebhookID: "w9", Body: "b", Signed: true, Taken: true, Changes: []change{{"dlr_update", to, "ACCEPTED"}}})
		}, must(rowBackwards)},
		{"unsigned", func(l *ledger) { l.hear(told{WebhookID: "w9", Body: "b"}) }, must(rowUnsigned)},
		{"marked", func(l *ledger) { l.hear(told{WebhookID: "w9", Body: "b", Signed: true, Marked: true}) }, must(rowLeaks)},
		{"leak", func(l *ledger) { l.leaks = append(l.leaks, "a log") }, must(rowLeaks)},
		{"over", func(l *ledger) { l.by[to].told = 4 }, must(rowOverLimit)},
		{"right twice", func(l *ledger) { l.by[to].right = 2 }, must(rowTwiceRight)},
		{"contradiction", func(l *ledger) { l.by[to].status = "PENDING" }, must(rowContradicts)},
		{"unknown", func(l *ledger) { l.by[to].status, l.by[to].claimed = "PENDING", "" }, nil},
		{"accepted still", func(l *ledger) { l.by[to].delivery = "ACCEPTED" }, must(rowOpen)},
		{"failed, whatever its receipt said", func(l *ledger) { l.by[to].delivery, l.by[to].deadURL = "FAILED", true }, must(rowOpen)},
		{"no record", func(l *ledger) { l.by[to].status = "" }, must(rowUnread)},
		{"absent", func(l *ledger) { l.count(countAbsent) }, must(rowAbsent)},
		{"two OTPs", func(l *ledger) { l.count(countTwoOTPs) }, must(rowTwoOTPs)},
		{"states", func(l *ledger) {
			l.compare([]state{{Daemon: "a", Position: 7, Hash: "x"}, {Daemon: "b", Position: 7, Hash: "y"}, {Daemon: "c", Position: 8, Hash: "z"}})
		}, must(rowStates)},
		{"a state not said", func(l *ledger) {
			l.compare([]state{{Daemon: "a", Position: 7, Hash: "x"}, {Daemon: "b", Position: 7, Error: "gone"}, {Daemon: "c", Position: 7, Hash: "x"}})
		}, nil},
		{"panic", func(l *ledger) { l.crashes = append(l.crashes, crash{"daemon1.log", []string{"panic: x"}}) }, must(rowCrashes)},
		{"end", func(l *ledger) { l.ended(daemonEnd{status: 2, at: now}) }, must(rowEnds)},
		{"end by a signal", func(l *ledger) { l.plantFault(toReadAnew, 0); l.ended(daemonEnd{status: -1, at: now}) }, must(rowEnds)},
		{"lost place", func(l *ledger) {
			l.plantFault(toReadAnew, time.Second)
			l.ended(daemonEnd{status: statusAgain, at: now})
		}, nil},
		{"lost place in a fault", func(l *ledger) { l.plantFault(toReadAnew, 0); l.ended(daemonEnd{status: statusAgain, at: now}) }, nil},
		{"lost place without a reason", func(l *ledger) { l.plantFault(toWait, 0); l.ended(daemonEnd{status: statusAgain, at: now}) }, must(rowEnds)},
		{"lost place long after", func(l *ledger) {
			l.plantFault(toReadAnew, noticeTime+time.Second)
			l.ended(daemonEnd{status: statusAgain, at: now})
		}, must(rowEnds)},
		{"a start without a store", func(l *ledger) {
			l.plantFault(toWait, time.Second)
			l.ended(daemonEnd{status: statusFailed, started: now.Add(-time.Minute), at: now})
		}, nil},
		{"a start that fails", func(l *ledger) {
			l.plantFault(nothing, time.Second)
			l.ended(daemonEnd{status: statusFailed, started: now.Add(-time.Minute), at: now})
		}, must(rowEnds)},
		{"an end that looks like it", func(l *ledger) { l.plantFault(toWait, 0); l.ended(daemonEnd{status: statusFailed, at: now}) }, must(rowEnds)},
		{"receipt", func(l *ledger) { l.unreceived++ }, must(rowReceipts)},
		{"odd", func(l *ledger) { l.strange("GET: 500") }, must(rowOdd)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := good()
			if n, open := l.owing(), l.open(); n != 0 || len(open) != 0 {
				t.Fatalf("%d OTPs owe something in a run without a fault, and %v have no end", n, open)
			}
			tt.plant(l)
			if open, want := len(l.open()) > 0, slices.Contains(tt.want, rowOpen) || slices.Contains(tt.want, rowUnread); open != want {
				t.Errorf("to be read again: %v", l.open())
			}
			v := l.judge()
			for _, row := range v.rows {
				if _, bad := v.most(row); !bad && row != rowLate {
					continue
				}
				if got, want := v.values[row] > 0, slices.Contains(tt.want, row); got != want {
					t.Errorf("%s: %d", row, v.values[row])
				}
			}
			if !strings.Contains(v.String(), rowLost) {
				t.Errorf("no table:\n%s", v)
			}
		})
	}
	t.Run("bound", func(t *testing.T) {
		v := &verdict{doubts: 2}
		v.set(rowAccepted, 1000, "")
		v.set(rowTwice, 2*window, "")
		v.set(rowLost, 0, "")
		if over := v.over(); over != nil {
			t.Errorf("at their bounds: %v", over)
		}
		v.set(rowTwice, 2*window+1, "")
		v.set(rowLost, 1, "")
		if over := v.over(); !slices.Equal(over, []string{rowTwice, rowLost}) {
			t.Errorf("over their bounds: %v", over)
		}
	})
}

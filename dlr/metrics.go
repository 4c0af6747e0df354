package dlr

import "github.com/prometheus/client_golang/prometheus"

// What became of a receipt; the values of the label "result".
const (
	resultFolded     = "folded"     // into the record of its OTP
	resultAdopted    = "adopted"    // folded into the record of a message that was never answered, see Index.Adopt
	resultParked     = "parked"     // no match yet
	resultLate       = "late"       // folded after it was parked
	resultOne        = "one"        // taken for all parts of its message, as no other came
	resultReply      = "reply"      // to a handset: nobody is told of its delivery
	resultGone       = "gone"       // its OTP is past its retention
	resultUnmatched  = "unmatched"  // given up, dead-lettered
	resultUnparsable = "unparsable" // dead-lettered
	resultError      = "error"      // could not be stored; the SMSC is asked to try again
)

type metrics struct {
	receipts  *prometheus.CounterVec // by link and result
	untracked *prometheus.CounterVec // by link

	otherNumber *prometheus.CounterVec // by link
}

func newMetrics() metrics {
	return metrics{
		receipts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otpgw_receipts_total",
			Help: "Delivery receipts by link and by what became of them."}, []string{"link", "result"}),
		untracked: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otpgw_receipts_untracked_total",
			Help: "Parts that an SMSC accepted without a message id, so that no receipt can name them."}, []string{"link"}),
		otherNumber: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otpgw_receipts_other_number_total",
			Help: "Receipts with the id of a message to another number, not taken for it."}, []string{"link"}),
	}
}

// Collectors are the tracker's metrics, for the caller to register. Their labels are names of links, so few.
func (t *Tracker) Collectors() []prometheus.Collector {
	return []prometheus.Collector{t.metrics.receipts, t.metrics.untracked, t.metrics.otherNumber}
}

func (t *Tracker) count(link, result string) { t.metrics.receipts.WithLabelValues(link, result).Inc() }

// Expect makes the children of a link, at 0, before its first receipt.
func (t *Tracker) Expect(link string) {
	for _, result := range []string{resultFolded, resultParked, resultLate, resultUnmatched, resultUnparsable, resultError} {
		t.metrics.receipts.WithLabelValues(link, result)
	}
	t.metrics.untracked.WithLabelValues(link)
	t.metrics.otherNumber.WithLabelValues(link)
}

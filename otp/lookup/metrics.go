package lookup

import "github.com/prometheus/client_golang/prometheus"

// Results of a question.
const (
	answered = iota
	fromCache
	failed
)

var resultNames = [...]string{answered: "answered", fromCache: "remembered", failed: "failed"}

var lookups = prometheus.NewDesc("otpgw_lookups_total", "Questions of what is known of a number before a message is routed, by result.", []string{"result"}, nil)

// Describe and Collect make a nil Asker one that was never asked, so that the family is there without a
// lookup too.
func (a *Asker) Describe(ch chan<- *prometheus.Desc) { ch <- lookups }

// Collect tells how the questions ended.
func (a *Asker) Collect(ch chan<- prometheus.Metric) {
	for result, name := range resultNames {
		n := uint64(0)
		if a != nil {
			n = a.counts[result].Load()
		}
		ch <- prometheus.MustNewConstMetric(lookups, prometheus.CounterValue, float64(n), name)
	}
}

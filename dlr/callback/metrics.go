package callback

import "github.com/prometheus/client_golang/prometheus"

// What became of an item; the values of the label "result" of otpgw_callback_items_total.
const (
	itemDelivered = "delivered"
	itemRetrying  = "retrying" // told in vain, and told again
	itemDead      = "dead"     // dead-lettered
)

// What became of a POST; the values of the label "result" of otpgw_callback_posts_total.
const (
	postOK      = "ok"
	postGone    = "gone"    // 410
	postFailed  = "failed"  // another status, or no answer
	postRefused = "refused" // by Egress
)

type metrics struct {
	items    *prometheus.CounterVec // by app and result
	posts    *prometheus.CounterVec // by app and result
	seconds  prometheus.Histogram
	age      prometheus.Histogram
	running  prometheus.GaugeFunc
	gathered prometheus.GaugeFunc
	waiting  prometheus.GaugeFunc
}

func gauge(name, help string, value func() int) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
}

func newMetrics(t *lanes) metrics {
	return metrics{
		items: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otpgw_callback_items_total",
			Help: "Changes of OTPs by application and by what became of their callback."}, []string{"app", "result"}),
		posts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otpgw_callback_posts_total",
			Help: "Callback requests by application and outcome."}, []string{"app", "result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "otpgw_callback_post_seconds",
			Help: "Duration of a callback request.", Buckets: []float64{.0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30}}),
		age: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "otpgw_callback_age_seconds",
			Help: "Time from a change to its acknowledged callback.", Buckets: []float64{.005, .01, .05, .1, .5, 1, 5, 10, 30, 300, 3600, 36000}}),
		running: gauge("otpgw_callback_posts_under_way", "Callback requests under way.", func() int { n, _, _ := t.size(); return n }),
		gathered: gauge("otpgw_callback_gathered_items", "Changes in memory that are in no stored request yet.",
			func() int { _, n, _ := t.size(); return n }),
		waiting: gauge("otpgw_callback_waiting_batches", "Stored requests that are under way or wait for their URL, with this daemon.",
			func() int { _, _, n := t.size(); return n }),
	}
}

// Collectors are the dispatcher's metrics, for the caller to register. Their labels are names of
// applications, so few.
func (d *Dispatcher) Collectors() []prometheus.Collector {
	m := d.metrics
	return []prometheus.Collector{m.items, m.posts, m.seconds, m.age, m.running, m.gathered, m.waiting}
}

// Expect makes the children of an application, at 0, before its first callback.
func (d *Dispatcher) Expect(app string) {
	for _, result := range []string{itemDelivered, itemRetrying, itemDead} {
		d.metrics.items.WithLabelValues(app, result)
	}
	for _, result := range []string{postOK, postGone, postFailed, postRefused} {
		d.metrics.posts.WithLabelValues(app, result)
	}
}

func (d *Dispatcher) count(app, result string, n int) {
	d.metrics.items.WithLabelValues(app, result).Add(float64(n))
}

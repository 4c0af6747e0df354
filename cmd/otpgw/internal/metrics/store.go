// Package metrics are those of the gateway as a whole, for Prometheus and the console: what becomes of
// OTPs, how links and routes are, how the store fills. What one package counts by itself, such as a link or
// the callbacks, it registers itself.
package metrics

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/queue"
)

var (
	streamMessages  = prometheus.NewDesc("otpgw_store_messages", "Messages, or keys, stored.", []string{"stream"}, nil)
	streamBytes     = prometheus.NewDesc("otpgw_store_bytes", "Bytes stored.", []string{"stream"}, nil)
	streamMaxBytes  = prometheus.NewDesc("otpgw_store_max_bytes", "The limit of the bytes stored.", []string{"stream"}, nil)
	streamFullIn    = prometheus.NewDesc("otpgw_store_full_in_seconds", "When it will be full if it goes on as in the last hour; +Inf when that is not in sight.", []string{"stream"}, nil)
	logLagEntries   = prometheus.NewDesc("otpgw_log_lag_entries", "Messages of the log that are stored and not yet applied by this daemon.", nil, nil)
	logLagSeconds   = prometheus.NewDesc("otpgw_log_lag_seconds", "How far this daemon is behind the log: time between the last message applied and the last one stored, or since it heard of the log.", nil, nil)
	consumerWaiting = prometheus.NewDesc("otpgw_queue_waiting", "Messages that wait for a worker.", []string{"queue"}, nil)
	stateBytes      = prometheus.NewDesc("otpgw_state_bytes", "Memory that the state of the OTPs takes, about.", nil, nil)
	stateMaxBytes   = prometheus.NewDesc("otpgw_state_max_bytes", "The bound of it, at which new OTPs are refused; 0 for none.", nil, nil)
	stateFileBytes  = prometheus.NewDesc("otpgw_state_file_bytes", "Disk that those values of the state take that left the memory, since nobody changes them.", nil, nil)
	logReaders      = prometheus.NewDesc("otpgw_log_readers_ended_total", "Consumers of the log that had to be made anew: one stood still while the stream had more, sent no heartbeat, or a message of it was lost on its way.", []string{"reason"}, nil)
	clockSkew       = prometheus.NewDesc("otpgw_clock_skew_seconds", "By how much the clock of this machine is ahead of the store's.", nil, nil)
	lostMessages    = prometheus.NewDesc("otpgw_store_lost_messages", "What is missing of what was stored, as found at the start: messages of the log, snapshots, messages of other streams.", nil, nil)
	natsVersion     = prometheus.NewDesc("otpgw_nats_info", "The NATS servers that the store is connected to, by version.", []string{"version"}, nil)
	consumerOldest  = prometheus.NewDesc("otpgw_queue_oldest_seconds", "Age of the oldest message, whether it waits or not; 0 when there is none.", []string{"queue"}, nil)
	consumerPending = prometheus.NewDesc("otpgw_queue_in_flight", "Messages with a worker or waiting for another try.", []string{"queue"}, nil)
)

// Store asks the store for its fill when somebody asks for the metrics.
type Store struct {
	Queue  *queue.Queue
	Growth *Growth
}

// Describe is of prometheus.Collector.
func (c Store) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{streamMessages, streamBytes, streamMaxBytes, consumerWaiting, consumerPending, consumerOldest, stateBytes, stateMaxBytes, stateFileBytes, clockSkew, lostMessages, natsVersion,
		streamFullIn, logLagEntries, logLagSeconds, logReaders} {
		ch <- d
	}
}

// Collect is of prometheus.Collector.
func (c Store) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	used, most := c.Queue.MemoryBytes()
	for d, v := range map[*prometheus.Desc]float64{stateBytes: float64(used), stateMaxBytes: float64(most), stateFileBytes: float64(c.Queue.ColdBytes()), clockSkew: c.Queue.Skew().Seconds(),
		lostMessages: float64(c.Queue.Lost().Total())} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	for _, v := range c.Queue.Servers() {
		ch <- prometheus.MustNewConstMetric(natsVersion, prometheus.GaugeValue, 1, v)
	}
	for reason, n := range c.Queue.ReadersEnded() {
		ch <- prometheus.MustNewConstMetric(logReaders, prometheus.CounterValue, float64(n), reason)
	}
	stats, err := c.Queue.Stats(ctx)
	lag := c.Queue.Lag()
	ch <- prometheus.MustNewConstMetric(logLagSeconds, prometheus.GaugeValue, lag.Time.Seconds())
	if err != nil {
		return // the store is down: /readyz says so, and its gauges are absent rather than stale
	}
	ch <- prometheus.MustNewConstMetric(logLagEntries, prometheus.GaugeValue, float64(lag.Entries))
	gauge := func(d *prometheus.Desc, v float64, label string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label)
	}
	for _, s := range stats.Streams {
		gauge(streamMessages, float64(s.Msgs), s.Name)
		gauge(streamBytes, float64(s.Bytes), s.Name)
		gauge(streamMaxBytes, float64(s.MaxBytes), s.Name)
		in := math.Inf(1)
		if sight := c.Growth.FullIn(s, time.Now()); sight > 0 {
			in = sight.Seconds()
		}
		gauge(streamFullIn, in, s.Name)
	}
	for _, w := range stats.Consumers {
		gauge(consumerWaiting, float64(w.Waiting), w.Name)
		gauge(consumerPending, float64(w.InFlight), w.Name)
		gauge(consumerOldest, Age(w.Oldest, c.Queue.Now()), w.Name)
	}
}

// Age is in seconds; 0 of nothing.
func Age(at, now time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return max(now.Sub(at).Seconds(), 0)
}

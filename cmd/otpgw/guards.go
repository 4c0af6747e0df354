package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// blockRequest is what POST /guard/{action} takes: the prefix is in the body, for paths are in the audit log.
type blockRequest struct {
	Prefix string `json:"prefix"`
	For    string `json:"for,omitempty"` // like 1h; empty: until it is taken back
}

// block answers POST /guard/{action}: allow, deny, unblock.
func (a *admin) block(w http.ResponseWriter, r *http.Request) {
	var asked blockRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&asked); err != nil {
		fail(w, http.StatusBadRequest, `the body is {"prefix":"+4670"}, with "for":"1h" where it is to end by itself`)
		return
	}
	life := time.Duration(0)
	if asked.For != "" {
		d, err := time.ParseDuration(asked.For)
		if err != nil || d < time.Second {
			fail(w, http.StatusBadRequest, "for is a time like 30m or 24h, of a second or more")
			return
		}
		life = d
	}
	var done any
	var err error
	switch action := r.PathValue("action"); action {
	case "allow", "deny":
		done, err = a.service.Block(r.Context(), asked.Prefix, action == "allow", life)
	case "unblock":
		done, err = map[string]string{"unblocked": asked.Prefix}, a.service.Unblock(r.Context(), asked.Prefix)
	default:
		fail(w, http.StatusNotFound, "a beginning of numbers can be told to allow, deny or unblock")
		return
	}
	switch {
	case errors.Is(err, otp.ErrPrefix):
		fail(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, queue.ErrNotFound):
		fail(w, http.StatusNotFound, "nothing was said of this beginning; otpgw ctl guard list has those of which something was")
	case err != nil:
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
	default:
		reply(w, http.StatusOK, done)
	}
}

func (a *admin) blocks(w http.ResponseWriter, r *http.Request) {
	list, err := a.service.Blocks(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	reply(w, http.StatusOK, list)
}

func (a *admin) quotas(w http.ResponseWriter, _ *http.Request) {
	states, err := a.service.QuotaStates()
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	reply(w, http.StatusOK, states)
}

func showQuotas(w io.Writer, body []byte) error {
	var states []otp.QuotaState
	if err := json.Unmarshal(body, &states); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "APPLICATION\tQUOTA\tUSED\tOF\tPERCENT\tUNTIL")
	for _, s := range states {
		fmt.Fprintf(tw, "%s\t%s\t%g\t%g\t%g\t%s\n", s.App, s.Quota, s.Used, s.Limit, s.Percent, s.Until.Format(time.RFC3339))
	}
	return tw.Flush()
}

// guardTakes: list, unblock PREFIX, or allow and deny with PREFIX and, it may be, for DURATION.
func guardTakes(args []string) bool {
	switch {
	case len(args) == 1:
		return args[0] == "list"
	case len(args) == 2:
		return args[0] == "allow" || args[0] == "deny" || args[0] == "unblock"
	}
	return len(args) == 4 && (args[0] == "allow" || args[0] == "deny") && args[2] == "for"
}

// guardRequest is the method and the body of what guardTakes.
func guardRequest(args []string) (method string, body []byte) {
	if args[0] == "list" {
		return http.MethodGet, nil
	}
	asked := blockRequest{Prefix: args[1]}
	if !strings.HasPrefix(asked.Prefix, "+") {
		asked.Prefix = "+" + asked.Prefix
	}
	if len(args) == 4 {
		asked.For = args[3]
	}
	body, _ = json.Marshal(asked) // strings
	return http.MethodPost, body
}

func guardPath(args []string) string {
	if args[0] == "list" {
		return "/guard"
	}
	return "/guard/" + args[0]
}

var (
	quotaUsed  = prometheus.NewDesc("otpgw_quota_used", "Used of a quota of an application in its present period: messages, or money; of a country, in this hour.", []string{"app", "quota"}, nil)
	quotaLimit = prometheus.NewDesc("otpgw_quota_limit", "What the quota is.", []string{"app", "quota"}, nil)
)

// quotaCollector tells how the quotas stand; there are few, by configuration.
type quotaCollector struct{ service *otp.Service }

func (c quotaCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- quotaUsed
	ch <- quotaLimit
}

func (c quotaCollector) Collect(ch chan<- prometheus.Metric) {
	states, err := c.service.QuotaStates()
	if err != nil {
		return // as with the store's gauges: absent rather than stale
	}
	for _, s := range states {
		ch <- prometheus.MustNewConstMetric(quotaUsed, prometheus.GaugeValue, s.Used, s.App, s.Quota)
		ch <- prometheus.MustNewConstMetric(quotaLimit, prometheus.GaugeValue, s.Limit, s.App, s.Quota)
	}
}

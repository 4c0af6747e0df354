package deploy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// rules are the alerts by name.
func rules(t *testing.T) map[string]string {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "alerts.yml")), &file); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			all[r.Alert] = r.Expr
		}
	}
	return all
}

var (
	section    = regexp.MustCompile(`(?m)^## (\w+)$`)
	ourMetric  = regexp.MustCompile(`\botpgw_[a-z_]+`)
	typeOrHelp = regexp.MustCompile(`(?m)^# TYPE (otpgw_[a-z_]+) `)
)

// TestRunbook: each alarm has its section, which says how it is over, and each section its alarm.
func TestRunbook(t *testing.T) {
	book := read(t, "RUNBOOK.md")
	all := rules(t)
	if len(all) < 12 {
		t.Errorf("%d alarms", len(all))
	}
	parts := section.FindAllStringSubmatchIndex(book, -1)
	for i, at := range parts {
		end := len(book)
		if i+1 < len(parts) {
			end = parts[i+1][0]
		}
		name := book[at[2]:at[3]]
		if _, known := all[name]; !known {
			t.Errorf("the runbook has a section for %s, which is no alarm", name)
		}
		if !strings.Contains(book[at[0]:end], "Over: ") {
			t.Errorf("%s: how is it seen to be over?", name)
		}
		delete(all, name)
	}
	for name := range all {
		t.Errorf("%s is not in the runbook", name)
	}
}

// ruleTests are promtool's.
var ruleTests = []string{"alerts_test.yml", "alerts_day_test.yml"}

// TestEachRuleIsTried: a test of promtool has each alarm ring, and has it silent.
func TestEachRuleIsTried(t *testing.T) {
	rings, silent := make(map[string]bool), make(map[string]bool)
	for _, name := range ruleTests {
		var file struct {
			Tests []struct {
				Cases []struct {
					Alert string `yaml:"alertname"`
					Want  []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		if err := yaml.Unmarshal([]byte(read(t, name)), &file); err != nil {
			t.Fatal(err)
		}
		for _, test := range file.Tests {
			for _, c := range test.Cases {
				rings[c.Alert] = rings[c.Alert] || len(c.Want) > 0
				silent[c.Alert] = silent[c.Alert] || len(c.Want) == 0
			}
		}
	}
	for name := range rules(t) {
		if !rings[name] || !silent[name] {
			t.Errorf("%s: rings in a test: %v, is silent in one: %v", name, rings[name], silent[name])
		}
	}
}

// TestRulesFire: promtool runs the alerts on made-up series.
func TestRulesFire(t *testing.T) {
	t.Parallel()
	promtool := need(t, "promtool", "apt-get install prometheus")
	output(t, exec.Command(promtool, "check", "rules", "alerts.yml"))
	output(t, exec.Command(promtool, append([]string{"test", "rules"}, ruleTests...)...))
}

// TestMetricsExist: what the alerts and the dashboard ask for is told by a gateway that has just started.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	var told []string
	for _, m := range typeOrHelp.FindAllStringSubmatch(metricsOf(t), -1) {
		told = append(told, m[1])
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "dashboard.json")), &board); err != nil {
		t.Fatal(err)
	}
	asked := rules(t)
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			asked[p.Title+": "+target.Expr] = target.Expr
		}
	}
	for where, expr := range asked {
		for _, name := range ourMetric.FindAllString(expr, -1) {
			family := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
			if !slices.Contains(told, family) {
				t.Errorf("%s asks for %s, which a gateway does not tell at its start", where, name)
			}
		}
	}
}

// TestMetricsFromTheStart: each link, application and route is told of at the first scrape, at 0, in every
// family that has it for a label; and OpenMetrics is there for who asks for it.
func TestMetricsFromTheStart(t *testing.T) {
	t.Parallel()
	text := metricsOf(t)
	children := map[string][]string{
		`app="shop"`:               {"otpgw_otps_asked_total", "otpgw_otps_ended_total", "otpgw_otp_verify_seconds_count", "otpgw_otp_delivery_seconds_count", "otpgw_callback_items_total", "otpgw_callback_posts_total", "otpgw_callback_disabled_urls", "otpgw_guard_risks_total"},
		`app="shop",quota="month"`: {"otpgw_quota_used", "otpgw_quota_limit"},
		`link="carrier1"`:          {"otpgw_smpp_submitted_parts_total", "otpgw_smpp_response_seconds_count", "otpgw_smpp_bound", "otpgw_smpp_refused", "otpgw_smpp_rate_limit", "otpgw_smpp_handovers_total", "otpgw_smpp_copies_total", "otpgw_smpp_needless_messages_total", "otpgw_smpp_refused_messages_total", "otpgw_smpp_bind_ends_total", "otpgw_smpp_expired_messages_total", "otpgw_smpp_incoming_total", "otpgw_receipts_total", "otpgw_receipts_by_state_total", "otpgw_delivery_seconds_count", "otpgw_link_up", "otpgw_link_paused", "otpgw_link_in_flight", "otpgw_link_window"},
		`route="default"`:          {"otpgw_route_degraded"},
		`queue="sms.default"`:      {"otpgw_queue_waiting", "otpgw_queue_in_flight", "otpgw_queue_oldest_seconds"},
		`country="other"`:          {"otpgw_otps_by_country_total"},
		``:                         {"otpgw_build_info", "otpgw_ready", "otpgw_callback_age_seconds_count", "otpgw_store_bytes", "otpgw_store_max_bytes", "otpgw_state_bytes", "otpgw_cdr_lost_total", "otpgw_log_lines_lost_total", "otpgw_clock_skew_seconds"},
	}
	for label, families := range children {
		for _, family := range families {
			if !regexp.MustCompile(`(?m)^` + family + `(\{[^}]*` + regexp.QuoteMeta(label) + `[^}]*\})? `).MatchString(text) {
				t.Errorf("%s{%s} is not there at the start", family, label)
			}
		}
	}
	// A family that has links for a label has each link.
	for _, label := range []struct{ name, one, other string }{{"link", "carrier1", "carrier2"}, {"app", "shop", "bank"}} {
		for _, m := range regexp.MustCompile(`(?m)^(otpgw_\w+)\{[^}]*\b`+label.name+`="`+label.one+`"`).FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(m[1], "otpgw_quota_") {
				continue // an application without a quota has none to tell of; the one with it is among the children
			}
			if !regexp.MustCompile(`(?m)^` + m[1] + `\{[^}]*\b` + label.name + `="` + label.other + `"`).MatchString(text) {
				t.Errorf("%s tells of %s and not of %s", m[1], label.one, label.other)
			}
		}
	}
	for _, bucket := range []string{`otpgw_callback_age_seconds_bucket{le="10"}`, `otpgw_smpp_response_seconds_bucket{link="carrier1",le="0.01"}`} {
		if !strings.Contains(text, bucket) {
			t.Errorf("no bucket %s", bucket)
		}
	}
}

// metricsOf starts a gateway with the example's applications and links, and returns what Prometheus would
// read.
func metricsOf(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(program(t, "otpgw"), "-config", "example.conf")
	cmd.Env = []string{"OTPGW_HTTP_ADDR=127.0.0.1:0", "OTPGW_ADMIN_ADDR=127.0.0.1:0", "OTPGW_DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "OTPGW_LOG_FORMAT=json"}
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	var ready struct{ Message, Admin string }
	for lines := bufio.NewScanner(log); ready.Message != "ready" && lines.Scan(); {
		_ = json.Unmarshal(lines.Bytes(), &ready)
	}
	asked, err := http.NewRequest("GET", "http://"+ready.Admin+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	asked.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	if open, err := http.DefaultClient.Do(asked); err != nil || !strings.HasPrefix(open.Header.Get("Content-Type"), "application/openmetrics-text") {
		t.Errorf("OpenMetrics: %v, %v", open.Header, err)
	} else {
		open.Body.Close()
	}
	resp, err := http.Get("http://" + ready.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if promtool, err := exec.LookPath("promtool"); err == nil {
		lint := exec.Command(promtool, "check", "metrics")
		lint.Stdin = bytes.NewReader(text)
		if out, err := lint.CombinedOutput(); err != nil {
			t.Errorf("promtool check metrics: %v: %s", err, out)
		}
	}
	return string(text)
}

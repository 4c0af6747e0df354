package deploy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// installation is a gateway, a simulated carrier and a Prometheus, each a process.
type installation struct {
	t                      *testing.T
	dir, gateway, sim      string // sim is the program
	api, admin, prometheus string // base URLs
	carrier, carrierHTTP   string // host:port
	carrierProcess         *exec.Cmd
}

const patience = time.Minute

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// begin starts a process that ends with the test.
func (i *installation) begin(cmd *exec.Cmd) *exec.Cmd {
	i.t.Helper()
	if err := cmd.Start(); err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func (i *installation) startCarrier() {
	cmd := exec.Command(i.sim)
	cmd.Env = []string{"SMSCSIM_SMPP_ADDR=" + i.carrier, "SMSCSIM_HTTP_ADDR=" + i.carrierHTTP, "SMSCSIM_RECEIPT_DELAY=10ms"}
	i.carrierProcess = i.begin(cmd)
}

// install starts all of it; Prometheus scrapes each second and has the rules, with waits of seconds in place
// of minutes.
func install(t *testing.T) *installation {
	prometheus := need(t, "prometheus", "apt-get install prometheus")
	i := &installation{t: t, dir: t.TempDir(), carrier: free(t), carrierHTTP: free(t)}
	i.gateway, i.sim = program(t, "otpgw"), program(t, "smscsim")
	receiver := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = receiver.Serve(ln) }()
	t.Cleanup(func() { receiver.Close() })
	i.startCarrier()
	gateway := exec.Command(i.gateway)
	gateway.Env = []string{"OTPGW_HTTP_ADDR=127.0.0.1:0", "OTPGW_ADMIN_ADDR=127.0.0.1:0", "OTPGW_DATA_DIR=" + filepath.Join(i.dir, "data"), "OTPGW_LOG_FORMAT=json",
		"OTPGW_APPS=shop", "OTPGW_APP_SHOP_API_KEYS=a-key-of-more-than-twenty-characters", "OTPGW_APP_SHOP_SENDERS=Verify",
		"OTPGW_APP_SHOP_CALLBACK_URL=http://" + ln.Addr().String(), "OTPGW_CALLBACK_ALLOW=127.0.0.0/8",
		"OTPGW_LINKS=carrier", "OTPGW_LINK_CARRIER_ADDR=" + i.carrier, "OTPGW_LINK_CARRIER_SYSTEM_ID=acc", "OTPGW_LINK_CARRIER_PASSWORD=secret", "OTPGW_LINK_CARRIER_TPS=500"}
	log, err := gateway.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	i.begin(gateway)
	var ready struct{ Message, HTTP, Admin string }
	lines := bufio.NewScanner(log)
	for ready.Message != "ready" && lines.Scan() {
		_ = json.Unmarshal(lines.Bytes(), &ready)
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	i.api, i.admin = "http://"+ready.HTTP, ready.Admin
	at := free(t)
	i.prometheus = "http://" + at
	waits := regexp.MustCompile(`for: \S+`).ReplaceAllString(read(t, "alerts.yml"), "for: 2s")
	config := regexp.MustCompile(`targets: .*`).ReplaceAllString(read(t, "prometheus.yml"), `targets: ["`+i.admin+`"]}]`)
	config = regexp.MustCompile(`_interval: \S+`).ReplaceAllString(config, "_interval: 1s")
	for name, text := range map[string]string{"alerts.yml": waits, "prometheus.yml": config} {
		if err := os.WriteFile(filepath.Join(i.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	p := exec.Command(prometheus, "--config.file="+filepath.Join(i.dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(i.dir, "tsdb"), "--web.listen-address="+at)
	p.Stderr = &said
	i.begin(p)
	i.until("Prometheus scrapes the gateway", func() bool { return len(i.query(`up{job="otpgw"} == 1`)) == 1 })
	return i
}

// get decodes the data of an answer of Prometheus; it says whether there was one.
func (i *installation) get(path string, into any) bool {
	resp, err := http.Get(i.prometheus + path)
	if err != nil {
		return false // it starts
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return false
	}
	if answer.Status != "success" {
		i.t.Errorf("%s: %s", path, answer.Error)
		return false
	}
	return json.Unmarshal(answer.Data, into) == nil
}

// query are the values of an expression now.
func (i *installation) query(expr string) (values []string) {
	var data struct {
		Result []struct{ Value [2]any }
	}
	if !i.get("/api/v1/query?query="+url.QueryEscape(expr), &data) {
		return nil
	}
	for _, r := range data.Result {
		values = append(values, fmt.Sprint(r.Value[1]))
	}
	return values
}

// firing says whether an alert fires.
func (i *installation) firing(name string) bool {
	return len(i.query(`ALERTS{alertstate="firing",alertname="`+name+`"}`)) > 0
}

func (i *installation) until(what string, ok func() bool) {
	i.t.Helper()
	if !await.Within(patience, ok) {
		i.t.Fatalf("not within %v: %s", patience, what)
	}
}

// call makes a request of the API.
func (i *installation) call(method, path, body string, into any) {
	i.t.Helper()
	req, err := http.NewRequest(method, i.api+path, strings.NewReader(body))
	if err != nil {
		i.t.Fatal(err)
	}
	req.Header.Set("X-API-KEY", "a-key-of-more-than-twenty-characters")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		i.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		i.t.Fatal(err)
	}
}

// fare makes an OTP and verifies it.
func (i *installation) fare(n int) {
	i.t.Helper()
	to := fmt.Sprintf("+46701%06d", n)
	var o struct{ OtpID, Status string }
	i.call("POST", "/otp", `{"phoneNumber":"`+to+`"}`, &o)
	code := ""
	i.until("the message of "+to, func() bool {
		resp, err := http.Get("http://" + i.carrierHTTP + "/api/v1/messages?to=" + to[1:])
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var page struct{ Messages []struct{ Code string } }
		if json.NewDecoder(resp.Body).Decode(&page) == nil && len(page.Messages) > 0 {
			code = page.Messages[0].Code
		}
		return code != ""
	})
	i.call("POST", "/otp/"+o.OtpID, `{"pin":"`+code+`"}`, &o)
}

// TestPrometheus: a real Prometheus scrapes a real gateway, an alarm comes when the link is cut and goes when
// it is back, and each query of the dashboard has an answer after some traffic.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	i := install(t)
	defer http.DefaultClient.CloseIdleConnections()
	var groups struct {
		Groups []struct{ Rules []struct{ Health string } }
	}
	i.until("the rules are loaded and evaluated", func() bool {
		if !i.get("/api/v1/rules", &groups) || len(groups.Groups) != 1 || len(groups.Groups[0].Rules) < 12 {
			return false
		}
		for _, r := range groups.Groups[0].Rules {
			if r.Health != "ok" {
				return false
			}
		}
		return true
	})
	i.until("the link is up", func() bool { return len(i.query("otpgw_link_up == 1")) == 1 })
	i.fare(0)
	i.until("a country is there", func() bool { return len(i.query("otpgw_otps_by_country_total")) > 3 }) // a rate needs two scrapes
	for n := range 9 {
		i.fare(n + 1)
	}
	i.until("Prometheus has seen it", func() bool {
		return len(i.query(`sum(otpgw_otps_ended_total{status="VERIFIED"}) == 10`)) == 1 && len(i.query(`sum(rate(otpgw_callback_posts_total[1m])) > 0`)) == 1
	})
	i.everyQuery()

	if i.firing("OtpgwLinkDown") || i.firing("OtpgwRouteDegraded") {
		t.Error("an alarm although all is well")
	}
	_ = i.carrierProcess.Process.Kill()
	_ = i.carrierProcess.Wait()
	for _, alarm := range []string{"OtpgwLinkDown", "OtpgwRouteDegraded", "OtpgwNotReady"} {
		i.until(alarm+" fires", func() bool { return i.firing(alarm) })
	}
	i.startCarrier()
	for _, alarm := range []string{"OtpgwLinkDown", "OtpgwRouteDegraded", "OtpgwNotReady"} {
		i.until(alarm+" is over", func() bool { return !i.firing(alarm) })
	}
}

// everyQuery asks each query of the dashboard as Grafana would.
func (i *installation) everyQuery() {
	i.t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
	}
	if err := json.Unmarshal([]byte(read(i.t, "dashboard.json")), &board); err != nil {
		i.t.Fatal(err)
	}
	asked := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			asked++
			expr := strings.NewReplacer("$app", ".*", "$link", ".*").Replace(target.Expr)
			values := i.query(expr)
			if len(values) == 0 || values[0] == "NaN" && len(values) == 1 {
				i.t.Errorf("%s: no data: %s: %v", panel.Title, expr, values)
			}
		}
	}
	for _, v := range board.Templating.List {
		label := regexp.MustCompile(`label_values\((\w+), (\w+)\)`).FindStringSubmatch(v.Definition)
		var values []string
		if label != nil && (!i.get("/api/v1/label/"+label[2]+"/values?match[]="+label[1], &values) || len(values) == 0) {
			i.t.Errorf("the variable %s has no values", v.Name)
		}
	}
	if asked < 30 {
		i.t.Errorf("the dashboard asks %d questions", asked)
	}
}

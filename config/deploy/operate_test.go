package deploy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// installed is a gateway of a package at work.
type installed struct {
	t           *testing.T
	root, conf  string
	command     []string
	cmd         *exec.Cmd
	api, admin  string
	binds       atomic.Int64 // that it told of
	endOfOutput chan struct{}
}

// start runs it as its unit does, until it is ready.
func (g *installed) start() {
	g.t.Helper()
	g.cmd, g.endOfOutput = exec.Command(g.command[0], g.command[1:]...), make(chan struct{})
	g.cmd.Env = []string{"PATH=/usr/bin:/bin"}
	log, err := g.cmd.StderrPipe()
	if err == nil {
		err = g.cmd.Start()
	}
	if err != nil {
		g.t.Fatal(err)
	}
	ready := make(chan bool, 1)
	g.binds.Store(0)
	go func() {
		defer close(g.endOfOutput)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var line struct{ Message, HTTP, Admin string }
			_ = json.Unmarshal(lines.Bytes(), &line)
			switch line.Message {
			case "bound":
				g.binds.Add(1)
			case "ready":
				g.api, g.admin = "http://"+line.HTTP, line.Admin
				ready <- true
			}
		}
	}()
	select {
	case <-ready:
	case <-g.endOfOutput:
		g.t.Fatal("the installed gateway does not start")
	case <-time.After(time.Minute):
		_ = g.cmd.Process.Kill()
		g.t.Fatal("the installed gateway does not get ready")
	}
}

func (g *installed) kill() {
	_ = g.cmd.Process.Kill()
	<-g.endOfOutput
	_ = g.cmd.Wait()
}

// stop ends it as systemd does, and wants a clean end.
func (g *installed) stop() {
	g.t.Helper()
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	<-g.endOfOutput
	if err := g.cmd.Wait(); err != nil {
		g.t.Errorf("the gateway does not end cleanly: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// ctl is what an operator types.
func (g *installed) ctl(args ...string) string {
	g.t.Helper()
	cmd := exec.Command(g.command[0], append([]string{"ctl", "-config", g.conf}, args...)...)
	cmd.Env = []string{"OTPGW_ADMIN_ADDR=" + g.admin}
	return output(g.t, cmd)
}

// order asks for an OTP.
func (g *installed) order(to string) (id string, ok bool) {
	req, err := http.NewRequest("POST", g.api+"/otp", strings.NewReader(fmt.Sprintf(`{"phoneNumber":%q}`, to)))
	if err != nil {
		return "", false
	}
	req.Header.Set("X-API-KEY", "key-of-the-package-test")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", false
	}
	defer resp.Body.Close()
	var o struct{ OtpID string }
	err = json.NewDecoder(resp.Body).Decode(&o)
	return o.OtpID, err == nil && resp.StatusCode == http.StatusCreated
}

// operate does what an operator does with an installed gateway: a third link comes by a reload under load,
// and no bind is dropped and no OTP is lost; a link is paused, and stays so when the gateway is killed; the
// way of an OTP of before is found afterwards.
func operate(t *testing.T, root string, command []string) {
	var sims []*smsc.Server
	for range 3 {
		s, err := smsc.Start(smsc.Config{SMPPAddr: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context())
		sims = append(sims, s)
	}
	g := &installed{t: t, root: root, conf: filepath.Join(root, "etc/otpgw/otpgw.conf"), command: command}
	state := filepath.Join(t.TempDir(), "state")
	configure := func(links ...string) {
		t.Helper()
		text := "OTPGW_HTTP_ADDR=127.0.0.1:0\nOTPGW_ADMIN_ADDR=127.0.0.1:0\nOTPGW_APPS=shop\nOTPGW_APP_SHOP_API_KEYS=key-of-the-package-test\n" +
			"OTPGW_APP_SHOP_SENDERS=Verify\nOTPGW_APP_SHOP_GUARD=off\nOTPGW_LOG_FORMAT=json\nOTPGW_DATA_DIR=" + state + "\nOTPGW_LINKS=" + strings.Join(links, ",") + "\n"
		for i, l := range links {
			text += fmt.Sprintf("OTPGW_LINK_%s_SYSTEM_ID=x\nOTPGW_LINK_%s_ADDR=%s\n", strings.ToUpper(l), strings.ToUpper(l), sims[i].Addr())
		}
		if err := os.WriteFile(g.conf, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	configure("one", "two")
	g.start()
	defer func() { g.kill() }()
	defer http.DefaultClient.CloseIdleConnections()
	await.That(t, "two links are bound", func() bool { return g.binds.Load() == 2 })
	sessions := func() (ids []string) {
		for _, s := range sims[:2] {
			for _, one := range s.Sessions() {
				ids = append(ids, one.ID)
			}
		}
		return ids
	}
	before := sessions()
	var accepted []string
	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			to := fmt.Sprintf("+4670%07d", n)
			if _, ok := g.order(to); !ok {
				t.Errorf("POST %d fails while the configuration is reloaded", n)
				return
			}
			accepted = append(accepted, to)
		}
	})
	configure("one", "two", "three")
	g.ctl("reload")
	await.That(t, "the third link sends", func() bool { return len(sims[2].Messages(smsc.Filter{})) > 0 })
	if got := sessions(); !slices.Equal(got, before) {
		t.Errorf("the binds were %v and are %v", before, got)
	}
	g.ctl("pause", "two")
	close(stop)
	load.Wait()
	for _, to := range accepted {
		await.That(t, to+" arrives", func() bool {
			return slices.ContainsFunc(sims, func(s *smsc.Server) bool { return len(s.Messages(smsc.Filter{To: to})) > 0 })
		})
	}
	const single, waiting = "+46709999999", "+46709999998"
	id, ok := g.order(single)
	if !ok {
		t.Fatal("POST of a single OTP fails")
	}
	await.That(t, "the way of the OTP has its receipt", func() bool { return strings.Contains(g.ctl("otp", id), "DELIVERED") })
	if len(sims[1].Messages(smsc.Filter{To: single})) > 0 {
		t.Error("a paused link sends")
	}
	g.ctl("pause", "one")
	g.ctl("pause", "three")
	waits, ok := g.order(waiting)
	if !ok {
		t.Fatal("POST while all links are paused fails")
	}
	g.kill()
	g.start()
	if way := g.ctl("otp", id); !strings.Contains(way, "one") && !strings.Contains(way, "three") || !strings.Contains(way, "DELIVERED") {
		t.Errorf("the way of an OTP after the gateway was killed:\n%s", way)
	}
	if links := g.ctl("links"); strings.Count(links, "paused") != 3 {
		t.Errorf("a pause is forgotten:\n%s", links)
	}
	if way := g.ctl("otp", waits); !strings.Contains(way, "queued") || strings.Contains(way, "took it as") {
		t.Errorf("the way of an OTP that waits after the gateway was killed:\n%s", way)
	}
	g.ctl("resume", "three")
	await.That(t, "the OTP that waited arrives", func() bool { return strings.Contains(g.ctl("otp", waits), "three took it as") })
	if n := len(sims[2].Messages(smsc.Filter{To: waiting})); n != 1 {
		t.Errorf("the OTP that waited comes %d times", n)
	}
}

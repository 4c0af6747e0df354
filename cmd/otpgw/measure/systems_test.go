package measure

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// most bounds a step that does little: a start, a stop, a bind.
const most = 2 * time.Minute

// scenario is one measurement.
type scenario struct {
	name    string
	window  int
	delay   time.Duration // from the SMSC's answer to the receipt
	rate    int           // messages a second; 0: as fast as answers come
	spread  bool          // numbers are spread over a country, so that few have a prefix in common
	count   int
	links   int    // 0: 1
	daemons int    // 0: 1
	store   string // "": embedded; node: one external server; R3: three
	sync    string // OTPGW_NATS_SYNC; "" is the default
}

// running is a system at work.
type running struct {
	api   []string
	pids  []int // whose CPU and memory count
	nodes []int // those of an external store, counted apart
	stop  func()
}

// system is something that can be measured.
type system struct {
	name  string
	start func(t *testing.T, s scenario, smsc string) *running
}

// otpgw is a program of processtest.BuildDaemon.
func otpgw(program string) system {
	return system{"otpgw", func(t *testing.T, s scenario, smsc string) *running {
		env := map[string]string{"OTPGW_APP_SHOP_MAX_ATTEMPTS": "3"}
		if s.sync != "" {
			env["OTPGW_NATS_SYNC"] = s.sync
		}
		addLinks(env, max(1, s.links), s.window, smsc)
		r := new(running)
		urls, stopNodes := startStore(t, s.store, r)
		if urls != "" {
			env["OTPGW_NATS_URL"] = urls
		}
		if s.store == "R3" {
			env["OTPGW_NATS_REPLICAS"] = "3"
		}
		var daemons []*processtest.Daemon
		for range max(1, s.daemons) {
			d := startDaemon(t, program, t.TempDir(), env)
			daemons = append(daemons, d)
			r.api, r.pids = append(r.api, d.HTTP), append(r.pids, d.Pid())
		}
		r.stop = func() {
			for _, d := range daemons {
				if status := d.Terminate(most); status != 0 {
					t.Errorf("the daemon ended with status %d", status)
				}
			}
			stopNodes()
		}
		return r
	}}
}

// startStore starts external NATS servers when the scenario wants them.
func startStore(t *testing.T, store string, r *running) (urls string, stop func()) {
	var servers []*queuetest.Server
	switch store {
	case "":
		return "", func() {}
	case "node":
		servers = append(servers, queuetest.StartServer(t))
		urls = servers[0].URL
	case "R3":
		c := queuetest.StartCluster(t, 3)
		servers, urls = c.Servers, c.URL()
	}
	for _, s := range servers {
		r.nodes = append(r.nodes, s.Pid())
	}
	return urls, func() {
		for _, s := range servers {
			s.Stop()
		}
	}
}

// startDaemon starts a daemon with one application and more.
func startDaemon(t *testing.T, program, dir string, more map[string]string) *processtest.Daemon {
	t.Helper()
	env := map[string]string{
		"OTPGW_HTTP_ADDR": "127.0.0.1:0", "OTPGW_ADMIN_ADDR": "127.0.0.1:0", "OTPGW_DATA_DIR": dir, "OTPGW_LOG_FORMAT": "json",
		"OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
		"OTPGW_APPS":       "shop", "OTPGW_APP_SHOP_API_KEYS": apiKey, "OTPGW_APP_SHOP_SENDERS": "Verify", "OTPGW_CALLBACK_ALLOW": "127.0.0.0/8",
	}
	maps.Copy(env, more)
	d, err := processtest.StartDaemon(t, program, env, nil, most)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func addLinks(env map[string]string, n, window int, smsc string) {
	var names []string
	for i := range n {
		name := fmt.Sprint("l", i)
		names = append(names, name)
		for key, value := range map[string]string{"ADDR": smsc, "SYSTEM_ID": "u", "PASSWORD": "p", "WINDOW": fmt.Sprint(window)} {
			env["OTPGW_LINK_"+strings.ToUpper(name)+"_"+key] = value
		}
	}
	env["OTPGW_LINKS"] = strings.Join(names, ",")
}

// kannel is Kannel of Debian, as testdata/kannel.conf sets it up. ok is false where it is not installed.
func kannel() (s system, ok bool) {
	bearerbox, err1 := exec.LookPath("bearerbox")
	smsbox, err2 := exec.LookPath("smsbox")
	if err1 != nil || err2 != nil {
		return s, false
	}
	return system{"Kannel", func(t *testing.T, s scenario, smsc string) *running {
		work := t.TempDir()
		_, port, _ := net.SplitHostPort(smsc)
		ports := freePorts(t, 3)
		conf, err := os.ReadFile("testdata/kannel.conf")
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("{admin}", ports[0], "{box}", ports[1], "{send}", ports[2], "{work}", work, "{smsc}", port,
			"{window}", fmt.Sprint(s.window)).Replace(string(conf))
		path := filepath.Join(work, "kannel.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := &running{api: []string{"http://127.0.0.1:" + ports[2]}}
		var boxes []*processtest.Process
		for i, program := range []string{bearerbox, smsbox} {
			box, err := processtest.Start(t, processtest.Options{Program: program, Args: []string{path}})
			if err != nil {
				t.Fatal(err)
			}
			boxes, r.pids = append(boxes, box), append(r.pids, box.Pid())
			awaitPort(t, box, ports[1+i])
		}
		r.stop = func() {
			for i := range boxes {
				boxes[len(boxes)-1-i].Terminate(10 * time.Second) // it may wait for its peers; nothing of it is needed any more
			}
		}
		return r
	}}, true
}

func freePorts(t *testing.T, n int) (ports []string) {
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close() // all at once, so that no two are the same
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		ports = append(ports, port)
	}
	return ports
}

// awaitPort waits until a program that says nothing listens.
func awaitPort(t *testing.T, p *processtest.Process, port string) {
	t.Helper()
	for deadline := time.Now().Add(most); time.Now().Before(deadline); {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return
		}
		select {
		case <-p.Exited():
			t.Fatal("Kannel ended; see its log in the test's directory")
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("nobody listens at port %s", port)
}

package torture

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/queue/queuetest/address"
)

const (
	nodes  = 3
	apiKey = "torture-key-of-an-application"
	// window is the link's: what one kill may leave in doubt.
	window = 50

	startTimeout = 90 * time.Second // of a process, on a busy machine and a cluster that is looking for a leader
	stopTimeout  = 40 * time.Second // the daemon gives itself under 30
)

// world is everything that takes part.
type world struct {
	t       *testing.T
	set     settings
	dir     string
	ledger  *ledger
	nats    []*node
	daemons []*gateway

	smsc     *processtest.Process
	receiver *processtest.Process
	callback *path          // from all daemons to the receiver
	broken   atomic.Int64   // faults that were
	watching sync.WaitGroup // over daemons that may end by themselves
}

// node is a NATS server.
type node struct {
	w    *world
	plan natsPlan
	p    *processtest.Process
	// The ways of the routes from and to the node; none of them is used to reach itself.
	routes []*path
}

// gateway is a daemon, that may be away.
type gateway struct {
	w       *world
	n       int
	program string
	env     map[string]string
	nats    []*path // to each node
	smsc    *path
	log     func(line string)
	skew    time.Duration
	life    sync.Mutex // held by who ends the daemon until it is started again

	mu     sync.Mutex // guards the rest
	daemon *processtest.Daemon
	base   string // of the last that ran: who asks while it is away is refused, as by a machine without it
}

func (g *gateway) url() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.base
}

// newWorld starts everything, and returns when the daemons are ready.
func newWorld(t *testing.T, set settings) *world {
	w := &world{t: t, set: set, dir: os.Getenv("TORTURE_DIR"), ledger: newLedger()}
	if w.dir == "" {
		w.dir = t.TempDir()
	} else {
		w.ledger.journal = newJournal(t, w.dir)
	}
	t.Cleanup(w.watching.Wait)
	program := processtest.BuildDaemon(t)
	w.startNATS()
	w.startPeers()
	for n := range w.set.daemons {
		w.daemons = append(w.daemons, w.newGateway(n, program))
	}
	w.daemons[0].start(t.Context()) // makes the streams; three at once on a busy machine do not get done in their time
	var all sync.WaitGroup
	for _, g := range w.daemons[1:] {
		all.Go(func() { g.start(t.Context()) })
	}
	all.Wait()
	return w
}

func (w *world) startNATS() {
	addrs := address.Free(w.t, 2*nodes)
	for i := range nodes {
		w.nats = append(w.nats, &node{w: w, plan: natsPlan{Name: fmt.Sprint("n", i), Dir: filepath.Join(w.dir, fmt.Sprint("nats", i)),
			Client: addrs[i], Cluster: addrs[nodes+i], Program: os.Getenv("TORTURE_NATS")}})
	}
	for i, from := range w.nats {
		for j, to := range w.nats {
			if i == j { // the list has to name all, for it is how many nodes the cluster counts on
				from.plan.Routes = append(from.plan.Routes, to.plan.Cluster)
				continue
			}
			p := newPath(w.t, to.plan.Cluster)
			from.plan.Routes = append(from.plan.Routes, p.addr())
			from.routes, to.routes = append(from.routes, p), append(to.routes, p)
		}
	}
	var all sync.WaitGroup // none is ready before it has seen another
	for _, n := range w.nats {
		all.Go(n.start)
	}
	all.Wait()
	js, err := w.jetStream()
	if err != nil {
		w.t.Fatal(err)
	}
	defer js.Conn().Close()
	for deadline := time.Now().Add(startTimeout); ; { // one that comes before there is a leader is not answered
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		_, err := js.AccountInfo(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the cluster: %v", err)
		}
	}
}

// jetStream is a connection to any node, past the paths that are cut.
func (w *world) jetStream() (jetstream.JetStream, error) {
	var urls []string
	for _, n := range w.nats {
		urls = append(urls, "nats://"+n.plan.Client)
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.Timeout(5*time.Second), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1))
	if err != nil {
		return nil, err
	}
	return jetstream.New(nc)
}

func (n *node) start() {
	lines := processtest.NewLines()
	n.p = processtest.StartRole(n.w.t, "nats", n.plan, lines.Add)
	select {
	case <-lines:
	case <-n.p.Exited():
	case <-time.After(startTimeout):
	}
}

// stop ends the node well.
func (n *node) stop() {
	if n.plan.Program != "" {
		n.p.Terminate(stopTimeout)
		return
	}
	n.p.End(stopTimeout)
}

// startPeers starts the SMSC and the callback receiver.
func (w *world) startPeers() {
	addr := make(chan string, 1)
	w.smsc = processtest.StartRoleHeard(w.t, "smsc", 1_000_000, func(line string) {
		var s smscSays
		switch err := json.Unmarshal([]byte(line), &s); {
		case err != nil:
			w.ledger.strange("the SMSC's process said: " + line)
		case s.Arrival != nil:
			w.ledger.arrive(*s.Arrival)
		case s.Unanswered != nil:
			w.ledger.refuse(*s.Unanswered)
		default:
			addr <- s.Addr
		}
	}, w.logOf("smsc"))
	smscAddr := receive(w.t, addr)
	w.receiver = processtest.StartRoleHeard(w.t, "receiver", receiverPlan{Secret: callbackSecret, Fail: 20, Hang: 3}, func(line string) {
		var s receiverSays
		switch err := json.Unmarshal([]byte(line), &s); {
		case err != nil:
			w.ledger.strange("the receiver's process said: " + line)
		case s.Told != nil:
			w.ledger.hear(*s.Told)
		default:
			addr <- s.Addr
		}
	}, w.logOf("receiver"))
	w.callback = newPath(w.t, receive(w.t, addr))
	w.set.smsc = smscAddr
}

func receive(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case s := <-from:
		return s
	case <-time.After(startTimeout):
		t.Fatal("a peer did not start")
		return ""
	}
}

var callbackSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a secret for callbacks, 32 bytes"))

// newGateway prepares a daemon with ways of its own to everybody.
func (w *world) newGateway(n int, program string) *gateway {
	g := &gateway{w: w, n: n, program: program, smsc: newPath(w.t, w.set.smsc), log: w.logOf(fmt.Sprint("daemon", n))}
	var urls []string
	for _, node := range w.nats {
		p := newPath(w.t, node.plan.Client)
		g.nats = append(g.nats, p)
		urls = append(urls, "nats://"+p.addr())
	}
	g.env = map[string]string{
		"OTPGW_HTTP_ADDR": "127.0.0.1:0", "OTPGW_ADMIN_ADDR": "127.0.0.1:0", "OTPGW_LOG_FORMAT": "json",
		"OTPGW_ADMIN_TOKEN": adminToken,
		"OTPGW_DATA_DIR":    filepath.Join(w.dir, fmt.Sprint("data", n)),
		"OTPGW_NATS_URL":    strings.Join(urls, ","), "OTPGW_NATS_REPLICAS": fmt.Sprint(nodes),
		"OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
		"OTPGW_APPS":       "shop", "OTPGW_APP_SHOP_API_KEYS": apiKey, "OTPGW_APP_SHOP_SENDERS": "Verify",
		"OTPGW_APP_SHOP_TEMPLATE": textPattern, "OTPGW_APP_SHOP_PIN_TYPE": "letters", "OTPGW_APP_SHOP_PIN_LENGTH": "10",
		"OTPGW_APP_SHOP_CALLBACK_URL":    "http://" + w.callback.addr() + "/callbacks",
		"OTPGW_APP_SHOP_CALLBACK_SECRET": callbackSecret, "OTPGW_CALLBACK_ALLOW": "127.0.0.0/8",
		"OTPGW_LINKS": "carrier", "OTPGW_LINK_CARRIER_ADDR": g.smsc.addr(), "OTPGW_LINK_CARRIER_SYSTEM_ID": "acc",
		"OTPGW_LINK_CARRIER_PASSWORD": "secret", "OTPGW_LINK_CARRIER_WINDOW": fmt.Sprint(window),
		"OTPGW_LINK_CARRIER_ENQUIRE_LINK": "5s", "OTPGW_LINK_CARRIER_RESPONSE_TIMEOUT": "5s",
	}
	if n == w.set.skewed {
		g.skew = w.set.skew
		g.env[processtest.ClockVariable] = fmt.Sprint(int(g.skew.Seconds()))
	}
	return g
}

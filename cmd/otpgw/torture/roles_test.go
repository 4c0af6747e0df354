package torture

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestMain(m *testing.M) {
	processtest.Main(m, map[string]processtest.Role{"nats": natsRole, "smsc": smscRole, "receiver": receiverRole, "ending": endingRole})
}

// reporter writes events as lines of JSON, each whole.
type reporter struct {
	mu sync.Mutex
	w  *bufio.Writer
}

func newReporter() *reporter { return &reporter{w: bufio.NewWriter(os.Stdout)} }

func (r *reporter) say(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.w.Write(append(text, '\n'))
	r.w.Flush()
}

// natsPlan is one node of a cluster: where it listens, where the others' ways from it begin.
type natsPlan struct {
	Name, Dir, Client, Cluster string
	Routes                     []string
	Program                    string // that is the node; empty: the server that is in the product
}

// maxStore is how much the streams of a node may promise to hold: more than they do, whatever room the disk
// has.
const maxStore = 64 << 30

// natsRole is a node. Nodes reach each other only over the routes that they are given, so that a test can cut
// those: what a node tells of itself to others is an address where nobody listens.
func natsRole(ctx context.Context, plan []byte) error {
	var p natsPlan
	if err := json.Unmarshal(plan, &p); err != nil {
		return err
	}
	if p.Program != "" {
		return p.become()
	}
	o := &server.Options{ServerName: p.Name, JetStream: true, JetStreamMaxStore: maxStore, StoreDir: p.Dir, NoSigs: true, NoLog: true}
	var err error
	if o.Host, o.Port, err = hostPort(p.Client); err != nil {
		return err
	}
	o.Cluster.Name, o.Cluster.NoAdvertise, o.Cluster.Advertise = "torture", true, "127.0.0.1:1"
	if o.Cluster.Host, o.Cluster.Port, err = hostPort(p.Cluster); err != nil {
		return err
	}
	for _, r := range p.Routes {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: r})
	}
	ns, err := server.NewServer(o)
	if err != nil {
		return err
	}
	ns.Start()
	if !ns.ReadyForConnections(time.Minute) {
		return fmt.Errorf("the server did not get ready")
	}
	fmt.Println("ready")
	<-ctx.Done()
	ns.Shutdown()
	ns.WaitForShutdown()
	return nil
}

// become puts another nats-server in the place of this process. It ends by SIGTERM, not with its input.
func (p natsPlan) become() error {
	config := fmt.Sprintf(`server_name: %q
listen: %q
log_file: %q
jetstream { store_dir: %q, max_file_store: %d }
cluster { name: torture, listen: %q, advertise: "127.0.0.1:1", no_advertise: true, routes: ["nats://%s"] }
`, p.Name, p.Client, filepath.Join(p.Dir, "log"), p.Dir, maxStore, p.Cluster, strings.Join(p.Routes, `", "nats://`))
	file := filepath.Join(p.Dir, "config")
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	fmt.Println("ready") // as far as can be said before; who needs the cluster waits for its leader
	return syscall.Exec(p.Program, []string{p.Program, "-c", file}, os.Environ())
}

func hostPort(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = fmt.Sscan(text, &port)
	}
	return host, port, err
}

// The marks by which a message's text, and the PIN in it, are told: neither may be found anywhere but in the
// SMS.
const (
	textMark    = "Zwiebelkuchen"
	textPattern = textMark + " {{pin}}"
)

// arrival is a submit_sm that the SMSC took.
type arrival struct {
	To  string
	PIN string
	At  time.Time
}

// unanswered is, at the SMSC's end, a receipt that no daemon answered OK.
type unanswered struct {
	To, Status string
}

// smscSays is a line of the SMSC's process.
type smscSays struct {
	Addr       string      `json:",omitempty"`
	Arrival    *arrival    `json:",omitempty"`
	Unanswered *unanswered `json:",omitempty"`
}

// smscRole is a carrier that takes all, and repeats a receipt for as long as nobody answers it.
func smscRole(ctx context.Context, plan []byte) error {
	var keep int
	if err := json.Unmarshal(plan, &keep); err != nil {
		return err
	}
	out := newReporter()
	s, err := smsc.Start(smsc.Config{
		Keep: keep, KeepPDUs: -1, NoMagic: true, ReceiptDelay: 300 * time.Millisecond,
		ReceiptRetry: time.Second, ReceiptTries: 1000, ResponseTimeout: 5 * time.Second, EnquireLink: 5 * time.Second,
		OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
			_, pin, _ := strings.Cut(i.Text, textMark+" ")
			out.say(smscSays{Arrival: &arrival{strings.TrimPrefix(i.To, "+"), pin, i.Time}})
			return smsc.Outcome{Status: wire.StatusOK, Delay: 20 * time.Millisecond}
		},
	})
	if err != nil {
		return err
	}
	out.say(smscSays{Addr: s.Addr()})
	<-ctx.Done()
	for _, m := range s.Messages(smsc.Filter{}) {
		for _, r := range m.Receipts {
			if r.Status != smsc.ReceiptAnswered {
				out.say(smscSays{Unanswered: &unanswered{strings.TrimPrefix(m.To, "+"), fmt.Sprint(r.Status, " ", r.Answer)}})
			}
		}
	}
	closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = s.Close(closing) // a daemon that was killed answers no unbind
	return nil
}

// told is a callback as the receiver got it.
type told struct {
	WebhookID string
	Body      string // a hash
	Signed    bool
	Marked    bool // with a message's text in it
	Taken     bool // answered with 200
	Changes   []change
}

// change is one item of a callback.
type change struct {
	Event  string
	To     string // the number, without +
	Status string
}

// receiverSays is a line of the receiver's process.
type receiverSays struct {
	Addr string `json:",omitempty"`
	Told *told  `json:",omitempty"`
}

// receiverPlan says how bad the receiver is: of a thousand webhook-ids, how many get a 500 or no answer at
// first.
type receiverPlan struct {
	Secret     string
	Fail, Hang uint32
}

// hangTime is how long an answer is kept back from those that hang; the daemon gives up before.
const hangTime = 15 * time.Second

// receiver is an application's callback URL.
type receiver struct {
	plan receiverPlan
	hook *standardwebhooks.Webhook
	out  *reporter

	mu   sync.Mutex
	seen map[string]bool // webhook-ids
}

func receiverRole(ctx context.Context, plan []byte) error {
	r := &receiver{out: newReporter(), seen: make(map[string]bool)}
	err := json.Unmarshal(plan, &r.plan)
	if err == nil {
		r.hook, err = standardwebhooks.NewWebhook(r.plan.Secret)
	}
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.out.say(receiverSays{Addr: ln.Addr().String()})
	srv := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(ln) }()
	<-ctx.Done()
	return srv.Close()
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil { // cut off: it came to nobody
		return
	}
	id := req.Header.Get(standardwebhooks.HeaderWebhookID)
	t := told{WebhookID: id, Signed: r.hook.Verify(body, req.Header) == nil, Marked: strings.Contains(string(body), textMark)}
	sum := sha256.Sum256(body)
	t.Body = hex.EncodeToString(sum[:8])
	t.Changes = changesIn(body)
	first := r.first(id)
	h := fnv.New32a()
	_, _ = io.WriteString(h, id)
	switch dice := h.Sum32() % 1000; {
	case first && dice < r.plan.Fail:
		r.out.say(receiverSays{Told: &t})
		w.WriteHeader(http.StatusInternalServerError)
		return
	case first && dice < r.plan.Fail+r.plan.Hang:
		r.out.say(receiverSays{Told: &t})
		select {
		case <-req.Context().Done():
		case <-time.After(hangTime):
		}
		w.WriteHeader(http.StatusGatewayTimeout)
		return
	}
	t.Taken = true
	r.out.say(receiverSays{Told: &t})
	w.WriteHeader(http.StatusOK)
}

func (r *receiver) first(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen[id]
	r.seen[id] = true
	return !seen
}

func changesIn(body []byte) []change {
	var cb struct {
		Event string
		Data  []struct{ PhoneNumber, Status string }
	}
	if json.Unmarshal(body, &cb) != nil {
		return nil
	}
	cs := make([]change, len(cb.Data))
	for i, d := range cb.Data {
		cs[i] = change{cb.Event, strings.TrimPrefix(d.PhoneNumber, "+"), d.Status}
	}
	return cs
}

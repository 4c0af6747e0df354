package orders

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
)

// The keys of the bucket, and how long what they hold is good.
const (
	orderKey  = "do."   // and the order's id
	answerKey = "did."  // and the order's id, a dot, and the daemon
	nameKey   = "name." // and the daemon

	orderLife   = time.Minute
	nameLife    = time.Hour
	nameRenewal = 20 * time.Minute
	patience    = 4 * time.Second // for the answers of all
)

// Order is one thing to do. The numbers of its fields are what is stored; so it is with Answer.
type Order struct {
	Verb   string `cbor:"1,keyasint"`
	Target string `cbor:"2,keyasint,omitempty"`
	From   string `cbor:"3,keyasint"`           // the daemon that was asked
	Level  bool   `cbor:"4,keyasint,omitempty"` // every daemon begins it at the same position of the log, the one that was asked too
}

// Answer is what a daemon says of an order.
type Answer struct {
	Daemon string `cbor:"1,keyasint" json:"daemon"`
	Error  string `cbor:"2,keyasint,omitempty" json:"error,omitempty"` // why it is not done
	Left   int    `cbor:"3,keyasint,omitempty" json:"left,omitempty"`  // what has to end yet, of an order that takes time

	Position uint64 `cbor:"4,keyasint,omitempty" json:"position,omitempty"` // of the log, when the order was begun
	Hash     string `cbor:"5,keyasint,omitempty" json:"hash,omitempty"`     // of the state there
}

// Work carries an order out that was begun.
type Work func(context.Context) Answer

// Board is a daemon's part. Make it with New, and run it.
type Board struct {
	queue *queue.Queue
	name  string
	begin func(Order) Work
	log   zerolog.Logger
	tasks chan task

	mu    sync.Mutex            // guards the rest
	asked map[string]*responses // by order
}

// task is an order that was heard and begun.
type task struct {
	id string
	Order
	work Work
}

// responses are the answers to an order of this daemon.
type responses struct {
	by   map[string]Answer // daemon
	news chan struct{}     // one of them came
}

// maxTasks are orders that wait for their turn; operators are not that quick.
const maxTasks = 256

// New is the board of a daemon, whose name is for people. begin is called when an order is heard, in the way
// of everything else: it is quick, stores nothing, and looks at the state as it is at the order's position.
// The work that it returns is done by Run, one after the other.
func New(q *queue.Queue, name string, begin func(Order) Work, log zerolog.Logger) *Board {
	b := &Board{queue: q, name: name, begin: begin, log: log, tasks: make(chan task, maxTasks), asked: make(map[string]*responses)}
	if self, _ := q.Daemons(); self != "" {
		q.Control().Watch(func(key, value string, gone bool) {
			if !gone {
				b.heard(self, key, value)
			}
		})
	}
	return b
}

// Run does what other daemons are asked for, one after the other, until ctx ends.
func (b *Board) Run(ctx context.Context) error {
	self, _ := b.queue.Daemons()
	if self == "" {
		return nil // there is nobody else
	}
	renew := time.NewTicker(nameRenewal)
	defer renew.Stop()
	b.introduce(ctx, self)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-renew.C:
			b.introduce(ctx, self)
		case t := <-b.tasks:
			b.perform(ctx, self, t)
		}
	}
}

// introduce tells the others the daemon's name.
func (b *Board) introduce(ctx context.Context, self string) {
	if _, err := b.queue.Control().Put(ctx, nameKey+self, []byte(b.name), nameLife); err != nil && ctx.Err() == nil {
		b.log.Warn().Err(err).Msg("the other daemons do not hear this one's name")
	}
}

// heard follows the bucket; it is in the way of everything else, and stores nothing.
func (b *Board) heard(self, key, value string) {
	if id, ok := strings.CutPrefix(key, orderKey); ok {
		var o Order
		if cbor.Unmarshal([]byte(value), &o) != nil || o.From == self && !o.Level || len(b.tasks) == cap(b.tasks) {
			return // of too many, whoever asked hears no answer, and asks again
		}
		b.tasks <- task{id, o, b.begin(o)} // there is room, for nobody else puts any in
		return
	}
	rest, ok := strings.CutPrefix(key, answerKey)
	id, daemon, whole := strings.Cut(rest, ".")
	if !ok || !whole {
		return
	}
	var a Answer
	if cbor.Unmarshal([]byte(value), &a) == nil {
		b.answered(id, daemon, a)
	}
}

func (b *Board) answered(id, daemon string, a Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.asked[id]
	if r == nil {
		return // another daemon's question
	}
	r.by[daemon] = a
	select {
	case r.news <- struct{}{}:
	default:
	}
}

func (b *Board) perform(ctx context.Context, self string, t task) {
	a := t.work(ctx)
	a.Daemon = b.name
	if t.From == self {
		b.answered(t.id, self, a)
		return
	}
	data, err := cbor.Marshal(a)
	if err == nil {
		_, err = b.queue.Control().Put(ctx, answerKey+t.id+"."+self, data, orderLife)
	}
	b.log.Info().Str("verb", t.Verb).Str("target", t.Target).Str("failed", a.Error).AnErr("unanswered", err).Msg("done, as another daemon was asked to")
}

// Tell does an order here, has all other daemons do it, and returns what each says, this one first. The error
// says that the others have not heard of it.
func (b *Board) Tell(ctx context.Context, o Order) ([]Answer, error) {
	self, others := b.queue.Daemons()
	if o.Level && self != "" {
		return b.publish(ctx, o, append([]string{self}, others...))
	}
	own := b.begin(o)(ctx)
	own.Daemon = b.name
	if len(others) == 0 {
		return []Answer{own}, nil
	}
	said, err := b.publish(ctx, o, others)
	if err != nil {
		err = fmt.Errorf("done by %s, and the other daemons have not heard of it: %w", b.name, err)
	}
	return append([]Answer{own}, said...), err
}

// publish makes daemons hear an order and returns what they say.
func (b *Board) publish(ctx context.Context, o Order, daemons []string) ([]Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id := nuid.Next()
	r := b.listen(id)
	defer b.leave(id)
	o.From, _ = b.queue.Daemons()
	data, err := cbor.Marshal(o)
	if err == nil {
		_, err = b.queue.Control().Put(ctx, orderKey+id, data, orderLife)
	}
	if err != nil {
		return nil, err
	}
	return b.await(ctx, r, daemons), nil
}

func (b *Board) listen(id string) *responses {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &responses{by: make(map[string]Answer), news: make(chan struct{}, 1)}
	b.asked[id] = r
	return r
}

func (b *Board) leave(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.asked, id)
}

// await waits for the answers of daemons, of those that are alive, until ctx ends.
func (b *Board) await(ctx context.Context, r *responses, daemons []string) []Answer {
	check := time.NewTicker(patience / 8) // one may end meanwhile
	defer check.Stop()
	for {
		self, others := b.queue.Daemons()
		alive := append(others, self)
		b.mu.Lock()
		by := maps.Clone(r.by)
		b.mu.Unlock()
		missing := slices.ContainsFunc(daemons, func(d string) bool { _, said := by[d]; return !said && slices.Contains(alive, d) })
		if !missing || ctx.Err() != nil {
			return b.list(daemons, alive, by)
		}
		select {
		case <-r.news:
		case <-check.C:
		case <-ctx.Done():
		}
	}
}

// list is what the daemons said, and which said nothing though they are alive.
func (b *Board) list(daemons, alive []string, by map[string]Answer) (all []Answer) {
	for _, d := range daemons {
		a, said := by[d]
		if !said && !slices.Contains(alive, d) {
			continue // it is gone
		}
		if !said {
			a = Answer{Daemon: b.nameOf(d), Error: fmt.Sprintf("no answer within %s", patience)}
		}
		all = append(all, a)
	}
	return all
}

// Names are those of the daemons that are alive, this one first.
func (b *Board) Names() []string {
	names := []string{b.name}
	_, others := b.queue.Daemons()
	for _, d := range others {
		names = append(names, b.nameOf(d))
	}
	return names
}

func (b *Board) nameOf(daemon string) string {
	if self, _ := b.queue.Daemons(); daemon == self {
		return b.name
	}
	if e, err := b.queue.Control().Near(nameKey + daemon); err == nil {
		return string(e.Value)
	}
	return daemon
}

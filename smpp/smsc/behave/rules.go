package behave

import (
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// maxTries bounds the messages that a rule with PerMessage remembers. Beyond it the rule starts anew.
const maxTries = 10_000

// Rules are the rules of a server, which may be changed while it runs.
type Rules struct {
	changed func() // called behind each change; see OnChange

	any  atomic.Bool // there is a rule: spares the lock when there is none
	mu   sync.Mutex  // guards the rest
	list []*compiled
	last int // the last id given
}

// OnChange sets what is called behind each change, before the rules are shared.
func (r *Rules) OnChange(f func()) { r.changed = f }

// List returns the rules in their order.
func (r *Rules) List() []Rule {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Rule, len(r.list))
	for i, c := range r.list {
		out[i] = c.Rule
	}
	return out
}

// Get returns one rule.
func (r *Rules) Get(id string) (Rule, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := r.find(id); i >= 0 {
		return r.list[i].Rule, true
	}
	return Rule{}, false
}

// Replace puts these rules in place of all. On an error, a *FieldError, nothing has changed.
func (r *Rules) Replace(rules []Rule) error {
	if len(rules) > maxRules {
		return Wrong("rules", "has more than %d", maxRules)
	}
	list := make([]*compiled, len(rules))
	ids := make(map[string]bool)
	for i, rule := range rules {
		c, err := compile(rule)
		if err != nil {
			return inList(i, err)
		}
		if c.ID != "" && ids[c.ID] {
			return inList(i, Wrong("id", "%q is there twice", c.ID))
		}
		ids[c.ID] = true
		c.Hits = 0
		list[i] = c
	}
	r.mu.Lock()
	r.list = nil
	for _, c := range list {
		r.name(c, ids)
	}
	r.list = list
	r.mu.Unlock()
	r.done()
	return nil
}

// Add puts a rule in front of the others, so that it wins, and returns it with its id. A rule with the id of
// one that is there takes its place. The error is a *FieldError.
func (r *Rules) Add(rule Rule) (Rule, error) { return r.put(rule, true) }

// Append is Add, but behind the others.
func (r *Rules) Append(rule Rule) (Rule, error) { return r.put(rule, false) }

func (r *Rules) put(rule Rule, front bool) (Rule, error) {
	c, err := compile(rule)
	if err != nil {
		return Rule{}, err
	}
	c.Hits = 0
	r.mu.Lock()
	i := r.find(c.ID)
	switch {
	case c.ID != "" && i >= 0:
		r.list[i] = c
	case len(r.list) >= maxRules:
		r.mu.Unlock()
		return Rule{}, Wrong("rules", "there are %d already", maxRules)
	default:
		r.name(c, nil)
		if front {
			r.list = slices.Insert(r.list, 0, c)
		} else {
			r.list = append(r.list, c)
		}
	}
	rule = c.Rule
	r.mu.Unlock()
	r.done()
	return rule, nil
}

// Delete takes a rule out, and reports whether it was there.
func (r *Rules) Delete(id string) bool {
	r.mu.Lock()
	i := r.find(id)
	if i >= 0 {
		r.list = slices.Delete(r.list, i, i+1)
	}
	r.mu.Unlock()
	if i < 0 {
		return false
	}
	r.done()
	return true
}

func (r *Rules) done() {
	r.mu.Lock()
	r.any.Store(len(r.list) > 0)
	r.mu.Unlock()
	if r.changed != nil {
		r.changed()
	}
}

func (r *Rules) find(id string) int {
	return slices.IndexFunc(r.list, func(c *compiled) bool { return c.ID == id })
}

// name gives a rule an id that no other has. The caller holds mu.
func (r *Rules) name(c *compiled, taken map[string]bool) {
	for c.ID == "" {
		r.last++
		if id := "r" + strconv.Itoa(r.last); r.find(id) < 0 && !taken[id] {
			c.ID = id
		}
	}
}

// Decide finds the rule for a message, and counts it.
func (r *Rules) Decide(in *Submit, dice *rand.Rand) (Rule, bool) {
	if !r.any.Load() {
		return Rule{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.list {
		if c.matches(in) && c.take(in, dice) {
			return c.Rule, true
		}
	}
	return Rule{}, false
}

var trySeed = maphash.MakeSeed()

// take counts a message that matches, and reports whether the rule still holds for it.
func (c *compiled) take(in *Submit, dice *rand.Rand) bool {
	if c.Share != nil && dice.Float64() >= *c.Share {
		return false
	}
	switch {
	case c.Count == 0:
	case !c.PerMessage:
		if c.Hits >= uint64(c.Count) {
			return false
		}
	default:
		key := in.key()
		if c.tries == nil || len(c.tries) >= maxTries {
			c.tries = make(map[uint64]int)
		}
		if c.tries[key] >= c.Count {
			delete(c.tries, key)
			return false
		}
		c.tries[key]++
	}
	c.Hits++
	return true
}

// key tells messages apart: by account, destination and content.
func (in *Submit) key() uint64 {
	var h maphash.Hash
	h.SetSeed(trySeed)
	for _, s := range []string{in.Account, in.PDU.Dest.Addr, in.PDU.Source.Addr} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	h.Write(in.PDU.Payload())
	return h.Sum64()
}

package server

import (
	"crypto/subtle"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	// maxHeld is how many receipts wait in the outbox of one account, maxHeldAll in all of them. When more
	// come the oldest of the account are dropped.
	maxHeld    = 100_000
	maxHeldAll = 250_000
	// maxIdleAccounts bounds the accounts remembered when any system_id may bind. Beyond it those without a
	// bind are forgotten, with the receipts held for them.
	maxIdleAccounts = 1000
)

// specSystemID is the longest system_id of the specification (SMPP 3.4, 5.2.1).
var specSystemID = wire.LayoutOf(wire.BindTransceiver).Field("system_id").Room()

// specPassword is the longest password of the specification (SMPP 3.4, 5.2.2). Real SMSCs give out longer
// ones.
var specPassword = wire.LayoutOf(wire.BindTransceiver).Field("password").Room()

// Account is who may bind, and how much.
type Account struct {
	SystemID string `json:"systemId"`
	Password string `json:"password,omitempty"` // never in an answer of the API
	Limits   Limits `json:"limits"`
}

// AccountInfo is an account as the API shows it.
type AccountInfo struct {
	SystemID   string `json:"systemId"`
	Configured bool   `json:"configured"` // false: it came by itself, for any may bind
	Limits     Limits `json:"limits"`
	Binds      int    `json:"binds"`
	Receivers  int    `json:"receivers"` // binds that can receive
	Held       int    `json:"held"`      // receipts and messages that wait for a bind
	Throttled  uint64 `json:"throttled"` // submits over a limit
}

// account is what the binds of one system_id share.
type account struct {
	name      string
	outbox    *queue[*delivery] // receipts for whichever bind can receive
	receivers atomic.Int32      // binds that can receive now
	old       atomic.Int32      // of them those of SMPP 3.3, which know no TLVs
	throttled atomic.Uint64
	answers   statuses
	states    stateCounts
	policy    atomic.Pointer[policy]
	dice      dice
	binds     int // guarded by accounts.mu
	// ranges are the addresses that its receivers serve, of those that say so; guarded by accounts.mu.
	ranges map[*bind]*regexp.Regexp
}

// policy is what an account may do, and the state of its limits.
type policy struct {
	Limits
	rate      *rate.Limiter // nil: none
	bandwidth *rate.Limiter
}

// dice is a generator of its own for each account, so that what one account does changes nothing for another.
type dice struct {
	mu  sync.Mutex
	gen *rand.Rand
}

// accounts knows who may bind.
type accounts struct {
	seed   uint64
	limits Limits // of accounts that have none of their own
	held   budget // receipts in all outboxes

	mu      sync.Mutex         // guards the rest
	allowed map[string]Account // empty: anybody may bind
	byName  map[string]*account
}

func newAccounts(list []Account, limits Limits, seed uint64) *accounts {
	a := &accounts{
		seed: seed, limits: limits, held: budget{limit: maxHeldAll},
		allowed: make(map[string]Account), byName: make(map[string]*account),
	}
	for _, acc := range list {
		a.allowed[acc.SystemID] = acc
	}
	return a
}

// enter checks a bind and counts it in. Each enter that is answered ESME_ROK wants its leave.
func (a *accounts) enter(b wire.Bind, kind Kind) (*account, wire.Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.allowed) > 0 {
		want, ok := a.allowed[b.SystemID]
		if !ok {
			return nil, wire.StatusInvSysID
		}
		if subtle.ConstantTimeCompare([]byte(want.Password), []byte(b.Password)) != 1 {
			return nil, wire.StatusInvPaswd
		}
	}
	acc := a.get(b.SystemID)
	if most := acc.policy.Load().MaxBinds; most > 0 && acc.binds >= most {
		return nil, wire.StatusAlreadyBound
	}
	acc.binds++
	if kind.receives() {
		acc.receivers.Add(1)
	}
	return acc, wire.StatusOK
}

// get is the account of that name, made when it is not there. The caller holds mu.
func (a *accounts) get(name string) *account {
	acc := a.byName[name]
	if acc != nil {
		return acc
	}
	if len(a.allowed) == 0 && len(a.byName) >= maxIdleAccounts {
		a.forgetIdle()
	}
	acc = &account{name: name, outbox: newQueue[*delivery](maxHeld, &a.held)}
	acc.dice.gen = rand.New(rand.NewPCG(a.seed, hashOf(name)))
	limits := a.limits
	if own, ok := a.allowed[name]; ok && own.Limits != (Limits{}) {
		limits = own.Limits
	}
	acc.policy.Store(newPolicy(limits))
	a.byName[name] = acc
	return acc
}

// hashOf is FNV-1a: the same in each run, as a seed wants it.
func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// find is the account of that name, when it may bind or has bound.
func (a *accounts) find(name string) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.allowed[name]; ok {
		return a.get(name)
	}
	return a.byName[name]
}

// serve notes which addresses a receiver serves (SMPP 3.4, 5.2.7: a regular expression). One that cannot be
// read is none.
func (a *accounts) serve(acc *account, b *bind, addressRange string) {
	re, err := regexp.Compile(addressRange)
	if addressRange == "" || err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if acc.ranges == nil {
		acc.ranges = make(map[*bind]*regexp.Regexp)
	}
	acc.ranges[b] = re
}

// serves reports whether one of the account's receivers named addresses that this is one of. The caller holds
// mu.
func (acc *account) serves(address string) bool {
	for _, re := range acc.ranges {
		if re.MatchString(address) {
			return true
		}
	}
	return false
}

// receiver is an account for a message from a handset: one with a bind whose address_range is for that
// destination, else one with a bind that can receive, or the only one there is.
func (a *accounts) receiver(to string) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for name := range a.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if a.byName[name].serves(to) {
			return a.byName[name]
		}
	}
	for _, name := range names {
		if a.byName[name].receivers.Load() > 0 {
			return a.byName[name]
		}
	}
	switch {
	case len(names) == 1:
		return a.byName[names[0]]
	case len(names) == 0 && len(a.allowed) == 1:
		for name := range a.allowed {
			return a.get(name)
		}
	}
	return nil
}

// longPassword reports whether an account was given a password that is longer than the specification's.
func (a *accounts) longPassword(systemID string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.allowed[systemID].Password) > specPassword
}

func (a *accounts) leave(b *bind) {
	acc, kind := b.account, b.kind
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(acc.ranges, b)
	acc.binds--
	if kind.receives() {
		acc.receivers.Add(-1)
	}
}

// forgetIdle forgets the accounts that have no bind. The caller holds mu.
func (a *accounts) forgetIdle() {
	for name, acc := range a.byName {
		if acc.binds == 0 {
			acc.outbox.close()
			delete(a.byName, name)
		}
	}
}

// bound is how many binds there are.
func (a *accounts) bound() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, acc := range a.byName {
		n += acc.binds
	}
	return n
}

// Accounts lists the accounts, those that may bind and those that did, by system_id.
func (s *Server) Accounts() []AccountInfo {
	a := s.accounts
	a.mu.Lock()
	defer a.mu.Unlock()
	for name := range a.allowed {
		a.get(name)
	}
	var out []AccountInfo
	for name, acc := range a.byName {
		_, configured := a.allowed[name]
		out = append(out, AccountInfo{
			SystemID: name, Configured: configured, Limits: acc.policy.Load().Limits, Binds: acc.binds,
			Receivers: int(acc.receivers.Load()), Held: acc.outbox.size(), Throttled: acc.throttled.Load(),
		})
	}
	slices.SortFunc(out, func(x, y AccountInfo) int { return strings.Compare(x.SystemID, y.SystemID) })
	return out
}

// SetAccount lets an account bind, or changes its password and limits; binds that are there go on under the
// new limits. From the first account on, only accounts that were set may bind. The error is a *FieldError.
func (s *Server) SetAccount(acc Account) error {
	if err := acc.validate(); err != nil {
		return err
	}
	a := s.accounts
	a.mu.Lock()
	a.allowed[acc.SystemID] = acc
	limits := acc.Limits
	if limits == (Limits{}) {
		limits = a.limits
	}
	a.get(acc.SystemID).policy.Store(newPolicy(limits))
	a.mu.Unlock()
	s.events.changed(TopicSessions)
	return nil
}

// DeleteAccount lets an account bind no more, and reports whether it could. Its binds go on until they end.
// Without the last account anybody may bind again.
func (s *Server) DeleteAccount(systemID string) bool {
	a := s.accounts
	a.mu.Lock()
	_, ok := a.allowed[systemID]
	delete(a.allowed, systemID)
	a.mu.Unlock()
	if ok {
		s.events.changed(TopicSessions)
	}
	return ok
}

func (a Account) validate() error {
	switch { // SMPP 3.4, 5.2.1; of the password see specPassword
	case a.SystemID == "" || len(a.SystemID) > specSystemID || strings.ContainsRune(a.SystemID, 0):
		return behave.Wrong("systemId", "is empty, longer than %d characters, or has a NUL", specSystemID)
	case len(a.Password) > 64 || strings.ContainsRune(a.Password, 0):
		return behave.Wrong("password", "is longer than 64 characters, or has a NUL")
	}
	return a.Limits.validate("limits")
}

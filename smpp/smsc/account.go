package smsc

import (
	"crypto/subtle"
	"sync"
	"sync/atomic"

	"otpgw/smpp/wire"
)

const (
	// maxHeld is how many receipts wait in the outbox of one account, maxHeldAll in all of them. When more come the
	// oldest of the account are dropped.
	maxHeld    = 100_000
	maxHeldAll = 250_000
	// maxIdleAccounts bounds the accounts remembered when any system_id may bind. Beyond it those without a bind are
	// forgotten, with the receipts held for them.
	maxIdleAccounts = 1000
)

// account is what the binds of one system_id share.
type account struct {
	name      string
	outbox    *queue[*delivery] // receipts for whichever bind can receive
	receivers atomic.Int32      // binds that can receive now
	binds     int               // guarded by accounts.mu
}

// accounts knows who may bind.
type accounts struct {
	passwords map[string]string // by system_id; empty: anybody may bind
	held      budget            // receipts in all outboxes

	mu     sync.Mutex // guards byName
	byName map[string]*account
}

func newAccounts(passwords map[string]string) *accounts {
	return &accounts{passwords: passwords, held: budget{limit: maxHeldAll}, byName: make(map[string]*account)}
}

// enter checks a bind and counts it in. Each enter that is answered ESME_ROK wants its leave.
func (a *accounts) enter(b wire.Bind, kind Kind) (*account, wire.Status) {
	if len(a.passwords) > 0 {
		want, ok := a.passwords[b.SystemID]
		if !ok {
			return nil, wire.StatusInvSysID
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(b.Password)) != 1 {
			return nil, wire.StatusInvPaswd
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.byName[b.SystemID]
	if acc == nil {
		if len(a.passwords) == 0 && len(a.byName) >= maxIdleAccounts {
			a.forgetIdle()
		}
		acc = &account{name: b.SystemID, outbox: newQueue[*delivery](maxHeld, &a.held)}
		a.byName[b.SystemID] = acc
	}
	acc.binds++
	if kind.receives() {
		acc.receivers.Add(1)
	}
	return acc, wire.StatusOK
}

func (a *accounts) leave(acc *account, kind Kind) {
	a.mu.Lock()
	defer a.mu.Unlock()
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

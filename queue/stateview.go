package queue

import "github.com/otpgw/otpgw/queue/internal/commitlog"

// StateView is the state of the log at one position, while the log goes on. It takes memory until Hash has
// returned.
type StateView struct{ view *commitlog.View }

// ViewState begins a view of the state as it is now. What a bucket's Watch tells of may begin one: in every
// daemon that shares the store it is then of the same position.
func (q *Queue) ViewState() StateView { return StateView{q.ledger.View()} }

// Hash sums the state up, once. It is equal in all daemons that share the store, and in one that was started
// again, at the same position; the error is that this daemon was far behind meanwhile, and took another's
// snapshot.
func (v StateView) Hash() (position, sum uint64, err error) {
	sum, err = v.view.Hash()
	return v.view.Position(), sum, err
}

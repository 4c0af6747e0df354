package otp

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// mostAbandoned bounds how many are known. More fail within a key's lease only where no store answers for
// long, and then the oldest are free soon.
const mostAbandoned = 4096

// abandoned are the requests with an idempotency key that this daemon began and gave up, since the store did
// not answer. Their key may be stored all the same, and would look as if they were under way until its lease
// ran out. By the id of the OTP that each was to make.
type abandoned struct {
	once sync.Once
	ids  *lru.Cache[string, struct{}]
}

func (a *abandoned) add(otpID string) { a.known().Add(otpID, struct{}{}) }

// take tells whether a request is one of those. Only the first who asks gets it, and goes on with it.
func (a *abandoned) take(otpID string) bool { return a.known().Remove(otpID) }

func (a *abandoned) known() *lru.Cache[string, struct{}] {
	a.once.Do(func() { a.ids, _ = lru.New[string, struct{}](mostAbandoned) }) // fails for a size of 0
	return a.ids
}

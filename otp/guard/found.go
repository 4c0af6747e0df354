package guard

import (
	"maps"
	"sync"
	"time"
)

// warnPause is the least time between two warnings of one risk.
const warnPause = 10 * time.Second

// Risk names what was found: for an application, by its mode.
type Risk struct {
	App  string
	Mode Mode
	Name string
}

// Found counts the risks that were found since the start. The zero Found has none.
type Found struct {
	mu     sync.Mutex // guards the rest
	counts map[Risk]uint64
	warned map[Risk]time.Time // real time
}

// Add counts risks, and says whether it is time to warn of them: an attack must not fill the log.
func (f *Found) Add(app string, mode Mode, risks []string) (warn bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts, f.warned = make(map[Risk]uint64), make(map[Risk]time.Time)
	}
	for _, name := range risks {
		r := Risk{app, mode, name}
		f.counts[r]++
		if time.Since(f.warned[r]) > warnPause {
			f.warned[r], warn = time.Now(), true
		}
	}
	return warn
}

// Counts are a copy, never nil.
func (f *Found) Counts() map[Risk]uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := make(map[Risk]uint64, len(f.counts))
	maps.Copy(counts, f.counts)
	return counts
}

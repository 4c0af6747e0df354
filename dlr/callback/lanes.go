package callback

import (
	"net/url"
	"slices"
	"sync"
	"time"
)

// Bounds of all lanes; see the package's comment.
const (
	DefaultLanes = 1024
	hostShare    = 8 // a host may have one in eight of the lanes
	appShare     = 2 // an application, one in two
	maxHeld      = 16384
	laneItems    = 400
	laneShare    = 8

	shortestLaneWait = 100 * time.Millisecond
	longestLaneWait  = time.Minute
	laneWait         = time.Second // for a lane
)

// lane is the line of one URL. All of it is guarded by lanes.mu.
type lane struct {
	url, host, app string
	queue          []job
	underWay       []job
	last           map[string]int // OTP to its highest n in queue or underWay
	weight         int            // of queue and underWay
	moved          time.Time      // when the last request began, that is, the one before ended
}

// lanes is the table of active lanes.
type lanes struct {
	limit int
	run   func(*lane) // sends what a lane holds until it is empty
	wg    sync.WaitGroup

	mu      sync.Mutex
	byURL   map[string]*lane
	hosts   map[string]int
	apps    map[string]int
	held    int // sum of weights
	closing bool
}

func newLanes(limit int, run func(*lane)) *lanes {
	return &lanes{limit: limit, run: run, byURL: make(map[string]*lane), hosts: make(map[string]int), apps: make(map[string]int)}
}

// admission is the answer to a job at the door.
type admission int

const (
	admitted  admission = iota
	noRoom              // come back later
	duplicate           // it is in the lane already
	unknown             // joins only: the lane does not have what comes right before
)

// join puts an item behind the one right before it of its OTP, if the lane holds that. Behind an earlier one it must not go: the
// one between may have been sent back.
func (t *lanes) join(j job) admission {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.byURL[j.url()]
	if l == nil {
		return unknown
	}
	n, ok := l.last[j.event.OtpID]
	switch {
	case ok && n >= j.event.N:
		return duplicate
	case !ok || n != j.event.N-1:
		return unknown
	}
	return t.add(l, j)
}

// admit puts a job into the lane of its URL, which it starts when need be.
func (t *lanes) admit(j job) admission {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.byURL[j.url()]
	if l != nil {
		if n, ok := l.last[j.event.OtpID]; ok && j.batch == nil && n >= j.event.N {
			return duplicate
		}
		return t.add(l, j)
	}
	host, app := hostOf(j.url()), j.app()
	if t.closing || t.held >= maxHeld || len(t.byURL) >= t.limit ||
		t.hosts[host] >= max(t.limit/hostShare, 1) || t.apps[app] >= max(t.limit/appShare, 1) {
		return noRoom
	}
	l = &lane{url: j.url(), host: host, app: app, last: make(map[string]int), moved: time.Now()}
	t.byURL[l.url] = l
	t.hosts[host]++
	t.apps[app]++
	t.add(l, j)
	t.wg.Go(func() { t.run(l) })
	return admitted
}

// add is for callers that hold mu. The first job of a lane always finds room.
func (t *lanes) add(l *lane, j job) admission {
	w := j.weight()
	if t.closing || t.full(l, w) {
		return noRoom
	}
	l.queue = append(l.queue, j)
	l.weight += w
	t.held += w
	if j.batch == nil {
		l.last[j.event.OtpID] = j.event.N
	}
	return admitted
}

// full is for callers that hold mu.
func (t *lanes) full(l *lane, w int) bool {
	return l.weight > 0 && l.weight+w > min(laneItems, (maxHeld-t.held)/laneShare)
}

// room reports whether there may be room for an item of a URL, and if not, after what time to ask again: soon where the lane
// moves, for a backlog must not wait for an idle lane; later the longer its request takes.
func (t *lanes) room(url string) (ok bool, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.byURL[url]
	if l == nil {
		return true, laneWait
	}
	return !t.full(l, 1), min(max(time.Since(l.moved), shortestLaneWait), longestLaneWait)
}

// next moves the jobs of the next request from the queue to underWay and returns them. When there are none, the lane is
// taken off the table and must not be used again.
func (t *lanes) next(l *lane) []job {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.underWay, l.moved = nil, time.Now()
	if len(l.queue) == 0 {
		delete(t.byURL, l.url)
		drop(t.hosts, l.host)
		drop(t.apps, l.app)
		return nil
	}
	l.underWay, l.queue = choose(l.queue)
	return l.underWay
}

// choose takes the first job, and with an item all others of its application and kind for which there is room, but none
// whose OTP has an earlier item that stays.
func choose(list []job) (taken, rest []job) {
	if list[0].batch != nil {
		return list[:1:1], slices.Clone(list[1:])
	}
	first, size := list[0].event, 0
	stays := make(map[string]bool)
	for _, j := range list {
		fits := j.batch == nil && j.event.Kind == first.Kind && j.event.App == first.App && !stays[j.event.OtpID] &&
			len(taken) < maxItems && (len(taken) == 0 || size+len(j.event.Item)+1 <= maxBody)
		if !fits {
			stays[j.event.OtpID] = true
			rest = append(rest, j)
			continue
		}
		size += len(j.event.Item) + 1
		taken = append(taken, j)
	}
	return taken, rest
}

// done takes jobs that were under way off the books of the lane.
func (t *lanes) done(l *lane, jobs []job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(l, jobs)
}

// fail does the same for items that were not delivered, and takes queued items of the same OTPs out: they must not go before.
func (t *lanes) fail(l *lane, jobs []job) (behind []job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	failed := make(map[string]bool, len(jobs))
	for _, j := range jobs {
		failed[j.event.OtpID] = true
		delete(l.last, j.event.OtpID)
	}
	var stay []job
	for _, j := range l.queue {
		if j.batch == nil && failed[j.event.OtpID] {
			behind = append(behind, j)
		} else {
			stay = append(stay, j)
		}
	}
	l.queue = stay
	t.forget(l, behind)
	return behind
}

// forget is for callers that hold mu.
func (t *lanes) forget(l *lane, jobs []job) {
	for _, j := range jobs {
		l.weight -= j.weight()
		t.held -= j.weight()
		if j.batch == nil && l.last[j.event.OtpID] == j.event.N {
			delete(l.last, j.event.OtpID)
		}
	}
}

// close lets no job in any more, and returns those that no lane has begun.
func (t *lanes) close() (waiting []job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = true
	for _, l := range t.byURL {
		waiting = append(waiting, l.queue...)
		t.forget(l, l.queue)
		l.queue = nil
	}
	return waiting
}

func (t *lanes) size() (active, items int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byURL), t.held
}

func drop(counts map[string]int, key string) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
	}
}

// hostOf is the host and port of a URL: all that a log or a limit needs of it.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "invalid"
	}
	return u.Host
}

package commitlog

import "bytes"

// Watch begins to tell a watcher of each change of a bucket that nobody watches, after it has told there of
// all that is there, in no order.
func (l *Log) Watch(bucket string, there, w Watcher) { l.state.watch(bucket, there, w) }

func (s *State) watch(name string, there, w Watcher) {
	s.telling.Lock() // what is applied meanwhile is told afterwards
	defer s.telling.Unlock()
	for _, c := range s.beginWatch(name, w) {
		there(c)
	}
}

func (s *State) beginWatch(name string, w Watcher) (there []Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[name] = w
	b := s.bucket(name)
	b.watched = true
	for i := range b.index.parts {
		for _, at := range b.index.parts[i].slots {
			if at.ref <= deleted {
				continue
			}
			if e, _ := readEntry(s.pages.at(at.ref)); !e.over(s.clock) {
				there = append(there, Change{Key: string(e.key), Value: bytes.Clone(s.valueOf(&e)), Revision: e.revision, Expires: timeOf(e.expires)})
			}
		}
	}
	return there
}

// Buckets are the names of those that have entries.
func (l *Log) Buckets() []string { return l.state.names() }

func (s *State) names() (names []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, b := range s.buckets {
		if b.index.keys > 0 {
			names = append(names, name)
		}
	}
	return names
}

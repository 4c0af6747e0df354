package queue

import (
	"context"
	"sync"
)

// snapshotsShare of their bound is what the newest snapshot and the next one may take. The next has to fit beside
// the newest, and when none can be written any more the log fills too, in which the OTPs that are there need
// room to come to their ends. So new ones are refused before.
const snapshotsShare = 0.9

// startRatio is how large a snapshot is for its state, at most, as far as a start believes: the state may have
// lost most of what the newest snapshot has, which ended while no daemon was there.
const startRatio = 0.6

// snapshotRoom is what is known of the room for snapshots, as the server said it.
type snapshotRoom struct {
	mu       sync.Mutex // guards the rest
	sequence uint64     // of the last message of their stream
	newest   string     // its name
	octets   int64      // of the newest
	most     int64      // of all of them; 0: no bound
	ratio    float64    // of the newest to the state that it is of
}

// share is how much of the bound the newest snapshot takes with one of a state; 0 when that is not known.
func (r *snapshotRoom) share(state int64) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.most <= 0 {
		return 0
	}
	return (float64(r.octets) + r.ratio*float64(state)) / float64(r.most)
}

// heard takes in the newest snapshot, of about the present state.
func (r *snapshotRoom) heard(sequence uint64, most int64, name string, octets, state int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sequence, r.most = sequence, most
	if name == r.newest {
		return
	}
	ratio := float64(octets) / float64(max(state, 1))
	if r.newest == "" {
		ratio = min(ratio, startRatio)
	}
	r.newest, r.octets, r.ratio = name, octets, ratio
}

func (r *snapshotRoom) knows(sequence uint64, most int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sequence == sequence && r.most == most
}

// askSnapshots asks how large the newest snapshot is, where there may be another than before.
func (q *Queue) askSnapshots(ctx context.Context) error {
	s, err := q.streamIn(ctx).Stream(ctx, snapshotStream)
	if err != nil {
		return err
	}
	last, most := s.CachedInfo().State.LastSeq, s.CachedInfo().Config.MaxBytes
	if q.snapshotRoom.knows(last, most) {
		return nil
	}
	list, _, err := snapshots{q}.objects(ctx)
	if err != nil {
		return err
	}
	name, octets := "", int64(0)
	if len(list) > 0 {
		name, octets = list[0].Name, int64(list[0].Size)
	}
	q.snapshotRoom.heard(last, most, name, octets, q.stateOctets())
	return nil
}

// stateOctets is what the state takes, in memory and in the file of what left it.
func (q *Queue) stateOctets() int64 { return q.ledger.Bytes() + q.ColdBytes() }

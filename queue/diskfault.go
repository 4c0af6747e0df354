package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// ErrStore is why a store has ended, with which the process is to end too: a supervisor starts it anew, which
// mends it.
var ErrStore = errors.New("queue: the store has to be opened anew")

// How the disk of the embedded store is looked after.
const (
	leastFree  = 16 * mib // below it nothing new is begun, so that what is there can come to its end
	probeSize  = 1 * mib  // that is written to see whether a disk that failed takes something again
	faultAgain = time.Minute
)

// disk looks after the disk of the embedded store. Two things are told apart. Little space: new OTPs are
// refused, everything else goes on, and it ends by itself. A write that failed: the server keeps that error
// until it is started anew (filestore.go, werr), so that from then on nothing is stored and every change is
// refused at once; when the disk takes something again, the process ends (Queue.Ended), and what it is
// started as next reads what is really there.
type disk struct {
	dir string
	log zerolog.Logger

	mu     sync.Mutex  // guards the rest
	failed func(error) // is told of the first fault; set by Open
	low    error       // little space
	fault  error       // a write failed
	told   time.Time
}

func newDisk(o Options) *disk { return &disk{dir: o.Dir, log: o.Log} }

// onFault has f told of the first fault, also when that was before.
func (d *disk) onFault(f func(error)) {
	d.mu.Lock()
	d.failed = f
	fault := d.fault
	d.mu.Unlock()
	if fault != nil {
		f(fault)
	}
}

// broke takes in what the server says of a write that failed.
func (d *disk) broke(err error) {
	d.fail(fmt.Errorf("a write to the disk of %s failed: %w", d.dir, err))
}

func (d *disk) fail(err error) {
	d.mu.Lock()
	first, failed := d.fault == nil, d.failed
	if first {
		d.fault = err
		d.tell(err, "the store takes nothing any more; it is tried each second whether the disk does again")
	}
	d.mu.Unlock()
	if first && failed != nil {
		failed(err)
	}
}

// tell says it, and again as long as it is so. For callers that hold mu.
func (d *disk) tell(err error, message string) {
	d.told = time.Now()
	d.log.Error().Err(err).Msg(message)
}

// err is why nothing can be stored.
func (d *disk) err() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fault
}

// little is why nothing new is to be begun.
func (d *disk) little() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.low
}

// look sees how much space is left, and after a fault whether the disk takes something again: then mended is
// true.
func (d *disk) look() (mended bool) {
	free, err := diskFree(d.dir)
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.low
	switch {
	case err != nil:
		return false
	case free < leastFree:
		d.low = fmt.Errorf("%d MiB are left on the disk of %s, and new OTPs need %d", free/mib, d.dir, leastFree/mib)
	default:
		d.low = nil
	}
	switch {
	case d.fault != nil && d.low == nil && d.probe() == nil:
		return true
	case d.fault != nil && time.Since(d.told) > faultAgain:
		d.tell(d.fault, "the store still takes nothing")
	case d.fault == nil && d.low != nil && (was == nil || time.Since(d.told) > faultAgain):
		d.tell(d.low, "the disk is nearly full: new OTPs are refused")
	case d.low == nil && was != nil:
		d.log.Info().Int64("freeMiB", free/mib).Msg("there is space on the disk again")
	}
	return false
}

// probe writes a file, and syncs it.
func (d *disk) probe() error {
	name := filepath.Join(d.dir, "probe")
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer os.Remove(name)
	_, err = f.Write(make([]byte, probeSize))
	return errors.Join(err, f.Sync(), f.Close())
}

// lookAfterDisk looks after the disk, and ends the store when it was away and is there again.
func (q *Queue) lookAfterDisk() {
	if q.disk == nil {
		return
	}
	if q.disk.err() == nil && !q.server.ns.JetStreamEnabled() {
		q.disk.fail(fmt.Errorf("the embedded NATS server stores nothing any more, for the disk of %s was full", q.disk.dir))
	}
	if q.disk.look() {
		q.end(fmt.Errorf("%w: its disk failed (%w), and takes writes again", ErrStore, q.disk.err()))
	}
}

// end ends the store: see Ended. It is called by the goroutine of startTicks.
func (q *Queue) end(err error) {
	if q.fatal == nil {
		q.fatal = err
		close(q.ended)
	}
}

// Ended is closed when the store cannot go on and is better off in a process that reads it anew; Err then
// says why.
func (q *Queue) Ended() <-chan struct{} { return q.ended }

// Err is why the store has ended. It is called when Ended is closed.
func (q *Queue) Err() error { return q.fatal }

package cdr

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Numbers says how telephone numbers are written.
type Numbers string

// The choices of OTPGW_CDR_NUMBERS.
const (
	Plain  Numbers = "plain"
	Masked Numbers = "masked" // +4670*****67
	Hashed Numbers = "hashed"
)

const (
	quietFor = time.Minute

	// patience is how long the message waits that a record is of. A disk that takes longer hangs, and then
	// nobody waits until it has taken a record again.
	patience = time.Second
	// mostWaiting is how many records wait for such a disk; what is beyond them is lost.
	mostWaiting = 1 << 16
	// closePatience is how long the end of the daemon waits for one.
	closePatience = 5 * time.Second
)

// Settings are what may be changed while a Writer writes.
type Settings struct {
	Dir     string        // empty: none are written
	Rotate  time.Duration // a file is complete after this
	Numbers Numbers
}

// Options say where and how records are written.
type Options struct {
	Settings
	Hash    func(number string) string // for Hashed
	Log     zerolog.Logger
	Now     func() time.Time // nil: time.Now
	MaxFile int64            // octets in a file; 0: 256 MiB

	create func(path string) (file, error) // nil: that of the system
}

// Writer writes records. A nil Writer writes none. It is safe for use by many goroutines.
type Writer struct {
	o     Options
	lost  prometheus.Counter
	jobs  chan func(*files) // for the goroutine that has the files
	stop  chan struct{}
	ended chan struct{} // by that goroutine
	err   error         // its last, when it has ended
	hangs atomic.Bool   // a record waited in vain, and none was written since
	told  atomic.Int64  // when the log was last told of a failure, Unix ns

	mu       sync.RWMutex // guards the rest
	settings Settings
	closed   bool
}

// Open completes what an earlier daemon left open in the directory, and begins a file. Close ends it.
func Open(o Options) (*Writer, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxFile == 0 {
		o.MaxFile = maxFile
	}
	if o.create == nil {
		o.create = create
	}
	f := &files{log: o.Log, now: o.Now, max: o.MaxFile, create: o.create}
	if err := f.change(o.Dir, o.Rotate); err != nil {
		return nil, err
	}
	w := &Writer{o: o, settings: o.Settings, jobs: make(chan func(*files), mostWaiting), stop: make(chan struct{}), ended: make(chan struct{}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{Name: "otpgw_cdr_lost_total", Help: "Records for billing that could not be written."})}
	go w.serve(f)
	return w, nil
}

// serve does what is asked of the files, until Close.
func (w *Writer) serve(f *files) {
	defer close(w.ended)
	every := f.pause()
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		select {
		case job := <-w.jobs:
			job(f)
			if p := f.pause(); p != every {
				every = p
				look.Reset(p)
			}
		case <-look.C:
			if err := f.due(); err != nil {
				w.o.Log.Error().Err(err).Msg("a file of records for billing cannot be completed")
			}
		case <-w.stop:
			w.finish(f)
			return
		}
	}
}

// finish does what was asked before the end.
func (w *Writer) finish(f *files) {
	for {
		select {
		case job := <-w.jobs:
			job(f)
		default:
			w.err = f.close()
			return
		}
	}
}

// do has something done with the files, and waits for it, however long they take.
func (w *Writer) do(what func(*files) error) error {
	done := make(chan error, 1)
	select {
	case w.jobs <- func(f *files) { done <- what(f) }:
	case <-w.ended:
		return os.ErrClosed
	}
	select {
	case err := <-done:
		return err
	case <-w.ended:
		return os.ErrClosed
	}
}

// Change has records written by other settings from now on. With an error nothing has changed.
func (w *Writer) Change(to Settings) error {
	return w.do(func(f *files) error {
		if err := f.change(to.Dir, to.Rotate); err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.settings = to
		return nil
	})
}

// Collector is the writer's metric.
func (w *Writer) Collector() prometheus.Collector { return w.lost }

// Part writes a part. The price is what it is given; numbers are written as is configured.
func (w *Writer) Part(p Part) {
	if w != nil {
		w.write("part", func(n Numbers) any { p.To = w.phone(n, p.To); return p })
	}
}

// Receipt writes a receipt.
func (w *Writer) Receipt(r Receipt) {
	if w != nil {
		w.write("receipt", func(Numbers) any { return r })
	}
}

// End writes the end of an OTP.
func (w *Writer) End(e End) {
	if w != nil {
		w.write("otp", func(n Numbers) any { e.To = w.phone(n, e.To); return e })
	}
}

func (w *Writer) phone(as Numbers, number string) string {
	switch as {
	case Hashed:
		return w.o.Hash(number)
	case Masked:
		if len(number) <= 7 {
			return "***"
		}
		return number[:5] + strings.Repeat("*", len(number)-7) + number[len(number)-2:]
	}
	return number
}

// write has one line written, and waits for it: what it says is stored after it. A disk that hangs is not
// waited for.
func (w *Writer) write(kind string, record func(Numbers) any) {
	written := make(chan struct{})
	queued, err := w.queue(kind, record, written)
	if err != nil {
		w.lose(err)
	}
	if !queued || w.hangs.Load() {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
		w.hangs.Store(true)
		select {
		case <-written: // in the same moment, so that nobody else may take it back
			w.hangs.Store(false)
			return
		default:
		}
		w.tell(zerolog.WarnLevel, nil, "the disk of the records for billing hangs; they wait in memory, and messages do not wait for them")
	}
}

var errTooMany = errors.New("cdr: too many records wait for the disk")

// queue gives the files a line; written is closed when they have it, or have lost it.
func (w *Writer) queue(kind string, record func(Numbers) any, written chan struct{}) (queued bool, err error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.settings.Dir == "" {
		return false, nil
	}
	if w.closed {
		return false, os.ErrClosed
	}
	now := w.o.Now()
	text, err := line(head{kind, now.UTC().Truncate(time.Millisecond)}, record(w.settings.Numbers))
	if err != nil {
		return false, err
	}
	select {
	case w.jobs <- func(f *files) {
		if err := f.append(now, text); err != nil {
			w.lose(err)
		}
		close(written)
		w.hangs.Store(false)
	}:
		return true, nil
	default:
		return false, errTooMany
	}
}

func (w *Writer) lose(err error) {
	w.lost.Inc()
	w.tell(zerolog.ErrorLevel, err, "records for billing cannot be written, and are lost")
}

// tell tells the log, once in a while.
func (w *Writer) tell(level zerolog.Level, err error, message string) {
	now, last := w.o.Now().UnixNano(), w.told.Load()
	if (last == 0 || now-last >= int64(quietFor)) && w.told.CompareAndSwap(last, now) {
		w.o.Log.WithLevel(level).Err(err).Msg(message)
	}
}

func line(h head, record any) ([]byte, error) {
	first, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	return append(append(append(first[:len(first)-1], ','), rest[1:]...), '\n'), nil
}

// Close writes what waits and completes the current file. It gives a disk that hangs a few seconds.
func (w *Writer) Close() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	closed := w.closed
	w.closed = true
	w.mu.Unlock()
	if !closed {
		close(w.stop)
	}
	select {
	case <-w.ended:
		return w.err
	case <-time.After(closePatience):
		return fmt.Errorf("cdr: the disk of the records for billing hangs: %d of them are lost", len(w.jobs)+1)
	}
}

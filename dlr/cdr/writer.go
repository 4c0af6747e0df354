package cdr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
	openSuffix = ".jsonl.open"
	doneSuffix = ".jsonl"
	maxFile    = 256 << 20 // octets
	quietFor   = time.Minute
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
}

// Writer writes records. A nil Writer writes none. It is safe for use by many goroutines.
type Writer struct {
	o       Options // its Settings are guarded by mu
	lost    prometheus.Counter
	changed chan struct{} // for Run: the time of a file may be another

	mu     sync.Mutex // guards the rest
	file   *os.File   // nil after a failure, after Close, and without a directory
	begun  time.Time
	size   int64
	number int // of the last file
	closed bool
	left   []string  // files that could not be completed yet
	told   time.Time // of the last failure in the log
}

// Open completes what an earlier daemon left open in the directory, and begins a file.
func Open(o Options) (*Writer, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxFile == 0 {
		o.MaxFile = maxFile
	}
	w := &Writer{o: o, changed: make(chan struct{}, 1), lost: prometheus.NewCounter(prometheus.CounterOpts{Name: "otpgw_cdr_lost_total",
		Help: "Records for billing that could not be written."})}
	if o.Dir == "" {
		return w, nil
	}
	if err := completeLeft(o.Dir); err != nil {
		return nil, err
	}
	return w, w.begin()
}

// Change has records written by other settings from now on. With an error nothing has changed.
func (w *Writer) Change(to Settings) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	was, before := w.o.Settings, w.file
	w.o.Settings = to
	select {
	case w.changed <- struct{}{}:
	default: // Run has yet to hear of the one before
	}
	if to.Dir == was.Dir {
		return nil
	}
	if to.Dir != "" {
		err := completeLeft(to.Dir)
		if err == nil {
			err = w.begin()
		}
		if err != nil {
			w.o.Settings = was
			return err
		}
	} else {
		w.file = nil
	}
	if before != nil {
		if err := finish(before); err != nil {
			w.o.Log.Error().Err(err).Msg("a file of records for billing cannot be completed")
		}
	}
	return nil
}

// completeLeft completes the files that a daemon left open in a directory.
func completeLeft(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, "*"+openSuffix))
	if err != nil {
		return fmt.Errorf("cdr: %w", err)
	}
	for _, path := range left {
		if err := complete(path); err != nil {
			return err
		}
	}
	return nil
}

// Collector is the writer's metric.
func (w *Writer) Collector() prometheus.Collector { return w.lost }

// complete gives a file its final name; an empty one goes.
func complete(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
	case info.Size() == 0:
		err = os.Remove(path)
	default:
		err = os.Rename(path, strings.TrimSuffix(path, openSuffix)+doneSuffix)
	}
	if err != nil {
		return fmt.Errorf("cdr: %w", err)
	}
	return nil
}

// begin makes a new file, of a name that none has or had. mu is held, or nobody else has the writer yet.
func (w *Writer) begin() error {
	w.finishLeft()
	now := w.o.Now()
	base := filepath.Join(w.o.Dir, "otpgw-"+now.UTC().Format("20060102T150405Z")+"-")
	for {
		w.number++
		name := base + fmt.Sprintf("%04d", w.number)
		if _, err := os.Lstat(name + doneSuffix); err == nil {
			continue // of this second, by this daemon or one before it
		}
		f, err := os.OpenFile(name+openSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cdr: %w", err)
		}
		w.file, w.begun, w.size = f, now, 0
		return nil
	}
}

// Part writes a part. The price is what it is given; numbers are written as is configured.
func (w *Writer) Part(p Part) {
	if w != nil {
		w.write("part", func() any { p.To = w.phone(p.To); return p })
	}
}

// Receipt writes a receipt.
func (w *Writer) Receipt(r Receipt) {
	if w != nil {
		w.write("receipt", func() any { return r })
	}
}

// End writes the end of an OTP.
func (w *Writer) End(e End) {
	if w != nil {
		w.write("otp", func() any { e.To = w.phone(e.To); return e })
	}
}

// phone is for callers that hold mu.
func (w *Writer) phone(number string) string {
	switch w.o.Numbers {
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

// write appends one line by one write, so that no kill parts it.
func (w *Writer) write(kind string, record func() any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.o.Dir == "" {
		return
	}
	now := w.o.Now()
	line, err := w.line(head{kind, now.UTC().Truncate(time.Millisecond)}, record())
	if err == nil {
		err = w.append(now, line)
	}
	if err == nil {
		return
	}
	w.lost.Inc()
	if now.Sub(w.told) >= quietFor {
		w.told = now
		w.o.Log.Error().Err(err).Msg("records for billing cannot be written, and are lost")
	}
}

func (w *Writer) line(h head, record any) ([]byte, error) {
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

// append writes a line into the file whose turn it is. After a failure a new file is tried.
func (w *Writer) append(now time.Time, line []byte) error {
	if w.closed {
		return os.ErrClosed
	}
	if w.file != nil && w.size > 0 && (now.Sub(w.begun) >= w.o.Rotate || w.size+int64(len(line)) > w.o.MaxFile) {
		// What cannot be completed is no reason to lose the record; what is gone the next file tells.
		if err := w.finishCurrent(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.o.Log.Error().Err(err).Msg("a file of records for billing cannot be completed; it is with the next")
		}
	}
	if w.file == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	n, err := w.file.Write(line)
	w.size += int64(n)
	if err != nil && n > 0 { // a torn line would spoil the next one
		if terr := w.file.Truncate(w.size - int64(n)); terr == nil {
			w.size -= int64(n)
			_, _ = w.file.Seek(w.size, 0)
		}
	}
	return err
}

// finishCurrent completes the current file. Where that fails it is tried again with the next one.
func (w *Writer) finishCurrent() error {
	f := w.file
	w.file = nil
	err := finish(f)
	if err != nil {
		w.left = append(w.left, f.Name())
	}
	return err
}

// finishLeft completes what could not be completed before.
func (w *Writer) finishLeft() {
	w.left = slices.DeleteFunc(w.left, func(path string) bool {
		err := complete(path)
		return err == nil || errors.Is(err, fs.ErrNotExist)
	})
}

// finish completes a file.
func finish(f *os.File) error {
	if err := f.Close(); err != nil {
		return fmt.Errorf("cdr: %w", err)
	}
	return complete(f.Name())
}

// Run completes files whose time is up although nothing is written, until ctx ends.
func (w *Writer) Run(ctx context.Context) error {
	if w == nil {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.changed:
		case <-time.After(w.pause()):
			if err := w.due(); err != nil {
				w.o.Log.Error().Err(err).Msg("a file of records for billing cannot be completed")
			}
		}
	}
}

// mostPause is the longest time between two looks at whether a file's time is up.
const mostPause = time.Minute

func (w *Writer) pause() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.o.Rotate == 0 {
		return mostPause
	}
	return min(w.o.Rotate/4, mostPause)
}

func (w *Writer) due() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil || w.size == 0 || w.o.Now().Sub(w.begun) < w.o.Rotate {
		return nil
	}
	return w.finishCurrent()
}

// Close completes the current file.
func (w *Writer) Close() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.finishLeft()
	if w.file == nil {
		return nil
	}
	return w.finishCurrent()
}

package cdr

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

const (
	openSuffix = ".jsonl.open"
	doneSuffix = ".jsonl"
	maxFile    = 256 << 20 // octets
)

// file is an *os.File.
type file interface {
	io.WriteSeeker
	io.Closer
	Name() string
	Truncate(size int64) error
}

func create(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
}

// files are those that are written one after the other. They belong to one goroutine, that of the Writer, for
// whatever they do may hang with their disk.
type files struct {
	log    zerolog.Logger
	now    func() time.Time
	max    int64 // octets in a file
	create func(path string) (file, error)

	dir    string // empty: nothing is written
	rotate time.Duration
	file   file // nil after a failure, and without a directory
	begun  time.Time
	size   int64
	number int      // of the last file
	left   []string // files that could not be completed yet
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

// change has another directory and another time from now on. With an error nothing has changed.
func (f *files) change(dir string, rotate time.Duration) error {
	wasDir, wasRotate, before := f.dir, f.rotate, f.file
	f.dir, f.rotate = dir, rotate
	if dir == wasDir {
		return nil
	}
	if dir != "" {
		err := completeLeft(dir)
		if err == nil {
			err = f.begin()
		}
		if err != nil {
			f.dir, f.rotate = wasDir, wasRotate
			return err
		}
	} else {
		f.file = nil
	}
	if before != nil {
		if err := finish(before); err != nil {
			f.log.Error().Err(err).Msg("a file of records for billing cannot be completed")
		}
	}
	return nil
}

// begin makes a new file, of a name that none has or had.
func (f *files) begin() error {
	f.finishLeft()
	now := f.now()
	base := filepath.Join(f.dir, "otpgw-"+now.UTC().Format("20060102T150405Z")+"-")
	for {
		f.number++
		name := base + fmt.Sprintf("%04d", f.number)
		if _, err := os.Lstat(name + doneSuffix); err == nil {
			continue // of this second, by this daemon or one before it
		}
		made, err := f.create(name + openSuffix)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cdr: %w", err)
		}
		f.file, f.begun, f.size = made, now, 0
		return nil
	}
}

// append writes a line into the file whose turn it is. After a failure a new file is tried.
func (f *files) append(now time.Time, line []byte) error {
	if f.dir == "" { // since a moment ago
		return nil
	}
	if f.file != nil && f.size > 0 && (now.Sub(f.begun) >= f.rotate || f.size+int64(len(line)) > f.max) {
		// What cannot be completed is no reason to lose the record; what is gone the next file tells.
		if err := f.finishCurrent(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.log.Error().Err(err).Msg("a file of records for billing cannot be completed; it is with the next")
		}
	}
	if f.file == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	n, err := f.file.Write(line)
	f.size += int64(n)
	if err != nil && n > 0 { // a torn line would spoil the next one
		if terr := f.file.Truncate(f.size - int64(n)); terr == nil {
			f.size -= int64(n)
			_, _ = f.file.Seek(f.size, 0)
		}
	}
	return err
}

// finishCurrent completes the current file. Where that fails it is tried again with the next one.
func (f *files) finishCurrent() error {
	done := f.file
	f.file = nil
	err := finish(done)
	if err != nil {
		f.left = append(f.left, done.Name())
	}
	return err
}

// finishLeft completes what could not be completed before.
func (f *files) finishLeft() {
	f.left = slices.DeleteFunc(f.left, func(path string) bool {
		err := complete(path)
		return err == nil || errors.Is(err, fs.ErrNotExist)
	})
}

// finish completes a file.
func finish(f file) error {
	if err := f.Close(); err != nil {
		return fmt.Errorf("cdr: %w", err)
	}
	return complete(f.Name())
}

// mostPause is the longest time between two looks at whether a file's time is up.
const mostPause = time.Minute

// pause is the time until the next look, which completes files whose time is up although nothing is written.
func (f *files) pause() time.Duration {
	if f.rotate == 0 {
		return mostPause
	}
	return min(f.rotate/4, mostPause)
}

// due completes a file whose time is up.
func (f *files) due() error {
	if f.file == nil || f.size == 0 || f.now().Sub(f.begun) < f.rotate {
		return nil
	}
	return f.finishCurrent()
}

// close completes the current file.
func (f *files) close() error {
	f.finishLeft()
	if f.file == nil {
		return nil
	}
	return f.finishCurrent()
}

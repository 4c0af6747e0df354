package cdr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/rs/zerolog"
)

func open(t *testing.T, o Options) *Writer {
	t.Helper()
	if o.Rotate == 0 {
		o.Rotate = time.Hour
	}
	w, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// clock is one that stands unless a test turns it.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.pass(time.Duration(time.Now().UnixNano()))
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.ns.Load()) }
func (c *clock) pass(d time.Duration) { c.ns.Add(int64(d)) }

// filesIn are the names in a directory, those that are open with their suffix.
func filesIn(t *testing.T, dir string) (done, open []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if strings.HasSuffix(f.Name(), openSuffix) {
			open = append(open, f.Name())
		} else {
			done = append(done, f.Name())
		}
	}
	return done, open
}

func TestFilesAreCompletedByTimeSizeAndAtTheEnd(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	w := open(t, Options{Settings: Settings{Dir: dir}, Now: clock.now, MaxFile: 400})
	w.Receipt(Receipt{MessageID: "m", Link: "c", CarrierID: "1", State: "DELIVRD"})
	clock.pass(time.Hour)
	if err := w.do((*files).due); err != nil {
		t.Fatal(err)
	}
	if done, open := filesIn(t, dir); len(done) != 1 || len(open) != 0 {
		t.Errorf("after an hour: %q, %q", done, open)
	}
	for range 3 { // two in a file
		w.Receipt(Receipt{MessageID: "m", Link: "c", CarrierID: strings.Repeat("1", 50), State: "DELIVRD"})
	}
	if done, open := filesIn(t, dir); len(done) != 2 || len(open) != 1 {
		t.Errorf("after 3 lines: %q, %q", done, open)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if done, open := filesIn(t, dir); len(done) != 3 || len(open) != 0 {
		t.Errorf("at the end: %q, %q", done, open)
	}
	w.Receipt(Receipt{}) // after the end it is counted
	if n := lost(t, w); n != 1 {
		t.Errorf("%v lost, want 1", n)
	}
}

// TestWhatAKilledDaemonLeft is completed at the next start, and what is empty goes.
func TestWhatAKilledDaemonLeft(t *testing.T) {
	dir := t.TempDir()
	w := open(t, Options{Settings: Settings{Dir: dir, Numbers: Masked}})
	w.End(End{OtpID: "o", To: "+46701234567", Status: "VERIFIED"})
	again := open(t, Options{Settings: Settings{Dir: dir}}) // the first is not closed, and a second has not passed
	done, opened := filesIn(t, dir)
	if len(done) != 1 || len(opened) != 1 {
		t.Fatalf("%q, %q", done, opened)
	}
	data, err := os.ReadFile(filepath.Join(dir, done[0]))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(`"to":"+4670*****67"`)) || !bytes.HasPrefix(data, []byte(`{"type":"otp","time":"`)) {
		t.Errorf("line %s", data)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if done, opened := filesIn(t, dir); len(opened) != 0 || len(done) != 1 {
		t.Errorf("an empty file stays: %q, %q", opened, done)
	}
	third := open(t, Options{Settings: Settings{Dir: dir}})
	third.End(End{OtpID: "o2"})
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
	if done, _ := filesIn(t, dir); len(done) != 2 {
		t.Errorf("a file was written over: %q", done)
	}
}

func TestLinesOfManyAtOnceAreWhole(t *testing.T) {
	dir := t.TempDir()
	w := open(t, Options{Settings: Settings{Dir: dir, Numbers: Hashed}, MaxFile: 2000, Hash: func(string) string { return "hash" }})
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 50 {
				w.Part(Part{MessageID: fmt.Sprint(n, ".", i), To: "+46701234567", Status: Accepted})
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	done, _ := filesIn(t, dir)
	seen := make(map[string]bool)
	for _, name := range done {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			var p Part
			if err := json.Unmarshal(line, &p); err != nil || p.To != "hash" {
				t.Fatalf("%v in %s", err, line)
			}
			seen[p.MessageID] = true
		}
	}
	if len(seen) != 400 {
		t.Errorf("%d lines, want 400", len(seen))
	}
}

// TestDirectoryThatIsGone loses records, says so once, and nothing waits for it; it goes on when there is a
// directory again.
func TestDirectoryThatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cdr")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	clock := newClock()
	w := open(t, Options{Settings: Settings{Dir: dir, Rotate: time.Second}, Log: zerolog.New(&log), Now: clock.now})
	w.Part(Part{})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	clock.pass(time.Minute)
	for range 3 {
		w.Part(Part{})
	}
	if n := lost(t, w); n != 3 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("%v lost, want 3; log %s", n, log.String())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w.Part(Part{})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if done, _ := filesIn(t, dir); len(done) != 1 {
		t.Errorf("%q", done)
	}
}

// TestChange: another directory, other times and another form of numbers, or none at all, hold from the next
// line on; what was begun is complete. A directory that is not there changes nothing.
func TestChange(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	clock := newClock()
	w := open(t, Options{Settings: Settings{Dir: first, Numbers: Plain}, Now: clock.now,
		Hash: func(string) string { return "hash" }})
	part := func() { w.Part(Part{To: "+46701234567"}) }
	part()
	if err := w.Change(Settings{Dir: filepath.Join(second, "none"), Rotate: time.Hour, Numbers: Hashed}); err == nil {
		t.Fatal("a directory that is not there is taken")
	}
	part()
	if err := w.Change(Settings{Dir: second, Rotate: time.Minute, Numbers: Hashed}); err != nil {
		t.Fatal(err)
	}
	if got := numbersIn(t, first); fmt.Sprint(got) != "[+46701234567 +46701234567]" {
		t.Errorf("the first directory has %q", got)
	}
	part()
	clock.pass(time.Minute)
	if err := w.do((*files).due); err != nil {
		t.Fatal(err)
	}
	if got := numbersIn(t, second); fmt.Sprint(got) != "[hash]" {
		t.Errorf("the second directory has %q after the shorter time", got)
	}
	part()
	if err := w.Change(Settings{}); err != nil {
		t.Fatal(err)
	}
	part()
	if got := numbersIn(t, second); fmt.Sprint(got) != "[hash hash]" || lost(t, w) != 0 {
		t.Errorf("without a directory: %q, %v lost", got, lost(t, w))
	}
	if err := w.Change(Settings{Dir: first, Rotate: time.Hour, Numbers: Masked}); err != nil {
		t.Fatal(err)
	}
	part()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := numbersIn(t, first); fmt.Sprint(got) != "[+46701234567 +46701234567 +4670*****67]" {
		t.Errorf("the first directory has %q at the end", got)
	}
}

// numbersIn are those of the lines in a directory, in which no file may be open.
func numbersIn(t *testing.T, dir string) (numbers []string) {
	t.Helper()
	done, opened := filesIn(t, dir)
	if len(opened) > 0 {
		t.Errorf("%q are not complete", opened)
	}
	for _, name := range done {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			var p Part
			if err := json.Unmarshal(line, &p); err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, p.To)
		}
	}
	return numbers
}

func lost(t *testing.T, w *Writer) float64 {
	t.Helper()
	var m dto.Metric
	if err := w.lost.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

func TestNoWriterWritesNothing(t *testing.T) {
	var w *Writer
	w.Part(Part{})
	w.Receipt(Receipt{})
	w.End(End{})
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestFileThatCannotBeCompletedLosesNothing: what is to be written as a file's time is up is in the next one,
// and the file is completed once that can be done.
func TestFileThatCannotBeCompletedLosesNothing(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	w := open(t, Options{Settings: Settings{Dir: dir}, Now: clock.now, Log: zerolog.Nop()})
	write := func() {
		w.Receipt(Receipt{MessageID: "m", Link: "c", CarrierID: "1", State: "DELIVRD"})
	}
	write()
	_, first := filesIn(t, dir)
	inTheWay := filepath.Join(dir, strings.TrimSuffix(first[0], openSuffix)+doneSuffix)
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	clock.pass(time.Hour)
	write()
	if _, left := filesIn(t, dir); len(left) != 2 {
		t.Errorf("open files: %q", left)
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	done, left := filesIn(t, dir)
	if len(done) != 2 || len(left) != 0 {
		t.Errorf("complete %q, open %q", done, left)
	}
	for _, name := range done {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || bytes.Count(data, []byte("\n")) != 1 {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if n := lost(t, w); n != 0 {
		t.Errorf("%v records are lost", n)
	}
}

// hanging is a file of a disk that takes nothing until it works.
type hanging struct {
	file
	works <-chan struct{}
}

func (h hanging) Write(b []byte) (int, error) {
	<-h.works
	return h.file.Write(b)
}

// TestDiskThatHangs: messages go on. What fits into the memory meanwhile is written when the disk works again,
// and what does not is counted.
func TestDiskThatHangs(t *testing.T) {
	dir, works := t.TempDir(), make(chan struct{})
	w := open(t, Options{Settings: Settings{Dir: dir}, Log: zerolog.Nop(), create: func(path string) (file, error) {
		f, err := create(path)
		return hanging{f, works}, err
	}})
	const tooMany = 3
	for range 1 + mostWaiting + tooMany { // the first is in the hands of the disk, and the only one that waits
		w.Receipt(Receipt{MessageID: "m"})
	}
	if n := lost(t, w); n != tooMany {
		t.Errorf("%v are lost while the disk hangs, want %d", n, tooMany)
	}
	close(works)
	if err := w.do(func(*files) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if w.hangs.Load() {
		t.Error("records are not waited for when the disk works again")
	}
	w.Receipt(Receipt{MessageID: "m"})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	lines := 0
	done, _ := filesIn(t, dir)
	for _, name := range done {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(data, []byte("\n"))
	}
	if lines != 1+mostWaiting+1 {
		t.Errorf("%d lines, want %d", lines, 1+mostWaiting+1)
	}
}

// TestEndDoesNotWaitForADiskThatHangs: the daemon ends, and says what is lost.
func TestEndDoesNotWaitForADiskThatHangs(t *testing.T) {
	works := make(chan struct{})
	w := open(t, Options{Settings: Settings{Dir: t.TempDir()}, Log: zerolog.Nop(), create: func(path string) (file, error) {
		f, err := create(path)
		return hanging{f, works}, err
	}})
	w.Part(Part{})
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "1 of them are lost") {
		t.Errorf("Close said %v", err)
	}
	close(works)
	<-w.ended
}

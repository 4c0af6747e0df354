package spill

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// write writes so many records as one block.
func write(t *testing.T, f *File, name string, n int) Place {
	t.Helper()
	var b Block
	for i := range n {
		b.Add(Record{Bucket: uint16(i % 3), Key: fmt.Appendf(nil, "%s %d", name, i), Value: bytes.Repeat(fmt.Appendf(nil, "value %s %d;", name, i), 1+i%7)})
	}
	p, err := f.Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func want(t *testing.T, f *File, p Place, name string, i int) {
	t.Helper()
	value, err := f.Locate(PlaceIn(p.Next(i).Append(nil))).Read()
	if expected := bytes.Repeat(fmt.Appendf(nil, "value %s %d;", name, i), 1+i%7); err != nil || !bytes.Equal(value, expected) {
		t.Fatalf("%s %d: %q, %v, want %q", name, i, value, err, expected)
	}
}

// TestValuesComeBack: also those of more blocks than are kept as they were read, over several segments; and
// the segments of which no value is needed any more are gone, and only those.
func TestValuesComeBack(t *testing.T) {
	f, err := create(t.TempDir(), 32<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	places := make(map[string]Place)
	for n := range 60 {
		places[fmt.Sprint("b", n)] = write(t, f, fmt.Sprint("b", n), 100+n)
	}
	if len(f.segments) < 3 {
		t.Fatalf("%d segments: the test is too small", len(f.segments))
	}
	for n := range 60 {
		for i := range 100 + n {
			want(t, f, places[fmt.Sprint("b", n)], fmt.Sprint("b", n), i)
		}
	}
	full := f.Bytes()
	for n := range 59 {
		for i := range 100 + n {
			f.Drop(places[fmt.Sprint("b", n)].Next(i))
		}
	}
	if left := f.Bytes(); left > 32<<10 || left == full {
		t.Errorf("%d octets are left of %d, and one block is needed", left, full)
	}
	want(t, f, places["b59"], "b59", 7)
	places["next"] = write(t, f, "next", 10)
	want(t, f, places["next"], "next", 9)
}

// TestPinKeepsWhatIsDropped: for a snapshot, which reads what was there when it was begun.
func TestPinKeepsWhatIsDropped(t *testing.T) {
	f, err := create(t.TempDir(), 4<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := write(t, f, "a", 200)
	write(t, f, "b", 200) // in the next segment
	f.Pin()
	for i := range 200 {
		f.Drop(p.Next(i))
	}
	want(t, f, p, "a", 3)
	located := f.Locate(p)
	f.Unpin()
	for range cached + 1 { // and not from what was read before
		f.cache.put(99, 0, nil)
	}
	if value, err := located.Read(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("of a segment that is gone: %q, %v", value, err)
	}
}

// TestEachVisitsAll: what was there at the beginning, once, with the place of each.
func TestEachVisitsAll(t *testing.T) {
	f, err := create(t.TempDir(), 16<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for n := range 30 {
		write(t, f, fmt.Sprint(n), 100)
	}
	seen := make(map[string]bool)
	scan := f.Scan()
	defer scan.End()
	write(t, f, "later", 10)
	err = scan.Each(func(first Place, records []Record) bool {
		for i, r := range records {
			value, err := f.Locate(first.Next(i)).Read()
			if err != nil || !bytes.Equal(value, r.Value) || seen[string(r.Key)] {
				t.Fatalf("%q: %q, and by its place %q, %v; seen before: %v", r.Key, r.Value, value, err, seen[string(r.Key)])
			}
			seen[string(r.Key)] = true
			if !scan.Covers(first.Next(i)) {
				t.Fatalf("%q is visited, and not covered", r.Key)
			}
		}
		return true
	})
	if err != nil || len(seen) != 3000 {
		t.Errorf("%d records, %v, want 3000", len(seen), err)
	}
}

// TestNothingReadableOnDisk: neither under a name, nor in what the disk has; and what is changed there is not
// believed.
func TestNothingReadableOnDisk(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := write(t, f, "secret", 300)
	raw := make([]byte, f.current.end)
	n, _ := f.current.file.ReadAt(raw, 0)
	if bytes.Contains(raw, []byte("secret")) {
		t.Error("what was written stands in the file as it is")
	}
	for _, at := range []int64{head + 1, int64(n) - 1} {
		one := raw[at] ^ 1
		if _, err := f.current.file.WriteAt([]byte{one}, at); err != nil {
			t.Fatal(err)
		}
		if value, err := f.Locate(p).Read(); err == nil {
			t.Errorf("octet %d changed: %q", at, value)
		}
		if _, err := f.current.file.WriteAt([]byte{raw[at]}, at); err != nil {
			t.Fatal(err)
		}
	}
	want(t, f, p, "secret", 299)
}

// TestNoFileIsLeft: neither after Close, nor by a process that was killed.
func TestNoFileIsLeft(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "memory-123.tmp"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Create(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, "a", 10)
	f.Close()
	left, err := fs.Glob(os.DirFS(dir), "*")
	if err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
	if _, err := f.Write(new(Block)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("written after Close: %v", err)
	}
	if _, err := Create(filepath.Join(dir, "missing"), 0); err == nil {
		t.Error("in a directory that is none: no error")
	}
}

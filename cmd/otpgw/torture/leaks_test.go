package torture

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const pinLength = 10

// leakFinder finds PINs and texts of messages where they must not be.
type leakFinder struct {
	pins  map[string]bool
	found []string
}

// scan looks through bytes: for the mark of a text, and in each run of capital letters for PINs, at every
// place of it.
func (f *leakFinder) scan(name string, r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<16)
	var run []byte
	mark := []byte(textMark)
	matched := 0 // octets of the mark
	for {
		c, err := in.ReadByte()
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		switch {
		case c == mark[matched]:
			if matched++; matched == len(mark) {
				f.found = append(f.found, "a text in "+name)
				matched = 0
			}
		case c == mark[0]:
			matched = 1
		default:
			matched = 0
		}
		if c < 'A' || c > 'Z' {
			run = run[:0]
			continue
		}
		if run = append(run, c); len(run) > pinLength {
			run = run[1:]
		}
		if len(run) == pinLength && f.pins[string(run)] {
			f.found = append(f.found, "a PIN in "+name)
		}
	}
}

// scanAll looks through the logs of the daemons, their data and the nodes' stores, and their metrics and
// status pages.
func (w *world) scanAll() error {
	f := &leakFinder{pins: make(map[string]bool)}
	w.ledger.mu.Lock()
	for _, e := range w.ledger.by {
		if len(e.pin) == pinLength {
			f.pins[e.pin] = true
		}
	}
	w.ledger.mu.Unlock()
	for _, g := range w.daemons {
		for _, page := range []string{"/metrics", "/", "/readyz"} {
			if err := f.scanPage(fmt.Sprintf("%s of daemon %d", page, g.n), g.current().Admin+page); err != nil {
				return err
			}
		}
	}
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		name, _ := filepath.Rel(w.dir, path)
		return f.scan(name, file)
	})
	w.ledger.mu.Lock()
	w.ledger.leaks = append(w.ledger.leaks, f.found...)
	w.ledger.mu.Unlock()
	return err
}

func (f *leakFinder) scanPage(name, url string) error {
	c := http.Client{Timeout: 30 * time.Second}
	defer c.CloseIdleConnections()
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return f.scan(name, resp.Body)
}

func TestLeakFinder(t *testing.T) {
	for text, want := range map[string]int{
		"nothing":                                0,
		"the PIN ABCDEFGHJK.":                    1,
		"within LETTERSABCDEFGHJKLETTERS":        1,
		"twice ABCDEFGHJK ABCDEFGHJK":            2,
		"another ABCDEFGHJZ, a part ABCDEFGHJ K": 0,
		"ZZwiebelkuchen":                         1,
		"ZwiebelZwiebelkuchen":                   1,
		"Zwiebel":                                0,
	} {
		f := &leakFinder{pins: map[string]bool{"ABCDEFGHJK": true}}
		if err := f.scan("x", bytes.NewReader([]byte(text))); err != nil || len(f.found) != want {
			t.Errorf("%q: found %v, %v", text, f.found, err)
		}
	}
}

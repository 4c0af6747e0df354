package torture

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// What a run that fails leaves behind, to find out why: the journal, and the ways of the OTPs that were not
// kept as promised.

// journal is what happened outside of the daemons, a line of JSON each. It holds no PIN.
type journal struct{ file *os.File }

func newJournal(t *testing.T, dir string) *journal {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &journal{file}
}

// note writes a line, where a journal is kept. The caller holds mu.
func (l *ledger) note(what string, of any) {
	if l.journal == nil {
		return
	}
	line, err := json.Marshal(struct {
		At   time.Time `json:"at"`
		What string    `json:"what"`
		Of   any       `json:"of,omitempty"`
	}{time.Now(), what, of})
	if err == nil {
		_, err = l.journal.file.Write(append(line, '\n'))
	}
	if err != nil { // a journal with holes shows nothing
		l.odd["the journal: "+err.Error()]++
	}
}

// maxWays bounds how many OTPs of a row are shown.
const maxWays = 5

// showWays logs how a daemon tells the way of OTPs, of which each example names one.
func (w *world) showWays(row string, examples []string) {
	for _, example := range examples[:min(len(examples), maxWays)] {
		words := strings.Fields(example)
		id := words[len(words)-1]
		if uuid.Validate(id) != nil {
			continue
		}
		for _, g := range w.daemons {
			way, err := g.way(w.t.Context(), id)
			w.t.Logf("%s: %s, by daemon %d: %s %v", row, example, g.n, way, err)
		}
	}
}

func (g *gateway) way(ctx context.Context, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", g.current().Admin+"/otps?of="+url.QueryEscape(id), nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	c := http.Client{}
	defer c.CloseIdleConnections()
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

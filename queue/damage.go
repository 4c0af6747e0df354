package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A store that was damaged says so at its start. What was stored is compared with what is there:
//
//	a hole in the log        its messages are numbered, and the next one that can be read is further on, or
//	                         none is before the end that the server tells (logStream.unreadable)
//	an end that is missing   the number of the last message is noted beside the store each second (markFile)
//	a snapshot               carries a sum over all that is in it
//	the other streams        the server tells what it could not read of them
//
// What is lost cannot be had again: it is told with its number in the log, by otpgw_store_lost_messages and
// by otpgw check -store, and the rest goes on. A record and its message are one transaction, and so are lost
// together or not at all.

// Losses is what is missing of what was stored, as found at the start and since.
type Losses struct {
	Messages  int64 // of the log; each is up to some hundred transactions
	Snapshots int64 // that could not be read
	Others    int64 // messages of other streams
}

// Total counts all of it.
func (l Losses) Total() int64 { return l.Messages + l.Snapshots + l.Others }

// Lost is what is known to be missing.
func (q *Queue) Lost() Losses {
	messages, snapshots := q.ledger.Lost()
	return Losses{Messages: messages + q.lostEnd, Snapshots: snapshots, Others: q.lostOthers}
}

// markFile is in the data directory, beside the store: not in it, for it is about what may be gone from
// there.
const markFile = "log.mark"

// mark is how far the log was known to go.
type mark struct {
	URL      string `json:"url"` // of the servers, without credentials; another store has another log
	Position uint64 `json:"position"`
}

// marker keeps the mark of a store.
type marker struct {
	path  string
	mark  mark
	ahead uint64 // what is missing and stays to be found by the next start
}

func newMarker(o Options) *marker {
	if o.Dir == "" {
		return nil
	}
	return &marker{path: filepath.Join(o.Dir, markFile), mark: mark{URL: redacted(o.URL)}}
}

// read is how far the log has to go; 0 when nothing is known.
func (m *marker) read() uint64 {
	var was mark
	data, err := os.ReadFile(m.path)
	if err != nil || json.Unmarshal(data, &was) != nil || was.URL != m.mark.URL {
		return 0
	}
	return was.Position
}

// write notes how far the log goes. The file is there whole or as it was before.
func (m *marker) write(position uint64) error {
	position += m.ahead
	if position == m.mark.Position {
		return nil
	}
	m.mark.Position = position
	data, err := json.Marshal(m.mark)
	if err != nil {
		return err
	}
	next := m.path + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, m.path)
}

// compare looks for what is missing, once the log is read, and tells it.
func (q *Queue) compare(ctx context.Context, o Options) {
	if q.marker != nil {
		if had, have := q.marker.read(), q.ledger.Restored(); had > have {
			q.lostEnd = int64(had - have)
			if o.Check {
				q.marker.ahead = had - have
			}
		}
	}
	if q.server != nil {
		q.lostOthers = q.unreadable(ctx)
	}
	if l := q.Lost(); l.Total() > 0 {
		q.log.Error().Int64("messages", l.Messages).Int64("snapshots", l.Snapshots).Int64("others", l.Others).
			Msg("the store is damaged: what was stored is missing; OTPs that were accepted may be unknown now, see OtpgwStoreDamaged in the runbook")
	}
}

// noteMark notes how far the log goes.
func (q *Queue) noteMark() {
	if q.marker == nil {
		return
	}
	if err := q.marker.write(q.ledger.Position()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		q.log.Debug().Err(err).Msg("the end of the log is not noted")
	}
}

// unreadable counts the messages of the other streams that the server could not read.
func (q *Queue) unreadable(ctx context.Context) (n int64) {
	for _, a := range q.assets {
		var info struct {
			State struct {
				Lost *struct {
					Msgs []uint64 `json:"msgs"`
				} `json:"lost"`
			} `json:"state"`
		}
		err := q.retry(ctx, func(ctx context.Context) error {
			reply, err := q.connIn(ctx).RequestWithContext(ctx, "$JS.API.STREAM.INFO."+a.name, nil)
			if err != nil {
				return err
			}
			return json.Unmarshal(reply.Data, &info)
		})
		if err == nil && info.State.Lost != nil && a.name != streamLog { // the log's own are found by their numbers
			n += int64(len(info.State.Lost.Msgs))
			q.log.Error().Str("stream", a.name).Int("messages", len(info.State.Lost.Msgs)).Msg("messages of a stream cannot be read")
		}
	}
	return n
}

// String is for an operator.
func (l Losses) String() string {
	if l.Total() == 0 {
		return "nothing is missing"
	}
	return fmt.Sprintf("%d messages of the log, %d snapshots and %d messages of other streams are missing", l.Messages, l.Snapshots, l.Others)
}

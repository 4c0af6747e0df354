package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
)

// A store that was damaged says so at its start. What was stored is compared with what is there:
//
//	a hole in the log        its messages are numbered, and the next one that can be read is further on, or
//	                         none is before the end that the server tells (logStream.unreadable)
//	an end that is missing   the number of the last message is noted beside the store each second (markFile)
//	a snapshot               carries a sum over all that is in it
//	the other streams        the server tells what it could not read of them; the number of the last message of each is
//	                         noted too, for of one whose folder is gone it tells nothing; where a crash may take
//	                         the last of them (asset.later) it is that of the last start or orderly end
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
	URL      string            `json:"url"` // of the servers, without credentials; another store has another log
	Position uint64            `json:"position"`
	Others   map[string]uint64 `json:"others,omitempty"` // last messages of the other streams of the embedded store
}

// marker keeps the mark of a store.
type marker struct {
	path  string
	mark  mark
	ahead uint64 // what is missing and stays to be found by the next start
	keep  bool   // the same of the other streams

	found map[string]uint64 // last messages of the other streams, at the start
}

func newMarker(o Options) *marker {
	if o.Dir == "" {
		return nil
	}
	return &marker{path: filepath.Join(o.Dir, markFile), mark: mark{URL: redacted(o.URL)}}
}

// read is how far the store has to go; zero when nothing is known.
func (m *marker) read() (was mark) {
	data, err := os.ReadFile(m.path)
	if err != nil || json.Unmarshal(data, &was) != nil || was.URL != m.mark.URL {
		return mark{}
	}
	return was
}

// write notes how far the store goes; others is nil where that is as it was. The file is there whole or as it
// was before.
func (m *marker) write(position uint64, others map[string]uint64) error {
	position += m.ahead
	if position == m.mark.Position && (others == nil || maps.Equal(others, m.mark.Others)) {
		return nil
	}
	if m.mark.Position = position; others != nil {
		m.mark.Others = others
	}
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
	var was mark
	if q.marker != nil {
		was = q.marker.read()
		if had, have := was.Position, q.ledger.Restored(); had > have {
			q.lostEnd = int64(had - have)
			if o.Check {
				q.marker.ahead = had - have
			}
		}
	}
	if q.server != nil {
		q.lostOthers = q.lostOfOthers(ctx, was.Others)
		if o.Check {
			q.marker.mark.Others, q.marker.keep = was.Others, true
		}
	}
	if l := q.Lost(); l.Total() > 0 {
		q.log.Error().Int64("messages", l.Messages).Int64("snapshots", l.Snapshots).Int64("others", l.Others).
			Msg("the store is damaged: what was stored is missing; OTPs that were accepted may be unknown now, see OtpgwStoreDamaged in the runbook")
	}
}

// noteMark notes how far the log goes.
func (q *Queue) noteMark() { q.note(nil) }

func (q *Queue) note(others map[string]uint64) {
	if q.marker == nil {
		return
	}
	if err := q.marker.write(q.ledger.Position(), others); err != nil && !errors.Is(err, fs.ErrNotExist) {
		q.log.Debug().Err(err).Msg("the end of the log is not noted")
	}
}

// noteOthers notes how far the other streams go; ended: nothing is written any more.
func (q *Queue) noteOthers(ended bool) {
	if q.server == nil || q.marker == nil || q.marker.keep || q.disk.err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	others := make(map[string]uint64)
	if q.eachOther(ctx, func(a asset, s streamState) {
		if others[a.name] = s.Last; a.later && !ended {
			others[a.name] = q.marker.found[a.name]
		}
	}) == nil {
		q.note(others)
	}
}

// streamState is what the server says of a stream.
type streamState struct {
	Last uint64 `json:"last_seq"`
	Lost *struct {
		Msgs []uint64 `json:"msgs"`
	} `json:"lost"`
}

// eachOther asks for the streams beside the log that are on the disk.
func (q *Queue) eachOther(ctx context.Context, visit func(a asset, s streamState)) error {
	for _, a := range q.assets {
		if a.name == streamLog || a.form == countForm {
			continue
		}
		var info struct {
			State streamState `json:"state"`
		}
		err := q.retry(ctx, func(ctx context.Context) error {
			reply, err := q.connIn(ctx).RequestWithContext(ctx, "$JS.API.STREAM.INFO."+a.name, nil)
			if err != nil {
				return err
			}
			return json.Unmarshal(reply.Data, &info)
		})
		if err != nil {
			return err
		}
		visit(a, info.State)
	}
	return nil
}

// lostOfOthers counts the messages of the other streams that the server could not read, and those behind the
// end of what is left of a stream. had are the last messages that were noted.
func (q *Queue) lostOfOthers(ctx context.Context, had map[string]uint64) (n int64) {
	q.marker.found = make(map[string]uint64)
	err := q.eachOther(ctx, func(a asset, s streamState) {
		q.marker.found[a.name] = s.Last
		lost := int64(had[a.name] - min(s.Last, had[a.name]))
		if s.Lost != nil {
			lost += int64(len(s.Lost.Msgs))
		}
		if lost > 0 {
			q.log.Error().Str("stream", a.name).Int64("messages", lost).Msg("messages of a stream are missing")
		}
		n += lost
	})
	if err != nil {
		q.log.Warn().Err(err).Msg("it is not known whether the streams beside the log are whole")
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

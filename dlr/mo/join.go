package mo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/seal"
)

// The parts of a message come within seconds of each other; what is not complete after this time never will
// be.
const joinTime = 10 * time.Minute

// maxRaces bounds how often a part meets another one of its message on the way to the store.
const maxRaces = 16

// join keeps a part, and says whether the message is whole now; then m is the whole message, and forget is to
// be called when what it says is stored: should that fail, the part comes again and finds the others. The
// last part is not stored, so of parts that come at once one alone has the whole.
func (i *Inbox) join(ctx context.Context, m *Message) (whole bool, forget func(), err error) {
	bucket, key := i.Queue.Handsets(), i.Box.Name("mo", fmt.Sprintf("%s\x00%s\x00%s\x00%d\x00%d", m.Link, m.From, m.To, m.Reference, m.Parts))
	for range maxRaces {
		parts := make(map[int]string)
		e, err := bucket.Get(ctx, key)
		switch {
		case err == nil:
			plain, err := i.Box.Open(e.Value, key)
			if errors.Is(err, seal.ErrKey) { // another daemon has the key; the SMSC sends the part again
				return false, nil, fmt.Errorf("mo: read parts: %w", err)
			}
			if err == nil {
				_ = json.Unmarshal(plain, &parts) // unreadable is as good as none
			}
		case !errors.Is(err, queue.ErrNotFound):
			return false, nil, fmt.Errorf("mo: read parts: %w", err)
		}
		parts[m.Part] = m.Text
		if len(parts) >= m.Parts {
			m.Text = inOrder(parts, m.Parts)
			return true, func() { i.forget(ctx, bucket, key, e) }, nil
		}
		plain, merr := json.Marshal(parts)
		if merr != nil {
			return false, nil, merr
		}
		if sealed := i.Box.Seal(plain, key); err != nil {
			_, err = bucket.Create(ctx, key, sealed, joinTime)
		} else {
			_, err = bucket.Update(ctx, key, sealed, joinTime, e.Revision)
		}
		if err == nil {
			return false, nil, nil
		}
		if !errors.Is(err, queue.ErrConflict) && !errors.Is(err, queue.ErrNotFound) {
			return false, nil, fmt.Errorf("mo: store part: %w", err)
		}
	}
	return false, nil, fmt.Errorf("mo: store part: %w", queue.ErrConflict)
}

// forget takes the other parts off the store. Where that fails, their time does it.
func (i *Inbox) forget(ctx context.Context, bucket *queue.Bucket, key string, e queue.Entry) {
	if e.Revision == 0 {
		return
	}
	if err := bucket.DeleteRevision(ctx, key, e.Revision); err != nil {
		i.Log.Warn().Err(err).Msg("parts of a handset's message stay in the store for a while")
	}
}

func inOrder(parts map[int]string, n int) string {
	var b strings.Builder
	for part := 1; part <= n; part++ {
		b.WriteString(parts[part])
	}
	return b.String()
}

package callback

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// Bounds of one request.
const (
	maxItems = 200      // of the contract
	maxBody  = 96 << 10 // octets, so that receivers take it that are content with 100 kB, as many are; a longer item goes alone

	maxTraces = 16 // that the span of a request is linked to
)

// batch is one request, as it is stored and sent: its body and its id are made once, when it is stored.
type batch struct {
	ID    string        `json:"id"` // webhook-id
	App   string        `json:"app"`
	URL   string        `json:"url"`
	Kind  otp.EventKind `json:"kind"`
	Held  []held        `json:"held"`
	After []string      `json:"after,omitempty"` // ids of batches with earlier changes of its OTPs
	Items int           `json:"items,omitempty"`
	Since time.Time     `json:"since"`           // when its first item was stored
	Trace [][]byte      `json:"trace,omitempty"` // of its OTPs that are traced, the first ones

	// Of one that is stored together with others, see joint.go.
	At   time.Time `json:"at,omitzero"`    // when it was stored
	Size int       `json:"size,omitempty"` // of its body

	body []byte
}

func (b *batch) target() target { return target{b.App, b.URL} }

// items is their number; batches of older versions do not tell it.
func (b *batch) items() int { return max(b.Items, len(b.Held)) }

// held is an OTP with changes in a batch: up to its nth.
type held struct {
	OtpID string `json:"otpId"`
	N     int    `json:"n"`
}

// job is an item of EVENTS that is not in a batch yet.
type job struct {
	d     *queue.Delivery
	event otp.Event
}

func (j job) target() target { return target{j.event.App, j.event.URL} }

// newBatch is an empty one for events like the given, of which the first is stored since then.
func newBatch(id string, like *otp.Event, since time.Time) *batch {
	return &batch{ID: id, App: like.App, URL: like.URL, Kind: like.Kind, Since: since}
}

// newID is a webhook-id. It is random, for a batch is stored before it is sent, and nothing else is ever
// stored under it.
func newID() string { return "msg_" + rand.Text() }

const bodyEnd = "]}"

// add puts items into a batch that was never sent. It keeps those it held.
func (b *batch) add(items []job) {
	size := len(b.body) + 64 // for what is around the items
	for _, j := range items {
		size += len(j.event.Item) + 1
	}
	body := bytes.NewBuffer(make([]byte, 0, size))
	if before, ok := bytes.CutSuffix(b.body, []byte(bodyEnd)); ok {
		body.Write(before)
	} else {
		body.WriteString(`{"event":"` + string(b.Kind) + `","data":[`)
	}
	highest := make(map[string]int, len(b.Held)+len(items)) // index in Held
	for i, h := range b.Held {
		highest[h.OtpID] = i
	}
	for _, j := range items {
		if b.Items > 0 {
			body.WriteByte(',')
		}
		b.Items++
		writePlain(body, j.event.Item)
		at, ok := highest[j.event.OtpID]
		if !ok {
			at = len(b.Held)
			highest[j.event.OtpID] = at
			b.Held = append(b.Held, held{OtpID: j.event.OtpID})
		}
		b.Held[at].N = max(b.Held[at].N, j.event.N)
		if len(j.event.Trace) > 0 && len(b.Trace) < maxTraces {
			b.Trace = append(b.Trace, j.event.Trace)
		}
	}
	body.WriteString(bodyEnd)
	b.body = body.Bytes()
}

// writePlain writes JSON with the characters that encoding/json escapes for the sake of web pages as they
// are: receivers that check the signature over what they parsed and wrote again have "&" there, not "\u0026".
func writePlain(to *bytes.Buffer, item []byte) {
	for {
		at := bytes.IndexByte(item, '\\')
		if at < 0 || at+1 >= len(item) {
			to.Write(item)
			return
		}
		to.Write(item[:at])
		item = item[at:]
		n := 2 // an escape is two octets, or it is \uXXXX
		if len(item) >= 6 && item[1] == 'u' {
			n = 6
		}
		if plain, ok := webEscapes[string(item[:n])]; ok {
			to.WriteString(plain)
		} else {
			to.Write(item[:n])
		}
		item = item[n:]
	}
}

var webEscapes = map[string]string{`\u003c`: "<", `\u003e`: ">", `\u0026`: "&", `\u2028`: "\u2028", `\u2029`: "\u2029", `\ufffd`: "\ufffd"}

const batchPrefix = "events.batch."

// subjectOf is where a batch is stored.
func subjectOf(id string) string { return batchPrefix + queue.Token(id) }

func isBatch(subject string) bool { return strings.HasPrefix(subject, batchPrefix) }

// encode writes a line of JSON and then the body as it is: JSON within JSON would not keep its octets.
func (b *batch) encode() []byte {
	head, err := json.Marshal(b)
	if err != nil {
		panic(err) // strings, numbers and times of this century: cannot fail
	}
	return append(append(head, '\n'), b.body...)
}

// message is how a batch is stored by itself.
func (b *batch) message() queue.Message {
	alone := *b
	alone.At, alone.Size = time.Time{}, 0
	return queue.Message{Subject: subjectOf(b.ID), Key: b.ID, Group: b.App, Data: alone.encode()}
}

var errBatch = errors.New("callback: stored batch is unreadable")

func decode(data []byte) (*batch, error) {
	head, body, ok := bytes.Cut(data, []byte{'\n'})
	b := &batch{body: body}
	if !ok || json.Unmarshal(head, b) != nil || b.ID == "" || b.URL == "" {
		return nil, errBatch
	}
	return b, nil
}

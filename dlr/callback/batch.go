package callback

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// Bounds of one request.
const (
	maxItems = 200       // of the contract
	maxBody  = 256 << 10 // octets; one item more than that goes alone
)

// batch is one request: what it says never changes, however often it is tried.
type batch struct {
	ID    string        `json:"id"` // webhook-id
	App   string        `json:"app"`
	URL   string        `json:"url"`
	Kind  otp.EventKind `json:"kind"`
	Held  []held        `json:"held"`
	Tries int           `json:"tries"` // made so far
	Due   time.Time     `json:"due"`   // of the next try
	Since time.Time     `json:"since"` // when its first item was stored

	body      []byte
	notBefore time.Duration // from its last answer on, asked for by the receiver
}

func (b *batch) target() target { return target{b.App, b.URL} }

// held is an OTP with changes in a batch: up to its nth.
type held struct {
	OtpID string `json:"otpId"`
	N     int    `json:"n"`
}

// job is one message of EVENTS on its way through a lane.
type job struct {
	d     *queue.Delivery
	event otp.Event
	batch *batch // set: a batch again; else event is an item
}

func (j job) weight() int {
	if j.batch != nil {
		return len(j.batch.Held)
	}
	return 1
}

func (j job) url() string {
	if j.batch != nil {
		return j.batch.URL
	}
	return j.event.URL
}

func (j job) app() string {
	if j.batch != nil {
		return j.batch.App
	}
	return j.event.App
}

// form makes one request of items of one application, URL and kind. Its id comes from what is in it, so that the same items,
// delivered again after a crash, are the same request.
func form(items []job) *batch {
	first := items[0].event
	b := &batch{App: first.App, URL: first.URL, Kind: first.Kind, Since: items[0].d.Stored}
	var body bytes.Buffer
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%s\n%s\n", b.App, b.URL, b.Kind)
	fmt.Fprintf(&body, `{"event":%q,"data":[`, b.Kind)
	highest := make(map[string]int) // index in Held
	for i, j := range items {
		if i > 0 {
			body.WriteByte(',')
		}
		writePlain(&body, j.event.Item)
		fmt.Fprintf(sum, "%s.%d\n", j.event.OtpID, j.event.N)
		at, ok := highest[j.event.OtpID]
		if !ok {
			at = len(b.Held)
			highest[j.event.OtpID] = at
			b.Held = append(b.Held, held{OtpID: j.event.OtpID})
		}
		b.Held[at].N = max(b.Held[at].N, j.event.N)
	}
	body.WriteString("]}")
	b.body = body.Bytes()
	b.ID = "msg_" + base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum.Sum(nil)[:20])
	return b
}

// writePlain writes JSON with the characters that encoding/json escapes for the sake of web pages as they are: receivers that
// check the signature over what they parsed and wrote again have "&" there, not "\u0026".
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

// message is how a batch is stored.
func (b *batch) message() queue.Message {
	return queue.Message{Subject: subjectOf(b.ID), Key: b.ID, Group: b.App, Data: b.encode()}
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

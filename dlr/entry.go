package dlr

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/otpgw/otpgw/queue"
)

// Entry says which message of ours an SMSC's message id stands for.
type Entry struct {
	OtpID     string
	MessageID string // ours, the msgId of callbacks
	Part      int    // from 1; 0: the id stands for all parts
	Parts     int
	To        string        // destination in E.164, optional; its last digits are stored, to compare with those of a receipt
	From      string        // sender, optional; where it is a number, a receipt's may be the same
	At        time.Time     // of the response; zero: not known
	Keep      time.Duration // how long a receipt may still find it; 0: as long as the bucket keeps it
}

// stored is an Entry with the id that the SMSC gave, exactly as it did.
type stored struct {
	Original  string `json:"i" cbor:"-"`
	OtpID     string `json:"o" cbor:"2,keyasint,omitempty"`
	MessageID string `json:"m" cbor:"3,keyasint,omitempty"`
	Part      int    `json:"p" cbor:"4,keyasint,omitempty"`
	Parts     int    `json:"n" cbor:"5,keyasint,omitempty"`
	Address   string `json:"a,omitempty" cbor:"6,keyasint,omitempty"` // last digits of the destination
	Sender    string `json:"s,omitempty" cbor:"7,keyasint,omitempty"` // last digits of the sender, where it is a number
	At        int64  `json:"t,omitempty" cbor:"8,keyasint,omitempty"` // of the response, in Unix milliseconds
}

// packed is the form of a stored in the bucket, of which there are as many as messages: its UUIDs take 17
// octets.
type packed struct {
	stored
	ID      []byte `cbor:"1,keyasint"`            // Original, which may be no text
	Otp     []byte `cbor:"9,keyasint,omitempty"`  // OtpID, see queue.PackID
	Message []byte `cbor:"10,keyasint,omitempty"` // MessageID, the same
}

func (s stored) entry() Entry {
	e := Entry{OtpID: s.OtpID, MessageID: s.MessageID, Part: s.Part, Parts: s.Parts, To: s.Address, From: s.Sender}
	if s.At != 0 {
		e.At = time.UnixMilli(s.At)
	}
	return e
}

// maxChain bounds how many ids may share one normal form ("00AB", "AB", "ab"); the oldest goes first.
const maxChain = 8

// chain is the value of one key: every id of that normal form, the newest last.
type chain []stored

// with adds an entry. The same id for another part of the same message is an id for all of its parts. The
// same id for another message is one that the SMSC used again: both may still get a receipt when their
// numbers tell them apart, else the newer message is meant from now on.
func (c chain) with(s stored) chain {
	out := make(chain, 0, len(c)+1)
	for _, old := range c {
		switch {
		case old.Original != s.Original:
			out = append(out, old)
		case old.MessageID == s.MessageID && old.OtpID == s.OtpID:
			if old.Part != s.Part {
				s.Part = 0
			}
		case old.Address != "" && s.Address != "" && old.Address != s.Address:
			out = append(out, old)
		}
	}
	if out = append(out, s); len(out) > maxChain {
		out = out[len(out)-maxChain:]
	}
	return out
}

// match is what a look-up found.
type match struct {
	stored
	found  bool
	proof  proof
	exact  bool // the ids are the same, octet by octet
	others bool // an id fits, but its message went to another number
}

// better: a number that is the same counts most, then an id that is, then which came later.
func (m match) better(than match) bool {
	switch {
	case !than.found:
		return true
	case (m.proof == proven) != (than.proof == proven):
		return m.proof == proven
	}
	return m.exact || !than.exact
}

// match finds the entry that a candidate means. One whose number is another is not meant, unless the carrier
// rewrites numbers. Several of the same form, of which neither id nor number tells one, mean none.
func (c chain) match(k candidate, q Query) match {
	var best match
	fits := 0
	for _, s := range c {
		m := match{stored: s, found: true, proof: s.compare(q.Addresses), exact: s.Original == k.original || s.Original == k.prefer}
		switch {
		case k.original != "" && !m.exact:
			continue
		case m.proof == disproven && !q.AnyNumber:
			best.others = true
			continue
		case m.proof == disproven:
			m.proof = noProof
		}
		fits++
		if m.better(best) {
			m.others = best.others
			best = m
		}
	}
	if fits > 1 && !best.exact && best.proof != proven {
		return match{others: best.others}
	}
	return best
}

// encode writes the chain as CBOR with numbered fields.
func (c chain) encode() []byte {
	list := make([]packed, len(c))
	for i, s := range c {
		list[i] = packed{s, []byte(s.Original), queue.PackID(s.OtpID), queue.PackID(s.MessageID)}
		list[i].OtpID, list[i].MessageID = "", ""
	}
	b, err := cbor.Marshal(list)
	if err != nil {
		panic(err) // strings and ints: cannot fail
	}
	return b
}

// decodeChain reads what encode wrote, or an older version in JSON. What cannot be read is as good as empty,
// and is overwritten by the next Put.
func decodeChain(value []byte) (c chain) {
	if len(value) > 0 && value[0] == '[' {
		_ = json.Unmarshal(value, &c)
		return c
	}
	var list []packed
	if cbor.Unmarshal(value, &list) != nil {
		return nil
	}
	for _, p := range list {
		p.Original, p.OtpID, p.MessageID = string(p.ID), queue.UnpackID(p.Otp), queue.UnpackID(p.Message)
		c = append(c, p.stored)
	}
	return c
}

// maxKeyPart keeps keys well below the limits of a NATS subject.
const maxKeyPart = 100

// keyOf is the KV key of a form on a link. Any octets make a valid key.
func keyOf(link, form string) string { return token(link) + "." + token(form) }

// token writes any octets as one token of a NATS subject, one to one; a long one becomes its SHA-256.
func token(s string) string {
	if len(s) > maxKeyPart {
		sum := sha256.Sum256([]byte(s))
		return "=h" + hex.EncodeToString(sum[:]) // no Token begins so
	}
	return queue.Token(s)
}

// Digits of an address that are compared, and the fewest that prove anything.
const (
	addressDigits    = 8
	minAddressDigits = 6
)

// tail gives the last digits of a phone number, or "" where it is no number or too short to prove anything.
func tail(address string) string {
	address = strings.TrimPrefix(address, "+")
	if len(address) < minAddressDigits || strings.Trim(address, "0123456789") != "" {
		return ""
	}
	if len(address) > addressDigits {
		address = address[len(address)-addressDigits:]
	}
	return address
}

// proof is what the addresses of a receipt say about an entry.
type proof int

const (
	noProof proof = iota // one side has no usable address
	proven
	disproven
)

// compare holds the addresses of a receipt against the destination of a message. A receipt's source is the
// message's destination (SMPP 3.4, Appendix B), but some SMSCs do not swap them; the message's sender says
// nothing.
func (s stored) compare(addresses []string) proof {
	result := noProof
	for _, a := range addresses {
		got := tail(a)
		switch {
		case s.Address == "" || got == "":
		case sameEnd(got, s.Address):
			return proven
		case s.Sender == "" || !sameEnd(got, s.Sender):
			result = disproven
		}
	}
	return result
}

// sameEnd: a national number has fewer digits than ours.
func sameEnd(a, b string) bool { return strings.HasSuffix(a, b) || strings.HasSuffix(b, a) }

package dlr

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/otpgw/otpgw/queue"
)

// Entry says which message of ours an SMSC's message id stands for.
type Entry struct {
	OtpID     string
	MessageID string // ours, the msgId of callbacks
	Part      int    // from 1
	Parts     int
	To        string // destination in E.164, optional; its last digits are stored, as proof for a guessed base
}

// stored is an Entry with the id that the SMSC gave, exactly as it did.
type stored struct {
	Original  string `json:"i"`
	OtpID     string `json:"o"`
	MessageID string `json:"m"`
	Part      int    `json:"p"`
	Parts     int    `json:"n"`
	Address   string `json:"a,omitempty"` // last digits of the destination
}

func (s stored) entry() Entry {
	return Entry{OtpID: s.OtpID, MessageID: s.MessageID, Part: s.Part, Parts: s.Parts, To: s.Address}
}

// maxChain bounds how many ids may share one normal form ("00AB", "AB", "ab"); the oldest goes first.
const maxChain = 8

// chain is the value of one key: every id of that normal form, the newest last.
type chain []stored

// with adds an entry. The same id again is an id that the SMSC used again: the newer message is meant from now on.
func (c chain) with(s stored) chain {
	out := make(chain, 0, len(c)+1)
	for _, old := range c {
		if old.Original != s.Original {
			out = append(out, old)
		}
	}
	if out = append(out, s); len(out) > maxChain {
		out = out[len(out)-maxChain:]
	}
	return out
}

// exact finds the entry whose id is id, octet by octet.
func (c chain) exact(id string) (stored, bool) {
	for _, s := range c {
		if s.Original == id {
			return s, true
		}
	}
	return stored{}, false
}

// match finds the one entry that a candidate means. Several of the same form, none of them exact, mean none.
func (c chain) match(k candidate) (stored, bool) {
	if k.original != "" {
		return c.exact(k.original)
	}
	if s, ok := c.exact(k.prefer); ok {
		return s, true
	}
	if len(c) == 1 {
		return c[0], true
	}
	return stored{}, false
}

func (c chain) encode() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and ints: cannot fail
	}
	return b
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
// message's destination (SMPP 3.4, Appendix B), but some SMSCs do not swap them.
func compare(destination string, addresses []string) proof {
	want := tail(destination)
	result := noProof
	for _, a := range addresses {
		got := tail(a)
		if want == "" || got == "" {
			continue
		}
		n := min(len(want), len(got))
		if want[len(want)-n:] == got[len(got)-n:] {
			return proven
		}
		result = disproven
	}
	return result
}

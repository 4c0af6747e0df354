package link

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/smpp/wire"
)

// The optional parameters of India's operators that a chain concerns (TRAI's TCCCPR 2018, direction of
// 2024-08-20).
const (
	tagEntity uint16 = 0x1400 // the sender's id there
	tagChain  uint16 = 0x1402 // who stands between the sender and the operator
)

// Chain are the telemarketers through which the link's messages to India go, from ours to the carrier.
type Chain struct {
	IDs  []string // on the operators' DLT platforms; none: nothing is said of them
	Bare bool     // the ids are sent, and a later telemarketer hashes them
}

// ChainHash is what the last telemarketer tells the operator: SHA-256 over the ids of the sender and all
// telemarketers, comma-separated, in hex digits.
func ChainHash(entity string, telemarketers []string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{entity}, telemarketers...), ",")))
	return hex.EncodeToString(sum[:])
}

// appendTo adds the chain to the parameters of a message that names its sender's id, unless it brings one.
func (c Chain) appendTo(tlvs []wire.TLV) []wire.TLV {
	entity := slices.IndexFunc(tlvs, func(t wire.TLV) bool { return t.Tag == tagEntity })
	if len(c.IDs) == 0 || entity < 0 || slices.ContainsFunc(tlvs, func(t wire.TLV) bool { return t.Tag == tagChain }) {
		return tlvs
	}
	value := strings.Join(c.IDs, ",")
	if !c.Bare {
		value = ChainHash(string(tlvs[entity].Value), c.IDs)
	}
	return append(tlvs, wire.TLV{Tag: tagChain, Value: []byte(value)})
}

package behave

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// IDFormat is how the number of a message becomes its message id. The same number in two formats is the same
// message to an SMSC: clients have to know that "00A1" in a receipt is "161" in an answer.
type IDFormat string

// The formats of message ids.
const (
	IDDecimal   IDFormat = "decimal"    // 1234567890123456
	IDPadded    IDFormat = "padded"     // 00001234567890123456: 20 digits
	IDHex       IDFormat = "hex"        // 462d53c8abac0
	IDHexUpper  IDFormat = "hex-upper"  // 462D53C8ABAC0
	IDHexPadded IDFormat = "hex-padded" // 000462D53C8ABAC0: 16 digits
	ID0xHex     IDFormat = "0x-hex"     // 0x462d53c8abac0
	IDUUID      IDFormat = "uuid"       // derived from the number, which cannot be had from it again
	IDUUIDUpper IDFormat = "uuid-upper"
)

var idFormats = []IDFormat{IDDecimal, IDPadded, IDHex, IDHexUpper, IDHexPadded, ID0xHex, IDUUID, IDUUIDUpper}

// IDFormats lists the formats of message ids.
func IDFormats() []IDFormat { return slices.Clone(idFormats) }

// Validate refuses a name that is none, as a *FieldError about that field; empty is none chosen.
func (f IDFormat) Validate(field string) error { return oneOf(field, f, idFormats) }

// Of is the message id of a number. The empty format is decimal.
func (f IDFormat) Of(n uint64) string {
	switch f {
	case IDPadded:
		return fmt.Sprintf("%020d", n)
	case IDHex:
		return strconv.FormatUint(n, 16)
	case IDHexUpper:
		return strings.ToUpper(strconv.FormatUint(n, 16))
	case IDHexPadded:
		return fmt.Sprintf("%016X", n)
	case ID0xHex:
		return "0x" + strconv.FormatUint(n, 16)
	case IDUUID:
		return uuidOf(n)
	case IDUUIDUpper:
		return strings.ToUpper(uuidOf(n))
	}
	return strconv.FormatUint(n, 10)
}

// uuidOf looks like a random UUID (RFC 9562, 5.4) and is always the same for a number.
func uuidOf(n uint64) string {
	h := fnv.New128a()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	h.Write(b[:])
	h.Write(b[:])
	u := h.Sum(nil)
	u[6], u[8] = u[6]&0x0F|0x40, u[8]&0x3F|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:])
}

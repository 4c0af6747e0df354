package dlr

import (
	"iter"
	"math/big"
	"strconv"
	"strings"
)

// IDMatch says how the message id of a receipt relates to that of the submit_sm_resp: the base of the
// response, then that of the receipt (OTPGW_LINK_<NAME>_MESSAGE_ID).
type IDMatch string

// The rules.
const (
	Auto   IDMatch = "auto"    // the same id, with case, hyphens and leading zeros forgiven; else the other base, if certain
	Exact  IDMatch = "exact"   // the same octets
	HexDec IDMatch = "hex-dec" // hexadecimal in the response, decimal in the receipt
	DecHex IDMatch = "dec-hex" // decimal in the response, hexadecimal in the receipt
)

// maxID bounds an id; SMPP 3.4 has 65 octets at most.
const maxID = 255

// candidate is one form under which the message of a receipt may be stored.
type candidate struct {
	form     string // normal form of the response's id
	original string // the response's id must be this very string, when not empty
	prefer   string // of several that fit, this one is meant
	guessed  bool   // the base was guessed: a match needs a proof
	lettered bool   // the hexadecimal side has a letter, so it cannot be decimal
}

// candidates gives the forms to look up for a receipt's id, in order, each made when the one before was not
// enough.
//
// Under Auto the same id always goes before a converted one. A converted form is a guess, and the same digits
// may be another message's id in the other base (decimal 4113 is hexadecimal 1011): see Index.Find for what
// proves it.
func candidates(rule IDMatch, id string) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		id := trimID(id)
		if id == "" {
			return
		}
		form := normal(id)
		switch rule {
		case Exact:
			yield(candidate{form: form, original: id})
			return
		case HexDec:
			if hex, ok := toHex(form); ok {
				yield(candidate{form: hex})
				return
			}
		case DecHex:
			if dec, ok := toDec(form); ok {
				yield(candidate{form: dec})
				return
			}
		}
		if yield(candidate{form: form, prefer: id}) && rule == Auto {
			guesses(form, yield)
		}
	}
}

// guesses gives the forms that the same id may have in another base or case.
func guesses(form string, yield func(candidate) bool) {
	guess := func(other string, lettered bool) bool {
		return other == form || yield(candidate{form: other, guessed: true, lettered: lettered})
	}
	if hex, ok := toHex(form); ok && !guess(hex, hasLetter(hex)) {
		return
	}
	if dec, ok := toDec(form); ok {
		guess(dec, hasLetter(form))
		return
	}
	if guess(strings.ToUpper(form), false) {
		guess(strings.ToLower(form), false)
	}
}

// normal is the form an id is stored under: without hyphens, braces and leading zeros, and in lower case when
// it is hexadecimal, as a UUID is. The case of other ids stays, for there are SMSCs that count in base 62.
func normal(id string) string {
	id = unmarked.Replace(trimID(id))
	if id == "" {
		return ""
	}
	if hexDigits(strip0x(id)) {
		id = strings.ToLower(strip0x(id))
	}
	if s := strings.TrimLeft(id, "0"); s != "" {
		return s
	}
	return "0"
}

var unmarked = strings.NewReplacer("-", "", "{", "", "}", "")

// cutPart takes a part's number off the end of an id: "77-2", "77_02", "77.2".
func cutPart(id string) (whole string, n int, ok bool) {
	i := strings.LastIndexAny(id, "-_.:/#")
	if i <= 0 || len(id)-i-1 > maxPartDigits {
		return "", 0, false
	}
	n, err := strconv.Atoi(id[i+1:])
	return id[:i], n, err == nil && n >= 0
}

// maxPartDigits: a message has 255 parts at most.
const maxPartDigits = 3

func trimID(id string) string { return strings.Trim(id, " \t\r\n\x00") }

func strip0x(id string) string {
	if len(id) > 2 && (id[:2] == "0x" || id[:2] == "0X") {
		return id[2:]
	}
	return id
}

// toHex converts a decimal id to the normal form of the same number in hexadecimal.
func toHex(id string) (string, bool) {
	if len(id) > maxID || strings.Trim(id, "0123456789") != "" {
		return "", false
	}
	n, ok := new(big.Int).SetString(id, 10)
	if !ok {
		return "", false
	}
	return n.Text(16), true
}

// toDec converts a hexadecimal id to the normal form of the same number in decimal.
func toDec(id string) (string, bool) {
	id = strip0x(id)
	if len(id) > maxID || !hexDigits(id) {
		return "", false
	}
	n, ok := new(big.Int).SetString(id, 16)
	if !ok {
		return "", false
	}
	return n.Text(10), true
}

func hexDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func hasLetter(s string) bool { return strings.ContainsAny(s, "abcdef") }

package dlr

import (
	"fmt"
	"math/big"
	"strings"
)

// Rule says how the message id of a receipt relates to that of the submit_sm_resp: the base of the response, then that
// of the receipt (OTPGW_LINK_<NAME>_MESSAGE_ID).
type Rule string

// The rules.
const (
	Auto   Rule = "auto"    // the same id, with case and leading zeros forgiven; else the other base, if certain
	Exact  Rule = "exact"   // the same octets
	HexDec Rule = "hex-dec" // hexadecimal in the response, decimal in the receipt
	DecHex Rule = "dec-hex" // decimal in the response, hexadecimal in the receipt
)

// ParseRule reads the name of a rule; empty is Auto.
func ParseRule(s string) (Rule, error) {
	switch r := Rule(s); r {
	case "":
		return Auto, nil
	case Auto, Exact, HexDec, DecHex:
		return r, nil
	}
	return "", fmt.Errorf("message id rule %q: want auto, exact, hex-dec or dec-hex", s)
}

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

// candidates gives the forms to look up for a receipt's id, in order.
//
// Under Auto the same id always goes before a converted one. A converted form is a guess, and the same digits may be
// another message's id in the other base (decimal 4113 is hexadecimal 1011): see Index.Find for what proves it.
func candidates(rule Rule, id string) []candidate {
	id = trimID(id)
	if id == "" {
		return nil
	}
	hex, isDec := toHex(id)
	dec, isHex := toDec(id)
	switch {
	case rule == Exact:
		return []candidate{{form: normal(id), original: id}}
	case rule == HexDec && isDec:
		return []candidate{{form: hex}}
	case rule == DecHex && isHex:
		return []candidate{{form: dec}}
	}
	out := []candidate{{form: normal(id), prefer: id}}
	if rule != Auto {
		return out
	}
	if isDec && hex != out[0].form {
		out = append(out, candidate{form: hex, guessed: true, lettered: hasLetter(hex)})
	}
	if isHex && dec != out[0].form {
		out = append(out, candidate{form: dec, guessed: true, lettered: hasLetter(normal(id))})
	}
	return out
}

// normal is the form an id is stored under: without leading zeros, and in lower case when it is hexadecimal or a UUID.
// The case of other ids stays, for there are SMSCs that count in base 62.
func normal(id string) string {
	id = trimID(id)
	if hexDigits(strings.ReplaceAll(strip0x(id), "-", "")) {
		id = strings.ToLower(strip0x(id))
	}
	if s := strings.TrimLeft(id, "0"); s != "" {
		return s
	}
	if id == "" {
		return ""
	}
	return "0"
}

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

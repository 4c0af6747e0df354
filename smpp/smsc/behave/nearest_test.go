package behave_test

import (
	"errors"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

// TestSlipsAreNamed: what is wrong in a rule has its path, and the name that was meant.
func TestSlipsAreNamed(t *testing.T) {
	for js, want := range map[string]string{
		`{"match":{"too":"49"}}`:                    `match.too: is no field here; the nearest is "to"`,
		`{"macth":{"to":"49"}}`:                     `macth: is no field here; the nearest is "match"`,
		`{"submit":{"no_answer":true}}`:             `submit.no_answer: is no field here; the nearest is "noAnswer"`,
		`{"reciept":{}}`:                            `reciept: is no field here; the nearest is "receipt"`,
		`{"receipt":{"delay":{"maximum":"1s"}}}`:    `receipt.delay.maximum: is no field here; the nearest is "max"`,
		`{"receipt":{"state":"UNDELIVERED"}}`:       `receipt.state: "UNDELIVERED" is none of ENROUTE, DELIVRD, EXPIRED, DELETED, UNDELIV, ACCEPTD, UNKNOWN, REJECTD; the nearest is "UNDELIV"`,
		`{"receipt":{"state":"delivered"}}`:         `receipt.state: "delivered" is none of ENROUTE, DELIVRD, EXPIRED, DELETED, UNDELIV, ACCEPTD, UNKNOWN, REJECTD; the nearest is "DELIVRD"`,
		`{"receipt":{"idFormat":"hexupper"}}`:       `receipt.idFormat: "hexupper" is none of decimal, padded, hex, hex-upper, hex-padded, 0x-hex, uuid, uuid-upper; the nearest is "hex-upper"`,
		`{"submit":{"fault":"stalled"}}`:            `submit.fault: "stalled" is none of partial, bytewise, cut, garbage, reset, stall; the nearest is "stall"`,
		`{"match":{"command":"submit"}}`:            `match.command: "submit" is none of submit_sm, data_sm, submit_multi; the nearest is "submit_sm"`,
		`{"submit":{"status":"ESME_RTHROTLED"}}`:    `submit.status: "ESME_RTHROTLED" is no command_status: want a name such as ESME_RTHROTTLED, or a number such as 0x58; the nearest is "ESME_RTHROTTLED"`,
		`{"match":{"xyzzy":1}}`:                     `match.xyzzy: is no field here; there are to, toPattern, from, fromPattern, account, text, textPattern, command`,
		`{"receipt":{"intermediate":["ENROUTED"]}}`: `receipt.intermediate[0]: "ENROUTED" is none of ENROUTE, DELIVRD, EXPIRED, DELETED, UNDELIV, ACCEPTD, UNKNOWN, REJECTD; the nearest is "ENROUTE"`,
	} {
		_, err := behave.ParseRule([]byte(js))
		var f *behave.FieldError
		if !errors.As(err, &f) || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", js, err, want)
		}
	}
}

package otp

import (
	"encoding/json"
	"errors"

	"github.com/otpgw/otpgw/otp/internal/strictjson"
)

// parseObject reads a request's body, and says to the caller what is wrong with it.
func parseObject(body []byte) (strictjson.Object, error) {
	o, err := strictjson.Parse(body)
	switch {
	case errors.Is(err, strictjson.ErrRepeated):
		return nil, &Error{Code: CodeInvalidBody, Message: "The body has a key twice, or in upper and lower case"}
	case err != nil: // the cause would quote the body
		return nil, &Error{Code: CodeInvalidBody, Message: "The body is not a valid JSON object"}
	}
	return o, nil
}

// ParseFields reads a JSON object for the faces of other APIs, as strictly as ours: no key twice, and nothing
// but UTF-8.
func ParseFields(body []byte) (map[string]json.RawMessage, error) { return parseObject(body) }

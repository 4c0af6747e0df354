package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/otpgw/otpgw/otp"
)

// maxBody is more than any action of the operator's port needs.
const maxBody = 16 << 10

// readBody reads the JSON object that an action is told by, as strictly as the API reads its own: a field
// that is there twice, or in another case beside it, may not be what an audit or a proxy read, and one that v
// does not have is a slip that would change what is done. shape is how a body has to look. readBody has
// answered when it returns false.
func readBody(w http.ResponseWriter, r *http.Request, v any, shape string) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		fail(w, http.StatusRequestEntityTooLarge, "the body is longer than 16 KiB")
		return false
	}
	if err == nil {
		_, err = otp.ParseFields(body)
	}
	var strict *otp.Error
	if errors.As(err, &strict) {
		fail(w, http.StatusBadRequest, strict.Message+"; "+shape)
		return false
	}
	if err == nil {
		fields := json.NewDecoder(bytes.NewReader(body))
		fields.DisallowUnknownFields()
		err = fields.Decode(v)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, shape)
		return false
	}
	return true
}

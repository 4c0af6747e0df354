package otp

import (
	"crypto/sha256"

	"github.com/otpgw/otpgw/otp/pin"
)

const refLength = 4

// reference is a short name of an OTP that stands in its message, as {{ref}}, and in answers, so that people
// who got several messages know which of them the page means. It follows from the id, and is no secret.
func reference(id string) string {
	sum := sha256.Sum256([]byte("ref:" + id))
	alphabet := pin.Alphanumeric.Alphabet()
	ref := make([]byte, refLength)
	for i := range ref {
		ref[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(ref)
}

// hasRef says whether the template shows the reference.
func (n NewOtp) hasRef() bool {
	return hasLabel(n.Template, refLabel)
}

package otp

// Status is the state of an OTP. PENDING is the only one that changes.
type Status string

// The states of the API. StatusFailed means too many wrong PINs.
const (
	StatusPending   Status = "PENDING"
	StatusVerified  Status = "VERIFIED"
	StatusExpired   Status = "EXPIRED"
	StatusCancelled Status = "CANCELLED"
	StatusFailed    Status = "FAILED"
)

func (s Status) String() string { return string(s) }

// closed says why a guess comes too late; nil for a pending OTP.
func (s Status) closed() error {
	switch s {
	case StatusVerified:
		return &Error{Code: CodeVerified, Message: "The OTP was already verified"}
	case StatusCancelled:
		return &Error{Code: CodeCancelled, Message: "The OTP was cancelled"}
	case StatusExpired:
		return &Error{Code: CodeExpired, Message: "The OTP has expired"}
	case StatusFailed:
		return &Error{Code: CodeFailed, Message: "The OTP has failed, maximum attempts reached"}
	}
	return nil
}

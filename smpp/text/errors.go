package text

import "errors"

// What Split, Measure and the parsers may say. Test with errors.Is.
var (
	ErrInvalidUTF8 = errors.New("text is not valid UTF-8")
	ErrTooLong     = errors.New("text needs more than 255 parts")
	ErrOptions     = errors.New("unknown alphabet or form of long text")

	ErrDamaged    = errors.New("octets that are no character of their alphabet")
	ErrNotText    = errors.New("data_coding of no alphabet known here")
	ErrLanguage   = errors.New("national language table not known here")
	ErrUDH        = errors.New("malformed user data header")
	ErrMixed      = errors.New("parts of different messages")
	ErrIncomplete = errors.New("parts are missing")

	ErrSender = errors.New("not a valid sender")
)

package text

// Options is how a link wants its text. The zero value is gsm7 and udh8, with neither national tables nor
// transliteration.
type Options struct {
	Alphabet Alphabet
	Long     Long

	National      []Language // the tables that may be used where they save parts, in the order of preference
	Transliterate bool       // typographic quotes, dashes and spaces may become plain ones where that saves parts
}

// Long is how a text of more than one part is sent.
type Long string

// The forms of OTPGW_LINK_<NAME>_LONG. The empty one is LongUDH8.
const (
	LongUDH8    Long = "udh8"
	LongUDH16   Long = "udh16"
	LongSAR     Long = "sar"
	LongPayload Long = "payload"
)

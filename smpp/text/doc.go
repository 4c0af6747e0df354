// Package text turns a text into the octets of short_message and back: alphabets, splitting into parts, concatenation
// headers, reassembly, and the addresses that go with them. It is pure functions: nothing here waits, logs or keeps
// state, and no error holds a piece of the text.
//
// On the way out: string -> Split -> []Part -> submit_sm. On the way in: submit_sm or deliver_sm -> ParsePart -> Part
// -> Join -> string.
//
// # Alphabet
//
// Options.Alphabet says what a link takes besides UCS-2. A text of which every character is in it goes so, any other
// as UTF-16BE under data_coding 8: the specifications say UCS-2, handsets read surrogate pairs, so emoji work.
//
//	alphabet     data_coding  one part  8-bit ref.  16-bit ref.  counted in
//	gsm7         0            160       153         152          septets, one an octet
//	gsm7-packed  0            160       153         152          septets, packed (TS 23.038, 6.1.2.1)
//	ascii        0            160       153         152          septets that the SMSC will make of it
//	latin1       3            140       134         133          octets
//	(UCS-2)      8            70        67          66           UTF-16 units
//
// Under ascii the SMSC makes GSM septets of the octets, so []{}\^~| count two although they are one octet here; else a
// part full of them would be refused or cut there. Latin-1 is no default alphabet of the network: a part is an 8-bit
// part of 140 octets, whatever the SMSC makes of it.
//
// Packed text has no length in septets in SMPP. When exactly seven bits are left over, a zero would read as a last "@";
// so they hold CR, as TS 23.038, 6.1.2.3.1 has it for USSD, and Join and Decode drop it. To keep that unambiguous no
// other packed part ends on an octet boundary with CR: inside a text the CR moves to the next part, and a text that
// ends with a bare CR goes as UCS-2.
//
// Before any of this a text is composed (Unicode NFC): macOS, and many an API in front of us, write "é" as an "e" and an
// accent that follows it, which no alphabet but UCS-2 has.
//
// # National languages and plain characters
//
// Options.National allows the single-shift tables of Turkish, Spanish and Portuguese (TS 23.038, A.2) on gsm7 and
// gsm7-packed links. A text that is not in the alphabet, but is in it and a table, goes as GSM with the information
// element 0x24 in the header of every part when that takes fewer parts than UCS-2, never otherwise: old handsets do not
// know the tables and show the plain letter. The header costs five septets of a part that stands alone (155 are left)
// and four of others (149 and 148), and each character of the table two. Locking shift tables are neither written nor read.
//
// Options.Transliterate allows typographic quotes, dashes, the ellipsis and spaces that the alphabet lacks to become
// plain ones, again only when the whole text takes fewer parts so. Letters and digits are never touched, so a PIN is not.
//
// # Long text
//
// Options.Long says how a text longer than one part goes:
//
//   - udh8, udh16: concatenation header with an 8-bit or 16-bit reference (TS 23.040, 9.2.3.24.1 and .8);
//   - sar: the same in TLVs (SMPP 3.4, 5.3.2.22 to .24). The parts are 152 and 66 units, not 160 and 70: on the air
//     the SMSC has to turn the TLVs into a header, whose reference may be 16 bits as sar_msg_ref_num is. A full part
//     would not fit beside it, and SMSCs then refuse it or cut its tail;
//   - payload: one PDU with message_payload, split by the SMSC. Split and Measure call it one part, for it is one
//     submit_sm with one message id and one receipt, however many parts the carrier bills.
//
// A text that fits one part goes in short_message with none of these. No form takes more than 255 parts on the air.
package text

import "errors"

// Alphabet is what data_coding 0 means on a link.
type Alphabet string

// The alphabets of OTPGW_LINK_<NAME>_ALPHABET. The empty one is AlphabetGSM7.
const (
	AlphabetGSM7       Alphabet = "gsm7" // GSM 7-bit default alphabet, one septet an octet
	AlphabetGSM7Packed Alphabet = "gsm7-packed"
	AlphabetLatin1     Alphabet = "latin1"
	AlphabetASCII      Alphabet = "ascii"
)

// Long is how a text of more than one part is sent.
type Long string

// The forms of OTPGW_LINK_<NAME>_LONG. The empty one is LongUDH8.
const (
	LongUDH8    Long = "udh8"
	LongUDH16   Long = "udh16"
	LongSAR     Long = "sar"
	LongPayload Long = "payload"
)

// Encoding is what a text was sent as, by the API's names.
type Encoding string

// The encodings that Split chooses from.
const (
	GSM7   Encoding = "GSM7"
	UCS2   Encoding = "UCS2"
	Latin1 Encoding = "LATIN1"
	ASCII  Encoding = "ASCII"
)

// Language is a national language that has a single-shift table (3GPP TS 23.038, 6.2.1.2.4).
type Language string

// The languages of OTPGW_LINK_<NAME>_NATIONAL.
const (
	LanguageTurkish    Language = "turkish"
	LanguageSpanish    Language = "spanish"
	LanguagePortuguese Language = "portuguese"
)

// Options is how a link wants its text. The zero value is gsm7 and udh8, with neither national tables nor transliteration.
type Options struct {
	Alphabet Alphabet
	Long     Long

	National      []Language // the tables that may be used where they save parts, in the order of preference
	Transliterate bool       // typographic quotes, dashes and spaces may become plain ones where that saves parts
}

// MaxParts is the most parts a concatenated message has: the header counts them in one octet.
const MaxParts = 255

// The TLVs that carry long text (SMPP 3.4, 5.3.2.22 to 5.3.2.24 and 5.3.2.32).
const (
	TagSARMsgRefNum     uint16 = 0x020C
	TagSARTotalSegments uint16 = 0x020E
	TagSARSegmentSeqnum uint16 = 0x020F
	TagMessagePayload   uint16 = 0x0424
)

// TLV is an optional parameter of a part.
type TLV struct {
	Tag   uint16
	Value []byte
}

// ESMClassUDHI is the bit of esm_class that says the text begins with a user data header (SMPP 3.4, 5.2.12).
const ESMClassUDHI byte = 0x40

// Part is what one submit_sm carries of a text. The slices of the parts of one Split share memory: read them only.
type Part struct {
	DataCoding   byte
	ESMClass     byte   // ESMClassUDHI or 0; or it into the PDU's
	ShortMessage []byte // header and text; empty when Payload holds them
	TLVs         []TLV  // all that go on the PDU for this part, message_payload among them
	Payload      []byte // the value of message_payload, for the reader: TLVs holds it already

	Ref    uint16 // the reference as sent: under udh8 only its low 8 bits; 0 for a part that stands alone
	Number int    // from 1
	Total  int
}

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

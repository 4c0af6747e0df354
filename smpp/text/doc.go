// Package text turns a text into the octets of short_message and back: alphabets, splitting into parts,
// concatenation headers, reassembly, and the addresses that go with them. It is pure functions: nothing here
// waits, logs or keeps state, and no error holds a piece of the text.
//
// On the way out: string -> Split -> []Part -> submit_sm. On the way in: submit_sm or deliver_sm -> ParsePart
// -> Part -> Join -> string.
//
// # Alphabet
//
// Options.Alphabet says what a link takes besides UCS-2. A text of which every character is in it goes so,
// any other as UTF-16BE under data_coding 8: the specifications say UCS-2, handsets read surrogate pairs, so
// emoji work.
//
//	alphabet     data_coding  one part  8-bit ref.  16-bit ref.  counted in
//	gsm7         0            160       153         152          septets, one an octet
//	gsm7-packed  0            160       153         152          septets, packed (TS 23.038, 6.1.2.1)
//	ascii        0            160       153         152          septets that the SMSC will make of it
//	latin1       3            140       134         133          octets
//	(UCS-2)      8            70        67          66           UTF-16 units
//
// Under ascii the SMSC makes GSM septets of the octets, so []{}\^~| count two although they are one octet
// here; else a part full of them would be refused or cut there. Latin-1 is no default alphabet of the
// network: a part is an 8-bit part of 140 octets, whatever the SMSC makes of it.
//
// Packed text has no length in septets in SMPP. When exactly seven bits are left over, a zero would read as a
// last "@"; so they hold CR, as TS 23.038, 6.1.2.3.1 has it for USSD, and Join and Decode drop it. To keep
// that unambiguous no other packed part ends on an octet boundary with CR: inside a text the CR moves to the
// next part, and a text that ends with a bare CR goes as UCS-2.
//
// Before any of this a text is composed (Unicode NFC): macOS, and many an API in front of us, write "é" as an
// "e" and an accent that follows it, which no alphabet but UCS-2 has.
//
// # National languages and plain characters
//
// Options.National allows the single-shift tables of Turkish, Spanish and Portuguese (TS 23.038, A.2) on gsm7
// and gsm7-packed links. A text that is not in the alphabet, but is in it and a table, goes as GSM with the
// information element 0x24 in the header of every part when that takes fewer parts than UCS-2, never
// otherwise: old handsets do not know the tables and show the plain letter. The header costs five septets of
// a part that stands alone (155 are left) and four of others (149 and 148), and each character of the table
// two. Locking shift tables are neither written nor read.
//
// Options.Transliterate allows typographic quotes, dashes, the ellipsis and spaces that the alphabet lacks to
// become plain ones, again only when the whole text takes fewer parts so. Letters and digits are never
// touched, so a PIN is not.
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
// A text that fits one part goes in short_message with none of these. No form takes more than 255 parts on
// the air.
package text

package conform

import "github.com/otpgw/otpgw/smpp/wire"

// The statuses of optional parameters (5.1.3).
const (
	invStream  wire.Status = 0xC0
	notAllowed wire.Status = 0xC1
	invLength  wire.Status = 0xC2
	missing    wire.Status = 0xC3
	invValue   wire.Status = 0xC4
)

// TLV is one row: an optional parameter, whose name and size are in package wire, of which a wrong size is
// ESME_RINVPARLEN, and one in a PDU that does not have it ESME_ROPTPARNOTALLWD. Tags that have no row are
// taken and shown, whatever their size.
type TLV struct {
	*wire.Parameter
	In   Uses // the requests that have it
	Does string
	Most byte // the highest value of one octet; zero: any
}

// Uses are the PDUs that may have a parameter.
type Uses uint8

// The uses.
const (
	InSubmit Uses = 1 << iota
	InMulti
	InData
	InDeliver  // sent
	InBindResp // sent
	submits    = InSubmit | InMulti | InData
)

const kept = "is kept"

// TLVs are the optional parameters, by their tags.
var TLVs = []TLV{
	{wire.ParameterOf(0x0005), submits, kept, 0},
	{wire.ParameterOf(0x0006), InData, kept, 0},
	{wire.ParameterOf(0x0007), InData, kept, 0},
	{wire.ParameterOf(0x0008), InData, kept, 0},
	{wire.ParameterOf(0x000D), submits, kept, 0},
	{wire.ParameterOf(0x000E), InData, kept, 0},
	{wire.ParameterOf(0x000F), InData, kept, 0},
	{wire.ParameterOf(0x0010), InData, kept, 0},
	{wire.ParameterOf(0x0017), InData, "as validity_period, in seconds", 0},
	{wire.ParameterOf(0x0019), submits, kept, 0},
	{wire.ParameterOf(0x001D), 0, "", 0},
	{wire.ParameterOf(0x001E), InData | InDeliver, "in receipts, as receipt-format has it", 0},
	{wire.ParameterOf(0x0030), submits, kept, 0},
	{wire.ParameterOf(0x0201), submits, kept, 3},
	{wire.ParameterOf(0x0202), submits, kept, 0},
	{wire.ParameterOf(0x0203), submits, kept, 0},
	{wire.ParameterOf(0x0204), submits | InDeliver, "comes back in the receipts", 0},
	{wire.ParameterOf(0x0205), InSubmit | InData, kept, 0},
	{wire.ParameterOf(0x020A), submits, kept, 0},
	{wire.ParameterOf(0x020B), submits, kept, 0},
	{wire.ParameterOf(0x020C), submits | InDeliver, "which message it is a part of; with the other two sar_", 0},
	{wire.ParameterOf(0x020D), submits, kept, 0},
	{wire.ParameterOf(0x020E), submits | InDeliver, "of how many parts", 0},
	{wire.ParameterOf(0x020F), submits | InDeliver, "which part: 1 to sar_total_segments", 0},
	{wire.ParameterOf(0x0210), InBindResp, "0x34 to binds of 3.4", 0},
	{wire.ParameterOf(0x0302), submits, kept, 0},
	{wire.ParameterOf(0x0303), submits, kept, 0},
	{wire.ParameterOf(0x0304), InSubmit | InData, kept, 99},
	{wire.ParameterOf(0x0381), submits, kept, 0},
	{wire.ParameterOf(0x0420), 0, "", 0},
	{wire.ParameterOf(0x0421), InData, "is kept: there is no delivery pending flag", 1},
	{wire.ParameterOf(0x0422), 0, "", 0},
	{wire.ParameterOf(0x0423), InData | InDeliver, "in receipts, as receipt-format has it", 0},
	{wire.ParameterOf(0x0424), submits | InDeliver, "the text; not beside a short_message", 0},
	{wire.ParameterOf(0x0425), 0, "", 0},
	{wire.ParameterOf(0x0426), InSubmit | InData, "is kept: each message is delivered by itself", 1},
	{wire.ParameterOf(0x0427), InData | InDeliver, "in receipts, as receipt-format has it", 0},
	{wire.ParameterOf(0x0501), InSubmit | InData, kept, 0},
	{wire.ParameterOf(0x1201), submits, kept, 2},
	{wire.ParameterOf(0x1203), submits, kept, 0},
	{wire.ParameterOf(0x1204), submits, kept, 3},
	{wire.ParameterOf(0x130C), submits, kept, 0},
	{wire.ParameterOf(0x1380), InSubmit | InData, kept, 0},
	{wire.ParameterOf(0x1383), InSubmit | InData, kept, 0},
}

var byTag = func() map[uint16]*TLV {
	m := make(map[uint16]*TLV)
	for i := range TLVs {
		m[TLVs[i].Tag] = &TLVs[i]
	}
	return m
}()

// useOf is what a request's parameters are looked up as; zero: they are not looked at.
func useOf(c wire.Command) Uses {
	switch c {
	case wire.SubmitSM:
		return InSubmit
	case wire.SubmitMulti:
		return InMulti
	case wire.DataSM:
		return InData
	}
	return 0
}

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

// TLV is one row: an optional parameter (5.3.2), of which a wrong size is ESME_RINVPARLEN, and one in a PDU that does not
// have it ESME_ROPTPARNOTALLWD. Tags that have no row are taken and shown, whatever their size.
type TLV struct {
	Tag      uint16
	Name     string
	Section  string
	Min, Max int  // octets of the value
	In       Uses // the requests that have it
	Does     string
	Most     byte // the highest value of one octet; zero: any
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

const (
	payloadMax = 64<<10 - 1
	kept       = "is kept"
)

// TLVs are the optional parameters, by their tags.
var TLVs = []TLV{
	{0x0005, "dest_addr_subunit", "5.3.2.1", 1, 1, submits, kept, 0},
	{0x0006, "dest_network_type", "5.3.2.3", 1, 1, InData, kept, 0},
	{0x0007, "dest_bearer_type", "5.3.2.5", 1, 1, InData, kept, 0},
	{0x0008, "dest_telematics_id", "5.3.2.7", 2, 2, InData, kept, 0},
	{0x000D, "source_addr_subunit", "5.3.2.2", 1, 1, submits, kept, 0},
	{0x000E, "source_network_type", "5.3.2.4", 1, 1, InData, kept, 0},
	{0x000F, "source_bearer_type", "5.3.2.6", 1, 1, InData, kept, 0},
	{0x0010, "source_telematics_id", "5.3.2.8", 1, 1, InData, kept, 0},
	{0x0017, "qos_time_to_live", "5.3.2.9", 4, 4, InData, "as validity_period, in seconds", 0},
	{0x0019, "payload_type", "5.3.2.10", 1, 1, submits, kept, 0},
	{0x001D, "additional_status_info_text", "5.3.2.11", 1, 256, 0, "", 0},
	{0x001E, "receipted_message_id", "5.3.2.12", 1, 65, InData | InDeliver, "in receipts, as receipt-format has it", 0},
	{0x0030, "ms_msg_wait_facilities", "5.3.2.13", 1, 1, submits, kept, 0},
	{0x0201, "privacy_indicator", "5.3.2.14", 1, 1, submits, kept, 3},
	{0x0202, "source_subaddress", "5.3.2.15", 2, 23, submits, kept, 0},
	{0x0203, "dest_subaddress", "5.3.2.16", 2, 23, submits, kept, 0},
	{0x0204, "user_message_reference", "5.3.2.17", 2, 2, submits | InDeliver, "comes back in the receipts", 0},
	{0x0205, "user_response_code", "5.3.2.18", 1, 1, InSubmit | InData, kept, 0},
	{0x020A, "source_port", "5.3.2.20", 2, 2, submits, kept, 0},
	{0x020B, "destination_port", "5.3.2.21", 2, 2, submits, kept, 0},
	{0x020C, "sar_msg_ref_num", "5.3.2.22", 2, 2, submits | InDeliver, "which message it is a part of; with the other two sar_", 0},
	{0x020D, "language_indicator", "5.3.2.19", 1, 1, submits, kept, 0},
	{0x020E, "sar_total_segments", "5.3.2.23", 1, 1, submits | InDeliver, "of how many parts", 0},
	{0x020F, "sar_segment_seqnum", "5.3.2.24", 1, 1, submits | InDeliver, "which part: 1 to sar_total_segments", 0},
	{0x0210, "sc_interface_version", "5.3.2.25", 1, 1, InBindResp, "0x34 to binds of 3.4", 0},
	{0x0302, "callback_num_pres_ind", "5.3.2.37", 1, 1, submits, kept, 0},
	{0x0303, "callback_num_atag", "5.3.2.38", 0, 65, submits, kept, 0},
	{0x0304, "number_of_messages", "5.3.2.39", 1, 1, InSubmit | InData, kept, 99},
	{0x0381, "callback_num", "5.3.2.36", 4, 19, submits, kept, 0},
	{0x0420, "dpf_result", "5.3.2.28", 1, 1, 0, "", 0},
	{0x0421, "set_dpf", "5.3.2.29", 1, 1, InData, "is kept: there is no delivery pending flag", 1},
	{0x0422, "ms_availability_status", "5.3.2.30", 1, 1, 0, "", 0},
	{0x0423, "network_error_code", "5.3.2.31", 3, 3, InData | InDeliver, "in receipts, as receipt-format has it", 0},
	{0x0424, "message_payload", "5.3.2.32", 0, payloadMax, submits | InDeliver, "the text; not beside a short_message", 0},
	{0x0425, "delivery_failure_reason", "5.3.2.33", 1, 1, 0, "", 0},
	{0x0426, "more_messages_to_send", "5.3.2.34", 1, 1, InSubmit | InData, "is kept: each message is delivered by itself", 1},
	{0x0427, "message_state", "5.3.2.35", 1, 1, InData | InDeliver, "in receipts, as receipt-format has it", 0},
	{0x0501, "ussd_service_op", "5.3.2.44", 1, 1, InSubmit | InData, kept, 0},
	{0x1201, "display_time", "5.3.2.26", 1, 1, submits, kept, 2},
	{0x1203, "sms_signal", "5.3.2.40", 2, 2, submits, kept, 0},
	{0x1204, "ms_validity", "5.3.2.27", 1, 1, submits, kept, 3},
	{0x130C, "alert_on_message_delivery", "5.3.2.41", 0, 0, submits, kept, 0},
	{0x1380, "its_reply_type", "5.3.2.42", 1, 1, InSubmit | InData, kept, 0},
	{0x1383, "its_session_info", "5.3.2.43", 2, 2, InSubmit | InData, kept, 0},
}

var byTag = func() map[uint16]*TLV {
	m := make(map[uint16]*TLV)
	for i := range TLVs {
		m[TLVs[i].Tag] = &TLVs[i]
	}
	return m
}()

// TLVName is the specification's name of a tag; not ok when it has none.
func TLVName(tag uint16) (string, bool) {
	t := byTag[tag]
	if t == nil {
		return "", false
	}
	return t.Name, true
}

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

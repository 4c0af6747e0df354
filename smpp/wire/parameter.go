package wire

import (
	"fmt"
	"slices"
)

// Parameter is an optional parameter of the specification (SMPP 3.4, 5.3.2): Field.Max and Min are the octets
// of its value.
type Parameter struct {
	Tag uint16
	Field
	Min int
}

// The optional parameters this project reads or writes.
const (
	TagQoSTimeToLive        uint16 = 0x0017
	TagStatusInfoText       uint16 = 0x001D
	TagReceiptedMessageID   uint16 = 0x001E
	TagUserMessageReference uint16 = 0x0204
	TagSarMsgRefNum         uint16 = 0x020C
	TagSarTotalSegments     uint16 = 0x020E
	TagSarSegmentSeqnum     uint16 = 0x020F
	TagScInterfaceVersion   uint16 = 0x0210
	TagNetworkErrorCode     uint16 = 0x0423
	TagMessagePayload       uint16 = 0x0424
	TagMessageState         uint16 = 0x0427
)

const payloadMax = 64<<10 - 1

func parameter(tag uint16, name, section string, least, most int) Parameter {
	return Parameter{Tag: tag, Min: least, Field: Field{Name: name, Section: section, Kind: Octets, Max: most}}
}

func (p Parameter) secret(s Secrecy) Parameter {
	p.Secret = s
	return p
}

// parameters are all, by their tags.
var parameters = []Parameter{
	parameter(0x0005, "dest_addr_subunit", "5.3.2.1", 1, 1),
	parameter(0x0006, "dest_network_type", "5.3.2.3", 1, 1),
	parameter(0x0007, "dest_bearer_type", "5.3.2.5", 1, 1),
	parameter(0x0008, "dest_telematics_id", "5.3.2.7", 2, 2),
	parameter(0x000D, "source_addr_subunit", "5.3.2.2", 1, 1),
	parameter(0x000E, "source_network_type", "5.3.2.4", 1, 1),
	parameter(0x000F, "source_bearer_type", "5.3.2.6", 1, 1),
	parameter(0x0010, "source_telematics_id", "5.3.2.8", 1, 1),
	parameter(TagQoSTimeToLive, "qos_time_to_live", "5.3.2.9", 4, 4),
	parameter(0x0019, "payload_type", "5.3.2.10", 1, 1),
	parameter(TagStatusInfoText, "additional_status_info_text", "5.3.2.11", 1, 256),
	parameter(TagReceiptedMessageID, "receipted_message_id", "5.3.2.12", 1, 65),
	parameter(0x0030, "ms_msg_wait_facilities", "5.3.2.13", 1, 1),
	parameter(0x0201, "privacy_indicator", "5.3.2.14", 1, 1),
	parameter(0x0202, "source_subaddress", "5.3.2.15", 2, 23),
	parameter(0x0203, "dest_subaddress", "5.3.2.16", 2, 23),
	parameter(TagUserMessageReference, "user_message_reference", "5.3.2.17", 2, 2),
	parameter(0x0205, "user_response_code", "5.3.2.18", 1, 1),
	parameter(0x020A, "source_port", "5.3.2.20", 2, 2),
	parameter(0x020B, "destination_port", "5.3.2.21", 2, 2),
	parameter(TagSarMsgRefNum, "sar_msg_ref_num", "5.3.2.22", 2, 2),
	parameter(0x020D, "language_indicator", "5.3.2.19", 1, 1),
	parameter(TagSarTotalSegments, "sar_total_segments", "5.3.2.23", 1, 1),
	parameter(TagSarSegmentSeqnum, "sar_segment_seqnum", "5.3.2.24", 1, 1),
	parameter(TagScInterfaceVersion, "sc_interface_version", "5.3.2.25", 1, 1),
	parameter(0x0302, "callback_num_pres_ind", "5.3.2.37", 1, 1),
	parameter(0x0303, "callback_num_atag", "5.3.2.38", 0, 65),
	parameter(0x0304, "number_of_messages", "5.3.2.39", 1, 1),
	parameter(0x0381, "callback_num", "5.3.2.36", 4, 19),
	parameter(0x0420, "dpf_result", "5.3.2.28", 1, 1),
	parameter(0x0421, "set_dpf", "5.3.2.29", 1, 1),
	parameter(0x0422, "ms_availability_status", "5.3.2.30", 1, 1),
	parameter(TagNetworkErrorCode, "network_error_code", "5.3.2.31", 3, 3),
	parameter(TagMessagePayload, "message_payload", "5.3.2.32", 0, payloadMax).secret(Text),
	parameter(0x0425, "delivery_failure_reason", "5.3.2.33", 1, 1),
	parameter(0x0426, "more_messages_to_send", "5.3.2.34", 1, 1),
	parameter(TagMessageState, "message_state", "5.3.2.35", 1, 1),
	parameter(0x0501, "ussd_service_op", "5.3.2.44", 1, 1),
	parameter(0x1201, "display_time", "5.3.2.26", 1, 1),
	parameter(0x1203, "sms_signal", "5.3.2.40", 2, 2),
	parameter(0x1204, "ms_validity", "5.3.2.27", 1, 1),
	parameter(0x130C, "alert_on_message_delivery", "5.3.2.41", 0, 0),
	parameter(0x1380, "its_reply_type", "5.3.2.42", 1, 1),
	parameter(0x1383, "its_session_info", "5.3.2.43", 2, 2),
}

var byTag = func() map[uint16]*Parameter {
	m := make(map[uint16]*Parameter, len(parameters))
	for i := range parameters {
		m[parameters[i].Tag] = &parameters[i]
	}
	return m
}()

// ParameterOf is the row of a tag; nil for one that the specification does not have.
func ParameterOf(tag uint16) *Parameter { return byTag[tag] }

// TagName is the specification's name of a tag; "vendor 0x1400" of a vendor's own, "0x9999" of any other.
func TagName(tag uint16) string {
	switch p := ParameterOf(tag); {
	case p != nil:
		return p.Name
	case VendorTag(tag):
		return fmt.Sprintf("vendor 0x%04X", tag)
	}
	return fmt.Sprintf("0x%04X", tag)
}

// VendorTag reports whether a tag is a vendor's own (SMPP 3.4, 5.3.2).
func VendorTag(tag uint16) bool { return tag >= 0x1400 && tag <= 0x3FFF }

// Parameters are all, by their tags.
func Parameters() []Parameter { return slices.Clone(parameters) }

package conform

import "github.com/otpgw/otpgw/smpp/wire"

// The statuses of the specification (5.1.3) that only the table gives.
const (
	invPriority    wire.Status = 0x06
	invRegistered  wire.Status = 0x07
	invNumDests    wire.Status = 0x33
	invListName    wire.Status = 0x34
	invDestFlag    wire.Status = 0x40
	invESMClass    wire.Status = 0x43
	invSourceTON   wire.Status = 0x48
	invSourceNPI   wire.Status = 0x49
	invDestTON     wire.Status = 0x50
	invDestNPI     wire.Status = 0x51
	invReplaceFlag wire.Status = 0x54
	invSchedule    wire.Status = 0x61
	invExpiry      wire.Status = 0x62
	invDefaultMsg  wire.Status = 0x63
)

// The lengths of addresses (5.2.8, 5.2.9): data_sm has room for longer ones.
const (
	addrMax     = 21
	dataAddrMax = 65
)

var bindFields = []Field{
	{Name: "system_id", Section: "5.2.1", Kind: CString, Max: 16, TooLong: wire.StatusInvSysID,
		Does: "has to be an account's, when there are accounts; else anybody may bind"},
	{Name: "password", Section: "5.2.2", Kind: CString, Max: 9, TooLong: wire.StatusInvPaswd,
		Does: "has to be the account's; one that is configured may be longer than the specification's 8 characters"},
	{Name: "system_type", Section: "5.2.3", Kind: CString, Max: 13, TooLong: wire.StatusInvSysTyp,
		Does: "is shown with the session"},
	{Name: "interface_version", Section: "5.2.4", Kind: Integer,
		Does: "up to 0x33 the bind gets no optional parameters; 0 (left out) and 0x34 on are 3.4"},
	{Name: "addr_ton", Section: "5.2.5", Kind: Integer, Does: "is taken, and chooses nothing",
		Refuses: []Refusal{{"a type of number that there is not", wire.StatusBindFail, []byte{9}, noTON}}},
	{Name: "addr_npi", Section: "5.2.6", Kind: Integer, Does: "is taken, and chooses nothing",
		Refuses: []Refusal{{"a numbering plan that there is not", wire.StatusBindFail, []byte{2}, noNPI}}},
	{Name: "address_range", Section: "5.2.7", Kind: CString, Max: 41, TooLong: wire.StatusBindFail,
		Does: "a pattern: a message from a handset that names no account goes to one whose receiver has its destination in it"},
}

var bindRespFields = []Field{
	{Name: "system_id", Section: "5.2.1", Kind: CString, Max: 16, Does: "smscsim; no body with an error"},
}

// sourceFields are the address of a sender. does is what it is for.
func sourceFields(most int, does string) []Field {
	return []Field{
		{Name: "source_addr_ton", Section: "5.2.5", Kind: Integer, Does: "says how source_addr is read: 5 is a name",
			Refuses: []Refusal{{"a type of number that there is not", invSourceTON, []byte{9}, noTON}}},
		{Name: "source_addr_npi", Section: "5.2.6", Kind: Integer, Does: "is kept",
			Refuses: []Refusal{{"a numbering plan that there is not", invSourceNPI, []byte{2}, noNPI}}},
		{Name: "source_addr", Section: "5.2.8", Kind: CString, Max: most, TooLong: wire.StatusInvSrcAdr, Does: does,
			Refuses: []Refusal{
				{"letters in a number (TON 1 to 4 and 6)", wire.StatusInvSrcAdr, []byte("49abc"), lettersInNumber},
			}},
	}
}

// destFields are the address of a recipient.
func destFields(most int, does string) []Field {
	return []Field{
		{Name: "dest_addr_ton", Section: "5.2.5", Kind: Integer, Does: "says how destination_addr is read",
			Refuses: []Refusal{{"a type of number that there is not", invDestTON, []byte{9}, noTON}}},
		{Name: "dest_addr_npi", Section: "5.2.6", Kind: Integer, Does: "is kept",
			Refuses: []Refusal{{"a numbering plan that there is not", invDestNPI, []byte{2}, noNPI}}},
		{Name: "destination_addr", Section: "5.2.9", Kind: CString, Max: most, TooLong: wire.StatusInvDstAdr, Does: does,
			Refuses: []Refusal{
				{"what is no number: letters, whatever the TON", wire.StatusInvDstAdr, []byte("49abc"), noNumber},
			}},
	}
}

// needed adds that the field may not be empty.
func needed(fields []Field, status wire.Status) []Field {
	last := &fields[len(fields)-1]
	last.Refuses = append(last.Refuses, Refusal{"none", status, []byte{}, empty})
	return fields
}

var (
	serviceType = []Field{{Name: "service_type", Section: "5.2.11", Kind: CString, Max: 6, TooLong: wire.StatusInvSerTyp,
		Does: "is kept: cancel_sm and replace_if_present_flag choose by it"}}
	scheduleTime = Field{Name: "schedule_delivery_time", Section: "5.2.15", Kind: CString, Max: 17, TooLong: invSchedule,
		Does: "the message is delivered then, absolute or relative; empty: at once",
		Refuses: []Refusal{
			{"what is no time", invSchedule, []byte("5 minutes"), noTime},
			{"a month, day or hour that there is not", invSchedule, []byte("261301000000000+"), noTime},
			{"a time that is past", invSchedule, []byte("200101000000000+"), pastTime},
		}}
	validity = Field{Name: "validity_period", Section: "5.2.16", Kind: CString, Max: 17, TooLong: invExpiry,
		Does: "a message that is delivered later than that is EXPIRED; empty: it never is",
		Refuses: []Refusal{
			{"what is no time", invExpiry, []byte("5 minutes"), noTime},
			{"a month, day or hour that there is not", invExpiry, []byte("261301000000000+"), noTime},
			{"a time that is past, or no time at all", invExpiry, []byte("000000000000000R"), spentTime},
			{"a time before the delivery is scheduled", invExpiry, []byte("200101000000000+"), spentTime},
		}}
	esmClass = Field{Name: "esm_class", Section: "5.2.12", Kind: Integer,
		Does: "a user data header (0x40) says which part of a message it is; modes and reply path change nothing",
		Refuses: []Refusal{
			{"a message type that an ESME does not send", invESMClass, []byte{0x04}, smscClass},
		}}
	registered = Field{Name: "registered_delivery", Section: "5.2.17", Kind: Integer,
		Does: "receipts for 1 success and failure, 2 failure, 3 (SMPP 5.0) success; 0x10 a notification ENROUTE when it is not delivered at once; 0x0C: no handset acknowledges anything",
		Refuses: []Refusal{
			{"bits that have no meaning", invRegistered, []byte{0x20}, registeredBits},
		}}
	replaceRegistered = Field{Name: "registered_delivery", Section: "5.2.17", Kind: Integer,
		Does:    "which receipts there are from then on; 0 leaves it as it was",
		Refuses: registered.Refuses}
	dataCoding = Field{Name: "data_coding", Section: "5.2.19", Kind: Integer,
		Does: "says how the text is read (also by 3GPP TS 23.038, from 16 on); what cannot be is kept, with a problem"}
	defaultMessage = Field{Name: "sm_default_msg_id", Section: "5.2.20", Kind: Integer, Does: "0: there are no predefined messages",
		Refuses: []Refusal{{"any other", invDefaultMsg, []byte{1}, notZero}}}
	text = []Field{
		{Name: "sm_length", Section: "5.2.21", Kind: Length, Does: "of short_message",
			Refuses: []Refusal{{"over 254", wire.StatusInvMsgLen, []byte{255}, overLength}}},
		{Name: "short_message", Section: "5.2.22", Kind: Octets, Does: "the text, with a user data header when esm_class says so"},
	}
)

var contentFields = join([]Field{
	esmClass,
	{Name: "protocol_id", Section: "5.2.13", Kind: Integer, Does: "is kept"},
	{Name: "priority_flag", Section: "5.2.14", Kind: Integer, Does: "is kept: all are delivered alike",
		Refuses: []Refusal{{"over 3", invPriority, []byte{4}, overThree}}},
	scheduleTime, validity, registered,
	{Name: "replace_if_present_flag", Section: "5.2.18", Kind: Integer,
		Does:    "1: a message of the same service_type, source and destination that is not delivered yet is DELETED for it",
		Refuses: []Refusal{{"over 1", invReplaceFlag, []byte{2}, overOne}}},
	dataCoding, defaultMessage,
}, text)

func messageID(section, does string) []Field {
	return []Field{{Name: "message_id", Section: section, Kind: CString, Max: 65, TooLong: wire.StatusInvMsgID, Does: does}}
}

var deliverFields = []Field{
	{Name: "service_type", Section: "5.2.11", Kind: CString, Max: 6, Does: "empty"},
	{Name: "source_addr_ton", Section: "5.2.5", Kind: Integer, Does: "of a receipt: the message's dest_addr_ton"},
	{Name: "source_addr_npi", Section: "5.2.6", Kind: Integer, Does: "of a receipt: the message's dest_addr_npi"},
	{Name: "source_addr", Section: "5.2.8", Kind: CString, Max: addrMax, Does: "of a receipt: the message's destination_addr"},
	{Name: "dest_addr_ton", Section: "5.2.5", Kind: Integer, Does: "of a receipt: the message's source_addr_ton"},
	{Name: "dest_addr_npi", Section: "5.2.6", Kind: Integer, Does: "of a receipt: the message's source_addr_npi"},
	{Name: "destination_addr", Section: "5.2.9", Kind: CString, Max: addrMax, Does: "of a receipt: the message's source_addr"},
	{Name: "esm_class", Section: "5.2.12", Kind: Integer,
		Does: "0x04 receipt, 0x20 intermediate notification, 0 a message from a handset, 0x40 with a user data header"},
	{Name: "protocol_id", Section: "5.2.13", Kind: Integer, Does: "0"},
	{Name: "priority_flag", Section: "5.2.14", Kind: Integer, Does: "0"},
	{Name: "schedule_delivery_time", Section: "5.2.15", Kind: CString, Max: 1, Does: "empty"},
	{Name: "validity_period", Section: "5.2.16", Kind: CString, Max: 1, Does: "empty"},
	{Name: "registered_delivery", Section: "5.2.17", Kind: Integer, Does: "0"},
	{Name: "replace_if_present_flag", Section: "5.2.18", Kind: Integer, Does: "0"},
	{Name: "data_coding", Section: "5.2.19", Kind: Integer, Does: "0, 8 for UCS-2"},
	{Name: "sm_default_msg_id", Section: "5.2.20", Kind: Integer, Does: "0"},
	{Name: "sm_length", Section: "5.2.21", Kind: Length, Does: "of short_message"},
	{Name: "short_message", Section: "5.2.22", Kind: Octets, Does: "the receipt as receipt-format has it, or the text"},
}

// PDUs are the PDUs of SMPP 3.4, in the order of its chapter 4.
var PDUs = []PDU{
	{Command: wire.BindTransmitter, Name: "bind_transmitter", Section: "4.1.1", Direction: Received, Fields: bindFields,
		Does: "may submit; a second bind on a connection is ESME_RALYBND"},
	{Command: wire.BindTransmitterResp, Name: "bind_transmitter_resp", Section: "4.1.2", Direction: Sent, Fields: bindRespFields},
	{Command: wire.BindReceiver, Name: "bind_receiver", Section: "4.1.3", Direction: Received, Fields: bindFields,
		Does: "gets receipts and messages of its account; a submit is ESME_RINVBNDSTS"},
	{Command: wire.BindReceiverResp, Name: "bind_receiver_resp", Section: "4.1.4", Direction: Sent, Fields: bindRespFields},
	{Command: wire.BindTransceiver, Name: "bind_transceiver", Section: "4.1.5", Direction: Received, Fields: bindFields, Does: "both"},
	{Command: wire.BindTransceiverResp, Name: "bind_transceiver_resp", Section: "4.1.6", Direction: Sent, Fields: bindRespFields},
	{Command: wire.Outbind, Name: "outbind", Section: "4.1.7", Direction: Sent, Does: "by POST /api/v1/sessions, or -outbind",
		Fields: []Field{
			{Name: "system_id", Section: "5.2.1", Kind: CString, Max: 16, Does: "as asked for"},
			{Name: "password", Section: "5.2.2", Kind: CString, Max: 9, Does: "as asked for"},
		}},
	{Command: wire.Unbind, Name: "unbind", Section: "4.2.1", Direction: Both, Does: "is answered when what came before it is; sent at the end"},
	{Command: wire.UnbindResp, Name: "unbind_resp", Section: "4.2.2", Direction: Both},
	{Command: wire.GenericNack, Name: "generic_nack", Section: "4.3.1", Direction: Both,
		Does: "for a command that there is not, ESME_RINVCMDID; a length outside 16 octets to 64 KiB ends the connection"},
	{Command: wire.SubmitSM, Name: "submit_sm", Section: "4.4.1", Direction: Received, Does: "is kept, and a rule says what becomes of it",
		Fields: join(serviceType, sourceFields(addrMax, "the sender; empty is taken"),
			needed(destFields(addrMax, "the recipient"), wire.StatusInvDstAdr), contentFields)},
	{Command: wire.SubmitSMResp, Name: "submit_sm_resp", Section: "4.4.2", Direction: Sent,
		Fields: messageID("5.2.23", "as id-format has it; no body with an error")},
	{Command: wire.SubmitMulti, Name: "submit_multi", Section: "4.5.1", Direction: Received,
		Does: "a message for each destination, under one message_id",
		Fields: join(serviceType, sourceFields(addrMax, "the sender"), []Field{
			{Name: "number_of_dests", Section: "5.2.24", Kind: Dests,
				Does: "so many destinations; one that could not be in a submit_sm is in unsuccess_sme",
				Refuses: []Refusal{
					{"none, or over 254", invNumDests, []byte{0}, nil},
					{"a dest_flag that is neither 1 nor 2", invDestFlag, []byte{1, 3, 1, 1, '4', '9', 0}, nil},
					{"a distribution list: there are none", invListName, []byte{1, 2, 'a', 'l', 'l', 0}, nil},
				}},
		}, contentFields)},
	{Command: wire.SubmitMultiResp, Name: "submit_multi_resp", Section: "4.5.2", Direction: Sent,
		Fields: join(messageID("5.2.23", "of all destinations; empty with an error"), []Field{
			{Name: "no_unsuccess", Section: "5.2.26", Kind: Refused, Does: "the destinations that were refused, each with its status"},
		})},
	{Command: wire.DeliverSM, Name: "deliver_sm", Section: "4.6.1", Direction: Sent,
		Does: "receipts, and messages from handsets; sent again when it is refused for now or not answered", Fields: deliverFields},
	{Command: wire.DeliverSMResp, Name: "deliver_sm_resp", Section: "4.6.2", Direction: Received,
		Fields: messageID("5.2.23", "is not looked at")},
	{Command: wire.DataSM, Name: "data_sm", Section: "4.7.1", Direction: Both,
		Does: "as submit_sm, with the text in message_payload; sent instead of deliver_sm where a rule has dataSm",
		Fields: join(serviceType, sourceFields(dataAddrMax, "the sender"),
			needed(destFields(dataAddrMax, "the recipient"), wire.StatusInvDstAdr), []Field{esmClass, registered, dataCoding})},
	{Command: wire.DataSMResp, Name: "data_sm_resp", Section: "4.7.2", Direction: Both,
		Fields: messageID("5.2.23", "as id-format has it; empty with an error")},
	{Command: wire.QuerySM, Name: "query_sm", Section: "4.8.1", Direction: Received,
		Does:   "ENROUTE until the time of the receipt, then its state; ESME_RQUERYFAIL for what the account did not submit",
		Fields: join(messageID("5.2.23", "which message"), sourceFields(addrMax, "has to be the message's, unless it is empty"))},
	{Command: wire.QuerySMResp, Name: "query_sm_resp", Section: "4.8.2", Direction: Sent,
		Fields: join(messageID("5.2.23", "the request's, with an error too"), []Field{
			{Name: "final_date", Section: "5.2.15", Kind: CString, Max: 17, Does: "when the state became final; empty before"},
			{Name: "message_state", Section: "5.2.28", Kind: Integer, Does: "1 to 8; 0 with an error"},
			{Name: "error_code", Section: "4.8.2", Kind: Integer, Does: "0; 1 of a message that failed"},
		})},
	{Command: wire.CancelSM, Name: "cancel_sm", Section: "4.9.1", Direction: Received,
		Does: "a message that is not delivered yet becomes DELETED; ESME_RCANCELFAIL for another",
		Fields: join(serviceType, messageID("5.2.23", "which message; empty: all of that service_type, source and destination"),
			sourceFields(addrMax, "has to be the message's"),
			destFields(addrMax, "has to be the message's; may be empty with a message_id"))},
	{Command: wire.CancelSMResp, Name: "cancel_sm_resp", Section: "4.9.2", Direction: Sent},
	{Command: wire.ReplaceSM, Name: "replace_sm", Section: "4.10.1", Direction: Received,
		Does: "a message that is not delivered yet, of one part, gets another text; ESME_RREPLACEFAIL for another",
		Fields: join(messageID("5.2.23", "which message"), sourceFields(addrMax, "has to be the message's"),
			[]Field{scheduleTime, validity, replaceRegistered, defaultMessage}, text)},
	{Command: wire.ReplaceSMResp, Name: "replace_sm_resp", Section: "4.10.2", Direction: Sent},
	{Command: wire.EnquireLink, Name: "enquire_link", Section: "4.11.1", Direction: Both, Does: "is answered; sent after 30 s of silence"},
	{Command: wire.EnquireLinkResp, Name: "enquire_link_resp", Section: "4.11.2", Direction: Both},
	{Command: wire.AlertNotification, Name: "alert_notification", Section: "4.12.1", Direction: Sent, Does: "is never sent",
		Fields: []Field{
			{Name: "source_addr_ton", Section: "5.2.5", Kind: Integer},
			{Name: "source_addr_npi", Section: "5.2.6", Kind: Integer},
			{Name: "source_addr", Section: "5.2.8", Kind: CString, Max: dataAddrMax},
			{Name: "esme_addr_ton", Section: "5.2.5", Kind: Integer},
			{Name: "esme_addr_npi", Section: "5.2.6", Kind: Integer},
			{Name: "esme_addr", Section: "5.2.10", Kind: CString, Max: dataAddrMax},
		}},
}

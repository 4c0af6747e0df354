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

var bindRules = []rule{
	{Name: "system_id", TooLong: wire.StatusInvSysID,
		Does: "has to be an account's, when there are accounts; else anybody may bind"},
	{Name: "password", TooLong: wire.StatusInvPaswd,
		Does: "has to be the account's; one that is configured may be longer than the specification's 8 characters"},
	{Name: "system_type", TooLong: wire.StatusInvSysTyp,
		Does: "is shown with the session"},
	{Name: "interface_version",
		Does: "up to 0x33 the bind gets no optional parameters; 0 (left out) and 0x34 on are 3.4"},
	{Name: "addr_ton", Does: "is taken, and chooses nothing",
		Refuses: []Refusal{{"a type of number that there is not", wire.StatusBindFail, []byte{9}, noTON}}},
	{Name: "addr_npi", Does: "is taken, and chooses nothing",
		Refuses: []Refusal{{"a numbering plan that there is not", wire.StatusBindFail, []byte{2}, noNPI}}},
	{Name: "address_range", TooLong: wire.StatusBindFail,
		Does: "a pattern: a message from a handset that names no account goes to one whose receiver has its destination in it"},
}

var bindRespRules = []rule{
	{Name: "system_id", Does: "smscsim; no body with an error"},
}

// sourceRules are the address of a sender. does is what it is for.
func sourceRules(does string) []rule {
	return []rule{
		{Name: "source_addr_ton", Does: "says how source_addr is read: 5 is a name",
			Refuses: []Refusal{{"a type of number that there is not", invSourceTON, []byte{9}, noTON}}},
		{Name: "source_addr_npi", Does: "is kept",
			Refuses: []Refusal{{"a numbering plan that there is not", invSourceNPI, []byte{2}, noNPI}}},
		{Name: "source_addr", TooLong: wire.StatusInvSrcAdr, Does: does,
			Refuses: []Refusal{
				{"letters in a number (TON 1 to 4 and 6)", wire.StatusInvSrcAdr, []byte("49abc"), lettersInNumber},
			}},
	}
}

// destRules are the address of a recipient.
func destRules(does string) []rule {
	return []rule{
		{Name: "dest_addr_ton", Does: "says how destination_addr is read",
			Refuses: []Refusal{{"a type of number that there is not", invDestTON, []byte{9}, noTON}}},
		{Name: "dest_addr_npi", Does: "is kept",
			Refuses: []Refusal{{"a numbering plan that there is not", invDestNPI, []byte{2}, noNPI}}},
		{Name: "destination_addr", TooLong: wire.StatusInvDstAdr, Does: does,
			Refuses: []Refusal{
				{"what is no number: letters, whatever the TON", wire.StatusInvDstAdr, []byte("49abc"), noNumber},
			}},
	}
}

// needed adds that the field may not be empty.
func needed(rules []rule, status wire.Status) []rule {
	last := &rules[len(rules)-1]
	last.Refuses = append(last.Refuses, Refusal{"none", status, []byte{}, empty})
	return rules
}

var (
	serviceType = []rule{{Name: "service_type", TooLong: wire.StatusInvSerTyp,
		Does: "is kept: cancel_sm and replace_if_present_flag choose by it"}}
	scheduleTime = rule{Name: "schedule_delivery_time", TooLong: invSchedule,
		Does: "the message is delivered then, absolute or relative; empty: at once",
		Refuses: []Refusal{
			{"what is no time", invSchedule, []byte("5 minutes"), noTime},
			{"a month, day or hour that there is not", invSchedule, []byte("261301000000000+"), noTime},
			{"a time that is past", invSchedule, []byte("200101000000000+"), pastTime},
		}}
	validity = rule{Name: "validity_period", TooLong: invExpiry,
		Does: "a message that is delivered later than that is EXPIRED; empty: it never is",
		Refuses: []Refusal{
			{"what is no time", invExpiry, []byte("5 minutes"), noTime},
			{"a month, day or hour that there is not", invExpiry, []byte("261301000000000+"), noTime},
			{"a time that is past, or no time at all", invExpiry, []byte("000000000000000R"), spentTime},
			{"a time before the delivery is scheduled", invExpiry, []byte("200101000000000+"), spentTime},
		}}
	esmClass = rule{Name: "esm_class",
		Does: "a user data header (0x40) says which part of a message it is; modes and reply path change nothing",
		Refuses: []Refusal{
			{"a message type that an ESME does not send", invESMClass, []byte{0x04}, smscClass},
		}}
	registered = rule{Name: "registered_delivery",
		Does: "receipts for 1 success and failure, 2 failure, 3 (SMPP 5.0) success; 0x10 a notification ENROUTE when it is not delivered at once; 0x0C: no handset acknowledges anything",
		Refuses: []Refusal{
			{"bits that have no meaning", invRegistered, []byte{0x20}, registeredBits},
		}}
	replaceRegistered = rule{Name: "registered_delivery",
		Does:    "which receipts there are from then on; 0 leaves it as it was",
		Refuses: registered.Refuses}
	dataCoding = rule{Name: "data_coding",
		Does: "says how the text is read (also by 3GPP TS 23.038, from 16 on); what cannot be is kept, with a problem"}
	defaultMessage = rule{Name: "sm_default_msg_id", Does: "0: there are no predefined messages",
		Refuses: []Refusal{{"any other", invDefaultMsg, []byte{1}, notZero}}}
	text = []rule{
		{Name: "sm_length", Does: "of short_message",
			Refuses: []Refusal{{"over 254", wire.StatusInvMsgLen, []byte{255}, overLength}}},
		{Name: "short_message", Does: "the text, with a user data header when esm_class says so"},
	}
)

var contentRules = join([]rule{
	esmClass,
	{Name: "protocol_id", Does: "is kept"},
	{Name: "priority_flag", Does: "is kept: all are delivered alike",
		Refuses: []Refusal{{"over 3", invPriority, []byte{4}, overThree}}},
	scheduleTime, validity, registered,
	{Name: "replace_if_present_flag",
		Does:    "1: a message of the same service_type, source and destination that is not delivered yet is DELETED for it",
		Refuses: []Refusal{{"over 1", invReplaceFlag, []byte{2}, overOne}}},
	dataCoding, defaultMessage,
}, text)

// messageID is which message a request is about.
func messageID(does string) []rule {
	return []rule{{Name: "message_id", TooLong: wire.StatusInvMsgID, Does: does}}
}

// answeredID is the message_id of a response. No response is refused.
func answeredID(does string) []rule { return []rule{{Name: "message_id", Does: does}} }

var deliverRules = []rule{
	{Name: "service_type", Does: "empty"},
	{Name: "source_addr_ton", Does: "of a receipt: the message's dest_addr_ton"},
	{Name: "source_addr_npi", Does: "of a receipt: the message's dest_addr_npi"},
	{Name: "source_addr", Does: "of a receipt: the message's destination_addr"},
	{Name: "dest_addr_ton", Does: "of a receipt: the message's source_addr_ton"},
	{Name: "dest_addr_npi", Does: "of a receipt: the message's source_addr_npi"},
	{Name: "destination_addr", Does: "of a receipt: the message's source_addr"},
	{Name: "esm_class",
		Does: "0x04 receipt, 0x20 intermediate notification, 0 a message from a handset, 0x40 with a user data header"},
	{Name: "protocol_id", Does: "0"},
	{Name: "priority_flag", Does: "0"},
	{Name: "schedule_delivery_time", Does: "empty"},
	{Name: "validity_period", Does: "empty"},
	{Name: "registered_delivery", Does: "0"},
	{Name: "replace_if_present_flag", Does: "0"},
	{Name: "data_coding", Does: "0, 8 for UCS-2"},
	{Name: "sm_default_msg_id", Does: "0"},
	{Name: "sm_length", Does: "of short_message"},
	{Name: "short_message", Does: "the receipt as receipt-format has it, or the text"},
}

// PDUs are the PDUs of SMPP 3.4, in the order of its chapter 4.
var PDUs = build([]row{
	{Command: wire.BindTransmitter, Direction: Received, Rules: bindRules,
		Does: "may submit; a second bind on a connection is ESME_RALYBND"},
	{Command: wire.BindTransmitterResp, Direction: Sent, Rules: bindRespRules},
	{Command: wire.BindReceiver, Direction: Received, Rules: bindRules,
		Does: "gets receipts and messages of its account; a submit is ESME_RINVBNDSTS"},
	{Command: wire.BindReceiverResp, Direction: Sent, Rules: bindRespRules},
	{Command: wire.BindTransceiver, Direction: Received, Rules: bindRules, Does: "both"},
	{Command: wire.BindTransceiverResp, Direction: Sent, Rules: bindRespRules},
	{Command: wire.Outbind, Direction: Sent, Does: "by POST /api/v1/sessions, or -outbind",
		Rules: []rule{
			{Name: "system_id", Does: "as asked for"},
			{Name: "password", Does: "as asked for"},
		}},
	{Command: wire.Unbind, Direction: Both, Does: "is answered when what came before it is; sent at the end"},
	{Command: wire.UnbindResp, Direction: Both},
	{Command: wire.GenericNack, Direction: Both,
		Does: "for a command that there is not, ESME_RINVCMDID; a length outside 16 octets to 64 KiB ends the connection"},
	{Command: wire.SubmitSM, Direction: Received, Does: "is kept, and a rule says what becomes of it",
		Rules: join(serviceType, sourceRules("the sender; empty is taken"),
			needed(destRules("the recipient"), wire.StatusInvDstAdr), contentRules)},
	{Command: wire.SubmitSMResp, Direction: Sent,
		Rules: answeredID("as id-format has it; no body with an error")},
	{Command: wire.SubmitMulti, Direction: Received,
		Does: "a message for each destination, under one message_id",
		Rules: join(serviceType, sourceRules("the sender"), []rule{
			{Name: "number_of_dests",
				Does: "so many destinations; one that could not be in a submit_sm is in unsuccess_sme",
				Refuses: []Refusal{
					{"none, or over 254", invNumDests, []byte{0}, nil},
					{"a dest_flag that is neither 1 nor 2", invDestFlag, []byte{1, 3, 1, 1, '4', '9', 0}, nil},
					{"a distribution list: there are none", invListName, []byte{1, 2, 'a', 'l', 'l', 0}, nil},
				}},
		}, contentRules)},
	{Command: wire.SubmitMultiResp, Direction: Sent,
		Rules: join(answeredID("of all destinations; empty with an error"), []rule{
			{Name: "no_unsuccess", Does: "the destinations that were refused, each with its status"},
		})},
	{Command: wire.DeliverSM, Direction: Sent,
		Does: "receipts, and messages from handsets; sent again when it is refused for now or not answered", Rules: deliverRules},
	{Command: wire.DeliverSMResp, Direction: Received,
		Rules: answeredID("is not looked at")},
	{Command: wire.DataSM, Direction: Both,
		Does: "as submit_sm, with the text in message_payload; sent instead of deliver_sm where a rule has dataSm",
		Rules: join(serviceType, sourceRules("the sender"),
			needed(destRules("the recipient"), wire.StatusInvDstAdr), []rule{esmClass, registered, dataCoding})},
	{Command: wire.DataSMResp, Direction: Both,
		Rules: answeredID("as id-format has it; empty with an error")},
	{Command: wire.QuerySM, Direction: Received,
		Does:  "ENROUTE until the time of the receipt, then its state; ESME_RQUERYFAIL for what the account did not submit",
		Rules: join(messageID("which message"), sourceRules("has to be the message's, unless it is empty"))},
	{Command: wire.QuerySMResp, Direction: Sent,
		Rules: join(answeredID("the request's, with an error too"), []rule{
			{Name: "final_date", Does: "when the state became final; empty before"},
			{Name: "message_state", Does: "1 to 8; 0 with an error"},
			{Name: "error_code", Does: "0; 1 of a message that failed"},
		})},
	{Command: wire.CancelSM, Direction: Received,
		Does: "a message that is not delivered yet becomes DELETED; ESME_RCANCELFAIL for another",
		Rules: join(serviceType, messageID("which message; empty: all of that service_type, source and destination"),
			sourceRules("has to be the message's"),
			destRules("has to be the message's; may be empty with a message_id"))},
	{Command: wire.CancelSMResp, Direction: Sent},
	{Command: wire.ReplaceSM, Direction: Received,
		Does: "a message that is not delivered yet, of one part, gets another text; ESME_RREPLACEFAIL for another",
		Rules: join(messageID("which message"), sourceRules("has to be the message's"),
			[]rule{scheduleTime, validity, replaceRegistered, defaultMessage}, text)},
	{Command: wire.ReplaceSMResp, Direction: Sent},
	{Command: wire.EnquireLink, Direction: Both, Does: "is answered; sent after 30 s of silence"},
	{Command: wire.EnquireLinkResp, Direction: Both},
	{Command: wire.AlertNotification, Direction: Sent, Does: "is never sent"},
})

package link

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/smpp/internal/pics"
	"github.com/otpgw/otpgw/smpp/wire"
)

const notLookedAt = "is not looked at"

// Statement writes the conformance statement of a link as an ESME: each PDU and field, whether it is sent or
// taken, and what is refused with what. What it says of fields is from the tables that a link works by
// (fields.go), of a status from Classify.
func Statement(w io.Writer, title string) error {
	s := pics.Statement{Title: title,
		Note: "Those of OTPGW_LINK_<NAME>_TLVS and of the application are on every submit_sm, whatever their tag. No other is looked at, " +
			"and none is refused, whatever its size; of one whose length is past the end of the PDU, what is there is read."}
	for _, l := range wire.Layouts() {
		s.PDUs = append(s.PDUs, pduRow(l.Command))
	}
	for _, p := range wire.Parameters() {
		row := pics.Parameter{Parameter: wire.ParameterOf(p.Tag)}
		if known, ok := parameterRows[p.Tag]; ok {
			row.In, row.Does = known.in, known.does
		}
		s.Parameters = append(s.Parameters, row)
	}
	return s.Write(w)
}

// answers is what is done with PDUs that have no table of fields: by the session, or not at all.
var answers = map[wire.Command]struct {
	direction pics.Direction
	does      string
}{
	wire.Unbind:          {pics.Both, "is answered when what was asked before is, in 5 s at most; sent at the end, or when the link is to connect anew"},
	wire.UnbindResp:      {pics.Both, "the connection is closed behind it"},
	wire.EnquireLink:     {pics.Both, "is answered; sent after ENQUIRE_LINK of silence: without an answer the connection is dead"},
	wire.EnquireLinkResp: {pics.Both, ""},
	wire.GenericNack: {pics.Both, "sent for a request that is not known, with ESME_RINVCMDID; taken as the answer to the request of its sequence number. " +
		"A length outside 16 octets to 65 KiB ends the connection"},
	wire.Outbind: {pics.Received, "is passed over: the link binds by itself"},
}

func pduRow(c wire.Command) pics.PDU {
	p := pics.PDU{Layout: wire.LayoutOf(c), Direction: pics.Received}
	switch {
	case c == wire.BindTransceiver, c == wire.BindTransmitter, c == wire.BindReceiver:
		p.Direction, p.Does, p.Rows = pics.Sent, "as BIND and BINDS have it; again after it was refused, later each time", sentRows(bindFields)
	case c == wire.BindTransceiverResp, c == wire.BindTransmitterResp, c == wire.BindReceiverResp:
		p.Does = "ESME_ROK: the link is up; also when it answers another kind of bind. ESME_RINVPASWD, ESME_RINVSYSID, ESME_RINVSYSTYP: it waits for a minute. " +
			"It may have no body, and its string no NUL"
		p.Rows = takenRows(c, map[string]string{"system_id": "is shown by otpgw check -bind"})
	case c == wire.SubmitSM:
		p.Direction, p.Does, p.Rows = pics.Sent, "one for each part of a message, at most WINDOW without an answer", sentRows(submitFields)
	case c == wire.SubmitSMResp:
		p.Does, p.Rows = classesSentence(), takenRows(c, map[string]string{"message_id": "is stored before the message is done with: its receipts are found by it, as MESSAGE_ID has it"})
	case c == wire.DeliverSM, c == wire.DataSM:
		p.Does = fmt.Sprintf("a delivery receipt, or a handset's message: answered ESME_ROK once it is stored, %s when it cannot be stored or too many wait, %s when its fields cannot be read",
			statusNotStored.Name(), statusUnreadable.Name())
		p.Rows = takenRows(c, takenFields)
		for i := range p.Rows {
			p.Rows[i].Refused = []string{"the PDU ends before it does: " + statusUnreadable.Name()}
		}
	case c == wire.DeliverSMResp, c == wire.DataSMResp:
		p.Direction, p.Rows = pics.Sent, []pics.Row{{Field: p.Field("message_id"), Does: "empty"}}
	case answers[c].direction != "":
		p.Direction, p.Does = answers[c].direction, answers[c].does
		p.Rows = takenRows(c, nil)
	case requestOf(c) != nil:
		p.Does, p.Rows = requestOf(c).does, takenRows(c, nil)
	case c&wire.ResponseBit != 0:
		p.Does = "is passed over, and counted: what it would answer is never sent"
	default:
		p.Does = "is answered by generic_nack with " + wire.StatusInvCmdID.Name() + ": it is for an SMSC"
	}
	return p
}

func requestOf(c wire.Command) *request {
	if i := slices.IndexFunc(requests, func(r request) bool { return r.command == c }); i >= 0 {
		return &requests[i]
	}
	return nil
}

func sentRows[T any](fields []sentField[T]) (rows []pics.Row) {
	for _, f := range fields {
		rows = append(rows, pics.Row{Field: f.Field, Does: f.does})
	}
	return rows
}

func takenRows(c wire.Command, does map[string]string) (rows []pics.Row) {
	l := wire.LayoutOf(c)
	for i := range l.Fields {
		f := &l.Fields[i]
		row := pics.Row{Field: f, Does: notLookedAt}
		if d, ok := does[f.Name]; ok {
			row.Does = d
		}
		rows = append(rows, row)
	}
	return rows
}

// classesSentence sorts the statuses of a submit_sm_resp as a link does.
func classesSentence() string {
	of := make(map[Class][]string)
	for _, s := range wire.Statuses() {
		of[Classify(s)] = append(of[Classify(s)], s.Name())
	}
	of[OtherLink] = append(of[OtherLink], "any that the specification does not have")
	out := make([]string, 0, len(classMeanings))
	for _, c := range classMeanings {
		out = append(out, c.does+" ("+strings.Join(of[c.class], ", ")+")")
	}
	return "what STATUS_CLASSES says, else: " + strings.Join(out, "; ")
}

var classMeanings = []struct {
	class Class
	does  string
}{
	{Taken, "the part is with the SMSC"},
	{Throttled, "the whole link slows down, the message goes again"},
	{Delayed, "the message alone goes again, later each time"},
	{Temporary, "the message goes again, over another link of its route if there is one"},
	{OtherLink, "another link of its route is tried, once, else it is refused"},
	{Misconfigured, "the bind ends and waits for a minute, the message goes over another link or waits"},
	{Permanent, "the message is refused for good"},
}

// parameterRows are the optional parameters that are sent, or looked at.
var parameterRows = map[uint16]struct {
	in   []string
	does string
}{
	wire.TagReceiptedMessageID: {[]string{"deliver_sm", "data_sm"}, "makes it a receipt, of that message_id, before what its text says"},
	wire.TagMessageState:       {[]string{"deliver_sm", "data_sm"}, "makes it a receipt, with that state, before what its text says"},
	wire.TagNetworkErrorCode:   {[]string{"deliver_sm", "data_sm"}, "of a receipt: the error code, before what its text says; digits are read too"},
	wire.TagMessagePayload:     {[]string{"submit_sm", "deliver_sm", "data_sm"}, "sent with LONG=payload; taken where there is no short_message"},
	wire.TagSarMsgRefNum:       {[]string{"submit_sm", "deliver_sm", "data_sm"}, "sent with LONG=sar; of a handset's message: which one it is a part of"},
	wire.TagSarTotalSegments:   {[]string{"submit_sm", "deliver_sm", "data_sm"}, "sent with LONG=sar; of a handset's message: of how many parts"},
	wire.TagSarSegmentSeqnum:   {[]string{"submit_sm", "deliver_sm", "data_sm"}, "sent with LONG=sar; of a handset's message: which part"},
	wire.TagScInterfaceVersion: {[]string{"bind responses"}, "is shown by otpgw check -bind"},
}

package link

import (
	"context"
	"fmt"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// What a link does with each field of the PDUs that it sends and takes is said and done by the tables here:
// the PDUs are made by them, and otpgw pics prints them. Their rows are of the fields of the layout (package
// wire), in its order.

// sentField is a field that we write: what, and how. Without write it is zero or empty.
type sentField[T any] struct {
	*wire.Field
	does  string
	write func(*T)
}

// does is a row before it is put to its field.
type does[T any] struct {
	name, does string
	write      func(*T)
}

// rowsOf puts rows to the fields of a PDU. One that is missing, or of another field, is a fault of the table.
func rowsOf[T any](c wire.Command, rows ...does[T]) (list []sentField[T]) {
	l := wire.LayoutOf(c)
	for i := range l.Fields {
		if len(rows) != len(l.Fields) || rows[i].name != l.Fields[i].Name {
			panic(fmt.Sprintf("link: the rows of %s do not fit its layout at %s", l.Name, l.Fields[i].Name))
		}
		list = append(list, sentField[T]{&l.Fields[i], rows[i].does, rows[i].write})
	}
	return list
}

const zero = "0"

// binding is a bind as it is made.
type binding struct {
	cfg *Config
	pdu wire.Bind
}

var bindFields = rowsOf(wire.BindTransceiver,
	does[binding]{"system_id", "SYSTEM_ID", func(b *binding) { b.pdu.SystemID = b.cfg.SystemID }},
	does[binding]{"password", "PASSWORD; one that is longer than the specification has it is sent as it is", func(b *binding) { b.pdu.Password = b.cfg.Password }},
	does[binding]{"system_type", "SYSTEM_TYPE", func(b *binding) { b.pdu.SystemType = b.cfg.SystemType }},
	does[binding]{"interface_version", "0x34, or INTERFACE_VERSION", func(b *binding) {
		if b.pdu.InterfaceVersion = b.cfg.InterfaceVersion; b.pdu.InterfaceVersion == 0 {
			b.pdu.InterfaceVersion = wire.Version34
		}
	}},
	does[binding]{"addr_ton", "BIND_TON", func(b *binding) { b.pdu.AddressRange.TON = b.cfg.AddressRange.TON }},
	does[binding]{"addr_npi", "BIND_NPI", func(b *binding) { b.pdu.AddressRange.NPI = b.cfg.AddressRange.NPI }},
	does[binding]{"address_range", "ADDRESS_RANGE", func(b *binding) { b.pdu.AddressRange.Addr = b.cfg.AddressRange.Addr }},
)

// bind is the request that every bind of the link begins with.
func (c Config) bind() wire.Bind {
	b := binding{cfg: &c}
	for _, f := range bindFields {
		f.write(&b)
	}
	return b.pdu
}

// submission is a submit_sm as it is made: of one part of a message.
type submission struct {
	cfg    *Config
	now    time.Time
	m      *queue.Outbound
	part   *text.Part
	sender text.Sender
	pdu    wire.Message
}

var submitFields = rowsOf(wire.SubmitSM,
	does[submission]{"service_type", "SERVICE_TYPE", func(s *submission) { s.pdu.ServiceType = s.cfg.ServiceType }},
	does[submission]{"source_addr_ton", "of the sender: 5 a name, 3 a short code, 1 a number; or SOURCE_TON", func(s *submission) {
		s.pdu.Source.TON = s.cfg.SourceTON.of(s.sender.Kind, s.sender.TON)
	}},
	does[submission]{"source_addr_npi", "0 of a name or a short code, 1 of a number; or SOURCE_NPI", func(s *submission) {
		s.pdu.Source.NPI = s.cfg.SourceNPI.of(s.sender.Kind, s.sender.NPI)
	}},
	does[submission]{"source_addr", "the sender: digits without +, or a name of at most 11 characters in SENDER_ALPHABET", func(s *submission) {
		s.pdu.Source.Addr = s.sender.Addr
	}},
	does[submission]{"dest_addr_ton", "1; or DEST_TON", func(s *submission) {
		ton, _, _ := text.DestinationAddress(s.m.To)
		s.pdu.Dest.TON = s.cfg.DestTON.of(s.sender.Kind, ton)
	}},
	does[submission]{"dest_addr_npi", "1; or DEST_NPI", func(s *submission) {
		_, npi, _ := text.DestinationAddress(s.m.To)
		s.pdu.Dest.NPI = s.cfg.DestNPI.of(s.sender.Kind, npi)
	}},
	does[submission]{"destination_addr", "the number in E.164, digits without +", func(s *submission) {
		_, _, s.pdu.Dest.Addr = text.DestinationAddress(s.m.To)
	}},
	does[submission]{"esm_class", "0x40 where short_message begins with a user data header, else 0", func(s *submission) { s.pdu.ESMClass = s.part.ESMClass }},
	does[submission]{"protocol_id", zero, nil},
	does[submission]{"priority_flag", zero, nil},
	does[submission]{"schedule_delivery_time", "empty: at once", nil},
	does[submission]{"validity_period", "until the PIN expires, as VALIDITY has it", func(s *submission) { s.pdu.Validity = s.cfg.validity(s.m.Expires, s.now) }},
	does[submission]{"registered_delivery", "1: a receipt on success and failure", func(s *submission) { s.pdu.RegisteredDelivery = 1 }},
	does[submission]{"replace_if_present_flag", zero, nil},
	does[submission]{"data_coding", "0 where the text is in ALPHABET (3 for latin1), else 8, UCS-2", func(s *submission) { s.pdu.DataCoding = s.part.DataCoding }},
	does[submission]{"sm_default_msg_id", zero, nil},
	does[submission]{"sm_length", "of short_message", nil},
	does[submission]{"short_message", "a part of the text, behind a user data header where LONG has it; empty beside a message_payload", func(s *submission) {
		s.pdu.ShortMessage = s.part.ShortMessage
	}},
)

// takenFields says what is done with the fields of a deliver_sm or data_sm. Those that are not here are not
// looked at.
var takenFields = map[string]string{
	"source_addr":      "of a receipt: holds it against the number of the message; of a handset's message: who it is from",
	"destination_addr": "of a receipt: holds it against the sender of the message; of a handset's message: whom it is to",
	"esm_class": "0x04 a receipt, 0x20 an intermediate notification; any other message type is a handset's message, unless its " +
		"optional parameters or RECEIPTS=text say otherwise; 0x40: a user data header",
	"data_coding":   "of a handset's message: says how the text is read; of a receipt it is not believed",
	"sm_length":     "of short_message",
	"short_message": "the receipt, or the text of a handset; without any, message_payload",
}

// request is a request of the SMSC that is given to a handler. Any other is answered by the session.
type request struct {
	command wire.Command
	does    string
	handle  func(b *bind) session.Handler
}

// What a deliver_sm or data_sm is refused with.
const (
	statusUnreadable = wire.StatusPermAppErr // sent again it would be no better
	statusNotStored  = wire.StatusTempAppErr
	statusBusy       = wire.StatusTempAppErr
)

var requests = []request{
	{wire.DeliverSM, "", func(b *bind) session.Handler { return b.incoming }},
	{wire.DataSM, "", func(b *bind) session.Handler { return b.incoming }},
	// It says only that a number is reachable again, and has no response (SMPP 3.4, 4.12.1).
	{wire.AlertNotification, "is taken, and nothing is done: it says only that a number is reachable again",
		func(*bind) session.Handler { return func(context.Context, *session.Session, wire.Frame) {} }},
}

// handlers are what a session of the bind takes.
func (b *bind) handlers() map[wire.Command]session.Handler {
	m := make(map[wire.Command]session.Handler)
	for _, r := range requests {
		m[r.command] = r.handle(b)
	}
	return m
}

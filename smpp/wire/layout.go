package wire

import "slices"

// Layout is a PDU of SMPP 3.4 as it is written: its name, and the mandatory fields of its body in their
// order. All that reads, writes, shows or hides a PDU goes by it.
type Layout struct {
	Command Command
	Name    string // submit_sm
	Section string // of SMPP 3.4
	Fields  []Field
}

// Field is a mandatory field.
type Field struct {
	Name    string
	Section string // of SMPP 3.4
	Kind    Kind
	Max     int     // octets of a CString with its NUL, and of Octets
	Secret  Secrecy // what of it must not be shown
	When    byte    // in the entry of a Count: it is there only behind a dest_flag of this value; zero: always
	Each    []Field // the entry of a Count
}

// Kind is how a field is written (SMPP 3.4, 3.1).
type Kind uint8

// The kinds of field.
const (
	Uint8   Kind = iota // an integer of one octet
	Uint32              // an integer of four octets
	CString             // octets and a NUL behind them
	Length              // an integer of one octet: how many octets the next field has
	Octets              // as many octets as Length says
	Count               // an integer of one octet: how often Each follows
)

// Secrecy says what a field holds that may not be shown to everybody.
type Secrecy uint8

// The secrets.
const (
	Public   Secrecy = iota
	Password         // of an account: it is shown nowhere
	Text             // of a message: it may hold a PIN
)

// The lengths of addresses (SMPP 3.4, 5.2.8 and 5.2.9): data_sm and alert_notification have room for longer
// ones.
const (
	addrMax     = 21
	longAddrMax = 65
)

// MaxShortMessage is the longest short_message (SMPP 3.4, 5.2.22).
const MaxShortMessage = 254

// HeaderFields are what every PDU begins with (SMPP 3.4, 3.2), for who shows it; [ReadFrame] reads it.
var HeaderFields = []Field{
	{Name: "command_length", Section: "5.1.1", Kind: Uint32},
	{Name: "command_id", Section: "5.1.2", Kind: Uint32},
	{Name: "command_status", Section: "5.1.3", Kind: Uint32},
	{Name: "sequence_number", Section: "5.1.4", Kind: Uint32},
}

// address is the three fields of an address.
func address(ton, npi, addr, section string, most int) []Field {
	return []Field{
		{Name: ton, Section: "5.2.5", Kind: Uint8},
		{Name: npi, Section: "5.2.6", Kind: Uint8},
		{Name: addr, Section: section, Kind: CString, Max: most},
	}
}

func source(most int) []Field {
	return address("source_addr_ton", "source_addr_npi", "source_addr", "5.2.8", most)
}

func dest(most int) []Field {
	return address("dest_addr_ton", "dest_addr_npi", "destination_addr", "5.2.9", most)
}

// when has fields only behind a dest_flag of that value.
func when(flag byte, fields []Field) []Field {
	for i := range fields {
		fields[i].When = flag
	}
	return fields
}

var (
	systemID    = Field{Name: "system_id", Section: "5.2.1", Kind: CString, Max: 16}
	password    = Field{Name: "password", Section: "5.2.2", Kind: CString, Max: 9, Secret: Password}
	serviceType = Field{Name: "service_type", Section: "5.2.11", Kind: CString, Max: 6}
	messageID   = Field{Name: "message_id", Section: "5.2.23", Kind: CString, Max: 65}
	esmClass    = Field{Name: "esm_class", Section: "5.2.12", Kind: Uint8}
	registered  = Field{Name: "registered_delivery", Section: "5.2.17", Kind: Uint8}
	dataCoding  = Field{Name: "data_coding", Section: "5.2.19", Kind: Uint8}
	defaultMsg  = Field{Name: "sm_default_msg_id", Section: "5.2.20", Kind: Uint8}

	shortMessage = []Field{
		{Name: "sm_length", Section: "5.2.21", Kind: Length, Max: MaxShortMessage},
		{Name: "short_message", Section: "5.2.22", Kind: Octets, Max: MaxShortMessage, Secret: Text},
	}
)

// times are when a message is to be delivered, and until when.
func times(most int) []Field {
	return []Field{
		{Name: "schedule_delivery_time", Section: "5.2.15", Kind: CString, Max: most},
		{Name: "validity_period", Section: "5.2.16", Kind: CString, Max: most},
	}
}

// content is what submit_sm, submit_multi and deliver_sm have behind their addresses.
func content(timeMax int) []Field {
	return slices.Concat([]Field{
		esmClass,
		{Name: "protocol_id", Section: "5.2.13", Kind: Uint8},
		{Name: "priority_flag", Section: "5.2.14", Kind: Uint8},
	}, times(timeMax), []Field{
		registered,
		{Name: "replace_if_present_flag", Section: "5.2.18", Kind: Uint8},
		dataCoding, defaultMsg,
	}, shortMessage)
}

var (
	bindFields = slices.Concat([]Field{
		systemID, password,
		{Name: "system_type", Section: "5.2.3", Kind: CString, Max: 13},
		{Name: "interface_version", Section: "5.2.4", Kind: Uint8},
	}, address("addr_ton", "addr_npi", "address_range", "5.2.7", 41))
	bindRespFields = []Field{systemID}
	idFields       = []Field{messageID}
)

const timeMax = 17 // octets of a time (SMPP 3.4, 7.1.1) with its NUL

// layouts are the PDUs of SMPP 3.4, in the order of its chapter 4. Behind any fields there may be optional
// parameters: real peers write them where the specification has none, too.
var layouts = []Layout{
	{BindTransmitter, "bind_transmitter", "4.1.1", bindFields},
	{BindTransmitterResp, "bind_transmitter_resp", "4.1.2", bindRespFields},
	{BindReceiver, "bind_receiver", "4.1.3", bindFields},
	{BindReceiverResp, "bind_receiver_resp", "4.1.4", bindRespFields},
	{BindTransceiver, "bind_transceiver", "4.1.5", bindFields},
	{BindTransceiverResp, "bind_transceiver_resp", "4.1.6", bindRespFields},
	{Outbind, "outbind", "4.1.7", []Field{systemID, password}},
	{Unbind, "unbind", "4.2.1", nil},
	{UnbindResp, "unbind_resp", "4.2.2", nil},
	{GenericNack, "generic_nack", "4.3.1", nil},
	{SubmitSM, "submit_sm", "4.4.1",
		slices.Concat([]Field{serviceType}, source(addrMax), dest(addrMax), content(timeMax))},
	{SubmitSMResp, "submit_sm_resp", "4.4.2", idFields},
	{SubmitMulti, "submit_multi", "4.5.1", slices.Concat([]Field{serviceType}, source(addrMax), []Field{
		{Name: "number_of_dests", Section: "5.2.24", Kind: Count, Max: MaxDests, Each: slices.Concat(
			[]Field{{Name: "dest_flag", Section: "5.2.25", Kind: Uint8}},
			when(DestAddress, dest(addrMax)),
			when(DestList, []Field{{Name: "dl_name", Section: "5.2.27", Kind: CString, Max: 21}}),
		)},
	}, content(timeMax))},
	{SubmitMultiResp, "submit_multi_resp", "4.5.2", slices.Concat(idFields, []Field{
		{Name: "no_unsuccess", Section: "5.2.26", Kind: Count, Max: MaxDests, Each: slices.Concat(
			dest(addrMax), []Field{{Name: "error_status_code", Section: "5.1.3", Kind: Uint32}},
		)},
	})},
	{DeliverSM, "deliver_sm", "4.6.1",
		slices.Concat([]Field{serviceType}, source(addrMax), dest(addrMax), content(1))},
	{DeliverSMResp, "deliver_sm_resp", "4.6.2", idFields},
	{DataSM, "data_sm", "4.7.1", slices.Concat([]Field{serviceType}, source(longAddrMax), dest(longAddrMax),
		[]Field{esmClass, registered, dataCoding})},
	{DataSMResp, "data_sm_resp", "4.7.2", idFields},
	{QuerySM, "query_sm", "4.8.1", slices.Concat(idFields, source(addrMax))},
	{QuerySMResp, "query_sm_resp", "4.8.2", slices.Concat(idFields, []Field{
		{Name: "final_date", Section: "5.2.15", Kind: CString, Max: timeMax},
		{Name: "message_state", Section: "5.2.28", Kind: Uint8},
		{Name: "error_code", Section: "4.8.2", Kind: Uint8},
	})},
	{CancelSM, "cancel_sm", "4.9.1", slices.Concat([]Field{serviceType, messageID}, source(addrMax), dest(addrMax))},
	{CancelSMResp, "cancel_sm_resp", "4.9.2", nil},
	{ReplaceSM, "replace_sm", "4.10.1", slices.Concat(idFields, source(addrMax), times(timeMax),
		[]Field{registered, defaultMsg}, shortMessage)},
	{ReplaceSMResp, "replace_sm_resp", "4.10.2", nil},
	{EnquireLink, "enquire_link", "4.11.1", nil},
	{EnquireLinkResp, "enquire_link_resp", "4.11.2", nil},
	{AlertNotification, "alert_notification", "4.12.1", slices.Concat(source(longAddrMax),
		address("esme_addr_ton", "esme_addr_npi", "esme_addr", "5.2.10", longAddrMax))},
}

var byCommand = func() map[Command]*Layout {
	m := make(map[Command]*Layout, len(layouts))
	for i := range layouts {
		m[layouts[i].Command] = &layouts[i]
	}
	return m
}()

// LayoutOf is the layout of a command; nil for one that the specification does not have.
func LayoutOf(c Command) *Layout { return byCommand[c] }

// Layouts are all, in the order of the specification.
func Layouts() []Layout { return slices.Clone(layouts) }

// Room is how many octets a field can hold.
func (f *Field) Room() int {
	if f.Kind == CString {
		return f.Max - 1 // the NUL takes one
	}
	return f.Max
}

// Field finds a field by its name; nil when the PDU does not have it.
func (l *Layout) Field(name string) *Field {
	for i := range l.Fields {
		if l.Fields[i].Name == name {
			return &l.Fields[i]
		}
	}
	return nil
}

// Holds reports whether a mandatory field is such a secret; not for the layout of no command.
func (l *Layout) Holds(s Secrecy) bool {
	return l != nil && slices.ContainsFunc(l.Fields, func(f Field) bool { return f.Secret == s })
}

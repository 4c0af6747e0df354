package server

import (
	"time"

	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Kind is what a bind may do (SMPP 3.4, 2.2).
type Kind string

// The kinds of bind.
const (
	Transmitter Kind = "transmitter"
	Receiver    Kind = "receiver"
	Transceiver Kind = "transceiver"
)

func (k Kind) transmits() bool { return k == Transmitter || k == Transceiver }
func (k Kind) receives() bool  { return k == Receiver || k == Transceiver }

// SubmitInfo is one submit_sm or data_sm as Config.OnSubmit sees it.
type SubmitInfo struct {
	Time    time.Time
	Account string // system_id
	Bind    Kind
	Remote  string // the peer's address

	From, To string
	Text     string // of this part alone
	Encoding text.Encoding
	Part     int // from 1
	Parts    int

	PDU *wire.Message // all the rest; read only
}

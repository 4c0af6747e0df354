package smsc

import (
	"github.com/otpgw/otpgw/smpp/smsc/internal/server"
	"github.com/otpgw/otpgw/smpp/smsc/internal/web"
)

// The simulator itself is package server's; these are its names where users look for them.
type (
	Config        = server.Config
	Server        = server.Server
	Account       = server.Account
	AccountInfo   = server.AccountInfo
	Limits        = server.Limits
	Kind          = server.Kind
	SubmitInfo    = server.SubmitInfo
	Message       = server.Message
	Direction     = server.Direction
	Filter        = server.Filter
	MO            = server.MO
	MOResult      = server.MOResult
	ReceiptInfo   = server.ReceiptInfo
	ReceiptStatus = server.ReceiptStatus
	SessionInfo   = server.SessionInfo
	Segment       = server.Segment
	Header        = server.Header
	Element       = server.Element
	SAR           = server.SAR
	PDU           = server.PDU
	PDUFilter     = server.PDUFilter
	Field         = server.Field
	ErrorBodies   = server.ErrorBodies
	Topic         = server.Topic
	Event         = server.Event
	Listener      = server.Listener
	Info          = server.Info
	Stats         = server.Stats
)

// The kinds of bind.
const (
	Transmitter = server.Transmitter
	Receiver    = server.Receiver
	Transceiver = server.Transceiver
)

// The directions of a message.
const (
	MobileTerminated = server.MobileTerminated
	MobileOriginated = server.MobileOriginated
)

// The ways of a receipt.
const (
	ReceiptScheduled = server.ReceiptScheduled
	ReceiptQueued    = server.ReceiptQueued
	ReceiptAnswered  = server.ReceiptAnswered
	ReceiptFailed    = server.ReceiptFailed
	ReceiptDropped   = server.ReceiptDropped
)

// The ways of responses with an error.
const (
	ErrorBodiesSpec = server.ErrorBodiesSpec
	ErrorBodiesAll  = server.ErrorBodiesAll
	ErrorBodiesNone = server.ErrorBodiesNone
)

// The topics of events.
const (
	TopicMessage  = server.TopicMessage
	TopicPDU      = server.TopicPDU
	TopicCleared  = server.TopicCleared
	TopicSessions = server.TopicSessions
	TopicRules    = server.TopicRules
	TopicReload   = server.TopicReload
)

// What the methods of a Server may fail with.
var (
	ErrClosed     = server.ErrClosed
	ErrWaiters    = server.ErrWaiters
	ErrListeners  = server.ErrListeners
	ErrNoSession  = server.ErrNoSession
	ErrNoReceiver = server.ErrNoReceiver
)

// Start starts a server, with the HTTP API and the page on Config.HTTPAddr. It listens when Start returns.
// The caller ends it with Close.
func Start(cfg Config) (*Server, error) {
	if cfg.HTTPAddr != "" && cfg.HTTP == nil {
		cfg.HTTP = web.New
	}
	return server.Start(cfg)
}

// ErrorBodyKinds lists the ways of responses with an error.
func ErrorBodyKinds() []ErrorBodies { return server.ErrorBodyKinds() }

// FindCode returns the one-time code in a message text; see [server.FindCode].
func FindCode(text string) string { return server.FindCode(text) }

// Dissect reads every field of a PDU, as far as it can be read. It never fails.
func Dissect(pdu []byte) []Field { return server.Dissect(pdu) }

package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/text"
)

// Config sets a server up. The zero value listens for SMPP on a free port of 127.0.0.1, takes any account,
// and sends receipts at once.
type Config struct {
	SMPPAddr string // host:port; empty: 127.0.0.1:0
	HTTPAddr string // host:port; empty: no HTTP
	// HTTP makes the server that answers on HTTPAddr, when the listener is there. smsc.Start sets it to
	// package web's.
	HTTP     func(*Server) *http.Server
	Accounts map[string]string // password by system_id; empty, and no AccountList: any system_id with any password

	AccountList []Account   // accounts with limits; added to Accounts
	Limits      Limits      // of accounts without limits of their own
	TLSAddr     string      // host:port where SMPP is spoken over TLS; empty: nowhere
	TLS         *tls.Config // for TLSAddr; nil: a certificate of our own making, see TLSCertificate

	Rules   []behave.Rule // what becomes of messages; changed by Server.Rules while it runs
	NoMagic bool          // numbers choose no outcome by their last digits: see Magic
	// Seed makes a run repeatable: the same messages of an account in the same order have the same outcomes,
	// delays and message ids. Zero: each run is another.
	Seed uint64

	IDFormat        behave.IDFormat      // of message ids; empty: decimal
	ReceiptIDFormat behave.IDFormat      // of message ids in receipts; empty: as in the answer
	ReceiptFormat   behave.ReceiptFormat // empty: standard

	Keep         int           // messages kept, the newest; zero: 10,000
	ReceiptDelay time.Duration // from the answer to the receipt
	ReceiptRetry time.Duration // before a refused or unanswered receipt is sent again, doubled each time up to 30 s; zero: 1 s
	ReceiptTries int           // how often it is sent at most; a connection that ends is no try; zero: 5
	Alphabet     text.Alphabet // what data_coding 0 means; empty: gsm7
	KeepPDUs     int           // PDUs kept, the newest; zero: 2,000; negative: none

	// Lenient takes what package conform refuses: fields that are too long, times that are none, numbers with
	// letters.
	Lenient bool
	// ErrorBodies says which responses with an error have a body; empty: those that SMPP 3.4 gives one.
	ErrorBodies ErrorBodies

	Window          int           // deliver_sm in flight per bind; zero: 100
	ResponseTimeout time.Duration // for the answer to a deliver_sm or enquire_link; zero: 10 s
	EnquireLink     time.Duration // silence before an enquire_link; zero: 30 s; negative: never

	// OnSubmit, when set, decides what becomes of each message that no rule decides; the magic numbers have
	// no say then. It runs on the bind's own goroutine, for several binds at once, and the bind's next
	// message waits until it returns.
	OnSubmit func(SubmitInfo) behave.Outcome

	Log zerolog.Logger // the zero value logs nothing
}

const (
	defaultKeep  = 10_000
	defaultRetry = time.Second
	defaultTries = 5
)

// withDefaults puts in what is left out.
func (c Config) withDefaults() (Config, error) {
	if c.SMPPAddr == "" {
		c.SMPPAddr = "127.0.0.1:0"
	}
	if c.Keep == 0 {
		c.Keep = defaultKeep
	}
	if c.Keep < 0 {
		return c, fmt.Errorf("smsc: keep is %d, at least 1 message has to be kept", c.Keep)
	}
	if c.ReceiptRetry <= 0 {
		c.ReceiptRetry = defaultRetry
	}
	if c.ReceiptTries <= 0 {
		c.ReceiptTries = defaultTries
	}
	if c.KeepPDUs == 0 {
		c.KeepPDUs = defaultKeepPDUs
	}
	if c.HTTPAddr != "" && c.HTTP == nil {
		return c, errors.New("smsc: HTTPAddr is set, and HTTP is not: smsc.Start sets it")
	}
	return c, nil
}

// accounts are all accounts of a configuration.
func (c Config) accounts() ([]Account, error) {
	var list []Account
	for id, password := range c.Accounts {
		list = append(list, Account{SystemID: id, Password: password})
	}
	seen := make(map[string]bool)
	for i, a := range append(list, c.AccountList...) {
		if err := a.validate(); err != nil {
			return nil, fmt.Errorf("smsc: account %d: %w", i+1, err)
		}
		if seen[a.SystemID] {
			return nil, fmt.Errorf("smsc: account %s is there twice", a.SystemID)
		}
		seen[a.SystemID] = true
	}
	for _, err := range []error{
		c.IDFormat.Validate("IDFormat"), c.ReceiptIDFormat.Validate("ReceiptIDFormat"),
		c.ReceiptFormat.Validate("ReceiptFormat"), c.ErrorBodies.Validate("ErrorBodies"), c.Limits.validate("limits"),
	} {
		if err != nil {
			return nil, fmt.Errorf("smsc: %w", err)
		}
	}
	return append(list, c.AccountList...), nil
}

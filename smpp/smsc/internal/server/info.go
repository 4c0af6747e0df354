package server

import (
	"slices"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

// Info is what a client, and the page, has to know of a server.
type Info struct {
	SMPP    string `json:"smpp"` // host:port
	SMPPTLS string `json:"smppTls,omitempty"`
	HTTP    string `json:"http"`
	// AnyAccount says that any system_id with any password may bind.
	AnyAccount bool                 `json:"anyAccount"`
	Keep       int                  `json:"keep"`
	Started    time.Time            `json:"started"`
	Magic      []behave.MagicNumber `json:"magic"` // empty when they are off
}

// Info says where to connect, and what is set.
func (s *Server) Info() Info {
	info := Info{
		SMPP: s.Addr(), SMPPTLS: s.TLSAddr(), HTTP: s.HTTPAddr(), Keep: s.cfg.Keep, Started: s.started,
		AnyAccount: !slices.ContainsFunc(s.Accounts(), func(a AccountInfo) bool { return a.Configured }),
		Magic:      []behave.MagicNumber{},
	}
	if !s.cfg.NoMagic {
		info.Magic = behave.Magic()
	}
	return info
}

// Stats are the counts of a server since its start, and what there is now.
type Stats struct {
	Submits          uint64 // messages taken
	Refused          uint64 // messages answered with an error
	ReceiptsAnswered uint64 // receipts and messages from handsets that clients answered with ESME_ROK
	ReceiptsFailed   uint64 // those that clients refused
	ReceiptsDropped  uint64 // those dropped because too many waited
	ReceiptsHeld     int64  // those that wait for a bind
	Scheduled        int    // receipts and answers whose delay runs
	MessagesKept     int
	Binds            int
	Listeners        int
}

// Stats returns the counts.
func (s *Server) Stats() Stats {
	return Stats{
		Submits: s.counts.submits.Load(), Refused: s.counts.refused.Load(), ReceiptsAnswered: s.counts.receipts.Load(),
		ReceiptsFailed: s.counts.failed.Load(), ReceiptsDropped: s.counts.dropped.Load(), ReceiptsHeld: s.accounts.held.used.Load(),
		Scheduled: s.schedule.size(), MessagesKept: s.store.size(), Binds: s.accounts.bound(),
		Listeners: int(s.events.listeners.Load()),
	}
}

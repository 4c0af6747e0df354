package server

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/wire"
)

// statuses counts by command_status. Those over 0xFF, which rules may give, are one.
type statuses [lastStatus + 2]atomic.Uint64

// lastStatus is the highest command_status of the specification (SMPP 3.4, 5.1.3).
const lastStatus = 0xFF

func (s *statuses) add(status wire.Status) { s[min(status, lastStatus+1)].Add(1) }

// counts are those of the statuses that have a name, zero or not, and of the others together.
func (s *statuses) counts() map[string]uint64 {
	m := map[string]uint64{Other: 0}
	for i := range s {
		name := wire.Status(i).Name()
		if !strings.HasPrefix(name, "ESME_") {
			name = Other
		}
		m[name] += s[i].Load()
	}
	return m
}

// Other is what has no name of its own in counts.
const Other = "other"

// stateCounts counts receipts by their state; the last is of those that have no number.
type stateCounts [9]atomic.Uint64

func (s *stateCounts) add(state wire.MessageState) {
	if int(state) >= len(s) {
		state = 0
	}
	s[state].Add(1)
}

func (s *stateCounts) counts() map[string]uint64 {
	m := map[string]uint64{Other: s[0].Load()}
	for _, state := range behave.States() {
		m[state.String()] = s[state].Load()
	}
	return m
}

// AccountStats are the counts of an account since it first bound or was configured.
type AccountStats struct {
	AccountInfo
	Answers  map[string]uint64 // to submit_sm, data_sm and submit_multi, by status; all names are there, and Other
	Receipts map[string]uint64 // that a client answered ESME_ROK, by state; all names are there, and Other
}

// maxCounted bounds the accounts that AccountStats tells apart: anybody may bind under any name.
const maxCounted = 100

// AccountStats returns the counts of the accounts, those that are configured first; of more than a hundred
// only so many.
func (s *Server) AccountStats() []AccountStats {
	infos := s.Accounts()
	slices.SortStableFunc(infos, func(x, y AccountInfo) int {
		switch {
		case x.Configured == y.Configured:
			return 0
		case x.Configured:
			return -1
		}
		return 1
	})
	var out []AccountStats
	for _, info := range infos[:min(len(infos), maxCounted)] {
		if acc := s.accounts.find(info.SystemID); acc != nil {
			out = append(out, AccountStats{AccountInfo: info, Answers: acc.answers.counts(), Receipts: acc.states.counts()})
		}
	}
	return out
}

// NoAccount are counts of nothing, with all names.
func NoAccount() AccountStats {
	return AccountStats{Answers: new(statuses).counts(), Receipts: new(stateCounts).counts()}
}

// BindAnswers are the answers to binds by status; all names are there, and Other.
func (s *Server) BindAnswers() map[string]uint64 { return s.bindAnswers.counts() }

// count counts the answer to a request.
func (b *bind) count(command wire.Command, status wire.Status) {
	switch command {
	case wire.BindTransmitter, wire.BindReceiver, wire.BindTransceiver:
		b.srv.bindAnswers.add(status)
	case wire.SubmitSM, wire.DataSM, wire.SubmitMulti:
		if b.account != nil {
			b.account.answers.add(status)
		}
	}
}

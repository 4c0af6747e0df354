package conform

import (
	"fmt"
	"slices"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Breach is a field that breaks a rule.
type Breach struct {
	Status wire.Status
	Field  string
	Why    string
}

func (b *Breach) Error() string { return b.Field + ": " + b.Why }

// Check reads a request as strictly as the table says. It returns the first breach, or nil; a command that it
// does not know has none.
func Check(f wire.Frame, now time.Time) *Breach {
	p := byCommand[f.Command]
	if p == nil {
		return nil
	}
	c := checker{state: state{now: now}, use: useOf(f.Command), fields: p.Fields}
	at := 0
	for s := range wire.Spans(f.Command, f.Body) {
		if s.TLV && c.use == 0 {
			return nil // they are not looked at
		}
		if b := c.span(s); b != nil {
			return b
		}
		if s.TLV && s.From != at {
			return cutTLV
		}
		at = s.To
	}
	if c.use == 0 {
		return nil
	}
	if at < len(f.Body) {
		return cutTLV
	}
	return sarBreach(c.sar)
}

// CheckDest checks one destination of a submit_multi as that of a submit_sm.
func CheckDest(a wire.Address) *Breach {
	var c checker
	values := [][]byte{{a.TON}, {a.NPI}, []byte(a.Addr)}
	submit := byCommand[wire.SubmitSM]
	from := slices.IndexFunc(submit.Fields, func(f Field) bool { return f.Name == "dest_addr_ton" })
	for i, v := range values {
		if b := c.field(&submit.Fields[from+i], v); b != nil {
			return b
		}
	}
	return nil
}

// checker judges a body from front to back.
type checker struct {
	state
	use    Uses
	fields []Field // those to come
	sar    [3]int  // ref, total and number, each one more than it says; zero: not there
}

func short(field string) *Breach {
	return &Breach{wire.StatusInvCmdLen, field, "the PDU ends before it does"}
}

var cutTLV = &Breach{invStream, "optional parameters", "the last one is cut"}

func (c *checker) span(s *wire.Span) *Breach {
	switch {
	case s.TLV && !s.Whole:
		return cutTLV
	case s.TLV:
		return c.tlv(s)
	case !s.Whole:
		return short(s.Name)
	case s.Entry:
		return entryBreach(s)
	}
	f := &c.fields[0]
	c.fields = c.fields[1:]
	if n := s.Uint(); f.Kind == wire.Count && (n == 0 || int(n) > f.Max) {
		return &Breach{invNumDests, s.Name, fmt.Sprintf("%d is not within 1 and %d", n, f.Max)}
	}
	return c.field(f, s.Value)
}

func (c *checker) field(f *Field, v []byte) *Breach {
	if f.Kind == wire.CString && len(v) >= f.Max {
		return &Breach{f.TooLong, f.Name, fmt.Sprintf("is %d characters, at most %d fit", len(v), f.Max-1)}
	}
	for i := range f.Refuses {
		if r := &f.Refuses[i]; r.bad != nil && r.bad(&c.state, v) {
			return &Breach{r.Status, f.Name, r.What}
		}
	}
	c.learn(f, v)
	return nil
}

// learn keeps what later fields are checked by.
func (c *checker) learn(f *Field, v []byte) {
	switch f.Name {
	case "source_addr_ton", "dest_addr_ton":
		c.ton = v[0]
	case "source_addr_npi", "dest_addr_npi":
		c.npi = v[0]
	case "schedule_delivery_time":
		c.scheduled, _ = ParseTime(string(v), c.now)
	case "sm_length":
		c.length = int(v[0])
	}
}

// entryBreach judges an entry of the list of a submit_multi. Its addresses are not checked here: each that is
// wrong is refused by itself.
func entryBreach(s *wire.Span) *Breach {
	if s.Name != "dest_flag" {
		return nil
	}
	switch flag := byte(s.Uint()); flag {
	case wire.DestAddress:
		return nil
	case wire.DestList:
		return &Breach{invListName, "dl_name", "there are no distribution lists"}
	default:
		return &Breach{invDestFlag, "dest_flag", fmt.Sprintf("%d is neither 1 nor 2", flag)}
	}
}

func (c *checker) tlv(s *wire.Span) *Breach {
	t, v := byTag[s.Tag], s.Value
	switch {
	case t == nil: // 3.3: what is not known is passed over
		return nil
	case t.In&c.use == 0:
		return &Breach{notAllowed, t.Name, "is no parameter of this PDU"}
	case len(v) < t.Min || len(v) > t.Max:
		return &Breach{invLength, t.Name, fmt.Sprintf("is %d octets, %d to %d are right", len(v), t.Min, t.Max)}
	case t.Most > 0 && v[0] > t.Most:
		return &Breach{invValue, t.Name, fmt.Sprintf("%d is over %d", v[0], t.Most)}
	case s.Tag == wire.TagMessagePayload && c.length > 0:
		return &Breach{wire.StatusInvMsgLen, "sm_length", "is not 0, and there is a message_payload"}
	}
	switch s.Tag {
	case wire.TagSarMsgRefNum:
		c.sar[0] = 1
	case wire.TagSarTotalSegments:
		c.sar[1] = 1 + int(v[0])
	case wire.TagSarSegmentSeqnum:
		c.sar[2] = 1 + int(v[0])
	}
	return nil
}

// sarBreach judges the three parameters of segmentation; each is one more than it says, or zero.
func sarBreach(sar [3]int) *Breach {
	ref, total, number := sar[0], sar[1], sar[2]
	switch {
	case ref == 0 && total == 0 && number == 0:
		return nil
	case ref == 0 || total == 0 || number == 0:
		return &Breach{missing, "sar_", "one of the three is missing"}
	case number-1 < 1 || number > total:
		return &Breach{invValue, "sar_segment_seqnum", fmt.Sprintf("%d is not within 1 and %d", number-1, total-1)}
	}
	return nil
}

package conform

import (
	"bytes"
	"encoding/binary"
	"fmt"
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

// Check reads a request as strictly as the table says. It returns the first breach, or nil; a command that it does not know
// has none.
func Check(f wire.Frame, now time.Time) *Breach {
	p := byCommand[f.Command]
	if p == nil {
		return nil
	}
	c := checker{left: f.Body, state: state{now: now}}
	for i := range p.Fields {
		if b := c.field(&p.Fields[i]); b != nil {
			return b
		}
	}
	if use := useOf(f.Command); use != 0 {
		return c.tlvs(use)
	}
	return nil
}

// CheckDest checks one destination of a submit_multi as that of a submit_sm.
func CheckDest(a wire.Address) *Breach {
	c := checker{left: append(append([]byte{a.TON, a.NPI}, a.Addr...), 0)}
	for _, f := range oneDest {
		if b := c.field(&f); b != nil {
			return b
		}
	}
	return nil
}

var oneDest = needed(destFields(addrMax, ""), wire.StatusInvDstAdr)

// checker reads a body from front to back.
type checker struct {
	left []byte
	state
}

func short(field string) *Breach {
	return &Breach{wire.StatusInvCmdLen, field, "the PDU ends before it does"}
}

func (c *checker) field(f *Field) *Breach {
	if f.Kind == Dests {
		return c.dests(f)
	}
	v, ok := c.value(f)
	if !ok {
		return short(f.Name)
	}
	if f.Kind == CString && f.Max > 0 && len(v) >= f.Max {
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

// value takes the octets of a field, of a CString without its NUL; not ok when the body ends in it.
func (c *checker) value(f *Field) (v []byte, ok bool) {
	n := 1
	switch f.Kind {
	case CString:
		if n = bytes.IndexByte(c.left, 0); n < 0 {
			return nil, false
		}
		v, c.left = c.left[:n], c.left[n+1:]
		return v, true
	case Octets:
		n = c.length
	}
	if n > len(c.left) {
		return nil, false
	}
	v, c.left = c.left[:n], c.left[n:]
	return v, true
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

// dests reads the list of a submit_multi. Its addresses are not checked here: each that is wrong is refused by itself.
func (c *checker) dests(f *Field) *Breach {
	if len(c.left) == 0 {
		return short(f.Name)
	}
	n := int(c.left[0])
	c.left = c.left[1:]
	if n == 0 || n > 254 {
		return &Breach{invNumDests, f.Name, fmt.Sprintf("%d is not within 1 and 254", n)}
	}
	for range n {
		if len(c.left) == 0 {
			return short("dest_flag")
		}
		flag := c.left[0]
		c.left = c.left[1:]
		switch {
		case flag == 2:
			return &Breach{invListName, "dl_name", "there are no distribution lists"}
		case flag != 1:
			return &Breach{invDestFlag, "dest_flag", fmt.Sprintf("%d is neither 1 nor 2", flag)}
		case len(c.left) < 2:
			return short("dest_addr_npi")
		}
		end := bytes.IndexByte(c.left[2:], 0)
		if end < 0 {
			return short("destination_addr")
		}
		c.left = c.left[2+end+1:]
	}
	return nil
}

// tlvs reads the optional parameters.
func (c *checker) tlvs(use Uses) *Breach {
	var sar [3]int // ref, total, number; zero: not there
	for len(c.left) > 0 {
		if len(c.left) < 4 {
			return &Breach{invStream, "optional parameters", "the last one is cut"}
		}
		tag, n := binary.BigEndian.Uint16(c.left), int(binary.BigEndian.Uint16(c.left[2:]))
		if c.left = c.left[4:]; n > len(c.left) {
			return &Breach{invStream, "optional parameters", "the last one is cut"}
		}
		v := c.left[:n]
		c.left = c.left[n:]
		if b := c.tlv(tag, v, use); b != nil {
			return b
		}
		switch tag {
		case wire.TagSarMsgRefNum:
			sar[0] = 1
		case wire.TagSarTotalSegments:
			sar[1] = 1 + int(v[0])
		case wire.TagSarSegmentSeqnum:
			sar[2] = 1 + int(v[0])
		}
	}
	return sarBreach(sar)
}

func (c *checker) tlv(tag uint16, v []byte, use Uses) *Breach {
	t := byTag[tag]
	switch {
	case t == nil: // 3.3: what is not known is passed over
		return nil
	case t.In&use == 0:
		return &Breach{notAllowed, t.Name, "is no parameter of this PDU"}
	case len(v) < t.Min || len(v) > t.Max:
		return &Breach{invLength, t.Name, fmt.Sprintf("is %d octets, %d to %d are right", len(v), t.Min, t.Max)}
	case t.Most > 0 && v[0] > t.Most:
		return &Breach{invValue, t.Name, fmt.Sprintf("%d is over %d", v[0], t.Most)}
	case tag == wire.TagMessagePayload && c.length > 0:
		return &Breach{wire.StatusInvMsgLen, "sm_length", "is not 0, and there is a message_payload"}
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

package link

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Secrets are made of letters that nothing else in these PDUs is made of, so each run of them that is shown
// is a leak.
const (
	secretLetters = "NPQRTUVWXYZ5678"
	publicLetters = "abcdghjkm01234"
	leakRun       = 4 // octets in a row
)

// maker makes PDUs by the layout, and remembers what is secret in them.
type maker struct {
	*rand.Rand
	secrets [][]byte
	lengths []int // where in the body a length stands, of short_message or of an optional parameter
}

func (m *maker) word(letters string, most int) []byte {
	b := make([]byte, m.IntN(most+1))
	for i := range b {
		b[i] = letters[m.IntN(len(letters))]
	}
	return b
}

// secret is a text, in UTF-16 where the data_coding says so.
func (m *maker) secret(most int, wide bool) []byte {
	b := m.word(secretLetters, most)
	if wide {
		w := make([]byte, 0, 2*len(b))
		for _, c := range b[:min(len(b), most/2)] {
			w = append(w, byte(m.IntN(2)*4), c)
		}
		b = w
	}
	m.secrets = append(m.secrets, bytes.Clone(b))
	return b
}

// message is a text as it stands in a PDU: of a receipt behind its fields, and behind a header where
// esm_class says so.
func (m *maker) message(esm, coding byte, most int) []byte {
	var b []byte
	if esm&wire.ESMClassUDHI != 0 {
		b = append(b, 5, 0, 3, 7, 2, 1)
	}
	if esm&wire.ESMClassTypeMask == wire.ESMClassReceipt {
		b = append(b, "id:0123abc sub:001 dlvrd:001 stat:DELIVRD err:000 text:"...)
	}
	return append(b, m.secret(most-len(b), coding == 8)...)
}

// body is one by the layout of a command.
func (m *maker) body(l *wire.Layout) (b []byte) {
	var esm, coding byte
	var content []byte
	fields := l.Fields
	for i := 0; i < len(fields); i++ {
		f := &fields[i]
		switch {
		case f.Secret == wire.Password:
			b = append(append(b, m.secret(f.Max+4, false)...), 0)
		case f.Kind == wire.CString:
			b = append(append(b, m.word(publicLetters, min(f.Max-1, 15))...), 0)
		case f.Kind == wire.Length:
			content = m.message(esm, coding, wire.MaxShortMessage)
			m.lengths = append(m.lengths, len(b))
			b = append(b, byte(len(content)))
		case f.Kind == wire.Octets:
			b = append(b, content...)
		case f.Kind == wire.Count:
			b = append(b, 0) // an entry holds no secret
		default:
			v := byte(m.IntN(2))
			switch f.Name {
			case "interface_version":
				v = wire.Version34
			case "esm_class":
				v = []byte{0, wire.ESMClassUDHI, wire.ESMClassReceipt}[m.IntN(3)]
				esm = v
			case "data_coding":
				v = []byte{0, 8}[m.IntN(2)]
				coding = v
			}
			b = append(b, v)
		}
	}
	for range m.IntN(4) {
		value, tag := m.word(publicLetters, 20), []uint16{0x1400, 0x1401, 0x9999, wire.TagReceiptedMessageID}[m.IntN(4)]
		if m.IntN(2) == 0 {
			tag, value = wire.TagMessagePayload, m.message(esm, coding, 300)
		}
		b = binary.BigEndian.AppendUint16(b, tag)
		m.lengths = append(m.lengths, len(b)+1)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
	}
	return b
}

// damage breaks a body as connections and SMSCs break them.
func (m *maker) damage(b []byte) []byte {
	switch m.IntN(7) {
	case 5: // an octet that is lost
		if len(b) > 0 {
			at := m.IntN(len(b))
			return append(bytes.Clone(b[:at]), b[at+1:]...)
		}
	case 0:
		return b[:m.IntN(len(b)+1)]
	case 1:
		return append(b, m.secret(40, m.IntN(2) == 0)...)
	case 2:
		return append(b, 0)
	case 3: // a length that lies
		if len(m.lengths) > 0 {
			b[m.lengths[m.IntN(len(m.lengths))]] = byte(m.IntN(256))
		}
	case 4: // a NUL behind short_message, and whatever follows
		if len(m.lengths) > 0 {
			at := min(m.lengths[0]+1+int(b[m.lengths[0]]), len(b))
			return append(append(bytes.Clone(b[:at]), 0), b[at:]...)
		}
	}
	return b
}

// FuzzNothingSecretIsShown: PDUs of each command, made by the layout and then cut, lengthened or with a
// length that lies: what the trace has, and what is logged of those that come, holds no run of a password, a
// short_message or a message_payload.
func FuzzNothingSecretIsShown(f *testing.F) {
	for seed := range uint64(500) {
		f.Add(seed)
	}
	layouts := wire.Layouts()
	f.Fuzz(func(t *testing.T, seed uint64) {
		m := &maker{Rand: rand.New(rand.NewPCG(seed, 1))}
		l := layouts[m.IntN(len(layouts))]
		body := m.damage(m.body(&l))
		command := l.Command
		if m.IntN(20) == 0 {
			command = wire.Command(m.Uint32())
		}
		frame := wire.Frame{Header: wire.Header{Command: command, Sequence: 1}, Body: body}
		shown := map[string][]byte{"trace": traced(t, frame.Bytes()), "log": logged(frame)}
		for where, b := range shown {
			for _, secret := range m.secrets {
				for i := 0; i+leakRun <= len(secret); i++ {
					if run := secret[i : i+leakRun]; bytes.Contains(b, run) {
						t.Fatalf("%q of a %s is in the %s: %q\nfrom %q", run, command, where, b, body)
					}
				}
			}
		}
		if len(shown["trace"]) != len(body)+wire.HeaderLen {
			t.Errorf("%d octets of %d", len(shown["trace"]), len(body)+wire.HeaderLen)
		}
	})
}

// traced is what the trace would write of a PDU.
func traced(t *testing.T, pdu []byte) (b []byte) {
	tr := newTrace(t.Name(), 0, zerolog.Nop(), func(uint64) { t.Error("lost") })
	here := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	tr.open(here, here).pdu(true, pdu)
	for len(tr.queue) > 0 {
		p := <-tr.queue
		b = append(b, p.Payload()...)
	}
	return b
}

// logged is what a link logs of a PDU that comes, at every level.
func logged(f wire.Frame) []byte {
	var out bytes.Buffer
	l := &Link{cfg: Config{Name: "x"}, now: time.Now, deps: Deps{Sink: refusing{}}, log: zerolog.New(&out).Level(zerolog.TraceLevel)}
	(&bind{link: l, name: "transceiver 1"}).store(context.Background(), f)
	return out.Bytes()
}

// refusing is a sink that stores nothing, so that its error is logged too.
type refusing struct{ Sink }

func (refusing) Deliver(context.Context, Incoming) error { return context.DeadlineExceeded }

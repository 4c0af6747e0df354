package link_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestRequestsAreAnsweredAsStated: each request that there is, over a connection, is answered as the
// conformance statement says of it. Those without an answer show none before the one that follows them.
func TestRequestsAreAnsweredAsStated(t *testing.T) {
	t.Parallel()
	var statement bytes.Buffer
	if err := link.Statement(&statement, "otpgw"); err != nil {
		t.Fatal(err)
	}
	said := make(map[string]string)
	for _, section := range strings.Split(statement.String(), "\n## ")[1:] {
		name, _, _ := strings.Cut(section, " ")
		said[name] = section
	}
	r := &rig{t: t, q: queuetest.Open(t), sink: newRecorder()}
	c := newCarrier(t)
	r.run(r.link(c.config("carrier", nil)))
	s := next(t, c.binds)
	seq := uint32(100)
	for _, l := range wire.Layouts() {
		if l.Command&wire.ResponseBit != 0 || l.Command == wire.Unbind {
			continue
		}
		body := []byte{}
		switch l.Command {
		case wire.DeliverSM:
			body = deliver("46700000001", 0, 0, "hello")
		case wire.DataSM:
			body = data("46700000001", 0, tlv(wire.TagMessagePayload, "hello"))
		}
		seq++
		s.write(pdu(l.Command, 0, seq, body))
		want, status := l.Command|wire.ResponseBit, wire.StatusOK
		switch section := said[l.Name]; {
		case strings.Contains(section, "answered by generic_nack with ESME_RINVCMDID"), strings.Contains(section, ": sent\n"):
			want, status = wire.GenericNack, wire.StatusInvCmdID
		case strings.Contains(section, "passed over"), strings.Contains(section, "nothing is done"):
			seq++ // what follows is answered first
			s.write(pdu(wire.DeliverSM, 0, seq, deliver("46700000001", 0, 0, "hello")))
			want = wire.DeliverSMResp
		case !strings.Contains(section, "nswered ESME_ROK") && !strings.Contains(section, "Is answered;"):
			t.Errorf("what becomes of a %s is not said: %.200q", l.Name, section)
			continue
		}
		if f := next(t, s.answers); f.Command != want || f.Status != status || f.Sequence != seq {
			t.Errorf("%s was answered by %s %d, %s; want %s %d, %s", l.Name, f.Command, f.Sequence, f.Status, want, seq, status)
		}
	}
	s.write(pdu(wire.DeliverSM, 0, 1, []byte("no fields")))
	if f := next(t, s.answers); f.Status != wire.StatusPermAppErr || !strings.Contains(said["deliver_sm"], f.Status.Name()) {
		t.Errorf("a deliver_sm without its fields was answered %s", f.Status)
	}
}

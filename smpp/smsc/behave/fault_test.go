package behave_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// ask sends one submit_sm with sequence 10 over a raw connection, and an enquire_link with 11 behind it.
func ask(t *testing.T, conn net.Conn) {
	t.Helper()
	b, err := esmetest.Message("1", "x").Encode(wire.Header{Command: wire.SubmitSM, Sequence: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

// octets reads until nothing more comes for a while, or the end.
func octets(conn net.Conn, quiet time.Duration) (all []byte, reads int, err error) {
	buf := make([]byte, 4096)
	for {
		wait := quiet
		if reads == 0 {
			wait = esmetest.Patience
		}
		_ = conn.SetReadDeadline(time.Now().Add(wait))
		n, err := conn.Read(buf)
		all = append(all, buf[:n]...)
		if n > 0 {
			reads++
		}
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				err = nil
			}
			return all, reads, err
		}
	}
}

// TestMalformedAnswers: the octets of each kind, as they are on the wire.
func TestMalformedAnswers(t *testing.T) {
	length := func(b []byte) int { return int(binary.BigEndian.Uint32(b)) }
	word := func(b []byte, at int) uint32 { return binary.BigEndian.Uint32(b[at:]) }
	const id = "123456"
	const whole = 16 + len(id) + 1
	tests := map[smsc.Malformed]func(b []byte) bool{
		smsc.NoNUL:        func(b []byte) bool { return len(b) == whole-1 && string(b[16:]) == id },
		smsc.NoBody:       func(b []byte) bool { return len(b) == 16 && word(b, 8) == 0 },
		smsc.EmptyID:      func(b []byte) bool { return len(b) == 17 },
		smsc.LongID:       func(b []byte) bool { return len(b) == 16+201 },
		smsc.StrayNUL:     func(b []byte) bool { return len(b) == whole+1 && b[whole] == 0 },
		smsc.CutTLV:       func(b []byte) bool { return len(b) == whole+7 && b[whole+3] == 0xFF },
		smsc.ErrorBody:    func(b []byte) bool { return len(b) == whole && word(b, 8) == 8 },
		smsc.WrongNumber:  func(b []byte) bool { return len(b) == whole && word(b, 12) != 10 && word(b, 12) != 0 },
		smsc.ZeroNumber:   func(b []byte) bool { return len(b) == whole && word(b, 12) == 0 },
		smsc.WrongCommand: func(b []byte) bool { return len(b) == whole && word(b, 4) == 0x80000005 },
		smsc.UnknownPDU:   func(b []byte) bool { return len(b) == 17+whole && length(b) == 17 && word(b, 4) == 0x00010203 },
		smsc.Twice:        func(b []byte) bool { return len(b) == 2*whole && string(b[:whole]) == string(b[whole:]) },
		smsc.LengthShort:  func(b []byte) bool { return len(b) == whole && length(b) == whole-4 },
		smsc.LengthLong:   func(b []byte) bool { return len(b) == whole && length(b) == whole+4 },
		smsc.LengthZero:   func(b []byte) bool { return len(b) == whole && length(b) == 0 },
		smsc.LengthHuge:   func(b []byte) bool { return len(b) == whole && word(b, 0) == 1<<31 },
	}
	for _, kind := range smsc.MalformedKinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			ok, there := tests[kind]
			if !there {
				t.Fatal("there is no test for it")
			}
			srv := esmetest.WithRules(t, `{"submit":{"malformed":"`+string(kind)+`","messageId":"`+id+`"}}`)
			conn := esmetest.RawBound(t, srv)
			defer conn.Close()
			ask(t, conn)
			b, _, err := octets(conn, 150*time.Millisecond)
			if err != nil || !ok(b) {
				t.Errorf("got % x, %v", b, err)
			}
		})
	}
}

// TestWireFaults: how the octets of an answer come.
func TestWireFaults(t *testing.T) {
	const whole = 16 + 6 + 1
	tests := map[smsc.Fault]func(t *testing.T, srv *smsc.Server, conn net.Conn){
		smsc.FaultPartial: func(t *testing.T, _ *smsc.Server, conn net.Conn) {
			half := make([]byte, whole/2)
			if _, err := io.ReadFull(conn, half); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			rest := make([]byte, whole-whole/2)
			if _, err := io.ReadFull(conn, rest); err != nil || time.Since(began) < 300*time.Millisecond {
				t.Errorf("the second half came after %s, %v; want it after 800ms", time.Since(began), err)
			}
		},
		smsc.FaultBytewise: func(t *testing.T, _ *smsc.Server, conn net.Conn) {
			b, reads, err := octets(conn, 300*time.Millisecond)
			if len(b) != whole || reads < 3 || err != nil { // some may come together
				t.Errorf("%d octets in %d reads, %v", len(b), reads, err)
			}
		},
		smsc.FaultCut: func(t *testing.T, _ *smsc.Server, conn net.Conn) {
			b, _, err := octets(conn, esmetest.Patience)
			if len(b) != whole/2 || !errors.Is(err, io.EOF) {
				t.Errorf("%d octets, %v", len(b), err)
			}
		},
		smsc.FaultGarbage: func(t *testing.T, _ *smsc.Server, conn net.Conn) {
			if f, err := wire.ReadFrame(conn); !errors.Is(err, wire.ErrFrameLength) {
				t.Errorf("read %+v, %v", f, err)
			}
		},
		smsc.FaultReset: func(t *testing.T, _ *smsc.Server, conn net.Conn) {
			b, _, err := octets(conn, esmetest.Patience)
			if len(b) != 0 || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%d octets, %v; want a reset", len(b), err)
			}
		},
		smsc.FaultStall: func(t *testing.T, srv *smsc.Server, conn net.Conn) {
			if f, err := wire.ReadFrame(conn); err != nil || f.Sequence != 10 {
				t.Fatal(f, err)
			}
			began := time.Now()
			link := wire.Frame{Header: wire.Header{Command: wire.EnquireLink, Sequence: 11}}.Bytes()
			if _, err := conn.Write(link); err != nil {
				t.Fatal(err)
			}
			if f, err := wire.ReadFrame(conn); err != nil || f.Sequence != 11 || time.Since(began) < 300*time.Millisecond {
				t.Errorf("%+v after %s, %v; want it after 800ms", f, time.Since(began), err)
			}
		},
	}
	for _, kind := range smsc.FaultKinds() {
		test, there := tests[kind]
		if !there {
			t.Errorf("there is no test for %s", kind)
			continue
		}
		t.Run("rule "+string(kind), func(t *testing.T) {
			t.Parallel()
			srv := esmetest.WithRules(t, `{"submit":{"fault":"`+string(kind)+`","messageId":"123456","faultFor":"800ms"}}`)
			conn := esmetest.RawBound(t, srv)
			defer conn.Close()
			ask(t, conn)
			test(t, srv, conn)
		})
	}
}

// TestStalledReader: while it does not read, what the client writes backs up until its writes block.
func TestStalledReader(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	conn := esmetest.RawBound(t, srv)
	defer conn.Close()
	if err := srv.BreakSession(esmetest.Patient(t), srv.Sessions()[0].ID, smsc.FaultStall, time.Minute); err != nil {
		t.Fatal(err)
	}
	m := esmetest.Message("1", "x")
	m.ShortMessage = nil
	m.TLVs = wire.TLVs{{Tag: wire.TagMessagePayload, Value: make([]byte, 60_000)}}
	b, err := m.Encode(wire.Header{Command: wire.SubmitSM, Sequence: 10})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	for range 1000 {
		if _, err = conn.Write(b); err != nil {
			break
		}
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("60 MB were written: %v", err)
	}
	if err := srv.CloseSession(srv.Sessions()[0].ID); err != nil {
		t.Error(err)
	}
}

// TestCloseEndsAStall: a server that ends reads the answers to its unbinds.
func TestCloseEndsAStall(t *testing.T) {
	srv, err := smsc.Start(smsc.Config{})
	if err != nil {
		t.Fatal(err)
	}
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	if err := srv.BreakSession(esmetest.Patient(t), srv.Sessions()[0].ID, smsc.FaultStall, time.Hour); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := srv.Close(esmetest.Patient(t)); err != nil || time.Since(began) > 2*time.Second {
		t.Errorf("Close took %s: %v", time.Since(began), err)
	}
	<-e.Ended
}

// TestBreakSession: the faults of the API, on a session that is idle.
func TestBreakSession(t *testing.T) {
	for _, kind := range []smsc.Fault{smsc.FaultPartial, smsc.FaultBytewise} {
		t.Run(string(kind), func(t *testing.T) {
			srv := esmetest.Start(t, smsc.Config{})
			conn := esmetest.RawBound(t, srv)
			defer conn.Close()
			if err := srv.BreakSession(esmetest.Patient(t), srv.Sessions()[0].ID, kind, 0); err != nil {
				t.Fatal(err)
			}
			if f, err := wire.ReadFrame(conn); err != nil || f.Command != wire.EnquireLink {
				t.Errorf("read %+v, %v", f, err)
			}
		})
	}
	for _, kind := range []smsc.Fault{smsc.FaultCut, smsc.FaultGarbage, smsc.FaultReset} {
		t.Run(string(kind), func(t *testing.T) {
			srv := esmetest.Start(t, smsc.Config{})
			conn := esmetest.RawBound(t, srv)
			defer conn.Close()
			if err := srv.BreakSession(esmetest.Patient(t), srv.Sessions()[0].ID, kind, 0); err != nil {
				t.Fatal(err)
			}
			if f, err := wire.ReadFrame(conn); err == nil {
				t.Errorf("read %+v", f)
			}
		})
	}
	srv := esmetest.Start(t, smsc.Config{})
	if err := srv.BreakSession(esmetest.Patient(t), "s99", smsc.FaultReset, 0); !errors.Is(err, smsc.ErrNoSession) {
		t.Errorf("no session: %v", err)
	}
	if err := srv.BreakSession(esmetest.Patient(t), "s99", "maybe", 0); err == nil {
		t.Error("no fault was taken")
	}
}

// TestSubmitRules: the fields of a rule's submit that are neither malformed nor a fault.
func TestSubmitRules(t *testing.T) {
	read := func(t *testing.T, conn net.Conn) (wire.Frame, error) {
		_ = conn.SetReadDeadline(time.Now().Add(esmetest.Patience))
		return wire.ReadFrame(conn)
	}
	tests := []struct {
		name, submit string
		check        func(t *testing.T, conn net.Conn)
		kept         bool
	}{
		{"status", `{"status":"0x403"}`, func(t *testing.T, conn net.Conn) {
			if f, err := read(t, conn); err != nil || f.Status != 0x403 || len(f.Body) != 0 {
				t.Errorf("%+v, %v", f, err)
			}
		}, false},
		{"message id", `{"messageId":"abc"}`, func(t *testing.T, conn net.Conn) {
			if f, err := read(t, conn); err != nil || string(f.Body) != "abc\x00" {
				t.Errorf("%+v, %v", f, err)
			}
		}, true},
		{"generic_nack", `{"genericNack":true}`, func(t *testing.T, conn net.Conn) {
			if f, err := read(t, conn); err != nil || f.Command != wire.GenericNack || f.Status != wire.StatusSysErr || f.Sequence != 10 {
				t.Errorf("%+v, %v", f, err)
			}
		}, false},
		{"generic_nack with a status", `{"genericNack":true,"status":"RTHROTTLED"}`, func(t *testing.T, conn net.Conn) {
			if f, err := read(t, conn); err != nil || f.Command != wire.GenericNack || f.Status != wire.StatusThrottled {
				t.Errorf("%+v, %v", f, err)
			}
		}, false},
		{"no answer", `{"noAnswer":true}`, func(t *testing.T, conn net.Conn) {
			_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%d octets, %v", n, err)
			}
		}, true},
		{"close before", `{"close":"before"}`, func(t *testing.T, conn net.Conn) {
			if b, _, err := octets(conn, esmetest.Patience); len(b) != 0 || err == nil {
				t.Errorf("% x, %v", b, err)
			}
		}, true},
		{"close after", `{"close":"after"}`, func(t *testing.T, conn net.Conn) {
			if f, err := read(t, conn); err != nil || f.Status != 0 || f.Sequence != 10 {
				t.Errorf("%+v, %v", f, err)
			}
			if f, err := read(t, conn); !errors.Is(err, io.EOF) {
				t.Errorf("%+v, %v; want the end", f, err)
			}
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := esmetest.WithRules(t, `{"submit":`+tt.submit+`}`)
			conn := esmetest.RawBound(t, srv)
			defer conn.Close()
			ask(t, conn)
			tt.check(t, conn)
			if got := len(srv.Messages(smsc.Filter{})) == 1; got != tt.kept {
				t.Errorf("kept %v, want %v", got, tt.kept)
			}
		})
	}
}

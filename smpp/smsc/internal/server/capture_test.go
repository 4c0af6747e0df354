package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// capture is /api/v1/capture.pcap after a bind, two messages and a receipt.
func capture(t *testing.T, srv *smsc.Server, query string) []byte {
	t.Helper()
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + srv.HTTPAddr() + "/api/v1/capture.pcap" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("capture: %d %v", resp.StatusCode, err)
	}
	return b
}

func captured(t *testing.T) *smsc.Server {
	t.Helper()
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "alice")
	e.Submit(esmetest.Message("491701234567", "code 4711"))
	e.Receipt()
	big := esmetest.Message("491701234567", "x")
	big.ShortMessage, big.TLVs = nil, wire.TLVs{{Tag: wire.TagMessagePayload, Value: bytes.Repeat([]byte("y"), 64_000)}}
	e.Submit(big) // longer than one packet
	e.Receipt()
	await.That(t, "the receipt's answer is seen", func() bool { return len(srv.PDUs(smsc.PDUFilter{Command: "deliver_sm_resp"})) == 2 })
	return srv
}

// TestCapture: the file has each PDU's octets, in TCP streams without a gap or a wrong checksum.
func TestCapture(t *testing.T) {
	srv := captured(t)
	r, err := pcapgo.NewReader(bytes.NewReader(capture(t, srv, "")))
	if err != nil {
		t.Fatal(err)
	}
	streams, next := make(map[string][]byte), make(map[string]uint32)
	for {
		data, info, err := r.ReadPacketData()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p := gopacket.NewPacket(data, r.LinkType(), gopacket.Default)
		tcp, ok := p.TransportLayer().(*layers.TCP)
		if !ok || p.ErrorLayer() != nil {
			t.Fatalf("a packet is no TCP: %v", p.ErrorLayer())
		}
		if err := tcp.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
			t.Fatal(err)
		}
		if err, mismatches := p.VerifyChecksums(); err != nil || len(mismatches) > 0 {
			t.Errorf("checksums: %v %v", err, mismatches)
		}
		flow := p.NetworkLayer().NetworkFlow().String() + " " + p.TransportLayer().TransportFlow().String()
		if want, ok := next[flow]; ok && tcp.Seq != want {
			t.Errorf("%s: sequence number %d, want %d", flow, tcp.Seq, want)
		}
		next[flow] = tcp.Seq + uint32(len(tcp.Payload))
		streams[flow] = append(streams[flow], tcp.Payload...)
		if info.Timestamp.IsZero() {
			t.Error("a packet has no time")
		}
	}
	if len(streams) != 2 {
		t.Fatalf("%d streams, want one each way", len(streams))
	}
	var commands []string
	for _, s := range streams {
		if bytes.Contains(s, []byte("secret")) {
			t.Error("the capture has a password")
		}
		for in := bytes.NewReader(s); in.Len() > 0; {
			f, err := wire.ReadFrame(in)
			if err != nil {
				t.Fatal(err)
			}
			commands = append(commands, f.Command.String())
		}
	}
	if len(commands) != 10 {
		t.Errorf("PDUs: %v, want 10", commands)
	}
	if n := len(capture(t, srv, "?command=nothing")); n != 24 { // the file's header
		t.Errorf("a capture of nothing has %d octets", n)
	}
}

// TestCaptureInWireshark: Wireshark reads it as SMPP.
func TestCaptureInWireshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("no tshark is here to read the capture: install Debian's with apt-get install tshark")
	}
	srv := captured(t)
	file := filepath.Join(t.TempDir(), "smscsim.pcap")
	if err := os.WriteFile(file, capture(t, srv, ""), 0o600); err != nil {
		t.Fatal(err)
	}
	port := srv.Addr()[strings.LastIndex(srv.Addr(), ":")+1:]
	cmd := exec.CommandContext(esmetest.Patient(t), tshark, "-r", file, "-d", fmt.Sprintf("tcp.port==%s,smpp", port), "-Y", "smpp", "-T", "fields", "-e", "smpp.command_id", "-e", "_ws.malformed")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v %s", err, stderr.String())
	}
	for _, id := range []string{"0x00000009", "0x80000009", "0x00000004", "0x80000004", "0x00000005", "0x80000005"} {
		if !strings.Contains(string(out), id) {
			t.Errorf("tshark saw no %s in %s", id, out)
		}
	}
	if strings.Contains(strings.ToLower(string(out)), "malformed") {
		t.Errorf("tshark calls something malformed: %s", out)
	}
}

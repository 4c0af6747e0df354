package main

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestSignals: SIGHUP never ends the daemon. SIGTERM ends it with care, here for a caller that is in the
// middle of a request, and a second one at once.
func TestSignals(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{SMPPAddr: "127.0.0.1:0"})
	p := startDaemon(t, env(t.TempDir(), sim.Addr(), nil))
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := p.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGHUP)
	mustCall(t, client(t), "GET", p.Admin+"/healthz", "", 200)

	conn, err := net.Dial("tcp", strings.TrimPrefix(p.HTTP, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /otp HTTP/1.1\r\nHost: x\r\nX-API-KEY: key\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	if n, err := conn.Read(make([]byte, 256)); err != nil || n == 0 { // 100 Continue: the request is being answered
		t.Fatal(n, err)
	}
	signal(syscall.SIGTERM)
	if _, ok := p.stderr.find(func(line string) bool { return strings.Contains(line, `"message":"stopping"`) }); !ok {
		t.Fatal("SIGTERM is not heard")
	}
	signal(syscall.SIGTERM)
	<-p.Exited()
	if status := p.State().Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v, not by the second signal", p.State())
	}
}

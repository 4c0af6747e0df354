package web_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
)

// TestFramedTwice: a request with Content-Length and Transfer-Encoding both is answered, and what stands
// behind it is no second request.
func TestFramedTwice(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	const chunks, hidden = "2\r\n[]\r\n0\r\n\r\n", "DELETE /api/v1/messages HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for name, test := range map[string]struct {
		request string
		answers int
	}{
		"both":                   {"PUT /api/v1/rules HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 1},
		"HTTP/1.0":               {"PUT /api/v1/rules HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n[]", 1},
		"HTTP/1.0, chunked only": {"PUT /api/v1/rules HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 1},
		"Length only":            {"PUT /api/v1/rules HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n[]", 2},
	} {
		conn, err := net.Dial("tcp", srv.HTTPAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(conn, test.request+hidden); err != nil {
			t.Fatal(err)
		}
		if name == "Length only" { // or it stays open for another
			_ = conn.(*net.TCPConn).CloseWrite()
		}
		var statuses []string
		for r := bufio.NewReader(conn); ; {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				break
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			statuses = append(statuses, resp.Status)
		}
		if len(statuses) != test.answers || !strings.HasPrefix(statuses[0], "200") && name != "HTTP/1.0, chunked only" {
			t.Errorf("%s: answered %q", name, statuses)
		}
	}
}

package lookup

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
)

// TestKeptConnectionThatClosesIsAskedAgain: the service promises to keep its connections, and closes each as
// the next question comes over it. No question fails for that.
func TestKeptConnectionThatClosesIsAskedAgain(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var met atomic.Int32
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				if len(req.Header["Idempotency-Key"]) > 0 {
					t.Error("a header went out that is for net/http alone")
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
				if _, err := r.Peek(1); err == nil {
					met.Add(1)
				}
			}()
		}
	}()
	ask, err := HTTP("http://"+ln.Addr().String(), secret)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, err := ask(t.Context(), []byte("{}")); err != nil {
			t.Error(err)
		}
	}
	if met.Load() == 0 {
		t.Error("no question met a closed connection")
	}
}

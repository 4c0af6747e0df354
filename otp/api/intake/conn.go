package intake

import (
	"container/list"
	"net"
	"net/http"
	"sync/atomic"
)

// conn is one accepted connection.
type conn struct {
	net.Conn
	l *Listener

	// Guarded by l.mu.
	place *list.Element // among those that may be closed for another; nil while a known caller's request is on it
	known bool
	gone  bool // out of the count

	// Owned by the reader; seen is read by handlers.
	length, coding matcher
	seen           atomic.Uint32 // of the two names
}

// The names that frame a body.
const (
	sawLength = 1 << iota
	sawCoding
)

// Read also looks for the names of the headers that frame a body, see Framed.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.seen.Load() != sawLength|sawCoding {
		if c.length.find("content-length", p[:n]) {
			c.seen.Or(sawLength)
		}
		if c.coding.find("transfer-encoding", p[:n]) {
			c.seen.Or(sawCoding)
		}
	}
	return n, err
}

// Close also gives the place free.
func (c *conn) Close() error {
	c.l.mu.Lock()
	c.l.leave(c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

// matcher finds a name, in any case, in what comes in pieces.
type matcher struct{ matched int }

// find: the first letter of name is in it once, so that a mismatch begins anew.
func (m *matcher) find(name string, p []byte) bool {
	for _, b := range p {
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		switch {
		case b == name[m.matched]:
			m.matched++
		case b == name[0]:
			m.matched = 1
		default:
			m.matched = 0
		}
		if m.matched == len(name) {
			m.matched = 0
			return true
		}
	}
	return false
}

// FramedTwice says whether a request may have had both Content-Length and Transfer-Encoding. net/http reads
// it by one of them and forgets the other, but a proxy before it may have read it by the other: then what
// follows on the connection is a second request that nobody sent (RFC 9112, 6.1). So the connection is to be
// closed after the answer. It errs on that side: the names may have stood in a body, or in an earlier
// request.
func FramedTwice(r *http.Request) bool {
	chunked := len(r.TransferEncoding) > 0
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok || r.TLS != nil { // not ours to see: then every one that is chunked, or could be to a proxy, may have
		return r.ProtoMajor == 1 && (chunked || r.ProtoMinor == 0) // of HTTP/1.0 net/http drops Transfer-Encoding unseen
	}
	seen := c.seen.Load()
	return chunked && seen&sawLength != 0 || !r.ProtoAtLeast(1, 1) && seen&sawCoding != 0
}

// CloseFramedTwice answers a request that may be framed twice as any other, and closes its connection.
func CloseFramedTwice(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if FramedTwice(r) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

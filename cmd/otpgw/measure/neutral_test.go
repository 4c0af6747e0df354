package measure

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// The commands that the neutral SMSC knows (SMPP 3.4, 5.1.2.1).
const (
	cmdBindTransceiver = 0x00000009
	cmdSubmit          = 0x00000004
	cmdDeliver         = 0x00000005
	cmdUnbind          = 0x00000006
	cmdEnquire         = 0x00000015
	responseBit        = 0x80000000
	headerLen          = 16
	maxPDU             = 64 << 10
)

// neutral is an SMSC that costs as little as it can: each submit_sm is answered at once, and one receipt
// comes a delay later on the same bind. It prints its address, then "bound" for each bind.
type neutral struct {
	delay  time.Duration
	lastID atomic.Uint64
}

func neutralRole(ctx context.Context, plan []byte) error {
	n := new(neutral)
	if err := json.Unmarshal(plan, &n.delay); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	go func() {
		<-ctx.Done()
		ln.Close()
	}()
	for {
		conn, err := ln.Accept()
		if err != nil {
			return nil // the end
		}
		go n.serve(conn)
	}
}

// due is a receipt and its time.
type due struct {
	at  time.Time
	pdu []byte
}

// esme is one connection.
type esme struct {
	mu  sync.Mutex // guards the writer
	out *bufio.Writer
	seq uint32
}

func (n *neutral) serve(conn net.Conn) {
	defer conn.Close()
	e := &esme{out: bufio.NewWriterSize(conn, 64<<10)}
	receipts := make(chan due, 1<<20)
	defer close(receipts)
	go e.deliver(receipts)
	in := bufio.NewReaderSize(conn, 64<<10)
	for {
		var head [headerLen]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		size := binary.BigEndian.Uint32(head[:])
		if size < headerLen || size > maxPDU {
			return
		}
		body := make([]byte, size-headerLen)
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		if !n.handle(e, binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[12:]), body, receipts) {
			return
		}
		if in.Buffered() == 0 { // answers go out together, as far as requests came together
			e.flush()
		}
	}
}

// handle answers one request; false ends the connection.
func (n *neutral) handle(e *esme, cmd, seq uint32, body []byte, receipts chan<- due) bool {
	switch cmd {
	case cmdBindTransceiver:
		e.write(pdu(cmd|responseBit, seq, []byte("neutral\x00")))
		fmt.Println("bound")
	case cmdEnquire:
		e.write(pdu(cmd|responseBit, seq, nil))
	case cmdUnbind:
		e.write(pdu(cmd|responseBit, seq, nil))
		e.flush()
		return false
	case cmdSubmit:
		id := fmt.Sprint(n.lastID.Add(1))
		e.write(pdu(cmd|responseBit, seq, append([]byte(id), 0)))
		receipts <- due{time.Now().Add(n.delay), receiptFor(id, body)}
	}
	return true
}

func pdu(cmd, seq uint32, body []byte) []byte {
	b := make([]byte, headerLen, headerLen+len(body))
	binary.BigEndian.PutUint32(b, uint32(headerLen+len(body)))
	binary.BigEndian.PutUint32(b[4:], cmd)
	binary.BigEndian.PutUint32(b[12:], seq)
	return append(b, body...)
}

// receiptFor is the body of the deliver_sm for a submit_sm: its addresses the other way round, and the text
// that all understand (SMPP 3.4, appendix B).
func receiptFor(id string, submit []byte) []byte {
	rest := submit[bytes.IndexByte(submit, 0)+1:] // behind service_type
	from, rest := address(rest)
	to, _ := address(rest)
	now := time.Now().UTC().Format("0601021504")
	text := "id:" + id + " sub:001 dlvrd:001 submit date:" + now + " done date:" + now + " stat:DELIVRD err:000 text:"
	b := append([]byte{0}, to...)
	b = append(append(b, from...), 0x04, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(text)))
	return append(b, text...)
}

// address is a TON, an NPI and a C-string.
func address(b []byte) (a, rest []byte) {
	end := 2 + bytes.IndexByte(b[2:], 0) + 1
	return b[:end], b[end:]
}

// deliver sends receipts when they are due; since the delay is one, that is in their order.
func (e *esme) deliver(receipts <-chan due) {
	for r := range receipts {
		if wait := time.Until(r.at); wait > 0 {
			e.flush()
			time.Sleep(wait) // the delay of the receipts, which is part of the load
		}
		e.seq++
		e.write(pdu(cmdDeliver, e.seq, r.pdu))
		if len(receipts) == 0 {
			e.flush()
		}
	}
}

func (e *esme) write(b []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, _ = e.out.Write(b)
}

func (e *esme) flush() {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.out.Flush()
}

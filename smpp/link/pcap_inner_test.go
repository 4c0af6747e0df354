package link

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/gopacket/gopacket/pcapgo"
)

// TestTraceThatCannotBeWrittenPushesNothingOut: while the disk is full the older traces stay, and after it the same file goes on,
// whole packet by whole packet.
func TestTraceThatCannotBeWrittenPushesNothingOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.pcap")
	for n := 1; n <= pcapKeep; n++ {
		if err := os.WriteFile(fmt.Sprint(path, ".", n), fmt.Append(nil, n), pcapMode); err != nil {
			t.Fatal(err)
		}
	}
	f := &pcapFile{path: path, limit: 1 << 20}
	a := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	write := func(fails bool) {
		t.Helper()
		err := f.write(packet{from: a, to: a, payload: make([]byte, 100)})
		if fails {
			f.file.Close() // the disk is full: flush fails
		}
		if err == nil {
			err = f.flush()
		}
		if (err != nil) != fails {
			t.Fatal(err)
		}
		if err != nil {
			_ = f.close() // as trace.write does
		}
	}
	for range 6 {
		write(true)
	}
	write(false)
	for range 6 {
		write(true)
		write(false)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= pcapKeep; n++ {
		if b, err := os.ReadFile(fmt.Sprint(path, ".", n)); err != nil || string(b) != fmt.Sprint(n) {
			t.Errorf("the older trace %d: %q, %v", n, b, err)
		}
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := pcapgo.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	packets := 0
	for ; ; packets++ {
		if _, _, err := r.ReadPacketData(); err != nil {
			break
		}
	}
	if packets != 7 {
		t.Errorf("%d packets in the file, 7 were written", packets)
	}
}

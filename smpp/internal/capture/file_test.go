package capture

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/gopacket/gopacket/pcapgo"
)

// TestFileThatCannotBeWrittenPushesNothingOut: while the disk is full the older files stay, and after it the
// same file goes on, whole packet by whole packet.
func TestFileThatCannotBeWrittenPushesNothingOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.pcap")
	for n := 1; n <= keepFiles; n++ {
		if err := os.WriteFile(fmt.Sprint(path, ".", n), fmt.Append(nil, n), fileMode); err != nil {
			t.Fatal(err)
		}
	}
	f := &File{Path: path, Limit: 1 << 20}
	a := netip.MustParseAddrPort("127.0.0.1:1")
	write := func(fails bool) {
		t.Helper()
		err := f.Write(Packet{from: a, to: a, payload: make([]byte, 100)})
		if fails {
			f.file.Close() // the disk is full: flush fails
		}
		if err == nil {
			err = f.Flush()
		}
		if (err != nil) != fails {
			t.Fatal(err)
		}
		if err != nil {
			_ = f.Close() // as whoever writes does
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
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= keepFiles; n++ {
		if b, err := os.ReadFile(fmt.Sprint(path, ".", n)); err != nil || string(b) != fmt.Sprint(n) {
			t.Errorf("the older file %d: %q, %v", n, b, err)
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

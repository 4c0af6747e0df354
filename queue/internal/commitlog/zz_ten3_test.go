package commitlog

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
)

func TestTen3Dump(t *testing.T) {
	f, err := os.Open(os.Getenv("TEN3_DUMP"))
	if err != nil {
		t.Skip()
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	count := map[string]int{}
	octets := map[string]int{}
	batches, packed, plain, txs := 0, 0, 0, 0
	samples := map[string]string{}
	for sc.Scan() {
		_, h, _ := strings.Cut(sc.Text(), " ")
		data, _ := hex.DecodeString(h)
		b, err := decodeBatch(data, nil)
		if err != nil {
			t.Fatal(err)
		}
		batches++
		packed += len(data)
		plain += len(b.data)
		r := reader{rest: b.data}
		for range b.txs {
			before := len(r.rest)
			ops := r.tx(nil)
			var names []string
			for _, o := range ops {
				names = append(names, fmt.Sprintf("%s%s%s:%d", []string{"+", "-", "?"}[o.action], []string{"", "=0", "=r", ""}[o.cond], o.bucket, len(o.key)/8*8+len(o.value)/64*64*0))
			}
			k := strings.Join(names, " ")
			count[k]++
			octets[k] += before - len(r.rest)
			if samples[k] == "" {
				for _, o := range ops {
					samples[k] += fmt.Sprintf("\n      %s %q = %d %.100q", o.bucket, o.key, len(o.value), o.value)
				}
			}
			txs++
		}
	}
	fmt.Printf("%d batches, %d txs (%.1f a batch), %d octets packed, %d plain\n", batches, txs, float64(txs)/float64(batches), packed, plain)
	var keys []string
	for k := range count {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return count[keys[i]] > count[keys[j]] })
	for _, k := range keys {
		if count[k] > 5 {
			fmt.Printf("%6d %5d octets  %s%s\n", count[k], octets[k]/count[k], k, samples[k])
		}
	}
}

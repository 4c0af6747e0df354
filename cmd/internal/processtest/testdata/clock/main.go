// Command clock prints its wall clock, and what a pause took by the monotonic one; and both again for each
// line that it reads.
package main

import (
	"bufio"
	"fmt"
	"os"
	"time"
)

func main() {
	for in := bufio.NewScanner(os.Stdin); ; {
		began := time.Now()
		time.Sleep(10 * time.Millisecond)
		fmt.Println(began.UnixMilli(), time.Since(began).Milliseconds())
		if !in.Scan() {
			return
		}
	}
}

// Command clock prints its wall clock, and what a pause took by the monotonic one.
package main

import (
	"fmt"
	"time"
)

func main() {
	began := time.Now()
	time.Sleep(10 * time.Millisecond)
	fmt.Println(began.UnixMilli(), time.Since(began).Milliseconds())
}

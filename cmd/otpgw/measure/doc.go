// Package measure says how fast otpgw is, how much it takes, and whether it stays so. Each program runs in a
// process of its own.
//
//	load --POST /otp, or sendsms--> otpgw, or Kannel --SMPP--> an SMSC that does next to nothing
//	load <--one callback a message--                <--receipt--
//
//	TestBench   otpgw and, where it is installed, Kannel in turn: windows, paces, with and without the receipt's delay
//	TestGrowth  more links, other stores, more daemons
//	TestVolume  many OTPs that are pending: memory, disk, the time of a start, the rate there
//	TestSync    what it costs to sync each commit
//	TestSoak    for long, with failures of every kind: what grows, and should not
//
// In `go test` each runs small, so that the harness is known to work; the make targets bench, growth, sync,
// volume and soak run them at full size. Only the daemon's processes are counted as CPU and memory, never the
// load or the SMSC. Delivered per second is from the first request to the last callback, less the receipt's
// delay; latencies are beyond that delay too.
package measure

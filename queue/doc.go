// Package queue is the gateway's store: buckets, work queues and timers on NATS JetStream. It knows no
// domain; otp, smpp and dlr put bytes in and take bytes out.
//
// The server is either embedded in the process (no open port, file store under Options.Dir) or an external
// cluster (Options.URL); the code above Open is the same for both.
//
//	Tx, Bucket, work queue, timer -> transaction -> stream LOG (package commitlog) -> the memory of each daemon
//	Bucket.Get, Puller.Next, RunTimers            <- that memory
//	dead letters, tokens, endpoints, guard, idempotent answers -> streams of their own (assets.go)
//
// What changes with each OTP is in the log: one JetStream stream of transactions, which every daemon applies
// in the same order to its own memory. So one request is one transaction and is there as a whole or not at
// all, a compare-and-set is decided the same way everywhere, and a read costs no question. What lives long
// and changes seldom is in NATS key-value stores, and need not be in memory.
//
//	Bucket    one value per key, changed by compare-and-set. An absence is certain: before ErrNotFound a daemon that shares
//	          the log has applied all that was stored until then
//	Consumer  work queues: a message is there until Ack, and is one puller's at a time (work.go; claims.go where
//	          several daemons share the log). Groups (applications, links) take turns and have a share of the room
//	Timer     fires on the daemon that stored it, or on another when that does not (timers.go)
//
// Decisions. The log's clock is everybody's clock (Queue.Now): ages, leases and expiry go by it, never by the
// wall clock of a daemon. Everything has a bound in messages and bytes; what happens at the bound is said
// beside each. A daemon that has not heard from the log for seconds answers no reads. Nothing here sees a
// PIN: what must be secret is sealed (package seal) before it comes here.
package queue

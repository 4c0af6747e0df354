// Package queue is the gateway's store: streams, buckets and timers on NATS JetStream. It knows no domain; otp, smpp
// and dlr put bytes in and take bytes out.
//
// The server is either embedded in the process (no open port, file store under Options.Dir) or an external cluster
// (Options.URL); the code above Open is the same for both. All streams, buckets and consumers are declared in one table,
// assets.go, and made or updated at Open.
//
//	Bucket    one value per key, changed by compare-and-set; reads are direct gets and may be milliseconds stale on a
//	          replicated stream, which the compare-and-set catches
//	Publish   returns when the message is stored; retried under one message id, so a retry is not a second message
//	Consumer  work queues: a message is there until Ack, which waits for the server's answer, because a lost
//	          acknowledgement of an SMS is a second SMS
//	Schedule  a message that appears on TIMERS at a time
//
// Decisions. An attempt at the server takes at most two seconds and is repeated until the caller's context ends, because
// a replicated write in flight when its leader dies hangs for ever. A write to a bucket carries a random mark, so that
// after an unknown outcome its own success is told from another's. Everything has a limit in messages and bytes; what
// happens at the limit is said beside each asset. Nothing here sees a PIN: what must be secret is sealed (package seal)
// before it comes here.
package queue

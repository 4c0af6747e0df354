// Package callback delivers the changes of OTPs to the applications, as signed HTTP requests (Standard
// Webhooks).
//
//	EVENTS events.item.<otpId>  -> lane of its application and URL -> gathered, up to 200 -> seal
//	                               seal: one transaction: no items any more, but events.batch.<webhook-id>, and a hold per OTP
//	EVENTS events.batch.<id>    -> lane -> when due, and its turn -> POST -> 2xx: taken off, with its holds
//	                                                                     |-> 410: URL disabled, dead letter
//	                                                                     '-> else: due later ... -> dead letter past the last try
//
// The state is in the log, never in the process. Any number of dispatchers may run on one queue. What waits,
// waits in the dispatcher's hand, without its data, and costs nothing until it is due; who has it in hand is
// known to all, and with the lease of a daemon that is killed all of it is free.
//
// # One webhook-id for a change, one body for a webhook-id
//
// A request is stored before it is sent for the first time (seal), under an id that is random and used for
// nothing else. The transaction takes the items off in the same moment and is void when one of them is not
// this daemon's any more (Tx.Held), so each change is in exactly one stored batch, however daemons are
// killed, paused for longer than their lease, or restarted: before the transaction it is an item that was
// never sent, after it every try, by whoever, sends the octets that are stored. A batch that was never sent
// may still get more items, by the same daemon and under the same condition; once it was taken for its first
// try it does not change. An id made of the contents would not do: after a crash the same item may come in
// other company.
//
// # Order
//
// Changes of one OTP are sent in their order. They become batches in their order: an item is not accepted
// while the one before it is an item elsewhere. A batch names those with earlier changes of its OTPs (After,
// read off the holds in the sealing transaction's daemon, which has heard of all that was stored before the
// item), and is sent when they are gone; a dead letter is gone. No two batches wait for each other: one may
// come to wait only for batches that wait for none. Where the earlier change is under way right now its
// successor is left out, else all that shares its batch would wait too. A replayed dead letter comes when it
// comes.
//
// # Rates, failures and shares
//
// A lane sends as many requests at a time as its window has, which doubles with each success up to 32; until
// it has answered, and after a failure, one. While twelve requests are under way items gather for 20 ms; while
// their URL takes none, in batches of 200 that are filled up.
//
// A URL that takes none keeps one stored message for 200 changes (joint.go). Batches of each kind of event, such
// as wait for others, and small ones that were tried and may not grow any more would be more than that: so
// messages become one, the smallest first, once there are too many for a second. One transaction writes all
// batches under the key of one message and takes the others off; each batch keeps its id, its body, its age and
// its place in the schedule, and is sent, taken out and dead-lettered by itself. Bucket within says in which
// message a batch is, so that what has to wait for it finds it. Daemons of an older version leave such messages
// where they are (queue.Message.Format), and none are made while there are any: changes that are in one when
// only older daemons are left wait for a newer one, and later changes of their OTPs may come before.
//
// A failed try is due again by the schedule, with jitter, or later by the receiver's Retry-After. Tries are
// not stored: after a restart they are reckoned from the age of the batch, by the store's clock, and it is
// tried at once. One success makes all that waits for that URL due at once, each batch once for a try of the
// schedule.
//
// Who does not answer is found out by host and port: after three tries in a row without an answer nothing is
// sent to the host but one request after a pause that doubles up to a minute, for all its URLs. What is past
// the last try of the schedule then is a dead letter. A host may have one in eight of the requests under way,
// an application half, and of each share half is kept for hosts that are known to answer: URLs that hang hold
// up nobody else.
//
// What has no room in EVENTS is dropped and counted by package otp (Service.Untold), and never refuses a
// login: the share of an application there is its own affair. All lanes together hold maxUnsealed items that
// are in no batch; more are left in the queue until those are stored, which needs the store and no receiver.
package callback

// Package callback delivers the changes of OTPs to the applications, as signed HTTP requests (Standard Webhooks).
//
//	EVENTS events.item.<otpId>  -> confirm with the record -> order -> lane of its URL -> POST of up to 200 items
//	                                                                   |-> 2xx: acknowledged
//	                                                                   |-> 410: URL disabled, dead letter
//	                                                                   '-> else: events.batch.<webhook-id>, and a hold per OTP
//	EVENTS events.batch.<id>    -> when due -> lane -> POST, same id and body -> ... -> dead letter past the last try
//
// The state is in NATS, never in the process: an item stays stored until its request was acknowledged or stored as a batch.
// Any number of dispatchers may run on one queue.
//
// # Order
//
// Changes of one OTP are sent in their order. A change goes into a lane only when no earlier one is stored as an item or held
// by a batch, or when the earlier ones are in the same lane, which sends one request at a time. Holds are put before the batch
// is stored, and items are acknowledged after it; a hold whose batch is gone counts for nothing. So at every moment an
// unsent change is to be seen as an item or as a hold.
//
// What is not promised: a crash between a first POST and the storing of its outcome sends those items again, and where
// they come back in other company, under another webhook-id; a dead letter that is replayed comes when it comes.
//
// # Bounds
//
// One lane per active URL, at most Lanes in all, and a share of them per host and per application, so that no one's dead
// URLs take all. All lanes together hold at most maxHeld items; one may hold an eighth of what is free, at most laneItems. What
// finds no room goes back to the queue and returns later. A URL that hung a moment ago is not waited for again by each request
// behind it: those are stored as batches at once, and tried when due.
package callback

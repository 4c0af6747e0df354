// Package link keeps a carrier's link: its binds, what they send and what they take in.
//
// A [Link] holds Config.Binds binds (or as many pairs of a transmitter and a receiver). Each bind that can
// send pulls from the queue of each of its routes while, and only while, it is bound:
//
//	queue SMS -> pull -> open, split -> submit_sm in the session's window -> submit_sm_resp -> Sink.Accepted -> ack
//	                                                                     -> permanent error -> Sink.Refused  -> ack
//	                                                                     -> temporary error, timeout, drop   -> another link, or nak with a delay
//	deliver_sm, data_sm -> decode -> Sink.Deliver -> OK, or ESME_RX_T_APPN so that the SMSC tries again
//
// A message is acknowledged to the queue only after the SMSC answered and the Sink stored what it said, so
// whatever is killed between is sent again: at most what was in flight, never lost. Nobody waits for
// that, so it shares the append of what somebody does wait for, or has one of its own after 5 ms, while half of
// the window is free: what was answered in the 5 ms before a kill -9 is sent again too. The parts of a message go
// over one bind and have one reference number, the same at each try and of no other message to that number
// for the next 256 (References): sent twice, a handset still puts them together.
//
// A receiver may not be the bind, the connection or the daemon that sent the message: the Sink is told the
// link's name and the SMSC's message id, nothing else ties the two.
//
// A bind that fails is tried again with exponential backoff and full jitter, at once after a clean unbind by
// the SMSC, and once a minute when the SMSC says that the credentials are wrong. The package knows no OTP: it
// carries a message of id, sender, destination, sealed text and time of death.
//
// What goes into each field of a bind and a submit_sm, and what is looked at of a deliver_sm, is in one table
// (fields.go), which otpgw pics prints.
//
// # Few binds over many daemons
//
// With MaxBinds the binds of a link, over all daemons that share the store, are places that are leased
// (lease.go). A daemon without one stands by: it takes requests, and the holders send its messages. A lease
// that is not renewed for 4 s ends its sessions, within one second and by the holder's monotonic clock; after
// that second nothing more is written to the connection, also by a process that was paused meanwhile; and 6 s
// after the renewal, by the log's clock, another may have the place. So a standby is bound within 10 s of a
// kill -9, and at once after a clean stop. TPS is shared as the places are.
//
// # Flow
//
// A part goes when its bind's window has room and the link's governor (throttle.go) gives it a turn. The
// governor keeps OTPGW_LINK_<NAME>_TPS, or learns the rate of the SMSC: it goes slower when parts are
// throttled, and tells a limit from a share that the SMSC refuses at any rate (refusalodds.go); the messages
// wait in the queue. A puller asks for no more messages than the window holds, so that those of a slow link
// are there for others.
//
// # Failures
//
//	throttled               the whole link slows, the message is given back for half a second; given back, it comes before what
//	                        was stored after it
//	delayed                 the message alone waits, longer each time; it may be its handset's queue
//	temporary               another link of the route takes the message (handover.go); without one it is given back
//	not answered in time    the same, TimeoutResends times; then Sink.Refused with StatusNoAnswer
//	the session ended       given back, for whoever is bound; after three times it goes alone (sendalone.go), and when the session
//	                        ends again Sink.Refused with StatusHungUp; of an SMSC that hangs up without it too, two times later
//	permanent               Sink.Refused with the status; no other link tries
//	misconfigured           the bind ends and waits a minute, the message goes elsewhere
//
// A message that was not answered may have been sent, so each further try may be a copy. Their count is told
// to the Sink, which has it of all daemons, before the second and each further one goes out (sentbefore.go):
// no crash makes more copies than are counted, but for one of the first. Before such a try the Sink is asked,
// and a message is dropped that a receipt was heard of, or that nobody waits for any more. A timeout is
// counted apart (outcome="timeout"), the copies too.
//
// What fails of a message is remembered while the daemon lives (troubled.go): parts that an SMSC has are not
// sent to it again, and the message's own failures set how long it waits, not the queue's deliveries. A
// message that goes to another link is sent whole: half a message on one link and half on another would never
// be put together.
//
// Nobody waits for another: a message handed over is the other link's from then on, a bind stops pulling the
// moment its session unbinds or ends, and connects again while what it sent is still being stored.
//
// # Trace
//
// With OTPGW_LINK_<NAME>_TRACE each PDU, without text and passwords (redact.go), goes to a pcap file
// (trace.go), also where the connection itself is TLS and could not be captured.
package link

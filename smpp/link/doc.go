// Package link keeps a carrier's link: its binds, what they send and what they take in.
//
// A [Link] holds Config.Binds binds (or as many pairs of a transmitter and a receiver). Each bind that can send pulls
// from the queue of each of its routes while, and only while, it is bound:
//
//	queue SMS -> pull -> open, split -> submit_sm in the session's window -> submit_sm_resp -> Sink.Accepted -> ack
//	                                                                     -> permanent error -> Sink.Refused  -> ack
//	                                                                     -> temporary error, timeout, drop   -> nak with a delay
//	deliver_sm, data_sm -> decode -> Sink.Deliver -> OK, or ESME_RX_T_APPN so that the SMSC tries again
//
// A message is acknowledged to the queue only after the SMSC answered and the Sink stored what it said, so whatever is
// killed between is sent again: at most what was in flight, never lost. The parts of a message go over one bind and
// have one reference number, made from the message's id: sent twice, a handset still puts them together.
//
// A receiver may not be the bind, the connection or the daemon that sent the message: the Sink is told the link's name
// and the SMSC's message id, nothing else ties the two.
//
// A bind that fails is tried again with exponential backoff and full jitter, at once after a clean unbind by the SMSC,
// and once a minute when the SMSC says that the credentials are wrong. The package knows no OTP: it carries a message
// of id, sender, destination, sealed text and time of death.
//
// # Flow
//
// A part goes when its bind's window has room and the link's governor (governor.go) gives it a turn. The governor keeps
// OTPGW_LINK_<NAME>_TPS, or learns the rate of the SMSC: it goes slower when parts are throttled, and tells a limit from a share
// that the SMSC refuses at any rate (fall.go); the messages wait in the queue. A puller asks for no more messages than the
// window holds, so that those of a slow link are there for others.
//
// # Failures
//
//	throttled               the whole link slows, the message is given back for half a second
//	delayed                 the message alone waits, longer each time; it may be its handset's queue
//	temporary, timeout      another link of the route takes the message (handover.go); without one it is given back
//	the session ended       given back at once, for whoever is bound
//	permanent               Sink.Refused with the status; no other link tries
//	timeout with ON_TIMEOUT=fail   Sink.Refused with StatusNoAnswer
//	misconfigured           the bind ends and waits a minute, the message goes elsewhere
//
// A timeout is counted apart (outcome="timeout"): the SMS may have been sent. With several parts the worst outcome
// decides for the message, and it is sent again whole: half a message on one link and half on another would never be
// put together.
//
// # Trace
//
// With OTPGW_LINK_<NAME>_TRACE each PDU, without text and passwords (redact.go), goes to a pcap file (pcap.go) of
// made-up TCP packets (trace.go), also where the connection itself is TLS and could not be captured.
package link

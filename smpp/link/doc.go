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
package link

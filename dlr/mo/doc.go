// Package mo takes in what handsets write to the senders of applications (SMPP calls it mobile originated).
//
//	deliver_sm -> link -> Inbox.Take -> a part of several: kept until all are there
//	                                 -> STOP, START, HELP in the country's language: otp/optout, reply, callback opt_out
//	                                 -> any other: callback mo_received to the application's MO_URL
//
// Which application a message is for its destination says: it is one of the application's senders. A STOP to
// an address of nobody counts for all applications, for whoever wrote it wants no more messages. Without an
// MO_URL a message is counted, and costs nothing more.
//
// Decisions. Take returns nil only when what has to be is stored; with an error the SMSC sends the message
// again, so a callback may come twice, under two webhook-ids. A text is personal, and may hold a PIN that
// somebody sent back: it is sealed wherever it is stored, and opened as its callback is sent (Reveal). It is
// in no log.
package mo

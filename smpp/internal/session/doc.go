// Package session is one SMPP 3.4 connection, for either side of it: an ESME that binds to an SMSC, or the
// SMSC.
//
// A [Session] owns its net.Conn. Inside it three goroutines and a bounded set of workers live as long as
// [Session.Run]:
//
//	conn -> reader -> responses: to the waiting request, by sequence number (only PDUs with the response bit)
//	               -> enquire_link, unbind: answered here
//	               -> other requests: bounded backlog -> workers -> Handler -> answer
//	Do, answers -> bounded queue -> writer -> conn (batched, flushed when the queue is empty)
//	keepalive: enquire_link when nothing was received or nothing sent for a while
//
// The rules it keeps: a request is registered before it is written, so a fast answer always finds it; a full
// window is a wait, not an error; whatever ends the session fails every waiter at once; no handler runs on
// the reader, so a slow one delays neither answers nor enquire_link; every write has a deadline, so a peer
// that stops reading ends the session instead of stopping it.
//
// The package knows what a request and a response are, and nothing of messages, receipts or queues.
package session

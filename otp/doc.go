// Package otp is the domain: what a one-time password is, who may ask for one, and every change it goes
// through.
//
// Data comes in by five ways and leaves by three:
//
//	api      -> Create, CreateOnce, Get, Verify, Resend, Cancel; IssueToken, FindToken, RevokeToken (otp/token)
//	timers   -> RunTimers, Expire; messages sent again by themselves
//	receipts -> Report
//	            every change is one transaction of the store: the record on the revision that was read, and all that
//	            the change brings: the message, sealed, for its route; the event of a callback; timers; uses of limits
//
// It knows no SMPP and no HTTP: how a text is cut into parts and which route a number takes are functions its
// caller gives (Service.Measure, Service.Route).
//
// # The record
//
// The state of an OTP is its Record and nothing else, so any number of daemons may work on one OTP and a
// restart loses nothing. It stays for the validity of its PIN and Service.Retention after it.
//
// # Changes and events
//
// A change that is to be told is stored with its event in one transaction. So there is no event of a change
// that did not come to be, none of a change is missing, and each has one number for ever (Event.N). Where the
// application's share of waiting events is used up the change is made without: a login counts more than its
// callback (Service.Untold).
//
// All times are the store's (queue.Queue.Now), which every daemon on it shares: no two machines' clocks
// decide anything.
//
// # Attempts
//
// A guess is counted by compare-and-set before it is looked at. Record.Reserved counts those, and never
// passes MaxAttempts; so no more comparisons than that are made, on however many daemons. Record.Failed
// counts the comparisons that came out wrong, and is what callers see as attempts. A right guess gives its
// reservation back and wins once, for VERIFIED is a compare-and-set too. The OTP is FAILED when the last
// reservation came out wrong, not when it was made: a right guess still under way then wins. A daemon that
// dies between the two costs the user one attempt and never gives one. Within a daemon the guesses on one OTP
// go one after another, for a flood of them side by side would only be in its own way (guesslines.go).
//
// # Against abuse
//
// All of it is shared by all daemons and kept in the store, under names that tell no number (seal.Box.Name):
//
//   - otp/limit: how many messages a number gets, and how many guesses its OTPs, in any stretch of time, exactly.
//   - CreateOnce: a request that comes twice makes one OTP.
//   - DoNotSend: a number that the operator sends nothing to gets no message, a resend neither (otp/donotsend).
//   - OptedOut: a number whose owner wrote STOP gets no message, a resend neither (otp/optout, dlr/mo).
//   - otp/guard: whether a message smells of SMS pumping, by what was sent and verified before (otp/internal/counts). It judges by
//     shares, to which a second does not matter.
//
// # Several messages
//
// An OTP that is sent again keeps its PIN, and has one more message with an id of its own (Record.Others).
// The delivery shown is that of the newest message, or of the first one that was delivered.
//
// # The end of a delivery
//
// A delivery ends by a carrier's word or with the PIN's time (EndDelivery), never later. What no carrier said
// is assumed: a message that no carrier ever had is FAILED 410, one that was never answered REJECTED 408, one
// that a carrier took without a final receipt FAILED 504, and DELIVERED when its PIN was typed in. A receipt
// that comes later replaces a failure that was only assumed. Links tell here what may be a copy (Unanswered)
// and ask before they make another (Sending). A failure is kept back while another message follows by itself
// (heldfailure.go).
package otp

// Package otp is the domain: what a one-time password is, who may ask for one, and every change it goes through.
//
// Data comes in by five ways and leaves by three:
//
//	api      -> Create, Get, Verify, Cancel
//	TIMERS   -> RunTimers, Expire
//	receipts -> Report
//	            every change is one compare-and-set on the record (queue.Records)
//	            the message goes to the SMS stream, sealed
//	            what a callback is to tell goes to EVENTS, as an intent, before the change
//
// It knows no SMPP and no HTTP: how a text is cut into parts and which route a number takes are functions its caller
// gives (Service.Measure, Service.Route).
//
// # The record
//
// The state of an OTP is its Record and nothing else, so any number of daemons may work on one OTP and a restart loses
// nothing. It stays for the validity of its PIN and Retention after it.
//
// # Intent first
//
// A change that is to be announced is published to EVENTS before the compare-and-set that makes it. The record lists the
// changes it took (Record.Changes), each with the revision it was made on, and the dispatcher of callbacks asks Took before
// it sends. So a crash between the two loses no callback and invents none.
//
// # Attempts
//
// A guess is counted by compare-and-set before it is looked at. Record.Reserved counts those, and never passes
// MaxAttempts; so no more comparisons than that are made, on however many daemons. Record.Failed counts the comparisons
// that came out wrong, and is what callers see as attempts. A right guess gives its reservation back and wins once, for
// VERIFIED is a compare-and-set too. The OTP is FAILED when the last reservation came out wrong, not when it was made: a
// right guess still under way then wins. A daemon that dies between the two costs the user one attempt and never gives one.
package otp

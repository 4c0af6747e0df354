// Package conform is what the simulated SMSC does with each field of each PDU of SMPP 3.4 (chapters 4 and 5),
// as one table: [PDUs] and [TLVs]. A row is of a field of the layout in package wire, which has its place,
// size and section; it says what the simulator does with the value, and what it refuses with which
// command_status.
//
//	table -> Check     a request as it came: the first field that breaks a rule of its row, or nil
//	      -> Statement the conformance statement that smscsim pics prints
//
// The rules are those of the strictest carrier: what the specification allows one SMSC to refuse is refused
// here. Each [Refusal] has an example, by which the tests try it over a connection. Nothing here keeps state.
package conform

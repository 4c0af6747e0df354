// Package conform is what the simulated SMSC does with each field of each PDU of SMPP 3.4 (chapters 4 and 5), as one table:
// [PDUs] and [TLVs]. A row has the field's place and size, what the simulator does with its value, and what it refuses with
// which command_status.
//
//	table -> Check     a request as it came: the first field that breaks a rule of its row, or nil
//	      -> Layout    the fields in their order, for whoever shows a PDU
//	      -> Statement the conformance statement that smscsim pics prints
//
// The rules are those of the strictest carrier: what the specification allows one SMSC to refuse is refused here. Each
// [Refusal] has an example, by which the tests try it over a connection. Nothing here keeps state.
package conform

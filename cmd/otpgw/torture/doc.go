// Package torture holds the test that breaks everything around otpgw, under load, and then asks whether it
// kept its promises.
//
//	load (this process) --POST, guesses, cancels--> three daemons --> three NATS nodes, three copies
//	                                                     |  '--path--> simulated SMSC --> what came, and with which PIN
//	                                                     '-----path--> callback receiver --> what was told
//	faults (this process, drawn from a seed): kill -9, SIGTERM, SIGSTOP of daemons and nodes; paths that stop forwarding and
//	    close nothing; a stream that is full; one daemon whose clock is wrong for the whole run
//	ledger: what was answered to the load against what came to the SMSC and to the receiver, and what the records say in the
//	    end; its verdict is one table
//
// The daemons' states are compared too, every few seconds and in the end: at one position of the log they
// have one sum.
//
// It looks from outside: HTTP, SMPP, callbacks, logs, and the files of the store for what must not be in
// them. Only the fault "a stream is full" and the look for a leader know that there is NATS, and none knows
// how the store is laid out.
//
// TORTURE_SECONDS is how long faults go on (40), TORTURE_RATE how many OTPs a second are asked for (60),
// TORTURE_SEED makes the faults and the load's choices repeatable, though not the timing of processes.
// TORTURE_FAULTS leaves only the faults that have that text in their names ("full", "cut off"), to find out
// which of them it was. TORTURE_RACE builds all with the race detector, the daemons too. TORTURE_DIR is an
// empty directory where the stores and the daemons' logs stay, with a journal of what was accepted, came to
// the SMSC and was told, and when. Of OTPs that were not kept as promised a failed run shows how the daemons
// tell their way.
//
//	make torture TORTURE_SECONDS=600 TORTURE_SEED=7
package torture

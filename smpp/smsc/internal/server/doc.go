// Package server is the simulated SMSC itself: it takes binds and messages, keeps them, and sends receipts.
//
//	submit_sm -> bind (worker of its session) -> limits -> behave's Rules, Config.OnSubmit or Numbers decide: an Outcome
//	          -> reassembler -> store -> Messages, Wait, Listen
//	          '-> submit_sm_resp, as the Outcome says: late, wrong, in pieces, not at all
//	          -> schedule (one goroutine, by time) -> outbox of the account -> pump of any bind that can receive -> deliver_sm
//
// A request that breaks a rule of package conform is refused first, unless Config.Lenient. A message whose
// delivery is scheduled (SMPP 3.4, 5.2.15) waits as an arrival in the schedule, seen by nobody but query_sm,
// cancel_sm and replace_sm.
//
// [Account] and [Limits] say who may bind and how much. [PDU] is what went over the wire, decoded by
// [Dissect].
//
// Decisions:
//   - Each bind has one worker, so its messages are taken in the order they came, and what comes after a bind sees it
//     done. A delayed answer waits in the schedule and blocks no worker.
//   - A receipt that waits is an entry in the schedule or in an outbox, never a goroutine. Goroutines exist for the
//     deliver_sm in flight, at most Config.Window a bind.
//   - An outbox belongs to the account and not to a bind: receipts are held while no bind can receive, and any bind takes
//     them when one can.
//   - Every part has its own message id and its own receipt, as at real SMSCs; the message appears when it is whole.
//   - Each account has a generator of its own made from Config.Seed, so what one account does changes nothing for another,
//     and a run with one bind an account is repeated exactly.
//   - A fault is written by the session's own writer (session.SendVia), so it never breaks up the PDU of somebody else.
//   - All that grows is bounded: messages and PDUs kept (Config.Keep, Config.KeepPDUs), parts of unfinished messages,
//     receipts, waiting answers, accounts made up by callers. What goes over a bound is dropped or refused, and counted in /healthz.
//   - Nothing is stored on disk: messages and receipts that wait are gone when the server ends.
//
// No message text is ever logged.
package server

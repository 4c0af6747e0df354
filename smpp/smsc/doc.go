// Package smsc is a simulated SMSC: an SMPP 3.4 server that takes messages, keeps them where a test can read them, and
// sends delivery receipts. The command smscsim is this package with flags; otpgw -demo and the tests start it in-process.
//
//	submit_sm -> bind (worker of its session) -> limits -> Rules, OnSubmit or Magic decide: an Outcome
//	          -> reassembler -> store -> HTTP, Wait
//	          '-> submit_sm_resp, as the Outcome says: late, wrong, in pieces, not at all
//	          -> schedule (one goroutine, by time) -> outbox of the account -> pump of any bind that can receive -> deliver_sm
//
// What becomes of a message is an Outcome. A [Rule] is an Outcome in JSON with what it is for: the first that matches
// decides, then Config.OnSubmit, then the last digits of the number ([Magic]), and else it is a good day. [Account] and
// [Limits] say who may bind and how much; [Fault] and [Malformed] are how an answer goes wrong on the wire; [ReceiptFormat]
// and [IDFormat] how receipts are written. [PDU] is what went over the wire, decoded by [Dissect].
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
//   - All that grows is bounded: messages and PDUs kept (Config.Keep, Config.KeepPDUs), parts of unfinished messages, receipts, waiting answers,
//     accounts made up by callers. What goes over a bound is dropped or refused, and counted in /healthz.
//   - Nothing is stored on disk: messages and receipts that wait are gone when the server ends.
//
// No message text is ever logged.
package smsc

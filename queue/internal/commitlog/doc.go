// Package commitlog is a replicated state: one ordered log of transactions, and the memory that results from
// applying it.
//
//	Commit  -> Log: joins the batch that is being collected -> one append to the Stream (group commit)
//	Stream  -> State: each batch in the order of the stream; a transaction's conditions are true, then all its
//	           operations are done, else none: the caller of Commit gets the revision, or ErrConflict
//	Get     -> State, from memory; a "not found" that decides something asks for a Barrier first
//	State   -> Snapshots: now and then, so that the beginning of the stream can go
//	State   -> Watchers: what was set, deleted or ran out, in order, for indexes kept beside it
//
// The order of the stream decides a compare-and-set, the same way in every process that applies it: there is
// no owner, no lease, no forwarding, and nothing to take over when a process dies. The apply rule knows
// conditions on revisions and times to live, never what a value means, so that two versions of the program
// apply alike.
//
// # Time
//
// What runs out does so by the log's clock, never by a process's own: the sum of the forward steps of the
// time stamps that the stream's server gave the batches. It never goes back, whatever the server's clock
// does. Where one process alone writes and reads (Options.Sole) there is no server whose stamps would be
// better, so the batch carries the time, and it is applied as soon as its append is answered. Log.Now
// estimates the log's clock between batches with the monotonic clock.
//
// # Unknown outcomes
//
// An append that is not answered is made again with the same id, over and over, until it is answered or seen
// in the stream. The stream drops a repeated id for a while, the State for good: it knows the last batch of
// each writer. A caller whose context ends before its batch was begun has changed nothing; one whose batch is
// under way hears ErrUnknown.
//
// # Restart
//
// A process starts from the newest snapshot and the rest of the stream, and is complete when it has applied
// what was the end of the stream at its start. One that lags so far that its place has been purged starts
// from the snapshot again. One that has applied what the stream has lost since ends (ErrSetBack), whatever
// others have stored in its place; started again it is right. One that meets a batch of a newer format stops
// (ErrFormat): to go on would be to differ.
package commitlog

// Package orders carries what an operator wants done to each daemon that shares the store, and tells who did
// it.
//
//	Tell -> done here at once -> bucket "control": an order -> every other daemon does it -> its answer there -> Tell returns
//
// An order is an action, not a state: it is for the daemons that are alive, lives a minute, and one that
// starts later does not hear of it. Where the store does not answer, what was asked for is done here all the
// same, and the error says that the others have not heard.
//
// An order may also be level: the log has one place for it, and there every daemon begins it, the one that
// was asked too. So they look at the same state.
package orders

// Package quota bounds what an application may use up in a day, a month or an hour: messages, or money.
//
//	Keeper.Take -> this daemon's allowance -> (used up: a part of what is left, by compare-and-set) -> bucket "quota", all daemons
//
// Each daemon takes a part of what is left, a 64th and never less than it needs, and gives that out by
// itself, so that an application under load is not held up by one entry of the store. Of a quota nobody ever
// uses more than there is; what is left at the very end goes out one by one. A daemon that ends gives back
// what it has; of one that is killed it is lost until the period is over.
//
// Periods are those of the calendar, in a time zone of the quota's, and by the store's clock.
package quota

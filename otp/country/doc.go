// Package country is what countries demand of a message: who may be its sender, and in India (india.go) what
// it says. It is one table (table.go), each line with its source and the day on which that was read, in
// README.md for people; the packages above ask it and decide. It knows no application and no store.
//
//	Of(country) -> Rule -> Rule.Sender(from): nothing to say, a Finding that a message will not arrive as it is, or one to know
package country

// Package intake owns the connections of an HTTP server: how many there are, which go first when there are
// too many, and what net/http does not tell of the requests on them.
//
//	accept -> Listener: at the bound, the connection that is worth least is closed for the new one
//	       -> net/http -> the handler: Know, when the caller showed a valid credential
//	                                   Framed, whether the request may have been framed twice
//
// Descriptors are what runs out first, and the embedded store needs them too: a store that cannot open a file
// is dead. So the bound leaves a reserve (Limit), and strangers cannot take the callers' places: of the
// connections without a known caller the one that has been quiet longest is the first to go, then the
// callers' idle ones; one that a known caller's request is on never goes.
package intake

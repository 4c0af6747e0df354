// Package lookup asks the operator's own service what it knows of a number before a message is routed: its
// network, the route to take, a reason to refuse it, risks. It owns the question and the answer, the bound of
// time, and what was answered lately; the packages above decide what follows. It knows no store.
//
//	Asker.Ask -> cache, or Transport (HTTP, NATS) within Timeout -> Finding
//
// The question, a JSON object, is POSTed to OTPGW_LOOKUP_URL, signed as callbacks are (Standard Webhooks,
// with the secret that `otpgw check -lookup-secret` prints), or sent as a NATS request to
// OTPGW_LOOKUP_SUBJECT:
//
//	{"phoneNumber":"+46701234567","countryIso":"SE","application":"shop","from":"Verify"}
//
// The answer is 200 (or the reply) and an object in which everything may be missing; 204 and 404 are an empty
// one:
//
//		{"network":"24007","route":"north","risk":["sim_swap","ported"],"deny":"reported as stolen","ttl":3600}
//
//	  - network is MCC and MNC ("mcc" and "mnc" apart will do), for OTPGW_ROUTE_<NAME>_NETWORKS and prices;
//	  - route is the route to take, unless it is not for the message's sender;
//	  - risk is treated as the guard's own findings are: told, or a refusal where the guard enforces;
//	  - deny is the reason for which the request is refused (403, code 1012);
//	  - ttl, in seconds, is how long this holds, OTPGW_LOOKUP_CACHE at most; 0: for this message only.
//
// Anything else, and no answer within OTPGW_LOOKUP_TIMEOUT, is a failure: the message goes on as if nothing
// were known, or with OTPGW_LOOKUP_FAIL=closed is refused (503). A failure is not remembered. So many
// questions may be under way at once, and one more fails at once: a service that hangs delays no request
// longer than the bound, and holds no more than that.
//
// The URL is the operator's, so it may be on a private address; callbacks' rules (OTPGW_CALLBACK_ALLOW) are
// not for it. No redirect is followed and no proxy used, so nothing that the service answers makes the
// gateway call elsewhere.
package lookup

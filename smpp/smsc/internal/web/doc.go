// Package web is what a simulated SMSC shows over HTTP: the API that openapi.yaml describes, the event
// stream, metrics, and the page with the inbox, whose files are in page. It keeps nothing: each request asks
// the server.Server.
//
//	request -> guard (no other site's page gets in) -> a handler of endpoints -> server.Server -> JSON
//	server.Server.Listen -> stream -> text/event-stream
//	/ -> page/index.html, whose scripts use the same API as everybody
package web

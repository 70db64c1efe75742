// Package api serves the OpenAI API, and what this daemon adds to it, over fasthttp.
//
// # A streamed answer
//
// The handler starts the generation in a goroutine of its own and waits for its first event, so
// that an error before it has a proper status. The connection's goroutine then writes the events
// as they come, each in one chunk and one flush. When a client reads slowly the generation waits
// for it; when it stalls for longer than Options.StallTimeout the request ends.
//
// # Clients that go away
//
// While a request is served its connection is watched (see watch). When the client closes it, the
// generation ends at once, streamed or not, and whether or not there is anything to write.
//
// # Errors
//
// Every error is an OpenAI error object: see toError for the table of statuses and codes.
package api

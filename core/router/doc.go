// Package router brings a request to the model that its channel names.
//
// # A call
//
// [Router.Open] resolves a name to a channel and leases the model behind it, which may mean that
// the backend is started and the model loaded first. The [Call] that it returns turns messages or
// text into the backend's request and passes the backend's events on. It keeps the channel it
// began with, whatever [Router.Swap] does meanwhile.
//
// # When a plugin dies
//
// The calls that it served fail with base.ErrPluginGone at once. The model is then forgotten, and
// the next Open starts the backend and loads the model again. Nothing is retried by itself: a
// prompt that kills a backend would kill it twice.
package router

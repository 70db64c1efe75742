// Package web tests the chat page in a real browser, against the API over a fake backend that does what
// it is told. What the page does with a real model is in test/e2e.
package web

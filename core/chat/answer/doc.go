// Package answer takes apart what a model writes: its thoughts, its words, and its calls of
// functions, and says how calls are asked for.
//
// # Dialects
//
// Models were trained to write calls in different ways. [Detect] tells the [Dialect] from the chat
// template; a template that knows of no tools gets the generic one, for which [Dialect.Explain]
// puts the functions into the system prompt. A dialect reads calls ([Reader]), also while they
// are being written, and writes the grammar of calls ([Dialect.Grammar]), so that a model that must
// call a function does.
package answer

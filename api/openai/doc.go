// Package openai is the wire of OpenAI's API: requests are read into the router's types, with
// errors that name the field at fault, and answers are written by appending to a buffer.
//
// # Reading
//
// Unknown keys are ignored and null is as good as absent. A value of the wrong type, out of its
// range, or missing where it is needed is an [Error] whose Param is the path of the field, such as
// messages[1].content.
//
// # Writing
//
// All output is ASCII: other characters are written as \uXXXX, so that no network buffer can end
// inside one.
package openai

//go:build js && wasm

// Command kakeya-codec-wasm is package demo in a browser: it sets the global `kakeyaCodec` to an object of the
// functions show and curves, which take a request as JSON and answer with `{"value": ...}` or `{"error": TEXT}` as
// JSON, and stays to be asked.
package main

import (
	"encoding/json"
	"syscall/js"

	"github.com/kakeyad/kakeyad/plugins/e8codec/demo"
)

func main() {
	js.Global().Set("kakeyaCodec", map[string]any{"show": export(demo.Show), "curves": export(demo.Curves)})
	select {}
}

type answer struct {
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

func export[T any](f func(demo.Request) (T, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		var r demo.Request
		var a answer
		err := json.Unmarshal([]byte(args[0].String()), &r)
		if err == nil {
			a.Value, err = f(r)
		}
		if err != nil {
			a = answer{Error: err.Error()}
		}
		out, err := json.Marshal(a)
		if err != nil {
			return `{"error": "what was computed is no JSON"}`
		}
		return string(out)
	})
}

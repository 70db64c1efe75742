// Command gen writes what is made from the Go source of core/config: its JSON schema and the
// tables of docs/config.md. Run it with go generate ./core/config.
package main

import "os"

func main() {
	s, err := schema(".")
	if err != nil {
		panic(err)
	}
	text, err := marshal(s)
	if err != nil {
		panic(err)
	}
	os.WriteFile("schema.json", text, 0o644)
}

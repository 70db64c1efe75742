package config

import (
	"fmt"
	"slices"
	"strconv"
)

// locate finds the highest layer that sets a key, and what it says of the place.
func locate(layers []layer, key []string, name bool) Problem {
	for _, l := range slices.Backward(layers) {
		if p, ok := l.locate(key, name); ok {
			return p
		}
	}
	return Problem{Source: "default", Key: key}
}

// contradictions are the mistakes that no single key shows.
func (c *Config) contradictions(layers []layer) []Problem {
	var problems []Problem
	fail := func(message string, key ...string) {
		p := locate(layers, key, false)
		p.Message = message
		problems = append(problems, p)
	}
	if r := c.Plugins.Restart; r.Min > r.Max {
		fail(fmt.Sprintf("%s is above plugins.restart.max, which is %s", r.Min, r.Max), "plugins", "restart", "min")
	}
	switch s := c.Server; {
	case s.TLSCert != "" && s.TLSKey == "":
		fail("a certificate needs its key, in server.tls_key", "server", "tls_cert")
	case s.TLSKey != "" && s.TLSCert == "":
		fail("a key needs its certificate, in server.tls_cert", "server", "tls_key")
	}
	seen := map[[2]string]int{}
	for i, p := range c.Plugins.List {
		id := [2]string{p.Kind, p.Name}
		if first, twice := seen[id]; twice {
			fail(fmt.Sprintf("the %s %q is listed twice; the first is number %d", p.Kind, p.Name, first+1), "plugins", "list", strconv.Itoa(i), "name")
			continue
		}
		seen[id] = i
	}
	return problems
}

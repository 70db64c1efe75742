package config

import (
	"fmt"
	"os"
	"strings"
)

// keys gathers the API keys.
func (c *composition) keys() {
	s := &c.cfg.Server
	if s.APIKey != "" {
		c.cfg.Keys = append(c.cfg.Keys, s.APIKey)
	}
	if s.APIKeysFile == "" {
		return
	}
	c.cfg.Files = append(c.cfg.Files, s.APIKeysFile)
	data, err := os.ReadFile(s.APIKeysFile)
	c.sources.digest.add(s.APIKeysFile, data)
	found := parseKeys(string(data))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s: there is no key in it", s.APIKeysFile)
	}
	if err != nil {
		p := locate(c.layers, []string{"server", "api_keys_file"}, false)
		p.Message = err.Error()
		c.problems = append(c.problems, p)
	}
	c.cfg.Keys = append(c.cfg.Keys, found...)
}

func parseKeys(text string) []string {
	var keys []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	return keys
}

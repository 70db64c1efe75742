package api

import (
	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/router"
)

// health is GET /health: what the daemon says of itself while it lives.
func (s *Server) health(x *exchange) error {
	status := "ok"
	if !s.router.Ready() {
		status = "loading"
	}
	return encode(x, struct {
		Status  string         `json:"status"`
		Version string         `json:"version,omitempty"`
		Plugins []pluginHealth `json:"plugins,omitempty"`
	}{status, s.options.Version, s.pluginHealth()})
}

// pluginHealth is a plugin that was asked for. What it said is not for everybody: stats tell that.
type pluginHealth struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	State    string `json:"state"`
	Restarts int    `json:"restarts"`
	Reason   string `json:"reason,omitempty"` // why its last process ended
}

func (s *Server) pluginHealth() (out []pluginHealth) {
	for _, p := range s.askedPlugins() {
		out = append(out, pluginHealth{p.Kind, p.Name, p.State, p.Restarts, p.Reason})
	}
	return out
}

// askedPlugins are those that anybody has asked for.
func (s *Server) askedPlugins() (out []PluginStatus) {
	if s.options.Plugins == nil {
		return nil
	}
	for _, p := range s.options.Plugins() {
		if p.State != "idle" {
			out = append(out, p)
		}
	}
	return out
}

// live is GET /livez: the process answers.
func (s *Server) live(x *exchange) error {
	x.http.SetContentType("text/plain; charset=utf-8")
	x.http.SetBodyString("ok\n")
	return nil
}

// ready is GET /readyz: requests are welcome, and what was to be preloaded is.
func (s *Server) ready(x *exchange) error {
	switch {
	case s.ctx.Err() != nil:
		return router.ErrClosed
	case !s.router.Ready():
		return &openai.Error{Status: 503, Type: openai.TypeServer, Code: "loading", Message: "models are being loaded", RetryAfter: 1}
	}
	return s.live(x)
}

package api

import (
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/kakeyad/kakeyad/api/openai"
)

// origins says which web pages may call the server. Requests that come from no page, and so have
// no Origin, always may.
type origins struct {
	any     bool
	allowed []string // empty: pages of this machine
}

func newOrigins(list []string) origins {
	return origins{any: slices.Contains(list, "*"), allowed: list}
}

func (o origins) allows(origin string) bool {
	if o.any || len(o.allowed) > 0 {
		return o.any || slices.Contains(o.allowed, origin)
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "127.0.0.1" || host == "::1" || isLocalhost(host)
}

// isLocalhost says whether a name leads to this machine whatever a name server says.
func isLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// isOwn says whether the page is this server's: the chat page, opened at an address of this machine. The
// name of a host does not count, unless it is this machine's: whoever owns a name can let it lead here,
// and would be let in.
func isOwn(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Host != host {
		return false
	}
	name := u.Hostname()
	if net.ParseIP(name) != nil || isLocalhost(name) {
		return true
	}
	machine, err := os.Hostname()
	return err == nil && (strings.EqualFold(name, machine) || strings.EqualFold(name, machine+".local"))
}

// check refuses the requests of foreign pages and tells the others' browsers that all is well.
func (o origins) check(ctx *fasthttp.RequestCtx) error {
	origin := string(ctx.Request.Header.Peek("Origin"))
	if origin == "" {
		return nil
	}
	h := &ctx.Response.Header
	h.Add("Vary", "Origin")
	if !o.allows(origin) && !isOwn(origin, string(ctx.Host())) {
		return &openai.Error{Status: 403, Type: openai.TypeInvalid, Code: "origin_not_allowed", Message: "pages of this origin may not call this server"}
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, "+headerExperiment+", "+headerArm)
	return nil
}

// preflight answers OPTIONS.
func (s *Server) preflight(x *exchange) error {
	h := &x.http.Response.Header
	if len(x.http.Request.Header.Peek("Access-Control-Request-Method")) > 0 {
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE, OPTIONS")
		if asked := x.http.Request.Header.Peek("Access-Control-Request-Headers"); len(asked) > 0 {
			h.SetBytesV("Access-Control-Allow-Headers", asked)
		}
		h.Set("Access-Control-Max-Age", "86400")
	}
	x.http.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}

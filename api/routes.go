package api

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/kakeyad/kakeyad/api/openai"
)

const (
	pathChat        = "/v1/chat/completions"
	pathCompletions = "/v1/completions"
	pathModels      = "/v1/models"
)

// quietPaths are asked so often, and by machines, that their answers are logged for debugging only.
var quietPaths = map[string]bool{"/health": true, "/livez": true, "/readyz": true, "/metrics": true, "/v1/kakeya/stats": true}

// routes says which endpoint answers what. All but HEAD and OPTIONS is described in openapi.yaml.
func (s *Server) routes() *router.Router {
	r := router.New()
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	r.HandleOPTIONS = true
	r.GlobalOPTIONS = s.serve(s.preflight)
	r.NotFound = s.serve(notFound)
	r.MethodNotAllowed = s.serve(methodNotAllowed)

	r.POST(pathChat, s.serve(s.chat))
	r.POST(pathCompletions, s.serve(s.completions))
	r.POST(pathResponses, s.serve(s.responses))
	r.POST(pathMessages, s.serve(s.messages))
	r.POST(pathCountTokens, s.serve(s.countTokens))
	r.POST("/v1/embeddings", s.serve(s.embeddings))
	r.POST("/tokenize", s.serve(s.tokenize))
	r.POST("/detokenize", s.serve(s.detokenize))
	r.POST("/apply-template", s.serve(s.applyTemplate))
	r.POST("/v1/kakeya/load", s.serve(s.load))
	r.POST("/v1/kakeya/unload", s.serve(s.unload))
	r.POST(pathCompare, s.serve(s.compare))
	r.POST(pathRequests+"/{id}/cancel", s.serve(s.cancelRequest))
	r.DELETE(pathRequests+"/{id}", s.serve(s.cancelRequest))
	r.DELETE(pathExperiments+"/{name:*}", s.serve(s.resetExperiment))
	for _, e := range []struct {
		path string
		run  endpoint
	}{
		{pathModels, s.models}, // before its ids: the router wants it so
		{pathModels + "/{id:*}", s.model},
		{"/health", s.health},
		{"/livez", s.live},
		{"/readyz", s.ready},
		{"/metrics", s.metricsText},
		{"/v1/kakeya/stats", s.stats},
		{pathRequests, s.requests},
		{"/v1/kakeya/channels", s.channels},
		{pathExperiments, s.experiments},
		{pathExperiments + "/{name:*}", s.experiment},
		{pathDescription, s.description},
	} {
		handler := s.serve(e.run)
		r.GET(e.path, handler)
		r.HEAD(e.path, handler)
	}
	page := s.serve(s.page)
	for path := range pageFiles() {
		r.GET(path, page)
		r.HEAD(path, page)
	}
	return r
}

// nowhere stands for all paths and methods that no endpoint has.
const nowhere = "none"

// routeOf is a path without the part that differs from request to request.
func routeOf(path string) string {
	switch {
	case strings.HasPrefix(path, pathModels+"/"):
		return pathModels + "/{id}"
	case strings.HasPrefix(path, pathRequests+"/"):
		return pathRequests + "/{id}"
	case strings.HasPrefix(path, pathExperiments+"/"):
		return pathExperiments + "/{name}"
	case isPage(path):
		return pathPage
	}
	return path
}

func notFound(x *exchange) error {
	x.route = nowhere
	return &openai.Error{
		Status: 404, Type: openai.TypeInvalid, Code: "not_found",
		Message: fmt.Sprintf("there is nothing at %s %.200s", x.method, x.path),
	}
}

func methodNotAllowed(x *exchange) error {
	x.route = nowhere
	return &openai.Error{
		Status: 405, Type: openai.TypeInvalid, Code: "method_not_allowed",
		Message: fmt.Sprintf("%s does not take %s; it takes %s", x.path, x.method, x.http.Response.Header.Peek("Allow")),
	}
}

// malformed answers what is no request, or too large a one.
func (s *Server) malformed(ctx *fasthttp.RequestCtx, err error) {
	out := &openai.Error{Status: 400, Type: openai.TypeInvalid, Code: "bad_request", Message: "the request cannot be read"}
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		out.Status, out.Code = 413, "request_too_large"
		out.Message = fmt.Sprintf("the request is larger than %d bytes", s.options.MaxBody)
	case errors.As(err, &small):
		out.Status, out.Code, out.Message = 431, "headers_too_large", "the request's headers are too large"
	}
	ctx.Response.Header.Set("X-Request-Id", randomHex(16))
	writeError(ctx, out, openai.AppendError)
}

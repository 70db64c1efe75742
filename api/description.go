package api

import "github.com/kakeyad/kakeyad/api/openapi"

const pathDescription = "/openapi.yaml"

// description is GET /openapi.yaml.
func (s *Server) description(x *exchange) error {
	x.http.SetContentType("application/yaml")
	x.http.SetBody(openapi.Document)
	return nil
}

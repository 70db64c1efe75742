// Package openapi is the description of the API in OpenAPI 3.1, which the daemon serves at /openapi.yaml.
//
// Beside what OpenAPI has, a media type text/event-stream has x-data-schema: the schema of the JSON that comes after
// "data:" in each event. Package openapitest holds requests and answers against the description.
package openapi

import _ "embed" // of the description

// Document is the description, in YAML.
//
//go:embed openapi.yaml
var Document []byte

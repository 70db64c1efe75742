package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api/openapi/openapitest"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

// What is served and what is described are the same.
func TestEveryRouteIsDescribed(t *testing.T) {
	contract, err := openapitest.Load()
	require.NoError(t, err)
	r := routertest.Router(t, routertest.NewBackends(t), routertest.Set(t, nil, nil))
	var served []string
	for method, paths := range New(Options{Router: r}).routes().List() {
		for _, path := range paths {
			if method != http.MethodHead && method != http.MethodOptions && !isPage(path) {
				served = append(served, method+" "+strings.ReplaceAll(path, ":*}", "}"))
			}
		}
	}
	described := contract.Endpoints()
	slices.Sort(served)
	slices.Sort(described)
	assert.Equal(t, described, served)
}

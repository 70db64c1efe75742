#!/bin/sh
# Makes the Go code of the contracts' .proto files again, after checking them. "make generate"
# runs it. buf and its plugins are the tools of tools/go.mod, built from source when first asked for.
set -eu
cd "$(dirname "$0")/../core/plugin"
go tool -modfile=../../tools/go.mod buf lint
go tool -modfile=../../tools/go.mod buf format --exit-code >/dev/null
go tool -modfile=../../tools/go.mod buf generate

# kakeyad. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO      ?= go
PYTHON  ?= python3
HOST    ?= 127.0.0.1
PORT    ?= 8317
MODELS  ?= $(CURDIR)/models
CONFIG  ?= examples/configs/default.yaml
# The CPU that llama.cpp is compiled for. `make build MARCH=x86-64-v3` makes binaries for other machines.
MARCH   ?= native
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# What must not differ between checkouts lies in one cache: the path of the headers is part of the Go
# build cache's key, and compiling llama.cpp takes minutes.
CACHE   ?= $(shell dirname "$$($(GO) env GOCACHE)")/kakeyad
HEADERS := $(CACHE)/include
VENV    := $(CACHE)/venv
NPMDIR  := $(CACHE)/npm
ATOMIC  := examples/atomic-chat

# The flags of the one package that uses cgo. Changing any of them compiles llama.cpp again. ollama's Go package leaves
# out ggml's AMX code but asks for it where the CPU has AMX, hence -U__AMX_INT8__.
CGO_FLAGS := CGO_ENABLED=1 \
	CGO_CPPFLAGS="-I$(HEADERS) -DNDEBUG -DGGML_USE_CPU_REPACK -U__AMX_INT8__" \
	CGO_CFLAGS="-O3 -march=$(MARCH) -D_mm_pause(...)=kakeya_pause_\#\#__VA_ARGS__()" \
	CGO_CXXFLAGS="-O3 -march=$(MARCH)"

LDFLAGS := -s -w -X main.version=$(VERSION)

# Packages without cgo, the one with llama.cpp, and the one that opens PJRT plugins. Everything that runs a built binary is in test/.
PURE := ./api/... ./cmd/... ./core/... ./plugins/e8codec/... ./plugins/speculative/... ./plugins/internal/... ./bench/peercodec/...
CGO  := ./plugins/llamacpp/...
GOMLX := ./plugins/gomlx/...

# XLA for CPUs as a PJRT plugin, where the gomlx backend looks for it.
PJRT := $(CACHE)/pjrt/2026.6.23/libpjrt_cpu.so

SMOLLM2 := $(MODELS)/SmolLM2-135M-Instruct.Q4_1.gguf
GEMMA3  := $(MODELS)/gemma-3-270m-q4_k_m.gguf

##@ Use

.PHONY: help
help: ## show this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-zA-Z0-9_-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build $(SMOLLM2) ## build, fetch the default model and serve it (HOST=, PORT=, CONFIG=)
	@KAKEYAD_MODELS_DIR="$(MODELS)" bin/kakeyad serve --config $(CONFIG) --listen $(HOST):$(PORT) --example

.PHONY: models
models: $(SMOLLM2) $(GEMMA3) ## fetch SmolLM2-135M-Instruct and Gemma-3-270M

$(SMOLLM2): scripts/fetch-model.py
	@$(PYTHON) scripts/fetch-model.py smollm2-135m $(MODELS) && touch $@

$(GEMMA3): scripts/fetch-model.py
	@$(PYTHON) scripts/fetch-model.py gemma-3-270m $(MODELS) && touch $@

.PHONY: pjrt
pjrt: $(PJRT) ## fetch XLA for CPUs, a PJRT plugin, for the backend gomlx (63 MB; Linux on x86-64)

$(PJRT):
	@$(PYTHON) scripts/fetch-model.py pjrt-cpu $(dir $@) && touch $@

##@ Build

.PHONY: build
build: build-router build-e8codec build-drafters build-gomlx build-llamacpp ## bin/kakeyad and the plugins (first time: about 8 minutes on 2 cores)

# Plugins of strangers, which the end-to-end tests run.
.PHONY: build-examples
build-examples: $(VENV)/.stamp
	@mkdir -p bin/examples
	@cd examples/codec-go && CGO_ENABLED=0 $(GO) build -trimpath -o ../../bin/examples/kakeya-codec-int8go .
	@examples/codec-python/build.sh $(VENV)/bin/python bin/examples
	@if command -v cargo >/dev/null; then \
		cd examples/codec-rust && CARGO_TARGET_DIR=$(CACHE)/cargo cargo build --quiet --locked && \
		cp $(CACHE)/cargo/debug/kakeya-codec-int8rs ../../bin/examples/; \
	else echo "cargo is not installed: the codec in Rust is neither built nor tested"; fi

# The codec in the browser, which the daemon serves: git-ignored, and embedded where it is there.
.PHONY: build-codec-page
build-codec-page:
	@GOOS=js GOARCH=wasm CGO_ENABLED=0 $(GO) vet ./plugins/e8codec/demo/...
	@mkdir -p bin
	@GOOS=js GOARCH=wasm CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o bin/codec.wasm ./plugins/e8codec/demo/kakeya-codec-wasm
	@gzip -9nc bin/codec.wasm >bin/codec.wasm.gz
	@cmp -s bin/codec.wasm.gz api/web/codec/codec.wasm.gz || cp bin/codec.wasm.gz api/web/codec/codec.wasm.gz
	@cmp -s "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" api/web/codec/wasm_exec.js || cp "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" api/web/codec/
	@rm bin/codec.wasm bin/codec.wasm.gz

.PHONY: build-router
build-router: build-codec-page
	@mkdir -p bin
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kakeyad ./cmd/kakeyad

.PHONY: build-e8codec
build-e8codec:
	@mkdir -p bin
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./plugins/e8codec/kakeya-codec-e8 ./plugins/e8codec/kakeya-codec-d4 ./plugins/e8codec/kakeya-codec-e8k

.PHONY: build-drafters
build-drafters:
	@mkdir -p bin
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./plugins/speculative/kakeya-drafter-ngram ./plugins/speculative/kakeya-drafter-dflash

.PHONY: build-llamacpp
build-llamacpp: headers
	@mkdir -p bin
	@$(CGO_FLAGS) scripts/go-build-progress.sh -ldflags '$(LDFLAGS)' -o bin/kakeya-backend-llamacpp ./plugins/llamacpp
	@$(CGO_FLAGS) $(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./plugins/llamacpp/kakeya-drafter-draft

.PHONY: build-gomlx
build-gomlx:
	@mkdir -p bin
	@CGO_ENABLED=1 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kakeya-backend-gomlx ./plugins/gomlx

.PHONY: headers
headers:
	@mkdir -p $(CACHE)
	@plugins/llamacpp/build/headers.sh $(HEADERS)

##@ Test

.PHONY: test
test: lint test-pure test-examples test-web test-llamacpp test-gomlx test-e2e test-atomic-chat ## everything that CI runs

.PHONY: test-pure
test-pure: ## unit and conformance tests of the pure-Go part, with the race detector
	$(GO) test -race $(PURE)

.PHONY: test-examples
test-examples: ## the third-party codec, a module of its own
	cd examples/codec-go && $(GO) vet . && $(GO) test -race .

.PHONY: test-llamacpp
test-llamacpp: headers models ## the llama.cpp plugin with real models
	$(CGO_FLAGS) KAKEYA_MODELS=$(MODELS) $(GO) test -timeout 20m $(CGO)

.PHONY: test-gomlx
test-gomlx: models pjrt ## the GoMLX plugin with real models, through XLA on the CPU
	CGO_ENABLED=1 KAKEYA_MODELS=$(MODELS) KAKEYA_PJRT=$(PJRT) $(GO) test -timeout 20m $(GOMLX)

.PHONY: test-web
test-web: chromium build-codec-page ## the pages in a browser, over the fake backend (KAKEYA_SCREENSHOTS=FOLDER keeps pictures)
	$(GO) test -count=1 -timeout 10m ./test/web/...

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || [ -x "$$KAKEYA_CHROMIUM" ] || { \
		echo "installing Chromium for the tests of the chat page (apt-get install chromium)"; \
		{ apt-get update && apt-get install -y --no-install-recommends chromium; } >/dev/null || \
		{ echo "that did not work: install Chromium, or name one in KAKEYA_CHROMIUM"; exit 1; }; }

.PHONY: test-e2e
test-e2e: build build-examples models pjrt chromium $(VENV)/.stamp $(NPMDIR)/.stamp ## the daemon, real models and real clients
	KAKEYA_BIN=$(CURDIR)/bin KAKEYA_MODELS=$(MODELS) KAKEYA_PYTHON=$(VENV)/bin/python \
	KAKEYA_NODE=$(VENV)/bin/node KAKEYA_NPM=$(NPMDIR) KAKEYA_PJRT=$(PJRT) \
		$(GO) test -count=1 -timeout 30m ./test/e2e/...

.PHONY: test-atomic-chat
test-atomic-chat: build models webkitgtk $(ATOMIC)/node_modules/.stamp ## Atomic-Chat's client, extension and Tauri plugin: tsc strict, vitest, clippy, cargo test (ATOMIC_CHAT_DIR=CHECKOUT: with the app's core)
	cd $(ATOMIC) && PATH="$(VENV)/bin:$$PATH" && npx tsc -p . && node build-check.mjs && \
		KAKEYA_BIN=$(CURDIR)/bin KAKEYA_MODELS=$(abspath $(MODELS)) npx vitest run
	CARGO_TARGET_DIR=$(CACHE)/cargo-atomic-chat KAKEYA_BIN=$(CURDIR)/bin KAKEYA_MODELS=$(abspath $(MODELS)) \
		$(ATOMIC)/tauri-plugin-kakeyad/test.sh

# What Tauri compiles against on Linux.
.PHONY: webkitgtk
webkitgtk:
	@[ "$$(uname)" != Linux ] || ! command -v cargo >/dev/null || pkg-config --exists webkit2gtk-4.1 2>/dev/null || { \
		echo "installing the headers of WebKitGTK for the tests of the Tauri plugin (apt-get install libwebkit2gtk-4.1-dev, some minutes)"; \
		{ apt-get update && apt-get install -y --no-install-recommends pkg-config libwebkit2gtk-4.1-dev; } >/dev/null || \
		echo "that did not work: install them for the tests of the Tauri layer, which are skipped now"; }

.PHONY: test-chaos
test-chaos: build models $(VENV)/.stamp $(NPMDIR)/.stamp ## codec, backend and daemon are killed while conversations are parked (KILLS=200)
	KAKEYA_BIN=$(CURDIR)/bin KAKEYA_MODELS=$(MODELS) KAKEYA_PYTHON=$(VENV)/bin/python \
	KAKEYA_NODE=$(VENV)/bin/node KAKEYA_NPM=$(NPMDIR) KAKEYA_CHAOS=$(or $(KILLS),200) \
		$(GO) test -count=1 -timeout 60m -v -run TestChaos ./test/e2e

TORCH := $(CACHE)/calibration

.PHONY: test-calibration
test-calibration: $(TORCH)/.stamp ## calibrating tiny models with torch (installs torch once, some GB); no part of `make test`
	KAKEYA_TORCH=$(TORCH)/bin/python $(GO) test -count=1 ./plugins/e8codec/calibration

$(TORCH)/.stamp: plugins/e8codec/calibration/requirements.txt
	@echo "installing torch for kakeyad calibrate, once"
	@$(PYTHON) -m venv $(TORCH)
	@$(TORCH)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: fuzz
fuzz: ## every fuzz target for a short while (FUZZTIME=10s)
	@scripts/fuzz.sh $(or $(FUZZTIME),10s) $(PURE)

$(VENV)/.stamp: test/e2e/requirements.txt examples/codec-python/requirements.txt
	@echo "installing the Python packages of the tests"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r test/e2e/requirements.txt -r examples/codec-python/requirements.txt
	@touch $@

$(NPMDIR)/.stamp: test/e2e/scenario/package.json $(VENV)/.stamp
	@echo "installing the npm packages of the tests"
	@mkdir -p $(NPMDIR)
	@cp $< $(NPMDIR)/package.json
	@PATH="$(VENV)/bin:$$PATH" npm install --prefix $(NPMDIR) --no-package-lock --no-audit --no-fund --silent
	@touch $@

$(ATOMIC)/node_modules/.stamp: $(ATOMIC)/package-lock.json $(VENV)/.stamp
	@echo "installing the npm packages of examples/atomic-chat"
	@cd $(ATOMIC) && PATH="$(VENV)/bin:$$PATH" npm ci --silent
	@touch $@

##@ Measure

.PHONY: bench
bench: build models bench-binaries eval-codecs ## throughput, latency and the router's own cost, in one run
	@KAKEYA_BIN=$(CURDIR)/bin KAKEYA_MODELS=$(MODELS) bin/bench/kakeyad-bench $(BENCHFLAGS)

.PHONY: bench-peers
bench-peers: build models ## beside llama.cpp's llama-server (builds it once: about 15 minutes)
	@KAKEYA_BIN=$(CURDIR)/bin KAKEYA_MODELS=$(MODELS) \
		PEER_BIN=$$(bench/peers/build-llama-server.sh $(CACHE)/peers) $(GO) run ./bench/peers $(BENCHFLAGS)

.PHONY: bench-gomlx
bench-gomlx: build models pjrt ## our two backends in one run (BENCHFLAGS="-weights f32")
	@KAKEYA_BIN=$(CURDIR)/bin KAKEYA_MODELS=$(MODELS) KAKEYA_PJRT=$(PJRT) $(GO) run ./bench/peers -gomlx $(BENCHFLAGS)

.PHONY: bench-gomlx-cache
bench-gomlx-cache: models pjrt ## gomlx behind contexts of 128 to 4,096 tokens, with a cache of 16 bits and with ones that stay packed
	@CGO_ENABLED=1 KAKEYA_MODELS=$(MODELS) KAKEYA_PJRT=$(PJRT) $(GO) test -run '^$$' -bench Context ./plugins/gomlx/internal/executor $(BENCHFLAGS)

.PHONY: bench-gomlx-device
bench-gomlx-device: ## gomlx with models of random weights on the device of KAKEYA_PJRT, a GPU's say (BENCHFLAGS="-models 1b")
	@CGO_ENABLED=1 $(GO) run ./plugins/gomlx/bench $(BENCHFLAGS)

REFERENCE := $(CACHE)/reference

.PHONY: bench-reference
bench-reference: $(REFERENCE)/.stamp ## the codec's speed beside the reference's in torch, one core each
	@CGO_ENABLED=0 $(GO) run ./bench/reference -python $(REFERENCE)/bin/python $(BENCHFLAGS)

$(REFERENCE)/.stamp: bench/reference/requirements.txt
	@echo "installing torch and the reference codec, once"
	@$(PYTHON) -m venv $(REFERENCE)
	@$(REFERENCE)/bin/pip install --quiet --disable-pip-version-check -r bench/reference/requirements.txt
	@touch $@

.PHONY: eval
eval: build models eval-codecs ## the table and plot of quality against bytes in docs/codec.md (about 15 minutes)
	@KAKEYA_BIN=$(CURDIR)/bin KAKEYA_MODELS=$(MODELS) bench/eval/tables.sh $(or $(EVALDIR),$(CURDIR)/bin/eval)

.PHONY: compare-report
compare-report: build models chromium pjrt ## the published comparisons of docs/compare.md, with pages and pictures (about 15 minutes)
	@KAKEYA_BIN=$(CURDIR)/bin KAKEYA_MODELS=$(MODELS) bench/compare/report.sh $(or $(COMPAREDIR),$(CURDIR)/bin/compare)

.PHONY: bench-compare
bench-compare: build models eval-codecs ## does compare find nothing where there is nothing, and 5 % where there are (RUNS=20)
	@KAKEYA_BIN=$(CURDIR)/bin KAKEYA_MODELS=$(MODELS) bench/compare/verdicts.sh $(or $(COMPAREDIR),$(CURDIR)/bin/compare) $(or $(RUNS),20)

# Codecs that only measurements use: other engines' formats, and one that changes nothing.
.PHONY: eval-codecs
eval-codecs:
	@mkdir -p bin/bench/codecs
	@CGO_ENABLED=0 $(GO) build -o bin/bench/codecs/ ./bench/peercodec/kakeya-codec-ggml ./bench/peercodec/kakeya-codec-ggmlh ./bench/peercodec/kakeya-codec-turboquant ./core/plugin/codec/fake/kakeya-codec-fake

.PHONY: bench-binaries
bench-binaries: headers
	@mkdir -p bin/bench
	@CGO_ENABLED=0 $(GO) build -o bin/bench/ ./bench/kakeyad-bench ./core/plugin/backend/fake/kakeya-backend-fake
	@$(CGO_FLAGS) $(GO) build -ldflags '$(LDFLAGS)' -o bin/bench/llamacpp-inprocess ./plugins/llamacpp/inprocess

##@ Maintain

.PHONY: generate
generate: ## protobuf code, the config's JSON schema and reference
	@tools/generate.sh
	@$(GO) generate $(PURE)

.PHONY: check-generated
check-generated: generate
	@git diff --exit-code --stat -- '*.pb.go' '*.json' docs || { echo "generated files are not up to date: commit what make generate wrote"; exit 1; }

.PHONY: lint
lint: headers check-generated ## golangci-lint, and that generated code is up to date
	@$(CGO_FLAGS) $(GO) tool -modfile=tools/lint/go.mod golangci-lint run $(PURE) $(CGO) $(GOMLX) ./test/... ./bench/...

.PHONY: vuln
vuln: headers ## govulncheck
	@$(CGO_FLAGS) $(GO) tool -modfile=tools/lint/go.mod govulncheck ./cmd/...

.PHONY: fmt
fmt: ## format the code
	@gofmt -w api bench cmd core examples plugins test

.PHONY: clean
clean: ## remove what was built here (the caches stay)
	@rm -rf bin

#!/usr/bin/env bash
# Gathers the C headers that the module github.com/ollama/ollama leaves out (its
# llama.cpp/vendor folder is not part of the module zip) and prints the include folder.
#
#   headers.sh DEST
#
# Everything comes from Go modules, so the Go module proxy is all the network it needs:
#   nlohmann/json.hpp, stb/stb_image.h   an older ollama release that still carried them
#   miniaudio/miniaudio.h                github.com/gen2brain/malgo
#   llama.h, ggml*.h, gguf.h             the ollama release that go.mod names
#   llama-src/*.h                        llama.cpp's inner headers, of the same release
# DEST must be the same path for every checkout: it is part of the Go build cache's key, and
# llama.cpp takes minutes to compile.
set -euo pipefail

dest=${1:?usage: headers.sh DEST}
json_module=github.com/ollama/ollama@v0.6.5
audio_module=github.com/gen2brain/malgo@v0.11.24

ollama_version=$(go list -m -f '{{.Version}}' github.com/ollama/ollama)
stamp="$ollama_version $json_module $audio_module llama-src"
if [ "$(cat "$dest/.stamp" 2>/dev/null || true)" = "$stamp" ]; then
  exit 0
fi

# go mod download -json prints one "Dir" line for one module.
module_dir() { go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

ollama=$(module_dir "github.com/ollama/ollama@$ollama_version")
json=$(module_dir "$json_module")
audio=$(module_dir "$audio_module")

tmp="$dest.tmp.$$"
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/nlohmann" "$tmp/stb" "$tmp/miniaudio" "$tmp/llama-src"
cp "$json/llama/llama.cpp/common/json.hpp" "$tmp/nlohmann/json.hpp"
echo '#include "json.hpp"' >"$tmp/nlohmann/json_fwd.hpp"
cp "$json/llama/llama.cpp/common/stb_image.h" "$tmp/stb/stb_image.h"
cp "$audio/miniaudio.h" "$tmp/miniaudio/miniaudio.h"
cp "$ollama"/llama/llama.cpp/include/llama.h "$ollama"/ml/backend/ggml/ggml/include/*.h "$tmp/"
cp "$ollama"/llama/llama.cpp/src/*.h "$tmp/llama-src/"
chmod -R u+w "$tmp"
echo "$stamp" >"$tmp/.stamp"
rm -rf "$dest"
mv "$tmp" "$dest"

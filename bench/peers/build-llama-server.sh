#!/usr/bin/env bash
# Builds llama.cpp's own llama-server and llama-bench, the peer that `make bench-peers` compares with,
# and prints the folder of the binaries. A peer, never a dependency of ours.
#
#   build-llama-server.sh CACHE_DIR
#
# The source comes from the PyPI sdist of llama-cpp-python, by hash. About 15 minutes on 2 cores,
# once: the result stays in CACHE_DIR.
set -euo pipefail

cache=${1:?usage: build-llama-server.sh CACHE_DIR}
version=0.3.36
sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e

dir="$cache/llama-cpp-python-$version"
bin="$dir/build/bin"
if [ -x "$bin/llama-server" ] && [ -x "$bin/llama-bench" ]; then
  echo "$bin"
  exit 0
fi

mkdir -p "$cache"
archive="$cache/llama_cpp_python-$version.tar.gz"
if ! echo "$sha256  $archive" | sha256sum --check --status 2>/dev/null; then
  echo "fetching llama-cpp-python $version (sdist, 77 MB)" >&2
  python3 -m venv "$cache/venv" >&2
  "$cache/venv/bin/pip" download --quiet --no-deps --no-binary llama-cpp-python \
    --dest "$cache" "llama-cpp-python==$version" >&2
fi
echo "$sha256  $archive" | sha256sum --check --status || {
  echo "build-llama-server: $archive does not have the expected sha256 $sha256" >&2
  exit 1
}

rm -rf "$dir"
mkdir -p "$dir"
tar -xzf "$archive" -C "$dir" --strip-components=3 "llama_cpp_python-$version/vendor/llama.cpp"
echo "building llama-server (about 15 minutes on 2 cores)" >&2
cmake -S "$dir" -B "$dir/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
  -DGGML_NATIVE=ON -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
  -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF >&2
cmake --build "$dir/build" --target llama-server llama-bench -j "$(nproc)" >&2
echo "$bin"

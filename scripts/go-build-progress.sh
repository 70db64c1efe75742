#!/usr/bin/env bash
# `go build` with a progress line, for the package whose first build compiles all of llama.cpp.
#
#   go-build-progress.sh ARGUMENTS OF GO BUILD
#
# Counts the C and C++ files that go build says it compiles. With everything cached it says nothing.
set -euo pipefail

total=265 # files compiled by a build from nothing; only the percentage depends on it
start=$SECONDS
if go build -x "$@" 2>&1 >/dev/null | awk -v total="$total" -v few=12 -v tty="$([ -t 2 ] && echo 1 || echo 0)" '
  / -c .*\.(c|cc|cpp|m|S)$/ && / -o .*\.o / {
    n++
    if (n < few) next # our own files: not worth a word
    if (n == few) {
      printf "compiling llama.cpp: about 8 minutes on 2 cores, once; later builds take seconds\n" > "/dev/stderr"
    }
    percent = int(100 * n / total); if (percent > 99) percent = 99
    if (tty) printf "\r  %3d %%  (%d files)", percent, n > "/dev/stderr"
    else if (percent >= next_mark) { printf "  %d %% (%d files)\n", percent, n > "/dev/stderr"; next_mark = percent + 10 }
    fflush("/dev/stderr")
  }
  END { if (n && tty) printf "\n" > "/dev/stderr" }
'; then
  took=$((SECONDS - start))
  if [ "$took" -gt 20 ]; then
    echo "built in $((took / 60)) min $((took % 60)) s" >&2
  fi
else
  go build "$@" # again without -x: what failed is found at once, and its message is readable
fi

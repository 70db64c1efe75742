#!/usr/bin/env bash
# What `kakeyad compare` finds where it is known what there is to find:
#   verdicts.sh FOLDER [RUNS [SLOW RUNS]]
# compares a channel with itself RUNS times (20) in a round, which has to find nothing, and another SLOW RUNS times (5)
# in four rounds with itself made slower by a twentieth, which has to be found. A line a run.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1 runs=${2:-20} slow=${3:-5}
mkdir -p "$out"

compare() { # NAME ROUNDS CHANNEL CHANNEL
	"$KAKEYA_BIN/kakeyad" compare "$3" "$4" -c bench/compare/channels.yaml --models-dir "$KAKEYA_MODELS" \
		--plugin-dir "$KAKEYA_BIN" --rounds "$2" --tokens "${TOKENS:-24}" --no-scores --per-kind "${PER_KIND:-5}" --json "$out/$1.json" >/dev/null 2>&1
	python3 - "$out/$1.json" <<-'END'
		import json, sys
		r = json.load(open(sys.argv[1]))
		c = r["channels"][1]
		found = {n: c[k]["ratio"] for n, k in (("first token", "first_token_ms"), ("prefill", "prefill_tps"), ("generation", "generation_tps"))}
		print(r["channels"][0]["label"], "and", c["label"] + ":", "; ".join(
		    f"{n} {x['value']:.3f} ({x['low']:.3f} to {x['high']:.3f}) {x['verdict']}" for n, x in found.items()), flush=True)
	END
}

for i in $(seq "$runs"); do compare "same-$i" "${ROUNDS:-1}" same same; done
for i in $(seq "$slow"); do compare "slow-$i" "${ROUNDS:-4}" steady slowed; done

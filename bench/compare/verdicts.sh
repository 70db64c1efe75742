#!/usr/bin/env bash
# What `kakeyad compare` finds where it is known what there is to find:
#   verdicts.sh FOLDER [RUNS [SLOW RUNS]]
# compares a channel with itself RUNS times (20), which has to find nothing, and with the same channel made
# slower SLOW RUNS times (3): its codec, which changes nothing, waits in each call. A line a run.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1 runs=${2:-20} slow=${3:-3}
mkdir -p "$out"

compare() { # NAME CHANNEL CHANNEL
	"$KAKEYA_BIN/kakeyad" compare "$2" "$3" -c bench/compare/channels.yaml --models-dir "$KAKEYA_MODELS" \
		--plugin-dir "$KAKEYA_BIN" --rounds "${ROUNDS:-1}" --tokens "${TOKENS:-24}" --no-scores --per-kind "${PER_KIND:-5}" --json "$out/$1.json" >/dev/null 2>&1
	python3 - "$out/$1.json" <<-'END'
		import json, sys
		r = json.load(open(sys.argv[1]))
		c = r["channels"][1]
		found = {n: c[k]["ratio"] for n, k in (("first token", "first_token_ms"), ("prefill", "prefill_tps"), ("generation", "generation_tps"))}
		print(r["channels"][0]["label"], "and", c["label"] + ":", "; ".join(
		    f"{n} {x['value']:.3f} ({x['low']:.3f} to {x['high']:.3f}) {x['verdict']}" for n, x in found.items()), flush=True)
	END
}

for i in $(seq "$runs"); do compare "same-$i" same same; done
for i in $(seq "$slow"); do compare "slow-$i" same slowed; done

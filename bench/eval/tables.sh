#!/usr/bin/env bash
# Measures the channels of docs/codec.md and docs/calibrated.md and leaves reports, tables and plots in a folder:
#   tables.sh FOLDER [GROUP...]
# A group is a few channels; all of one model are joined to a table at the end. Groups that have a
# report are left out, so that a run that was cut short goes on where it was. Those of f32 want a file that f32.py makes.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1
shift
mkdir -p "$out"
plugins=$out/plugins
mkdir -p "$plugins"
for p in "$KAKEYA_BIN"/kakeya-* "$KAKEYA_BIN"/bench/codecs/kakeya-*; do ln -sf "$p" "$plugins/"; done

declare -A groups=(
	[smollm2-1]="batch-200 cache-q8_0 cache-q4_0 smollm2-135m@fake-q1 smollm2-135m@e8-q255"
	[smollm2-2]="smollm2-135m@e8-q152 smollm2-135m@e8-q38 smollm2-135m@e8-q10"
	[smollm2-3]="smollm2-135m@e8-q4 smollm2-135m@e8-q38-b2 smollm2-135m@e8-q10-b2 smollm2-135m@e8-q4-b2"
	[smollm2-4]="smollm2-135m@d4-q38 smollm2-135m@d4-q10 smollm2-135m@d4-q4 smollm2-135m@ggmlh-q4"
	[smollm2-5]="smollm2-135m@ggml-q8 smollm2-135m@ggml-q5 smollm2-135m@ggml-q4"
	[smollm2-6]="smollm2-135m@ggmlh-q8 smollm2-135m@ggmlh-q5"
	[smollm2-7]="reference-e8-q38 reference-e8-q10 reference-e8-q4 reference-d4-q10"
	[smollm2-8]="vector-e8-q38 vector-e8-q10 vector-e8-q4"
	[gemma3-1]="gemma-cache-q8_0 gemma-cache-q4_0"
	[gemma3-2]="gemma-3-270m@e8-q38 gemma-3-270m@e8-q10"
	[gemma3-3]="gemma-3-270m@e8-q4 gemma-3-270m@ggmlh-q4"
	[f32-512-1]="f32@e8k-q8"
	[f32-512-2]="f32@e8k-q14"
	[f32-512-3]="f32@e8k-q20"
	[f32-512-4]="f32@e8k-q30 f32-random-q13"
	[f32-512-8]="f32-random-q20 f32-q14-recent32"
	[f32-512-5]="f32@ggml-q8 f32@ggmlh-q8 f32@ggml-q5 f32@ggmlh-q5"
	[f32-512-6]="f32@ggml-q4 f32@ggmlh-q4 f32-k8v4 f32-k8v4-rotated f32@turboquant-q4 f32@turboquant-q3"
	[f32-512-7]="f32@e8-q38 f32@e8-q10 f32@e8-q4 f32@d4-q38 f32@d4-q10"
	[f32-2048-1]="f32@e8k-q14"
	[f32-2048-2]="f32@e8k-q20"
	[f32-2048-3]="f32@e8k-q30"
	[f32-2048-4]="f32-random-q13 f32-random-q20"
	[f32-2048-5]="f32@ggmlh-q8 f32@ggmlh-q5 f32@ggmlh-q4 f32-k8v4-rotated"
	[f32-2048-6]="f32@turboquant-q4 f32@turboquant-q3 f32@e8-q38 f32@e8-q10"
)

# Tokens of a window and windows of a text.
declare -A sizes=([smollm2]="512 8" [gemma3]="512 8" [f32-512]="512 3" [f32-2048]="2048 1")

measure() {
	local size=(${sizes[${1%-*}]})
	"$KAKEYA_BIN/kakeyad" eval -c bench/eval/channels.yaml --models-dir "$KAKEYA_MODELS" --plugin-dir "$plugins" \
		--text bench/texts/tom-sawyer.txt --text bench/texts/opticks.txt --context ${size[0]} --windows ${size[1]} \
		--json "$out/$1.json" ${groups[$1]}
}

for group in "${@:-${!groups[@]}}"; do
	[[ $group != f32-* || -s $KAKEYA_MODELS/smollm2-135m-f32.gguf ]] || continue
	[ -s "$out/$group.json" ] || measure "$group"
done
for model in "${!sizes[@]}"; do
	parts=()
	for file in "$out/$model"-[0-9]*.json; do [ -s "$file" ] && parts+=(--from "$file"); done
	[ ${#parts[@]} -eq 0 ] || "$KAKEYA_BIN/kakeyad" eval "${parts[@]}" --json "$out/$model.json" --plot "$out/$model.svg" >"$out/$model.txt"
done

#!/usr/bin/env bash
# Measures the published comparisons of docs/compare.md and leaves FOLDER/MODEL.{json,html,txt}, and a
# picture of each page:
#   report.sh FOLDER [MODEL...]
# A channel more is one more word in the list.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1
shift
mkdir -p "$out"
plugins=$out/plugins
mkdir -p "$plugins"
for p in "$KAKEYA_BIN"/kakeya-*; do ln -sf "$p" "$plugins/"; done

# Beside the model alone, which is the baseline.
variants=(@e8-q38 @e8-q10 +ngram)
[ ! -x "$KAKEYA_BIN/kakeya-backend-gomlx" ] || variants+=(:gomlx)

for m in "${@:-smollm2-135m gemma-3-270m}"; do
	for model in $m; do
		channels=("$model")
		for v in "${variants[@]}"; do channels+=("$model$v"); done
		"$KAKEYA_BIN/kakeyad" compare "${channels[@]}" -c bench/compare/channels.yaml --models-dir "$KAKEYA_MODELS" --plugin-dir "$plugins" \
			--per-kind "${PER_KIND:-5}" --rounds "${ROUNDS:-1}" --tokens "${TOKENS:-32}" --text bench/texts/tom-sawyer.txt --windows 4 --seed 1 \
			--json "$out/$model.json" --html "$out/$model.html" | tee "$out/$model.txt"
		chromium=${KAKEYA_CHROMIUM:-$(command -v chromium || command -v google-chrome || true)}
		if [ -n "$chromium" ]; then
			"$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1000,1500 \
				--screenshot="$out/$model.png" "file://$(realpath "$out/$model.html")" >/dev/null 2>&1
		fi
	done
done

#!/usr/bin/env bash
# From the target to a measured drafter, on all GPUs of this machine (or, small, on its CPU).
#
#     run.sh MODEL.gguf WORK      does what is not done yet; a stage that fails is told and tried again next time
#     run.sh --pieces WORK OUT    copies reports, logs and the drafter so far into OUT, in files of 15 MiB at most
#
# The environment may set GENERATE and TRAIN (seconds), SCALE=small (to try everything in a minute),
# PYTHON, GPUS, GENERATE_ARGS and TRAIN_ARGS (further arguments of generate.py and train.py).
set -u
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}

if [ "$1" = --pieces ]; then
    cd "$2" || exit 1
    [ -e drafter.pt ] && split -b 15728640 -d drafter.pt "$3/drafter.pt."
    tar czf "$3/reports.tar.gz" --exclude='*.npz' --exclude='*.pt' --exclude='*.pt.new' .
    exit
fi

model=$1 work=$2
mkdir -p "$work"
export PYTHONUNBUFFERED=1 PYTORCH_ALLOC_CONF=expandable_segments:True
gpus=${GPUS:-$(nvidia-smi -L 2>/dev/null | wc -l)}
generate=() answer=() train=(--compile) heldout=() speed=()
if [ "${SCALE:-}" = small ]; then
    generate=(--batch 16 --answer 40) answer=(--answer 40) heldout=(--first 17 --second 6 --own 6 --answer 60) speed=(--count 2 --answer 40)
    train=(--rows 4 --anchors 16 --warm-up 5 --evaluate-on 8 --evaluate-every 10)
fi
read -ra more <<<"${TRAIN_ARGS:-}"
train+=("${more[@]}")
read -ra more <<<"${GENERATE_ARGS:-}"
generate+=("${more[@]}")

# stage NAME COMMAND…: once, its output in NAME.log
stage() {
    local name=$1
    shift
    [ -e "$work/$name.done" ] && return
    local begun=$SECONDS
    if "$@" >>"$work/$name.log" 2>&1; then
        touch "$work/$name.done"
        echo "$name: $((SECONDS - begun)) s"
    else
        echo "$name: FAILED after $((SECONDS - begun)) s"
        tail -5 "$work/$name.log"
        return 1
    fi
}

# on GPU COMMAND…: on one of the GPUs
on() {
    CUDA_VISIBLE_DEVICES=$1 "${@:2}"
}

py() {
    "$python" "$here/$1.py" --target "$model" "${@:2}"
}

# questions GPU: what is measured on
questions() {
    stage heldout on "$1" py heldout --out "$work/heldout.jsonl" "${heldout[@]}"
    for set in heldout hand; do
        prompts=$here/hand.jsonl
        [ $set = heldout ] && prompts=$work/heldout.jsonl
        stage answer-$set on "$1" py answer --prompts "$prompts" --out "$work/$set.npz" "${answer[@]}"
    done
}

# data GPU PART: two parts a GPU, one's Python beside the other's kernels
data() {
    stage "generate-$1-$2" on "$1" py generate --out "$work/data-$1-$2.npz" --seed $((10 * $1 + $2)) --seconds $((end - SECONDS)) "${generate[@]}"
}

end=$((SECONDS + ${GENERATE:-240}))
for gpu in $(seq 0 $((gpus > 0 ? gpus - 1 : 0))); do
    for part in 0 1; do data "$gpu" $part & done
done
questions 0
wait
[ -e "$work/drafter.pt" ] && train+=(--resume "$work/drafter.pt")
launch=("$python")
((gpus > 1)) && launch=("$python" -m torch.distributed.run --standalone --nproc-per-node "$gpus")
stage train "${launch[@]}" "$here/train.py" --target "$model" --data "$work"/data-*.npz --apart "$work/heldout.npz" "$work/hand.npz" \
    --out "$work/drafter.pt" --journal "$work/train.jsonl" --seconds "${TRAIN:-900}" "${train[@]}" || exit

last=$((gpus > 1 ? 1 : 0))
measure() {
    for vocabulary in 8192 16384; do
        stage "evaluate-$vocabulary" on 0 py evaluate --drafter "$work/drafter.pt" --answers "$work/heldout.npz" "$work/hand.npz" \
            --vocabulary $vocabulary --report "$work/report-$vocabulary.json" --float32
    done
}
speeds() {
    stage speed-hand on $last py speed --drafter "$work/drafter.pt" --prompts "$here/hand.jsonl" "${speed[@]}"
    stage speed-heldout on $last py speed --drafter "$work/drafter.pt" --prompts "$work/heldout.jsonl" "${speed[@]}"
}
if ((gpus > 1)); then measure & speeds; wait; else measure; speeds; fi
stage export py export --drafter "$work/drafter.pt" --out "$work/drafter.gguf"
echo finished

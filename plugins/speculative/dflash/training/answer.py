"""Writes the target's greedy answers (float32, as an engine would give them) to prompts.

    answer.py --target MODEL.gguf --prompts hand.jsonl --out hand.npz

A line of the prompts: {"kind": "...", "messages": [{"role": "user", "content": "..."}]}.
"""

import argparse
import json

import torch

from generate import Data
from target import Target, generate
from text import Text


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--target", required=True)
    p.add_argument("--prompts", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--answer", type=int, default=256)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--bfloat16", action="store_true", help="faster on a CPU, and as good for statistics")
    a = p.parse_args()
    target, text, data = Target(a.target, a.device, torch.bfloat16 if a.bfloat16 else torch.float32), Text(a.target), Data()
    todo = [json.loads(line) for line in open(a.prompts, encoding="utf-8")]
    todo = sorted(((c["kind"], text.prompt(c["messages"])) for c in todo), key=lambda x: len(x[1]))
    for i in range(0, len(todo), a.batch):
        part = todo[i:i + a.batch]
        for (kind, ids), answer in zip(part, generate(target, [ids for _, ids in part], [0.0] * len(part), a.answer)):
            data.add(ids, answer, kind, True)
        print(f"{len(data.rows)} of {len(todo)}", flush=True)
    data.save(a.out)


if __name__ == "__main__":
    main()

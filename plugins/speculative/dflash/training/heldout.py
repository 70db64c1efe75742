"""Makes the held-out prompts: templates over words that training never sees, prompts over the target's answers to them, and
user turns that the target writes itself from a first word or none.

    heldout.py --target MODEL.gguf --out heldout.jsonl --first 280 --second 120 --own 100
"""

import argparse
import json

import torch

import prompts
from generate import self_written
from target import Target, generate
from text import Text


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--target", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--first", type=int, default=280)
    p.add_argument("--second", type=int, default=120)
    p.add_argument("--own", type=int, default=100)
    p.add_argument("--answer", type=int, default=192, help="tokens of the answers that later prompts build on")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a = p.parse_args()
    world, target, text = prompts.World("heldout", 1), Target(a.target, a.device), Text(a.target)
    first = world.first(a.first)
    answers = generate(target, [text.prompt(m) for _, m in first], [0.0] * len(first), a.answer)
    answered = [(k, m, text.decode(x[:-1])) for (k, m), x in zip(first, answers) if x[-1] == target.end]
    second = [(k, m) for k, m in world.second(answered, 3 * a.second) if len(text.prompt(m)) <= 320][:a.second]
    torch.manual_seed(1)
    own = self_written(target, text, world, 3 * a.own, opened=0)[:a.own]
    with open(a.out, "w", encoding="utf-8") as f:
        for kind, messages in first + second + own:
            f.write(json.dumps({"kind": kind, "messages": messages}, ensure_ascii=False) + "\n")
    print(f"{len(first)}, {len(second)} and {len(own)} prompts")


if __name__ == "__main__":
    main()

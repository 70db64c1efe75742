"""Makes training data: the target answers prompts of many kinds.

    generate.py --target MODEL.gguf --out data.npz --seconds 240

Two batches of three are prompts that need nothing (user turns that the target writes itself, most of
them from the beginning of one in openings.txt, and templates), the third are prompts over its own
earlier answers. Several of these may run side by side with seeds of their own. The file holds all
sequences end to end: tokens (uint16), and of each sequence its length, the length of its prompt, its
kind (index into kinds) and whether the answer is greedy.
"""

import argparse
import random
import time

import numpy as np
import torch

import prompts
from target import Target, generate
from text import SYSTEM, Text

STARTS = ["", "", "", "Write", "How", "What", "Explain", "Can you", "I", "Create", "Why", "Describe", "Give me", "My", "Tell me",
          "Please", "Summarize", "Is", "List", "Imagine", "In", "The", "Who", "Rewrite", "Design", "Compare", "Suggest", "Translate",
          "Correct", "You are", "Help me", "Should", "Where", "When", "Find", "If", "Let's", "Make"]


WIDTH = 8
MIX = np.random.default_rng(0).integers(1 << 63, size=WIDTH, dtype=np.uint64)


def looping(tokens, least=0.5):
    """Whether most runs of WIDTH tokens in an answer repeat earlier ones."""
    if len(tokens) < WIDTH + 16:
        return False
    runs = np.lib.stride_tricks.sliding_window_view(np.array(tokens, np.uint64), WIDTH)
    return len(np.unique((runs * MIX).sum(1))) < least * len(runs)


class Data:
    """Sequences gathered so far."""

    def __init__(self):
        self.tokens, self.rows, self.kinds = [], [], []

    def add(self, prompt, answer, kind, greedy):
        if kind not in self.kinds:
            self.kinds.append(kind)
        self.tokens.append(np.array(prompt + answer, np.uint16))
        self.rows.append((len(prompt) + len(answer), len(prompt), self.kinds.index(kind), greedy))

    def save(self, path):
        if not self.rows:
            raise SystemExit("no answers: more time is needed")
        length, prompt, kind, greedy = np.array(self.rows).T
        np.savez(path, tokens=np.concatenate(self.tokens), length=length, prompt=prompt, kind=kind, greedy=greedy,
                 kinds=np.array(self.kinds))


def self_written(target, text, world, count, opened=0.7, limit=96):
    """User turns that the target writes after the system turn, each whole; opened: share that begins as one in openings.txt."""
    head = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
    starts = [world.opening() if world.random.random() < opened else world.random.choice(STARTS) for _ in range(count)]
    turns = generate(target, [text.encode(head + s) for s in starts], [1.0] * count, limit)
    out = []
    for start, turn in zip(starts, turns):
        said = start + text.decode(turn[:-1])
        if turn[-1] == target.end and len(said) > 8 and "<|im" not in said:
            out.append(("self", [{"role": "user", "content": said}]))
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--target", required=True, help="GGUF of the target")
    p.add_argument("--out", required=True)
    p.add_argument("--seconds", type=float, default=240, help="time to spend")
    p.add_argument("--batch", type=int, default=1536, help="prompts answered together (CPU: 256)")
    p.add_argument("--answer", type=int, default=320, help="tokens of an answer at most")
    p.add_argument("--longest-prompt", type=int, default=448)
    p.add_argument("--greedy", type=float, default=0.8, help="share of greedy batches; the rest at temperature 0.7")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--threads", type=int, default=0)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    rng, world = random.Random(a.seed), prompts.World("train", a.seed)
    text, data, answered = Text(a.target), Data(), []
    target = Target(a.target, a.device)
    begun, made, batches, looped = time.time(), 0, 0, 0

    def late():
        return time.time() - begun > a.seconds

    while not late():
        if batches % 3 == 1 and answered:
            todo = world.second(answered, a.batch)
        else:
            todo = self_written(target, text, world, 3 * a.batch // 4) + world.first(a.batch)
            todo = todo[:a.batch]
        todo = [(k, m, ids) for k, m in todo if len(ids := text.prompt(m)) <= a.longest_prompt]
        greedy = rng.random() < a.greedy
        got = generate(target, [ids for *_, ids in todo], [0.0 if greedy else 0.7] * len(todo), a.answer, out_of_time=late)
        for (kind, messages, ids), answer in zip(todo, got):
            if len(answer) < 4:
                continue
            if looping(answer):
                looped += 1
                if rng.random() < 0.7:
                    continue
            data.add(ids, answer, kind, greedy)
            made += len(answer)
            if answer[-1] == target.end:
                answered.append((kind, messages, text.decode(answer[:-1])))
        answered = answered[-20 * a.batch:]
        batches += 1
        spent = time.time() - begun
        print(f"{spent:6.0f} s  {len(data.rows)} sequences  {made} tokens  {made / spent:.0f} tokens/s  looping {looped}", flush=True)
        if batches % 8 == 0:
            data.save(a.out)
    data.save(a.out)


if __name__ == "__main__":
    main()

"""Tokens a second of one stream, with the drafter and without, on this device.

    speed.py --target MODEL.gguf --drafter drafter.pt --prompts hand.jsonl

Both ways run the same eager code, so that the ratio is what drafting brings where a step costs much
the same for one token and for a block, as it does on a GPU. The answers are compared: they may part
where the target's two likeliest tokens are within rounding of each other.
"""

import argparse
import json
import time

import torch

from load import load
from target import Target, rms_norm
from text import Text


class Stream:
    """The drafter on one text: keys and values of the features so far, cropped to committed rows."""

    def __init__(self, model, target):
        self.model, self.target, self.kept = model, target, [None for _ in model.layers]
        self.head = target.head[model.vocabulary]
        self.mask = model.mask.to(target.dtype)

    def commit(self, states, start):
        """states: outputs of the tapped layers at positions from start on, each [n, width]."""
        t, c = self.target, self.target.config
        n = len(states[0])
        context = self.model.context(torch.cat([rms_norm(s, None, c.eps) for s in states], -1)[None])
        for i, layer in enumerate(self.model.layers):
            k, v = layer.keys_values(context, t.cos[start:start + n], t.sin[start:start + n])
            old = self.kept[i]
            self.kept[i] = (k, v) if old is None else (torch.cat([old[0], k], 2), torch.cat([old[1], v], 2))

    def draft(self, anchor, position):
        t, m, c, block = self.target, self.model, self.target.config, self.model.block
        x = torch.cat([t.embedding[anchor][None], self.mask.expand(block - 1, -1)])[None]
        cos, sin = t.cos[position:position + block], t.sin[position:position + block]
        for layer, (k, v) in zip(m.layers, self.kept):
            q, h = layer.queries(x, cos, sin)
            own = layer.keys_values(h, cos, sin)
            o = torch.nn.functional.scaled_dot_product_attention(q, torch.cat([k, own[0]], 2), torch.cat([v, own[1]], 2), enable_gqa=True)
            x = layer.finish(x, o.transpose(1, 2).flatten(2))
        return m.vocabulary[(rms_norm(x[0, 1:], m.norm.to(x.dtype), c.eps) @ self.head.t()).argmax(-1)]


@torch.no_grad()
def run(target, ids, limit, model=None):
    """(answer, verifications) of a prompt, greedy."""
    cache = target.new_cache(1, len(ids) + limit + 64)
    taps = model.taps if model else ()
    x, states = target.extend(torch.tensor(ids, device=target.device), 0, cache, taps)
    answer, position, steps = [int(target.logits(x[-1:]).argmax())], len(ids), 0
    stream = Stream(model, target) if model else None
    if stream:
        stream.commit(states, 0)
    while len(answer) < limit and answer[-1] != target.end:
        block = torch.tensor(answer[-1:], device=target.device)
        if stream:
            block = torch.cat([block, stream.draft(block[0], position)])
        x, states = target.extend(block, position, cache, taps)
        drawn = target.logits(x).argmax(-1)
        accepted = int((block[1:] == drawn[:-1]).int().cumprod(0).sum()) if stream else 0
        for token in drawn[:accepted + 1].tolist():
            answer.append(token)
            if token == target.end:
                break
        if stream:
            stream.commit([s[:accepted + 1] for s in states], position)
        position, steps = position + accepted + 1, steps + 1
    return answer[:limit], steps


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--target", required=True)
    p.add_argument("--drafter", required=True)
    p.add_argument("--prompts", required=True)
    p.add_argument("--count", type=int, default=40)
    p.add_argument("--answer", type=int, default=192)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a = p.parse_args()
    target, text = Target(a.target, a.device, torch.bfloat16 if a.device == "cuda" else torch.float32), Text(a.target)
    model = load(a.drafter, target.config, a.device).to(target.dtype)
    prompts = [text.prompt(json.loads(line)["messages"]) for line in open(a.prompts, encoding="utf-8")][:a.count]
    run(target, prompts[0], 32), run(target, prompts[0], 32, model)  # warm up
    seconds, tokens, steps, same, done = [0.0, 0.0], [0, 0], 0, 0, 0
    device = torch.cuda.get_device_name() if a.device == "cuda" else "cpu"
    for ids in prompts:
        found = []
        for i, m in enumerate((None, model)):
            begun = time.time()
            answer, n = run(target, ids, a.answer, m)
            seconds[i] += time.time() - begun
            tokens[i] += len(answer)
            found.append(answer)
        steps += n
        same += found[0] == found[1]
        done += 1
        plain, drafted = (t / s for t, s in zip(tokens, seconds))
        # After every prompt: a machine may be taken away.
        print(json.dumps({"device": device, "plain tokens/s": round(plain, 1), "drafted tokens/s": round(drafted, 1), "ratio": round(drafted / plain, 3),
                          "committed a verification": round((tokens[1] - done) / max(1, steps), 3), "equal answers": f"{same} of {done}"}), flush=True)


if __name__ == "__main__":
    main()

"""Measures a calibration by ideal code lengths, live: attention reads nothing but what is decoded.

    python evaluate.py MODEL.gguf OUT WORK TEXT:FIRST:COUNT... [--context N] [--recent N] [--step S]

WORK keeps the model's own distributions from one run to the next.
"""

import argparse
import hashlib
import json
import math
import os
import time

import numpy as np
import torch

from model import Model


class Cache:
    """Puts a layer's K and V through a calibration, in the order of the layers."""

    def __init__(self, out, layers, depth, sinks, step):
        self.rows = [torch.load(f"{out}/layers/{i}.pt", weights_only=False) for i in range(layers)]
        self.tables = torch.load(f"{out}/tables.pt", weights_only=False)
        self.depth, self.sinks, self.step = depth, sinks, step
        self.bits, self.elements, self.layer_bits = 0.0, 0, [0.0] * layers

    def __call__(self, layer, k, v):
        if layer == 0:
            self.before = []
        row, (rows, tokens, n) = self.rows[layer], k.shape
        flat = k.reshape(-1, n), v.reshape(-1, n)
        both = torch.cat(flat, 1)
        own, decoded, result = [], [], []
        for part in (0, 1):
            x = y = flat[part]
            if row["parts"]:
                inputs = [b for pair in self.before for b in pair] + own if self.depth else []
                y, bits = row["parts"][part].code(x, both, torch.cat(inputs, 1) if inputs else None, self.tables, self.step)
                bits = bits.view(rows, tokens)[:, self.sinks:].sum().item() + 16 * n * self.sinks * rows
                self.bits += bits
                self.layer_bits[layer] += bits
                y = torch.cat([x.view(k.shape)[:, :self.sinks], y.view(k.shape)[:, self.sinks:]], 1).view(-1, n)
            own = [row["regressors"][part].of(y)]
            decoded.append(own[0])
            result.append(y.view(k.shape))
        self.elements += both.numel()
        self.before = (self.before + [decoded])[-self.depth:] if self.depth else []
        return result


def base(model, ids, work):
    """The model's own log-probabilities, [windows, tokens-1, vocabulary]."""
    key = hashlib.sha256(ids.numpy().tobytes()).hexdigest()[:16]
    path, rows = f"{work}/base-{key}.npy", len(ids)
    done = path + ".done"
    n = int(open(done).read()) if os.path.exists(done) else 0
    shape = (rows, ids.shape[1] - 1, model.head.shape[0])
    a = np.lib.format.open_memmap(path, "r+" if n else "w+", np.float32, None if n else shape)
    for w in range(n, rows):
        a[w] = model.log_probs(model.hidden(ids[w:w + 1])[0, :-1]).numpy()
        open(done, "w").write(str(w + 1))
    return a


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model"), p.add_argument("out"), p.add_argument("work"), p.add_argument("texts", nargs="+")
    p.add_argument("--context", type=int, default=512)
    p.add_argument("--recent", type=int, default=0)
    p.add_argument("--step", type=float, default=1.0)
    p.add_argument("--depth", type=int, default=2)
    p.add_argument("--sinks", type=int, default=1)
    p.add_argument("--name", default="")
    o = p.parse_args()
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    model = Model(o.model)
    os.makedirs(o.work, exist_ok=True)
    began = time.time()
    for text in o.texts:
        name, first, count = text.rsplit(":", 2)
        ids = model.windows(name, o.context, int(first), int(count))
        with torch.no_grad():
            want = base(model, ids, o.work)
            cache = Cache(o.out, model.layers, o.depth, o.sinks, o.step) if o.out != "-" else None
            kl, top, gain = [], [], []
            for w in range(len(ids)) if cache else []:
                lp = model.log_probs(model.hidden(ids[w:w + 1], cache, o.recent)[0, :-1])
                b = torch.from_numpy(want[w])
                kl.append((b.exp() * (b - lp)).sum(-1).mean().item())
                top.append((b.argmax(-1) == lp.argmax(-1)).float().mean().item())
                gain.append((b - lp).gather(1, ids[w, 1:, None]).mean().item())
        if not cache:
            continue
        r = {"name": o.name or o.out, "text": os.path.basename(name), "windows": len(ids), "context": o.context,
             "recent": o.recent, "step": o.step, "bits": cache.bits / cache.elements, "kl": float(np.mean(kl)),
             "dppl": 100 * (math.exp(np.mean(gain)) - 1), "top1": 100 * float(np.mean(top)),
             "layers": [round(b / (cache.elements / model.layers), 2) for b in cache.layer_bits]}
        print(json.dumps(r), f"{time.time() - began:.0f}s", flush=True)


if __name__ == "__main__":
    main()

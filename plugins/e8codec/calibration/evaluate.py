"""Measures a calibration by ideal code lengths, live: attention reads nothing but what is decoded.

    python evaluate.py MODEL.gguf OUT WORK TEXT:FIRST:COUNT... [--context N] [--recent N] [--rates FORM:RATE,...]

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

from forms import BASE
from model import Model
from points import nearest


class Cache:
    """Puts a layer's K and V through a calibration, in the order of the layers."""

    def __init__(self, out, layers, form, rate):
        self.rows = [torch.load(f"{out}/layers/{i}.pt", weights_only=False) for i in range(layers)]
        learned = torch.load(f"{out}/tables.pt", weights_only=False)
        self.tables, self.depth, self.sinks = learned["tables"], learned["depth"], learned["sinks"]
        self.form, self.rate = form, rate
        self.bits, self.elements, self.layer_bits = 0.0, 0, [0.0] * layers
        self.kept = None  # a list to keep what came in

    def __call__(self, layer, k, v):
        if layer == 0:
            self.before = []
        row, (rows, tokens, n) = self.rows[layer], k.shape
        flat = k.reshape(-1, n), v.reshape(-1, n)
        both = torch.cat(flat, 1)
        if self.kept is not None:
            self.kept.append(both)
        decoded, result = [], []
        for part in (0, 1):
            x, chooser, form, inputs = flat[part], row["chooser"][part], row["alone"][part], None
            if self.form == "page" and row["within"][part]:
                form = row["within"][part]
                inputs = torch.cat([b for pair in self.before[-self.depth:] for b in pair] + decoded, 1)
            c = chooser.of(both)
            codes = nearest(form.coordinates(x, inputs, chooser, c, self.rate))
            bits = form.length(codes, c, self.rate, self.tables) - torch.log2(chooser.share)[c]
            y = form.decoded(form.values(codes, c, self.rate, self.tables), inputs, chooser, c, self.rate)
            bits = bits.view(rows, tokens)[:, self.sinks:].sum().item() + 16 * n * self.sinks * rows
            self.bits += bits
            self.layer_bits[layer] += bits
            y = torch.cat([x.view(k.shape)[:, :self.sinks], y.view(k.shape)[:, self.sinks:]], 1).view(-1, n)
            decoded.append(row["units"][part].of(y))
            result.append(y.view(k.shape))
        self.elements += both.numel()
        self.before = self.before[-self.depth:] + [decoded]
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


def measure(model, ids, want, cache, recent):
    kl, top, gain = [], [], []
    for w in range(len(ids)):
        lp = model.log_probs(model.hidden(ids[w:w + 1], cache, recent)[0, :-1])
        b = torch.from_numpy(want[w])
        kl.append((b.exp() * (b - lp)).sum(-1).mean().item())
        top.append((b.argmax(-1) == lp.argmax(-1)).float().mean().item())
        gain.append((b - lp).gather(1, ids[w, 1:, None]).mean().item())
    return {
        "bits": cache.bits / cache.elements, "kl": float(np.mean(kl)), "dppl": 100 * (math.exp(np.mean(gain)) - 1),
        "top1": 100 * float(np.mean(top)), "layers": [round(b / (cache.elements / model.layers), 2) for b in cache.layer_bits]}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model"), p.add_argument("out"), p.add_argument("work"), p.add_argument("texts", nargs="+")
    p.add_argument("--context", type=int, default=512)
    p.add_argument("--recent", type=int, default=0)
    p.add_argument("--rates", default=f"page:{BASE}", help="FORM:RATE,..., form page or alone")
    o = p.parse_args()
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    torch.set_grad_enabled(False)
    model = Model(o.model)
    os.makedirs(o.work, exist_ok=True)
    texts = []
    for text in o.texts:
        name, first, count = text.rsplit(":", 2)
        ids = model.windows(name, o.context, int(first), int(count))
        texts.append((os.path.basename(name), ids, base(model, ids, o.work)))
    for rate in o.rates.split(",") if o.rates else []:
        form, index = rate.split(":")
        for name, ids, want in texts:
            began = time.time()
            r = measure(model, ids, want, Cache(o.out, model.layers, form, int(index)), o.recent)
            say = {"out": o.out, "text": name, "windows": len(ids), "context": o.context, "recent": o.recent, "form": form, "rate": int(index)}
            print(json.dumps(say | r | {"seconds": round(time.time() - began)}), flush=True)


if __name__ == "__main__":
    main()

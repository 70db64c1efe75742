"""Measures a calibration by ideal code lengths, live: attention reads nothing but what is decoded.

    python evaluate.py MODEL.gguf OUT WORK WINDOWS.json... [--recent N] [--rates FORM:RATE,...]

WORK keeps what the model gives without a codec from one run to the next.
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
from model import Model, read_windows
from points import nearest

ROWS = 128  # of the distributions that are held at once


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


def exact(model, ids, work):
    """The last layer's output with K and V as they are, [windows, tokens-1, embedding]. It is kept in work."""
    key = hashlib.sha256(model.path.encode() + ids.numpy().tobytes()).hexdigest()[:16]
    path = f"{work}/exact-{key}.npy"
    if os.path.exists(path):
        return torch.from_numpy(np.load(path))
    h = torch.cat([model.hidden(w[None])[:, :-1] for w in ids])
    np.save(path + ".new.npy", h.numpy())
    os.replace(path + ".new.npy", path)
    return h


def compare(model, ids, want, got):
    """Sums over a window's tokens [tokens] of the divergence, of likeliest tokens that agree and of log-probability
    lost, from the outputs [tokens-1, embedding] that were wanted and got."""
    sums = torch.zeros(3, dtype=torch.float64)
    for a, b, next in zip(want.split(ROWS), got.split(ROWS), ids[1:].split(ROWS)):
        p, q = model.log_probs(a), model.log_probs(b)
        sums += torch.stack([(p.exp() * (p - q)).sum(), (p.argmax(-1) == q.argmax(-1)).sum(), (p - q).gather(1, next[:, None]).sum()])
    return sums


def measure(model, ids, want, cache, recent=0):
    sums = sum(compare(model, w, of, model.hidden(w[None], cache, recent)[0, :-1]) for w, of in zip(ids, want))
    kl, top, lost = (sums / want[..., 0].numel()).tolist()
    return {
        "bits": cache.bits / cache.elements, "kl": kl, "dppl": 100 * (math.exp(lost) - 1), "top1": 100 * top,
        "layers": [round(b / (cache.elements / model.layers), 2) for b in cache.layer_bits]}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model"), p.add_argument("out"), p.add_argument("work"), p.add_argument("windows", nargs="+")
    p.add_argument("--recent", type=int, default=0)
    p.add_argument("--rates", default=f"page:{BASE}", help="FORM:RATE,..., form page or alone")
    o = p.parse_args()
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    torch.set_grad_enabled(False)
    model = Model(o.model)
    os.makedirs(o.work, exist_ok=True)
    for name in o.windows:
        ids = read_windows(name)
        want = exact(model, ids, o.work)
        for rate in o.rates.split(","):
            form, index = rate.split(":")
            began = time.time()
            r = measure(model, ids, want, Cache(o.out, model.layers, form, int(index)), o.recent)
            say = {"out": o.out, "text": os.path.basename(name), "windows": len(ids), "context": ids.shape[1], "recent": o.recent, "form": form, "rate": int(index)}
            print(json.dumps(say | r | {"seconds": round(time.time() - began)}), flush=True)


if __name__ == "__main__":
    main()

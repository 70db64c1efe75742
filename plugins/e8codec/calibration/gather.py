"""Gathers what a calibration is learned from: K before RoPE, V and the sensitivity to both.

    python gather.py MODEL.gguf CAL WINDOWS.json

CAL/x.npy and CAL/g.npy are [layers, tokens, 2 * kv_heads * head_dim] in float32, K before V: the vectors,
and the gradient of the log-probability of tokens drawn from the model's own predictions. The mean of
g gᵀ is Fisher's information: an error e costs a divergence of about ½ eᵀ(g gᵀ)e.
"""

import os
import sys

import numpy as np
import torch

from model import Model, read_windows

ROWS = 64  # of the distributions that are held at once


def draw(model, h):
    """The gradient, with respect to h [tokens, embedding], of the log-probability of a token that is drawn for each."""
    out = []
    for rows in h.split(ROWS):
        p = model.log_probs(rows).exp_()
        drawn = torch.multinomial(p, 1)[:, 0]
        out.append(model.head[drawn] - p @ model.head)
    return torch.cat(out)


def gather(model, ids, cal, tell):
    """Writes CAL for ids [windows, tokens]. A run that was cut off goes on where it was. tell(done, all) hears of it."""
    windows, length = ids.shape
    os.makedirs(cal, exist_ok=True)
    done = os.path.join(cal, "done")
    shape = (model.layers, ids.numel(), 2 * model.width)
    start = int(open(done).read()) if os.path.exists(done) else 0
    mode = "r+" if start else "w+"
    x, g = (np.lib.format.open_memmap(f"{cal}/{n}.npy", mode, np.float32, shape) for n in "xg")
    np.save(f"{cal}/ids.npy", ids.numpy())
    for w in range(start, windows):
        tell(w, windows)
        torch.manual_seed(w)
        kept = {}

        def cache(layer, k, v):
            if layer == 0:
                k, v = k.detach().requires_grad_(), v.detach().requires_grad_()
            else:
                k.retain_grad(), v.retain_grad()
            kept[layer] = k, v
            return k, v

        with torch.enable_grad():
            h = model.hidden(ids[w:w + 1], cache)[0, :-1]
        h.backward(draw(model, h.detach()))
        rows = slice(w * length, (w + 1) * length)
        for layer, kv in kept.items():
            x[layer, rows] = torch.cat(kv, 2)[0].detach().numpy()
            g[layer, rows] = torch.cat([t.grad for t in kv], 2)[0].numpy()
        with open(done, "w") as f:
            f.write(str(w + 1))
    tell(windows, windows)


def main(path, cal, windows):
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    torch.set_grad_enabled(False)
    gather(Model(path), read_windows(windows), cal,
           lambda n, all: print(f"\rwindow {n} of {all}", end="", flush=True, file=sys.stderr))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Gathers what a calibration is learned from: K before RoPE, V and the sensitivity to both.

    python gather.py MODEL.gguf OUT TEXT[:WINDOWS]...

OUT/x.npy and OUT/g.npy are [layers, tokens, 2 * kv_heads * head_dim] in float32, K before V: the vectors,
and the gradient of the log-probability of tokens drawn from the model's own predictions. The mean of
g gᵀ is Fisher's information: an error e costs a divergence of about ½ eᵀ(g gᵀ)e.
"""

import os
import sys

import numpy as np
import torch

from model import Model

WINDOW = 512


def main(path, out, texts):
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    model = Model(path)
    parts = []
    for text in texts:
        name, _, count = text.partition(":")
        parts.append(model.windows(name, WINDOW, 0, int(count or 1 << 30)))
    ids = torch.cat(parts)
    os.makedirs(out, exist_ok=True)
    done = os.path.join(out, "done")
    shape = (model.layers, ids.numel(), 2 * model.width)
    start = int(open(done).read()) if os.path.exists(done) else 0
    mode = "r+" if start else "w+"
    x, g = (np.lib.format.open_memmap(f"{out}/{n}.npy", mode, np.float32, shape) for n in "xg")
    np.save(f"{out}/ids.npy", ids.numpy())
    for w in range(start, len(ids)):
        kept = {}

        def cache(layer, k, v):
            if layer == 0:
                k, v = k.detach().requires_grad_(), v.detach().requires_grad_()
            else:
                k.retain_grad(), v.retain_grad()
            kept[layer] = k, v
            return k, v

        lp = model.log_probs(model.hidden(ids[w:w + 1], cache)[0, :-1])
        with torch.no_grad():
            drawn = torch.multinomial(lp.exp(), 1)
        lp.gather(1, drawn).sum().backward()
        rows = slice(w * WINDOW, (w + 1) * WINDOW)
        for layer, kv in kept.items():
            x[layer, rows] = torch.cat(kv, 2)[0].detach().numpy()
            g[layer, rows] = torch.cat([t.grad for t in kv], 2)[0].numpy()
        with open(done, "w") as f:
            f.write(str(w + 1))
        print(f"\rwindow {w + 1} of {len(ids)}", end="", flush=True, file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

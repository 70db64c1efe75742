"""Writes what the Go tests compare with: a calibration of drawn numbers, vectors and what torch makes of them.

    python golden.py ../calibrated/testdata
"""

import argparse
import gzip
import json
import sys

import numpy as np
import torch

from export import file_bytes
from fit import RATES, learn_layer, total_of
from forms import BASE
from points import Counts, Tables, nearest

LAYERS, DIM, TOKENS, PAGE = 3, 64, 6000, 40


def draw(random):
    """Vectors of layers that know of each other, and gradients of unequal size."""
    mix = torch.randn(2 * DIM, 2 * DIM, generator=random) / (2 * DIM) ** 0.5
    x = [torch.randn(TOKENS, 2 * DIM, generator=random) @ mix]
    for _ in range(1, LAYERS):
        x.append(0.8 * x[-1] @ mix + 0.4 * torch.randn(TOKENS, 2 * DIM, generator=random))
    size = torch.exp(0.7 * torch.randn(TOKENS, 1, generator=random) + x[0][:, :1])
    return x, [size * torch.randn(TOKENS, 2 * DIM, generator=random) for _ in x]


def main(to):
    random = torch.Generator().manual_seed(3)
    x, g = draw(random)
    o = argparse.Namespace(step=0.5, depth=2, classes=3, dim=DIM)
    counts = {form: [Counts() for _ in RATES] for form in ("alone", "page")}
    before, rows, every = [[] for _ in RATES], [], torch.arange(TOKENS)
    for layer in range(LAYERS):
        row, decoded = learn_layer(x[layer], g[layer], layer, before, torch.ones(TOKENS, dtype=torch.bool), every, counts, o)
        before = [(b + [d])[-o.depth:] for b, d in zip(before, decoded)]
        rows.append(row)
    learned = {"tables": Tables(total_of(counts)), "counts": counts, "depth": o.depth}
    file, rates = file_bytes("golden", 1, DIM, None, rows, learned)
    page = [t[:PAGE] for t in x]
    told = {"q": round(10 * rates[BASE][1])}
    for form in ("alone", "page"):
        out, bits, before = [], 0.0, []
        for row, both in zip(rows, page):
            decoded = []
            for part in (0, 1):
                f, inputs = row["alone"][part], None
                if form == "page" and row["within"][part]:
                    f, inputs = row["within"][part], torch.cat([b for pair in before[-o.depth:] for b in pair] + decoded, 1)
                chooser = row["chooser"][part]
                c = chooser.of(both)
                codes = nearest(f.coordinates(both[:, part * DIM:(part + 1) * DIM], inputs, chooser, c, BASE))
                y = f.decoded(f.values(codes, c, BASE, learned["tables"]), inputs, chooser, c, BASE)
                bits += (f.length(codes, c, BASE, learned["tables"]) - torch.log2(chooser.share)[c]).sum().item()
                decoded.append(row["units"][part].of(y))
                out.append(y)
            before.append(decoded)
        save(f"{to}/golden-{form}.f32.gz", torch.cat(out).numpy().astype("<f4").tobytes())
        told[form] = round(bits)
    save(f"{to}/golden-in.f32.gz", torch.cat([t for both in page for t in both.split(DIM, 1)]).numpy().astype("<f4").tobytes())
    save(f"{to}/golden.e8k.gz", file)
    with open(f"{to}/golden.json", "w", encoding="utf-8") as f:
        f.write(json.dumps(told) + "\n")


def save(path, data):
    with open(path, "wb") as f:
        f.write(gzip.compress(data, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])

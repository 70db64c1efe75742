"""Learns a calibration from what gather.py found.

    python fit.py CAL OUT [--step S] [--depth D] [--seconds N] ...

Layers are learned in order, each from what the decoder will have of those before it. OUT/layers/*.pt holds
what is known so far; a run that is cut off by --seconds goes on where it was. docs/calibrated.md explains
every step.
"""

import argparse
import os
import time

import numpy as np
import torch

from forms import BASE, CLASSES, RATES, Chooser, Form, Units, of_heads, roots
from points import Counts, Tables

WINDOW = 512
SETTLED = 4  # tokens at a window's start whose sensitivity is out of all proportion
LATE = 500  # tokens from here on have too few after them to show how much they matter


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("cal"), p.add_argument("out")
    p.add_argument("--step", type=float, default=3.9e-3)
    p.add_argument("--depth", type=int, default=2, help="layers before its own that a layer is predicted from")
    p.add_argument("--sinks", type=int, default=1)
    p.add_argument("--classes", type=int, default=len(CLASSES) + 1)
    p.add_argument("--every", type=int, default=3, help="rates but one are measured on every so manieth window")
    p.add_argument("--windows", default="", help="FIRST:END, those to learn from")
    p.add_argument("--seconds", type=float, default=1e9)
    return p.parse_args()


def learn_layer(x, g, layer, before, ok, thin, counts, o):
    """before[rate] holds what was decoded of the layers before, [K, V] each, as whole numbers. Gives what was
    learned and what was decoded of this one."""
    n = x.shape[1] // 2
    row, decoded = {"chooser": [], "alone": [], "within": [], "units": []}, [[] for _ in RATES]
    for part in (0, 1):
        xp, gp = x[:, part * n:part * n + n], g[:, part * n:part * n + n]
        s = ((gp.double() @ roots(of_heads(gp[ok].double()))[1]) ** 2).mean(1).float()
        chooser = Chooser(x, s, o.classes, ok)
        c = chooser.of(x)
        alone = Form(xp, gp, None, chooser, c, ok, o.step)
        form, inputs = alone, [None] * len(RATES)
        if o.depth and layer > 0:
            inputs = [torch.cat([b for pair in before[r][-o.depth:] for b in pair] + decoded[r], 1) for r in range(len(RATES))]
            form = Form(xp, gp, inputs[BASE], chooser, c, ok, o.step)
        for rate in [BASE] + [r for r in range(len(RATES)) if r != BASE]:
            i = slice(None) if rate == BASE else thin
            xi, ci = xp[i], c[i]
            if form is not alone:
                alone.measure(alone.coordinates(xi, None, chooser, ci, rate), ci, rate, [counts["alone"][rate]])
            counted = [counts["page"][rate]] + ([counts["alone"][rate]] if form is alone else [])
            v = form.measure(form.coordinates(xi, inputs[rate], chooser, ci, rate), ci, rate, counted)
            y = form.decoded(v, inputs[rate], chooser, ci, rate)
            if rate == BASE:
                units = Units(y)
            decoded[rate].append(units.of(y))
        for name, what in (("chooser", chooser), ("alone", alone), ("within", None if form is alone else form), ("units", units)):
            row[name].append(what)
    return row, decoded


def total_of(counts):
    total = Counts()
    for form in counts.values():
        for c in form:
            total.n += c.n
            total.sum += c.sum
    return total


def used(tokens, o):
    keep = np.arange(tokens) % WINDOW >= o.sinks
    if o.windows:
        lo, hi = map(int, o.windows.split(":"))
        w = np.arange(tokens) // WINDOW
        keep &= (w >= lo) & (w < hi)
    return np.where(keep)[0]


def main():
    o = parse()
    end = time.time() + o.seconds
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    x, g = (np.load(f"{o.cal}/{n}.npy", mmap_mode="r") for n in "xg")
    os.makedirs(f"{o.out}/layers", exist_ok=True)
    layers, tokens, _ = x.shape
    use = used(tokens, o)
    at = torch.from_numpy(use % WINDOW)
    ok = (at < LATE) & (at >= SETTLED)
    thin = torch.from_numpy(np.where(use // WINDOW % o.every == 0)[0])
    state = f"{o.out}/state.pt"
    if os.path.exists(state):
        first, before, counts = torch.load(state, weights_only=False)
    else:
        first, before = 0, [[] for _ in RATES]
        counts = {form: [Counts() for _ in RATES] for form in ("alone", "page")}
    for layer in range(first, layers):
        xl, gl = (torch.from_numpy(np.array(a[layer][use])) for a in (x, g))
        row, decoded = learn_layer(xl, gl, layer, before, ok, thin, counts, o)
        before = [(b + [d])[-max(o.depth, 1):] for b, d in zip(before, decoded)]
        torch.save(row, f"{o.out}/layers/{layer}.pt")
        print(layer, end=" ", flush=True)
        if time.time() > end or layer == layers - 1:
            torch.save((layer + 1, before, counts), state)
            if layer < layers - 1:
                return
    learned = {"tables": Tables(total_of(counts)), "counts": counts, "depth": o.depth, "sinks": o.sinks}
    torch.save(learned, f"{o.out}/tables.pt")


if __name__ == "__main__":
    main()

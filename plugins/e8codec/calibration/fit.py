"""Learns a calibration from what gather.py found.

    python fit.py CAL OUT --dim HEAD_DIM [--step S] [--depth D] [--seconds N] ...

Layers are learned in order, each from what the decoder will have of those before it. OUT/layers/*.pt holds
what is known so far; a run that is cut off goes on where it was. docs/calibrated.md explains every step.
"""

import argparse
import math
import os
import time

import numpy as np
import torch

from forms import BASE, CLASSES, RATES, Chooser, Form, Units, of_heads, roots
from points import Counts, Tables

SETTLED = 4  # tokens at a window's start whose sensitivity is out of all proportion
LATE = 12  # tokens at its end have too few after them to show how much they matter
MOMENT = 929 / 12960  # of E8's cell, in squares of a step for a coordinate
WANTED = 0.0063  # the divergence, in nats, that a step of 1 is to cost where no coordinate is narrower than it
SAVE = 20  # seconds of work that may be lost


def options(**said):
    """What learn takes, all of it said or by default. step 0 is that of WANTED."""
    o = dict(dim=0, step=0.0, depth=2, sinks=1, classes=len(CLASSES) + 1, every=3, windows="", seconds=1e9)
    return argparse.Namespace(**o | said)


def parse():
    d, p = options(), argparse.ArgumentParser()
    p.add_argument("cal"), p.add_argument("out")
    p.add_argument("--dim", type=int, default=64, help="channels of a head")
    p.add_argument("--step", type=float, default=d.step)
    p.add_argument("--depth", type=int, default=d.depth, help="layers before its own that a layer is predicted from")
    p.add_argument("--sinks", type=int, default=d.sinks)
    p.add_argument("--classes", type=int, default=d.classes)
    p.add_argument("--every", type=int, default=d.every, help="rates but one are measured on every so manieth window")
    p.add_argument("--windows", default=d.windows, help="FIRST:END, those to learn from")
    p.add_argument("--seconds", type=float, default=d.seconds, help="stop after so long")
    return p.parse_args()


def learn_layer(x, g, layer, before, ok, thin, counts, o):
    """before[rate] holds what was decoded of the layers before, [K, V] each, as whole numbers. Gives what was
    learned and what was decoded of this one."""
    n = x.shape[1] // 2
    row, decoded = {"chooser": [], "alone": [], "within": [], "units": []}, [[] for _ in RATES]
    for part in (0, 1):
        xp, gp = x[:, part * n:part * n + n], g[:, part * n:part * n + n]
        s = ((gp.double() @ roots(of_heads(gp[ok].double(), o.dim))[1]) ** 2).mean(1).float()
        chooser = Chooser(x, s, o.classes, ok)
        c = chooser.of(x)
        alone = Form(xp, gp, None, chooser, c, ok, o.step, o.dim)
        form, inputs = alone, [None] * len(RATES)
        if o.depth and layer > 0:
            inputs = [torch.cat([b for pair in before[r][-o.depth:] for b in pair] + decoded[r], 1) for r in range(len(RATES))]
            form = Form(xp, gp, inputs[BASE], chooser, c, ok, o.step, o.dim)
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


def used(tokens, window, o):
    keep = np.arange(tokens) % window >= o.sinks
    if o.windows:
        lo, hi = map(int, o.windows.split(":"))
        w = np.arange(tokens) // window
        keep &= (w >= lo) & (w < hi)
    return np.where(keep)[0]


def save(what, path):
    torch.save(what, path + ".new")
    os.replace(path + ".new", path)


def learn(cal, out, o, tell):
    """Writes OUT; tell(done, all) hears of each layer. False: o.seconds were over before it was whole."""
    began = saved = time.time()
    x, g = (np.load(f"{cal}/{n}.npy", mmap_mode="r") for n in "xg")
    window = np.load(f"{cal}/ids.npy").shape[1]
    os.makedirs(f"{out}/layers", exist_ok=True)
    layers, tokens, n = x.shape
    o.step = o.step or math.sqrt(2 * WANTED / (MOMENT * layers * n))
    use = used(tokens, window, o)
    at = torch.from_numpy(use % window)
    ok = (at < window - LATE) & (at >= SETTLED)
    thin = torch.from_numpy(np.where(use // window % o.every == 0)[0])
    state = f"{out}/state.pt"
    if os.path.exists(state):
        first, before, counts = torch.load(state, weights_only=False)
    else:
        first, before = 0, [[] for _ in RATES]
        counts = {form: [Counts() for _ in RATES] for form in ("alone", "page")}
    for layer in range(first, layers):
        tell(layer, layers)
        xl, gl = (torch.from_numpy(np.array(a[layer][use])) for a in (x, g))
        row, decoded = learn_layer(xl, gl, layer, before, ok, thin, counts, o)
        before = [(b + [d])[-max(o.depth, 1):] for b, d in zip(before, decoded)]
        save(row, f"{out}/layers/{layer}.pt")
        over = time.time() > began + o.seconds and layer < layers - 1
        if over or layer == layers - 1 or time.time() > saved + SAVE:
            save((layer + 1, before, counts), state)
            saved = time.time()
        if over:
            return False
    tell(layers, layers)
    learned = {"tables": Tables(total_of(counts)), "counts": counts, "depth": o.depth, "sinks": o.sinks}
    save(learned, f"{out}/tables.pt")
    return True


def main():
    o = parse()
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    learn(o.cal, o.out, o, lambda n, all: print(n, end=" ", flush=True))


if __name__ == "__main__":
    main()

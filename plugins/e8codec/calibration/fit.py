"""Learns a calibration from what gather.py found.

    python fit.py CAL OUT [--step S] [--depth D] [--seconds N] ...

Layers are learned in order, each from what the decoder will have of those before it. OUT/layers/*.pt holds
what is known so far; a run that is cut off goes on where it was. docs/calibrated.md explains every step.
"""

import argparse
import os
import time

import numpy as np
import torch

from points import Counts, Tables, bin_of, nearest

WINDOW = 512
SETTLED = 4  # tokens at a window's start whose sensitivity is out of all proportion
LATE = 500  # tokens from here on have too few after them to show how much they matter
RIDGE = 3e-3
UNIT = 128  # a channel's deviation in a regressor's units
MOST = 2047  # the largest regressor
CLASSES = (0.25, 0.5, 0.75, 0.9)  # shares of tokens below each class's end


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("cal"), p.add_argument("out")
    p.add_argument("--step", type=float, default=3.9e-3)
    p.add_argument("--depth", type=int, default=2, help="layers before its own that a layer is predicted from")
    p.add_argument("--given", type=int, default=0, help="the first layers are known to the decoder")
    p.add_argument("--sinks", type=int, default=1)
    p.add_argument("--classes", type=int, default=len(CLASSES) + 1)
    p.add_argument("--windows", type=str, default="")
    p.add_argument("--seconds", type=float, default=1e9)
    p.add_argument("--float", action="store_true", help="weights are not rounded")
    return p.parse_args()


def roots(f, eps=1e-3):
    """f^½ and f^-½ of a symmetric matrix, a little of the identity added."""
    f = f + eps * f.diagonal().mean() * torch.eye(len(f), dtype=f.dtype)
    w, u = torch.linalg.eigh(f)
    w = w.clamp_min(w.max() * 1e-9)
    return (u * w.sqrt()) @ u.T, (u / w.sqrt()) @ u.T


def of_heads(g, dim=64):
    """mean(g gᵀ), one block a head."""
    return torch.block_diag(*[h.T @ h / len(h) for h in g.split(dim, 1)])


class Regressors:
    """How a decoded tensor's channels become the whole numbers that predictors take."""

    def __init__(self, y):
        self.mean, self.scale = y.mean(0), (y.std(0) + 1e-6) / UNIT

    def of(self, y):
        return torch.round((y - self.mean) / self.scale).clamp(-MOST, MOST)


def features(x, mean, dev):
    f = ((x - mean) / dev).clamp(-4, 4)
    return torch.cat([f, f.abs(), torch.ones(len(f), 1)], 1)


class Classes:
    """Which class a token of a layer's K or V has, by how much it is thought to matter."""

    def __init__(self, x, s, n, ok):
        self.n = n
        if n == 1:
            self.step = torch.ones(1)
            return
        self.mean, self.dev = x.mean(0), x.std(0) + 1e-6
        f, y = features(x, self.mean, self.dev), torch.log(s + 1e-2)
        ft = f[ok]
        self.w = torch.linalg.solve(ft.T @ ft + 300 * torch.eye(ft.shape[1]), ft.T @ (y[ok] - y[ok].mean()))
        p = f @ self.w
        self.ends = torch.quantile(p[:: max(1, len(p) // 100000)], torch.tensor(CLASSES[: n - 1]))
        c = torch.bucketize(p, self.ends)
        self.step = torch.stack([s[(c == k) & ok].mean() for k in range(n)]) ** -0.5
        # as many bits for a class as it is rare
        share = (torch.bincount(c, minlength=n).double() + 1) / (len(c) + n)
        self.bits = -torch.log2(share).float()

    def of(self, x):
        if self.n == 1:
            return torch.zeros(len(x), dtype=torch.long)
        return torch.bucketize(features(x, self.mean, self.dev) @ self.w, self.ends)


def solve(a, y, rounded):
    """Weights [inputs, outputs] and the scale of each output: y is about (a @ weights) * scale."""
    n = len(a)
    unit = a / UNIT
    w = torch.linalg.solve(unit.T @ unit / n + RIDGE * torch.eye(a.shape[1]), unit.T @ y / n) / UNIT
    if not rounded:
        return w, torch.ones(y.shape[1])
    scale = w.abs().amax(0).clamp_min(1e-30) / 127
    return torch.round(w / scale), scale


def rows_as_int8(m, rounded):
    """m as whole numbers and a scale for each row."""
    scale = m.abs().amax(1) / 127 if rounded else torch.ones(len(m), dtype=m.dtype)
    scale = scale.float().double()
    m = m / scale[:, None]
    return (torch.round(m) if rounded else m), scale


class Part:
    """All that is learned of a layer's K or V."""

    def __init__(self, x, both, g, inputs, late, o):
        """x [rows, n] is what was seen, both [rows, 2n] the layer's K and V, g [rows, n] the sensitivity."""
        ok = ~late
        self.predicts = inputs is not None
        pred = torch.zeros_like(x)
        if self.predicts:
            self.w, self.scale = solve(inputs, x - x.mean(0), not o.float)
            pred = (inputs @ self.w) * self.scale
        self.mean = (x - pred).mean(0)
        r = (x - pred - self.mean).double()
        cov = (r.T @ r) / len(r)
        f = of_heads(g[ok].double())
        s = ((g.double() @ roots(f)[1]) ** 2).mean(1).float()
        self.classes = Classes(both, s, o.classes, ok)
        c = self.classes.of(both)
        f = of_heads((g * self.classes.step[c][:, None])[ok].double())
        root, back = roots(f)
        w, u = torch.linalg.eigh(root @ cov @ root)
        u = u.flip(1)
        self.back, self.back_scale = rows_as_int8(o.step * u.T @ back, not o.float)
        self.forth = torch.linalg.inv(self.back * self.back_scale[:, None]).float()
        self.back, self.back_scale = self.back.float(), self.back_scale.float()
        z = r.float() @ self.forth / self.classes.step[c][:, None]
        self.bins = torch.stack([self.spread(z[c == k]) for k in range(o.classes)])
        self.seen(z, c)

    @staticmethod
    def spread(z):
        return bin_of((z.view(len(z), -1, 8) ** 2).mean((0, 2)).sqrt())

    def seen(self, z, c):
        self.counts = Counts()
        for k in range(self.classes.n):
            zk = z[c == k]
            self.counts.add(self.bins[k], nearest(zk), zk)

    def predicted(self, inputs):
        return (inputs @ self.w) * self.scale + self.mean if self.predicts else self.mean

    def code(self, x, both, inputs, tables, step=1.0):
        """What is decoded of x, and the ideal bits of each row. step makes all steps so much wider."""
        pred = self.predicted(inputs)
        c = self.classes.of(both)
        m = (self.classes.step[c] * step)[:, None]
        z = (x - pred) @ self.forth / m
        codes = nearest(z)
        bits, values = torch.zeros(len(x)), torch.zeros_like(z)
        for k in range(self.classes.n):
            i = torch.nonzero(c == k)[:, 0]
            if len(i):
                bits[i] = tables.length(self.bins[k], codes[i])
                values[i] = tables.values(self.bins[k], codes[i])
        if self.classes.n > 1:
            bits += self.classes.bits[c]
        self.last = codes, c
        return pred + (values * m * self.back_scale) @ self.back, bits


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
    layers, tokens, width = x.shape
    n, use = width // 2, used(tokens, o)
    at = torch.from_numpy(use % WINDOW)
    late = (at >= LATE) | (at < SETTLED)
    state = f"{o.out}/state.pt"
    first, before = torch.load(state, weights_only=False) if os.path.exists(state) else (0, [])
    for layer in range(first, layers):
        both = torch.from_numpy(np.array(x[layer][use]))
        if layer < o.given:
            reg = [Regressors(both[:, :n]), Regressors(both[:, n:])]
            row = {"parts": None, "regressors": reg}
            decoded = [reg[0].of(both[:, :n]), reg[1].of(both[:, n:])]
        else:
            row, decoded, own = {"parts": [], "regressors": []}, [], []
            for part in (0, 1):
                gp = torch.from_numpy(np.array(g[layer][use, part * n:part * n + n]))
                xp = both[:, part * n:part * n + n]
                inputs = [b for pair in before[-o.depth:] for b in pair] if o.depth else []
                if o.depth:
                    inputs = inputs + own
                inputs = torch.cat(inputs, 1) if inputs else None
                p = Part(xp, both, gp, inputs, late, o)
                y, _ = p.code(xp, both, inputs, Tables(p.counts))
                reg = Regressors(y)
                own = [reg.of(y)]
                decoded.append(own[0])
                row["parts"].append(p), row["regressors"].append(reg)
                p.last = None
        before = (before + [decoded])[-max(o.depth, 1):]
        torch.save(row, f"{o.out}/layers/{layer}.pt")
        torch.save((layer + 1, before), state)
        print(layer, end=" ", flush=True)
        if time.time() > end:
            return
    counts = Counts()
    for layer in range(o.given, layers):
        for p in torch.load(f"{o.out}/layers/{layer}.pt", weights_only=False)["parts"]:
            counts.n += p.counts.n
            counts.sum += p.counts.sum
    torch.save(Tables(counts), f"{o.out}/tables.pt")
    os.remove(state)


if __name__ == "__main__":
    main()

"""What is learned of a layer's K or V."""

import torch

from points import Counts, Tables, bin_of, nearest

RIDGE = 3e-3
UNIT = 128  # a channel's deviation in the units of whole numbers
MOST = 2047  # the largest of them
CLASSES = (0.25, 0.5, 0.75, 0.9)  # shares of tokens below each class's end
RATES = (2.0, 1.4, 1.0, 0.7, 0.5, 0.35, 0.25, 0.175)  # what the step is multiplied with
BASE = RATES.index(1.0)  # the rate that predictors and transforms are learned at


def roots(f, eps=1e-3):
    """f^½ and f^-½ of a symmetric matrix, a little of the identity added."""
    f = f + eps * f.diagonal().mean() * torch.eye(len(f), dtype=f.dtype)
    w, u = torch.linalg.eigh(f)
    w = w.clamp_min(w.max() * 1e-9)
    return (u * w.sqrt()) @ u.T, (u / w.sqrt()) @ u.T


def of_heads(g, dim):
    """mean(g gᵀ), one block a head of dim channels."""
    return torch.block_diag(*[h.T @ h / len(h) for h in g.split(dim, 1)])


class Units:
    """How a decoded tensor's channels become the whole numbers that others are predicted from."""

    def __init__(self, y):
        self.mean, self.per_unit = y.mean(0), UNIT / (y.std(0) + 1e-6)

    def of(self, y):
        return torch.round((y - self.mean) * self.per_unit).clamp(-MOST, MOST)


def features(x, mean, per_dev):
    f = ((x - mean) * per_dev).clamp(-4, 4)
    return torch.cat([f, f.abs()], 1)


class Chooser:
    """Which class a token of a layer's K or V has, by how much it is thought to matter, and the classes' steps."""

    def __init__(self, x, s, n, ok):
        self.n, self.mean, self.per_dev = n, x.mean(0), 1 / (x.std(0) + 1e-6)
        if n == 1:
            self.weights, self.bias, self.ends = torch.zeros(2 * x.shape[1]), torch.zeros(()), torch.zeros(0)
            self.step, self.share = torch.ones(1), torch.ones(1)
            return
        f, y = features(x, self.mean, self.per_dev), torch.log(s + 1e-2)
        ft = torch.cat([f[ok], torch.ones(int(ok.sum()), 1)], 1)
        w = torch.linalg.solve(ft.T @ ft + 300 * torch.eye(ft.shape[1]), ft.T @ (y[ok] - y[ok].mean()))
        self.weights, self.bias = w[:-1], w[-1]
        self.ends = torch.quantile(self.score(x), torch.tensor(CLASSES[: n - 1]))
        c = self.of(x)
        self.step = torch.stack([s[(c == k) & ok].mean() for k in range(n)]) ** -0.5
        self.share = ((torch.bincount(c, minlength=n).double() + 1) / (len(c) + n)).float()

    def score(self, x):
        return features(x, self.mean, self.per_dev) @ self.weights + self.bias

    def of(self, x):
        return torch.bucketize(self.score(x), self.ends)


def predictor(a, y):
    """Weights [inputs, outputs], whole numbers up to 127, and a scale for each output: y is about (a @ w) * scale."""
    unit = a / UNIT
    w = torch.linalg.solve(unit.T @ unit / len(a) + RIDGE * torch.eye(a.shape[1]), unit.T @ y / len(a)) / UNIT
    scale = w.abs().amax(0).clamp_min(1e-30) / 127
    return torch.round(w / scale), scale


class Form:
    """How a part is packed: what is expected, the transform, and how wide coordinates are spread."""

    def __init__(self, x, g, inputs, chooser, c, ok, step, dim):
        """x [rows, n] is what was seen and g the sensitivity; inputs [rows, m] what it is predicted from, or None;
        c [rows] the tokens' classes."""
        pred = torch.zeros_like(x)
        self.weights = None
        if inputs is not None:
            self.weights, self.scale = predictor(inputs, x - x.mean(0))
            pred = (inputs @ self.weights) * self.scale
        self.mean = (x - pred).mean(0)
        r = (x - pred - self.mean).double()
        root, back = roots(of_heads((g * chooser.step[c][:, None])[ok].double(), dim))
        _, u = torch.linalg.eigh(root @ (r.T @ r / len(r)) @ root)
        rows = step * u.flip(1).T @ back  # of coordinates, the widest spread first
        self.row_scale = (rows.abs().amax(1) / 127).float()
        self.back = torch.round(rows / self.row_scale.double()[:, None]).float()
        self.forth = torch.linalg.inv(self.back.double() * self.row_scale.double()[:, None]).float()
        self.bins = [None] * len(RATES)

    def expect(self, inputs):
        return self.mean if self.weights is None else (inputs @ self.weights) * self.scale + self.mean

    def coordinates(self, x, inputs, chooser, c, rate):
        return (x - self.expect(inputs)) @ self.forth / (chooser.step[c] * RATES[rate])[:, None]

    def measure(self, z, c, rate, counts):
        """Finds the spreads at a rate, counts the codes there are and gives what they stand for, nearly."""
        own, codes, classes = Counts(), nearest(z), range(int(c.max()) + 1)
        self.bins[rate] = torch.stack([bin_of((z[c == k].view(-1, len(z[0]) // 8, 8) ** 2).mean((0, 2)).sqrt()) for k in classes])
        for k in classes:
            own.add(self.bins[rate][k], codes[c == k], z[c == k])
        for total in counts:
            total.n += own.n
            total.sum += own.sum
        return self.values(codes, c, rate, Tables(own))

    def values(self, codes, c, rate, tables):
        v = torch.zeros_like(codes)
        for k, bins in enumerate(self.bins[rate]):
            v[c == k] = tables.values(bins, codes[c == k])
        return v

    def length(self, codes, c, rate, tables):
        bits = torch.zeros(len(codes))
        for k, bins in enumerate(self.bins[rate]):
            bits[c == k] = tables.length(bins, codes[c == k])
        return bits

    def decoded(self, values, inputs, chooser, c, rate):
        m = (chooser.step[c] * RATES[rate])[:, None]
        return self.expect(inputs) + (values * m * self.row_scale) @ self.back

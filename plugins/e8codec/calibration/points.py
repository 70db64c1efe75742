"""E8 points, and tables of how likely their coordinates are.

A code is twice a coordinate, so that halves are odd. Blocks are eight coordinates wide and share a bin,
which says how wide they are spread: WIDE bins to the octave of their root mean square.
"""

import math

import torch

WIDE = 8  # bins to an octave
LEAST, MOST = -4, 8  # log2 of the narrowest and the widest spread that has a bin of its own
BINS = WIDE * (MOST - LEAST) + 1
TOP = 1 << (MOST + 3)  # the largest magnitude of a code that tables count


def even_point(t):
    """The nearest point of D8 to t [..., 8]."""
    f = torch.round(t)
    r = t - f
    i = r.abs().argmax(-1, keepdim=True)
    odd = f.sum(-1, keepdim=True).remainder(2) != 0
    step = torch.where(r.gather(-1, i) >= 0, 1.0, -1.0)
    return f.scatter_add(-1, i, torch.where(odd, step, torch.zeros_like(step)))


def nearest(z):
    """The codes of the E8 points nearest to z [rows, coordinates]."""
    b = z.view(len(z), -1, 8)
    whole, half = even_point(b), even_point(b - 0.5) + 0.5
    near = ((b - whole) ** 2).sum(-1, keepdim=True) <= ((b - half) ** 2).sum(-1, keepdim=True)
    return torch.round(2 * torch.where(near, whole, half)).view(z.shape)


def bin_of(rms):
    """The bins of root mean squares."""
    k = torch.round(torch.log2(rms.clamp_min(1e-9)) * WIDE).long() - LEAST * WIDE
    return k.clamp(0, BINS - 1)


def shift_of(k):
    """How many low bits of a coordinate of a bin are stored as they are: tables list at most some hundred numbers."""
    return max(0, math.ceil(k / WIDE + LEAST - math.log2(12)))


class Counts:
    """What was seen of each bin: how often a magnitude of a code came, and the sum of the coordinates' own."""

    def __init__(self):
        self.n = torch.zeros(BINS, TOP + 1, dtype=torch.float64)
        self.sum = torch.zeros(BINS, TOP + 1, dtype=torch.float64)

    def add(self, bins, codes, z):
        """bins [blocks], codes and z [rows, coordinates]."""
        at = codes.abs().long().clamp_max(TOP) + bins.repeat_interleave(8) * (TOP + 1)
        size = BINS * (TOP + 1)
        self.n += torch.bincount(at.reshape(-1), minlength=size).view(BINS, -1)
        along = torch.where(codes == 0, torch.zeros_like(z), z * codes.sign()).double()
        self.sum += torch.bincount(at.reshape(-1), along.reshape(-1), minlength=size).view(BINS, -1)


def laplace(rms):
    """How likely magnitudes 0 .. TOP are for a coordinate of that spread, nothing else being known."""
    m = torch.arange(TOP + 1, dtype=torch.float64) / 2
    p = torch.exp(-math.sqrt(2) * m / math.sqrt(rms * rms + 1 / 12))
    p[1:] *= 2
    return p


class Tables:
    """p [bins, TOP+1]: the probability of a code, sign and all, among those of its coset; centre [bins, TOP+1]:
    what a magnitude stands for; half [bins]: the probability of halves."""

    def __init__(self, counts, prior=8.0):
        even = torch.arange(TOP + 1) % 2 == 0
        self.p = torch.zeros(BINS, TOP + 1, dtype=torch.float64)
        self.half = torch.zeros(BINS, dtype=torch.float64)
        m = torch.arange(TOP + 1, dtype=torch.float64) / 2
        for k in range(BINS):
            guess = laplace(2.0 ** (k / WIDE + LEAST))
            for coset in (even, ~even):
                c = counts.n[k] * coset + prior * guess * coset / (guess * coset).sum()
                self.p[k] += c / c.sum()
            odd = counts.n[k, 1::2].sum()
            self.half[k] = (odd + 0.5) / (counts.n[k].sum() + 1)
        self.p[:, 1:] /= 2
        self.centre = (counts.sum + prior * m) / (counts.n + prior)
        self.centre[:, 0] = 0
        self.centre[[k for k in range(BINS) if shift_of(k)]] = m
        self.bits = -torch.log2(self.p.clamp_min(1e-300)).float()
        odd = torch.where(torch.arange(TOP + 1) % 4 >= 2, 2 * self.p, torch.zeros_like(self.p)).sum(1)
        self.rho = 1 - 2 * odd  # of integers; that of halves is zero

    def length(self, bins, codes):
        """Ideal bits [rows] of codes [rows, coordinates]: their coset, then they themselves, where the last's
        parity is known."""
        m = codes.abs().long().clamp_max(TOP)
        wide = bins.repeat_interleave(8)
        b = self.bits.view(-1)[m + wide * (TOP + 1)].sum(1)
        half = codes[:, ::8].long() % 2 != 0
        whole = torch.log2(0.5 * (1 + self.rho[bins] ** 8)) - torch.log2(1 - self.half[bins])
        halves = -1 - torch.log2(self.half[bins])
        return b + torch.where(half, halves, whole).sum(1).float()

    def total(self, counts):
        """Ideal bits of all that was counted."""
        odd = counts.n[:, 1::2].sum(1) / 8
        even = counts.n[:, ::2].sum(1) / 8
        whole = torch.log2(0.5 * (1 + self.rho ** 8)) - torch.log2(1 - self.half)
        return ((counts.n * self.bits).sum() + (odd * (-1 - torch.log2(self.half)) + even * whole).sum()).item()

    def values(self, bins, codes):
        """The coordinates that codes stand for."""
        m = codes.abs().long().clamp_max(TOP)
        c = self.centre.float().view(-1)[m + bins.repeat_interleave(8) * (TOP + 1)]
        return torch.where(codes.abs() > TOP, codes.abs() / 2, c) * codes.sign()

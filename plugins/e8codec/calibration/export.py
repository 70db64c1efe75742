"""Writes what fit.py learned as a calibration's file.

    python export.py MODEL.gguf OUT FILE

The bytes are those of docs/calibrated.md; plugins/e8codec/calibrated reads them.
"""

import os
import struct
import sys

import numpy as np
import torch

from forms import RATES
from model import Model
from points import BINS, TOP, shift_of

VERSION = 1
LARGEST = 126  # weights of a side
HEAD = struct.Struct("<4s4B8H")


def crc32c(data):
    table = []
    for i in range(256):
        c = i
        for _ in range(8):
            c = c >> 1 ^ 0x82F63B78 * (c & 1)
        table.append(c)
    c = 0xFFFFFFFF
    for b in data:
        c = c >> 8 ^ table[(c ^ b) & 0xFF]
    return c ^ 0xFFFFFFFF


def floats(*values):
    return b"".join(np.asarray(v, dtype="<f4").tobytes() for v in values)


def side(weights, centres):
    n = min(len(weights), LARGEST)
    return bytes([n]) + floats(np.stack([weights[:n], centres[:n]], 1))


def bin_bytes(k, tables):
    """A bin: how many low bits are stored as they are, the share of halves, then magnitudes, even and odd."""
    shift = shift_of(k)
    p, centre = tables.p[k].numpy(), tables.centre[k].numpy()
    enough = lambda w: max(2, 1 + int(np.nonzero(w > w.max() * 2 ** -16)[0].max()))
    b = bytes([shift]) + floats(tables.half[k].item())
    if shift:
        both = p[0:TOP:2] + p[1:TOP:2]  # ⌊x⌋ of integers and of halves, which are as likely
        w = both[: len(both) >> shift << shift].reshape(-1, 1 << shift).sum(1)
        return b + bytes([0]) + side(w[:enough(w)], np.zeros(enough(w)))
    for parity in (0, 1):
        w, c = p[parity::2], centre[parity::2]
        b += side(np.maximum(w, w.max() * 2 ** -16)[:enough(w)], c[:enough(w)])
    return b


def form_bytes(form, predicted):
    b = floats(form.mean)
    if predicted:
        b += form.weights.to(torch.int8).numpy().tobytes() + floats(form.scale)
    b += form.back.to(torch.int8).numpy().tobytes() + floats(form.row_scale)
    for of in form.bins:
        b += of.to(torch.uint8).numpy().tobytes()
    return b


def file_bytes(name, heads, dim, rope, rows, learned):
    """A file's bytes, and (step, bits of a page, bits alone) of its rates. rope is (pairs, frequencies, set_of) as
    a Model has them, or None."""
    tables, classes = learned["tables"], rows[0]["chooser"][0].n
    pairs, frequencies, set_of = rope or (0, [], [])
    name = name.encode()
    body = name + b"".join(floats(f) for f in frequencies) + bytes(set_of)
    body += b"".join(bin_bytes(k, tables) for k in range(BINS))
    side_bits = np.mean([-(c.share * torch.log2(c.share)).sum() for r in rows for c in r["chooser"]]) / (heads * dim)
    bits = {form: [tables.total(c) / c.n.sum().item() + side_bits for c in of] for form, of in learned["counts"].items()}
    rates = list(zip(RATES, bits["page"], bits["alone"]))
    for step, page, alone in rates:
        body += floats([step, alone, page])
    for row in rows:
        for part in (0, 1):
            c = row["chooser"][part]
            body += floats(c.mean, c.per_dev, c.weights, [c.bias], c.ends, c.share, c.step)
            body += floats(row["units"][part].mean, row["units"][part].per_unit)
            body += form_bytes(row["alone"][part], False)
            within = row["within"][part]
            body += bytes([1]) + form_bytes(within, True) if within else bytes([0])
    head = HEAD.pack(b"KVC8", VERSION, pairs, learned["depth"], classes, dim, heads, len(rows),
                     len(RATES), BINS, dim if rope else 0, len(frequencies), len(name)) + struct.pack("<I", len(body))
    return head + struct.pack("<I", crc32c(head + body)) + body, rates


def read(out, layers):
    rows = [torch.load(f"{out}/layers/{i}.pt", weights_only=False) for i in range(layers)]
    return rows, torch.load(f"{out}/tables.pt", weights_only=False)


def export(model, out, to):
    """Writes the file whole or not at all. Gives (step, bits of a page, bits alone) of its rates, and its size."""
    rope = model.pairs, model.frequencies, model.set_of
    file, rates = file_bytes(model.name, model.kv_heads, model.head_dim, rope, *read(out, model.layers))
    with open(to + ".new", "wb") as f:
        f.write(file)
    os.replace(to + ".new", to)
    return rates, len(file)


def main(path, out, to):
    rates, size = export(Model(path), out, to)
    for step, page, alone in rates:
        print(f"step {step}: q {round(10 * page)}, {page:.3f} bits an element of a page, {alone:.3f} alone")
    print(f"{to}: {size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])

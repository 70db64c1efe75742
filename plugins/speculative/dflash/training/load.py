"""Reads a drafter, as train.py saves it or from its GGUF."""

import gguf
import numpy as np
import torch

from drafter import Drafter


def load(path, config, device="cpu"):
    """A GGUF has no counts: its vocabulary cannot be cut further."""
    if not str(path).endswith(".gguf"):
        return Drafter.restore(config, torch.load(path, map_location="cpu"), device)
    reader = gguf.GGUFReader(path)
    tensors = {t.name: t for t in reader.tensors}

    def value(key):
        return reader.fields[f"dflash.{key}"].contents()

    def tensor(name):
        t = tensors[name + ".weight"]
        return torch.from_numpy(np.array(gguf.quants.dequantize(t.data, t.tensor_type)))

    vocabulary = torch.from_numpy(np.array(tensors["vocabulary"].data)).long()
    d = Drafter(config, value("taps"), value("layers"), value("block"), vocabulary, torch.ones_like(vocabulary))
    with torch.no_grad():
        for name, p in d.named_parameters():
            p.copy_(tensor(name.replace("layers.", "blk.")).view_as(p))
    return d.to(device)

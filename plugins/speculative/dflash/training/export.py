"""Writes a drafter as GGUF (architecture "dflash"): matrices in Q8_0, the rest in F32.

    export.py --target MODEL.gguf --drafter drafter.pt --out smollm2-135m.gguf

The Go doc of package net says what the file holds.
"""

import argparse
import zlib

import gguf
import numpy as np
import torch

VERSION = 1
PROBES = 16


def export(path, model, architecture, target_layers, embedding, name):
    """Writes model; embedding [tokens, width] is the target's. Returns the weights as they were rounded."""
    w, c = gguf.GGUFWriter(path, "dflash"), model.c
    w.add_name(name)
    for key, value in [("version", VERSION), ("block", model.block), ("layers", len(model.layers)), ("width", c.width), ("hidden", c.hidden),
                       ("heads", c.heads), ("kv_heads", c.kv_heads), ("head_dim", c.head_dim), ("target.layers", target_layers),
                       ("target.vocabulary", c.vocab)]:
        w.add_uint32(f"dflash.{key}", value)
    w.add_float32("dflash.eps", c.eps)
    w.add_float32("dflash.theta", c.theta)
    w.add_string("dflash.target.architecture", architecture)
    w.add_array("dflash.taps", list(map(int, model.taps)))
    probe = [int(t) for t in np.linspace(0, c.vocab - 1, PROBES + 2)[1:-1]]
    w.add_array("dflash.target.probe", probe)
    tensors, rounded = [], {}

    def add(name, value, key=None):
        value = value.detach().float().cpu().numpy()
        if value.ndim == 2 and key:
            data = gguf.quants.quantize(value, gguf.GGMLQuantizationType.Q8_0)
            rounded[key] = torch.from_numpy(gguf.quants.dequantize(data, gguf.GGMLQuantizationType.Q8_0).copy())
            tensors.append((name + ".weight", data, gguf.GGMLQuantizationType.Q8_0))
        else:
            tensors.append((name if not key else name + ".weight", value, None))

    add("fuse", model.fuse, "fuse")
    for key in ("fuse_norm", "mask", "norm"):
        add(key, getattr(model, key), key)
    for i, layer in enumerate(model.layers):
        for key, value in layer.named_parameters():
            add(f"blk.{i}.{key}", value, f"layers.{i}.{key}")
    add("target.probe", embedding[torch.tensor(probe, device=embedding.device)])
    tensors.append(("vocabulary", model.vocabulary.cpu().numpy().astype(np.int32), None))
    checksum = 0
    for name, data, kind in tensors:
        checksum = zlib.crc32(np.ascontiguousarray(data).tobytes(), checksum)
        w.add_tensor(name, np.ascontiguousarray(data), raw_dtype=kind)
    w.add_uint32("dflash.crc32", checksum)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return rounded


def main():
    from load import load
    from target import Target
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--target", required=True)
    p.add_argument("--drafter", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--vocabulary", type=int, default=12288, help="tokens that the drafter may guess")
    p.add_argument("--name", default="DFlash drafter for SmolLM2-135M-Instruct")
    a = p.parse_args()
    target = Target(a.target, "cpu", torch.float32)
    model = load(a.drafter, target.config).cut(a.vocabulary)
    export(a.out, model, "llama", target.config.layers, target.embedding, a.name)


if __name__ == "__main__":
    main()

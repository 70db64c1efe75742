"""Writes the vectors that the Go tests compare with: a tiny target's embedding, a tiny drafter, and what torch makes of them.

    vectors.py --out ../testdata
"""

import argparse
import gzip
import json
import os

import gguf
import torch

from drafter import Drafter
from export import export
from target import Config, rms_norm, rotary_table

CONFIG = Config(layers=6, width=128, hidden=192, heads=4, kv_heads=2, head_dim=64, vocab=512, eps=1e-5, theta=1e4)
TAPS, LAYERS, BLOCK, LENGTH = [1, 3], 2, 6, 40


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", required=True)
    a = p.parse_args()
    torch.manual_seed(7)
    c = CONFIG
    embedding = 0.3 * torch.randn(c.vocab, c.width)
    w = gguf.GGUFWriter(os.path.join(a.out, "target.gguf"), "llama")
    w.add_block_count(c.layers)
    data = gguf.quants.quantize(embedding.numpy(), gguf.GGMLQuantizationType.Q8_0)
    embedding = torch.from_numpy(gguf.quants.dequantize(data, gguf.GGMLQuantizationType.Q8_0).copy())
    w.add_tensor("token_embd.weight", data, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()

    model = Drafter(c, TAPS, LAYERS, BLOCK, sorted(torch.randperm(c.vocab)[:100].tolist()), torch.ones(100))
    with torch.no_grad():
        for name, x in model.named_parameters():
            # Weights large enough that every part tells in the result.
            x.copy_(1 + 0.3 * torch.randn_like(x) if x.dim() == 1 and name != "mask" else torch.randn_like(x) / x.shape[-1] ** 0.5)
        rounded = export(os.path.join(a.out, "drafter.gguf"), model, "llama", c.layers, embedding, "test vectors")
        model.load_state_dict(rounded, strict=False)
        states = torch.randn(LENGTH, len(TAPS), c.width) * torch.rand(LENGTH, len(TAPS), 1) * 20
        features = rms_norm(states, None, c.eps).flatten(1)[None]
        cos, sin = rotary_table(LENGTH + BLOCK, c.head_dim, c.theta, "cpu", torch.float32)
        cases = []
        for anchor in (1, 5, 16, 17, 39):
            token = int(torch.randint(c.vocab, ()))
            h = model(features, torch.tensor([[anchor]]), embedding[token][None, None], cos, sin)[0, 0, 1:]
            logits = h @ embedding[model.vocabulary].t()
            top = logits.softmax(-1).topk(2)
            cases.append({"anchor": anchor, "token": token, "guesses": model.vocabulary[top.indices[:, 0]].tolist(),
                          "p": top.values[:, 0].tolist(), "second": top.values[:, 1].tolist(), "hidden": [round(x, 4) for x in h.flatten().tolist()]})
        context = model.context(features)[0]
    out = {"states": [round(x, 4) for x in states.flatten().tolist()], "context": [round(x, 4) for x in context.flatten().tolist()], "cases": cases}
    with gzip.GzipFile(os.path.join(a.out, "vectors.json.gz"), "wb", mtime=0) as f:
        f.write(json.dumps(out).encode())


if __name__ == "__main__":
    main()

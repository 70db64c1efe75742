"""Writes the states after every layer of the target, for the backend's test of what it taps.

    states.py --target MODEL.gguf --out states.json.gz
"""

import argparse
import base64
import gzip
import json

import torch

from target import Target
from text import Text

POSITIONS = [1, 12, 25, 36]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--target", required=True)
    p.add_argument("--out", required=True)
    a = p.parse_args()
    target = Target(a.target, "cpu", torch.float32)
    ids = Text(a.target).prompt([{"role": "user", "content": "What is the capital of France?"}])
    _, states = target.forward(torch.tensor([ids]), range(target.config.layers))
    kept = torch.stack([s[0, POSITIONS] for s in states])  # [layers, positions, width]
    raw = kept.to(torch.bfloat16).view(torch.int16).numpy().tobytes()
    out = {"tokens": ids, "positions": POSITIONS, "layers": target.config.layers, "states": base64.b64encode(raw).decode()}
    with gzip.GzipFile(a.out, "wb", mtime=0) as f:
        f.write(json.dumps(out).encode())


if __name__ == "__main__":
    main()

"""Writes goldens.json: random blocks of each kind and what gguf-py (0.19.0) makes of them. Needs pip's gguf."""

import base64
import json
import pathlib

import gguf
import numpy as np

KINDS = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}

random = np.random.default_rng(7)
out = {}
for name in KINDS:
    kind = gguf.GGMLQuantizationType[name]
    numbers, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = 64 if numbers == 1 else 3
    if name in HALVES:
        data = random.integers(0, 256, (blocks, size), dtype=np.uint8)
        for at in HALVES[name]:
            data[:, at : at + 2] = random.normal(size=blocks).astype(np.float16).view(np.uint8).reshape(blocks, 2)
        data = data.reshape(1, -1)
    else:
        data = gguf.quants.quantize(random.normal(size=(1, blocks)).astype(np.float32), kind)
    values = gguf.quants.dequantize(data, kind).astype(np.float32)
    out[name] = {k: base64.b64encode(v.tobytes()).decode() for k, v in {"data": data, "values": values}.items()}
pathlib.Path(__file__).with_name("goldens.json").write_text(json.dumps(out, indent=1) + "\n")

"""Times the reference codec, PyPI kakeyalattice in torch, on one core.

Reads lines "head_dim q vectors" and answers each with the vectors a second of one round trip of
normal vectors. A round trip is all that the reference can: it quantises and reconstructs, and
makes no bytes.
"""

import sys
import time

import torch
from kakeyalattice import V15KakeyaZamirE8GPU

SECONDS = 0.25

torch.set_num_threads(1)
torch.manual_seed(1)
codecs = {}

for line in sys.stdin:
    dim, q, vectors = map(int, line.split())
    if (dim, q) not in codecs:
        codecs[dim, q] = V15KakeyaZamirE8GPU(D=dim, q_range=q, device="cpu")
    codec = codecs[dim, q]
    x = torch.randn(vectors, 1, dim)
    with torch.inference_mode():
        codec.roundtrip(x)
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            codec.roundtrip(x)
            done += vectors
        took = time.perf_counter() - began
    print(done / took, flush=True)

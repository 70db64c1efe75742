"""The model: a network of a known architecture read from its GGUF and run in torch, in float32, with its K
before RoPE and its V within reach.

Shapes: ids [rows, tokens]; a layer's K and V [rows, tokens, kv_heads * head_dim]. Channels stand as the
backend's cache has them, and RoPE turns those together that the file's weights want.
"""

import json
import os

import gguf
import numpy as np
import torch
import torch.nn.functional as F

KNOWN = open(os.path.join(os.path.dirname(__file__), "architectures.txt"), encoding="utf-8").read().split()
NEIGHBOURS, HALVES = 1, 2  # which channels RoPE turns together: 2i and 2i+1, or i and i + head_dim/2
GEMMA_LOCAL_BASE, GEMMA_GLOBAL_EVERY = 10000.0, 6  # of the layers with a window, unless the file says


class Unknown(Exception):
    """The model has something that is not computed here."""


class Model:
    """layers, kv_heads and head_dim say its shape; frequencies [sets][head_dim/2] are those of RoPE, in radians a
    position, and set_of [layers] says which a layer has; window_of [layers] is how many tokens, itself among
    them, a token attends to, or None."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("tokenizer.")}
        self.architecture = fields["general.architecture"]
        if self.architecture not in KNOWN:
            raise Unknown(f"the architecture {self.architecture}; known are {', '.join(KNOWN)}")
        value = lambda name, default=None: fields.get(f"{self.architecture}.{name}", default)
        if fields.get("split.count", 1) > 1:
            raise Unknown("a model split over several files")
        if value("expert_count", 0):
            raise Unknown("a mixture of experts")
        self.path, self.name = path, fields.get("general.name", os.path.basename(path))
        self.layers, self.heads = value("block_count"), value("attention.head_count")
        self.kv_heads = value("attention.head_count_kv", self.heads)
        if not isinstance(self.kv_heads, int):
            raise Unknown("layers with different numbers of heads")
        self.head_dim = value("attention.key_length", value("embedding_length") // self.heads)
        if value("attention.value_length", self.head_dim) != self.head_dim or value("rope.dimension_count", self.head_dim) != self.head_dim:
            raise Unknown("K, V and RoPE of different widths")
        self.width = self.kv_heads * self.head_dim
        self.eps = value("attention.layer_norm_rms_epsilon")
        self.weights = {
            t.name: torch.from_numpy(np.array(gguf.dequantize(t.data, t.tensor_type), dtype=np.float32))
            for t in reader.tensors}
        self.head = self.weights.get("output.weight", self.weights["token_embd.weight"])
        self.gemma = self.architecture == "gemma3"
        self.pairs = HALVES if self.gemma else NEIGHBOURS
        self.set_frequencies(value)
        self.turns = {}

    def set_frequencies(self, value):
        kind, factor = value("rope.scaling.type", "none"), value("rope.scaling.factor", 1.0)
        if kind not in ("none", "linear"):
            raise Unknown(f"RoPE scaled by {kind}")
        of = lambda base: base ** (-torch.arange(0, self.head_dim, 2, dtype=torch.float64) / self.head_dim)
        whole = of(value("rope.freq_base", 10000.0))
        if kind == "linear":
            whole = whole / factor
        if "rope_freqs.weight" in self.weights:
            whole = whole / self.weights["rope_freqs.weight"].double()
        self.frequencies, self.set_of, self.window_of = [whole], [0] * self.layers, [None] * self.layers
        window = value("attention.sliding_window", 0)
        if self.gemma and window:
            self.frequencies.append(of(value("rope.freq_base_swa", GEMMA_LOCAL_BASE)))
            local = [(layer + 1) % GEMMA_GLOBAL_EVERY != 0 for layer in range(self.layers)]
            self.set_of, self.window_of = [int(here) for here in local], [window if here else None for here in local]

    def turn(self, tokens, layer):
        key = tokens, self.set_of[layer]
        if key not in self.turns:
            angle = torch.arange(tokens, dtype=torch.float64)[:, None] * self.frequencies[self.set_of[layer]]
            self.turns[key] = angle.cos().float()[:, None], angle.sin().float()[:, None]
        return self.turns[key]

    def rope(self, x, layer):
        """x [rows, tokens, heads, head_dim], turned to its position."""
        cos, sin = self.turn(x.shape[1], layer)
        if self.pairs == HALVES:
            a, b = x.chunk(2, -1)
            return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)

    def norm(self, x, name, optional=False):
        if optional and f"{name}.weight" not in self.weights:
            return x
        return F.rms_norm(x, (x.shape[-1],), self.weights[f"{name}.weight"], self.eps)

    def project(self, layer, h):
        """q, k and v [rows, tokens, heads, head_dim] before RoPE of a layer whose input is h."""
        a = self.norm(h, f"blk.{layer}.attn_norm")
        q, k, v = (F.linear(a, self.weights[f"blk.{layer}.attn_{part}.weight"]).unflatten(-1, (-1, self.head_dim)) for part in "qkv")
        return self.norm(q, f"blk.{layer}.attn_q_norm", True), self.norm(k, f"blk.{layer}.attn_k_norm", True), v

    def attend(self, layer, q, fresh, kept, recent):
        """What attention gives, [rows, tokens, heads * head_dim]. fresh and kept are k and v; tokens read the newest
        `recent`, themselves first, from fresh."""
        group, tokens = self.heads // self.kv_heads, q.shape[1]
        spread = lambda x: x.transpose(1, 2).repeat_interleave(group, 1)
        q = self.rope(q, layer).transpose(1, 2)
        keys = lambda kv: spread(self.rope(kv[0], layer))
        window = self.window_of[layer]
        if not recent and (window is None or tokens <= window):
            o = F.scaled_dot_product_attention(q, keys(kept), spread(kept[1]), is_causal=True)
            return o.transpose(1, 2).flatten(2)
        age = torch.arange(tokens)[:, None] - torch.arange(tokens)
        seen = (age >= 0) & (age < (window or tokens))
        if not recent:
            o = F.scaled_dot_product_attention(q, keys(kept), spread(kept[1]), attn_mask=seen)
            return o.transpose(1, 2).flatten(2)
        near = age < recent
        score = torch.where(near, q @ keys(fresh).transpose(-1, -2), q @ keys(kept).transpose(-1, -2))
        p = (score / self.head_dim ** 0.5).masked_fill(~seen, float("-inf")).softmax(-1)
        return ((p * near) @ spread(fresh[1]) + (p * ~near) @ spread(kept[1])).transpose(1, 2).flatten(2)

    def hidden(self, ids, cache=None, recent=0):
        """The last layer's normalised output. cache(layer, k, v) gives what attention reads in place of a
        layer's k before RoPE and v; tokens read the newest `recent`, themselves first, as they were."""
        h = F.embedding(ids, self.weights["token_embd.weight"])
        if self.gemma:
            h = h * h.shape[-1] ** 0.5
        act = (lambda x: F.gelu(x, approximate="tanh")) if self.gemma else F.silu
        for layer in range(self.layers):
            block = f"blk.{layer}."
            w = lambda name: self.weights[f"{block}{name}.weight"]
            q, k, v = self.project(layer, h)
            kept = k, v
            if cache is not None:
                kept = [x.unflatten(-1, (-1, self.head_dim)) for x in cache(layer, k.flatten(2), v.flatten(2))]
            o = F.linear(self.attend(layer, q, (k, v), kept, recent), w("attn_output"))
            h = h + self.norm(o, block + "post_attention_norm", True)
            a = self.norm(h, block + "ffn_norm")
            o = F.linear(act(F.linear(a, w("ffn_gate"))) * F.linear(a, w("ffn_up")), w("ffn_down"))
            h = h + self.norm(o, block + "post_ffw_norm", True)
        return self.norm(h, "output_norm")

    def log_probs(self, h):
        return torch.log_softmax(F.linear(h, self.head), -1)


def read_windows(path):
    """Windows of a file of tokens, [[id...]...] in JSON, each [windows, tokens]."""
    with open(path, encoding="utf-8") as f:
        return torch.tensor(json.load(f))

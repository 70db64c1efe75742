"""The model: a llama-architecture network read from its GGUF and run in torch, in float32, with its K
before RoPE and its V within reach.

Shapes: ids [rows, tokens]; a layer's K and V [rows, tokens, kv_heads * head_dim]. Channels stand as the
backend's cache has them: RoPE turns channels 2i and 2i+1 of a head together, as the file's weights want.
"""

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers


class Model:
    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        fields = {name: field.contents() for name, field in reader.fields.items()}
        if fields["general.architecture"] != "llama" or fields["tokenizer.ggml.pre"] != "smollm":
            raise SystemExit(f"{path}: only llama-architecture models with SmolLM's tokenizer are known here")
        self.layers = fields["llama.block_count"]
        self.heads, self.kv_heads = fields["llama.attention.head_count"], fields["llama.attention.head_count_kv"]
        self.head_dim = fields["llama.embedding_length"] // self.heads
        self.width = self.kv_heads * self.head_dim
        self.theta = fields["llama.rope.freq_base"]
        self.eps = fields["llama.attention.layer_norm_rms_epsilon"]
        self.weights = {
            t.name: torch.from_numpy(np.array(gguf.dequantize(t.data, t.tensor_type), dtype=np.float32))
            for t in reader.tensors}
        self.head = self.weights.get("output.weight", self.weights["token_embd.weight"])
        self.tokenizer = tokenizer(fields)
        self.turns = {}

    def encode(self, text):
        return self.tokenizer.encode(text).ids

    def windows(self, path, length, first, count):
        """Windows first .. first+count of a text's tokens, [count, length]."""
        with open(path, encoding="utf-8") as f:
            ids = self.encode(f.read())
        end = min(first + count, len(ids) // length)
        return torch.tensor([ids[i * length:(i + 1) * length] for i in range(first, end)])

    def turn(self, tokens):
        if tokens not in self.turns:
            inverse = self.theta ** (-torch.arange(0, self.head_dim, 2, dtype=torch.float64) / self.head_dim)
            angle = torch.arange(tokens, dtype=torch.float64)[:, None] * inverse
            self.turns[tokens] = angle.cos().float()[:, None], angle.sin().float()[:, None]
        return self.turns[tokens]

    def rope(self, x, back=False):
        """x [rows, tokens, heads, head_dim], turned to its position or back."""
        cos, sin = self.turn(x.shape[1])
        if back:
            sin = -sin
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)

    def project(self, layer, h):
        """q, k and v before RoPE of a layer whose input is h."""
        w = lambda name: self.weights[f"blk.{layer}.{name}.weight"]
        a = F.rms_norm(h, (h.shape[-1],), w("attn_norm"), self.eps)
        return F.linear(a, w("attn_q")), F.linear(a, w("attn_k")), F.linear(a, w("attn_v"))

    def hidden(self, ids, cache=None, recent=0):
        """The last layer's normalised output. cache(layer, k, v) gives what attention reads in place of a
        layer's k before RoPE and v; tokens read the newest `recent`, themselves first, as they were."""
        rows, tokens = ids.shape
        h = F.embedding(ids, self.weights["token_embd.weight"])
        group = self.heads // self.kv_heads
        split = lambda x: x.view(rows, tokens, -1, self.head_dim)
        spread = lambda x: split(x).transpose(1, 2).repeat_interleave(group, 1)
        for layer in range(self.layers):
            w = lambda name: self.weights[f"blk.{layer}.{name}.weight"]
            q, k, v = self.project(layer, h)
            q = self.rope(split(q)).transpose(1, 2)
            kept = (k, v) if cache is None else cache(layer, k, v)
            keys = spread(self.rope(split(kept[0])).flatten(2))
            if not recent:
                o = F.scaled_dot_product_attention(q, keys, spread(kept[1]), is_causal=True)
            else:
                fresh = spread(self.rope(split(k)).flatten(2))
                age = torch.arange(tokens)[:, None] - torch.arange(tokens)
                near = age < recent
                score = torch.where(near, q @ fresh.transpose(-1, -2), q @ keys.transpose(-1, -2))
                p = (score / self.head_dim ** 0.5).masked_fill(age < 0, float("-inf")).softmax(-1)
                o = (p * near) @ spread(v) + (p * ~near) @ spread(kept[1])
            h = h + F.linear(o.transpose(1, 2).reshape(rows, tokens, -1), w("attn_output"))
            a = F.rms_norm(h, (h.shape[-1],), w("ffn_norm"), self.eps)
            h = h + F.linear(F.silu(F.linear(a, w("ffn_gate"))) * F.linear(a, w("ffn_up")), w("ffn_down"))
        return F.rms_norm(h, (h.shape[-1],), self.weights["output_norm.weight"], self.eps)

    def log_probs(self, h):
        return torch.log_softmax(F.linear(h, self.head), -1)


def tokenizer(fields):
    tokens, kinds = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    t = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(tokens)},
                             merges=[tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"]]))
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([AddedToken(s, special=True) for s, kind in zip(tokens, kinds) if kind == 3])
    return t

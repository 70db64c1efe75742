"""The drafter: a few transformer layers that guess a whole block of tokens in one pass.

Over the tokens committed so far it has one feature each, made of several of the target's hidden
states. A block is the last committed token (the anchor, whose own feature is not there yet) and
masks; position k of the block guesses the token that stands there. Every layer attends with its own
keys and values over the features before the anchor and, in both directions, over the block.
Embedding and head are the target's, the head cut to the drafter's vocabulary.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from target import rms_norm, rotate


def linear(x, w):
    return F.linear(x, w.to(x.dtype))


def keys_values(x, k, k_norm, v, cos, sin, c):
    shape = (*x.shape[:2], c.kv_heads, c.head_dim)
    keys = rms_norm(linear(x, k).view(shape), k_norm.to(x.dtype), c.eps).transpose(1, 2)
    return rotate(keys, cos, sin), linear(x, v).view(shape).transpose(1, 2)


def queries(h, q, q_norm, cos, sin, c):
    q = rms_norm(linear(h, q).view(*h.shape[:2], c.heads, c.head_dim), q_norm.to(h.dtype), c.eps)
    return rotate(q.transpose(1, 2), cos, sin)


def finish(x, attended, o, ffn_norm, gate, up, down, c):
    x = x + linear(attended, o)
    h = rms_norm(x, ffn_norm.to(x.dtype), c.eps)
    return x + linear(F.silu(linear(h, gate)) * linear(h, up), down)


class Layer(nn.Module):
    def __init__(self, c, layers):
        super().__init__()

        def weight(rows, columns, scale=1.0):
            return nn.Parameter(torch.randn(rows, columns) * 0.02 * scale)

        self.c, back = c, 1 / math.sqrt(2 * layers)
        self.attn_norm = nn.Parameter(torch.ones(c.width))
        self.q = weight(c.heads * c.head_dim, c.width)
        self.k = weight(c.kv_heads * c.head_dim, c.width)
        self.v = weight(c.kv_heads * c.head_dim, c.width)
        self.q_norm = nn.Parameter(torch.ones(c.head_dim))
        self.k_norm = nn.Parameter(torch.ones(c.head_dim))
        self.o = weight(c.width, c.heads * c.head_dim, back)
        self.ffn_norm = nn.Parameter(torch.ones(c.width))
        self.gate = weight(c.hidden, c.width)
        self.up = weight(c.hidden, c.width)
        self.down = weight(c.width, c.hidden, back)

    def keys_values(self, x, cos, sin):
        """Of features or of a normed block, x [rows, length, width]: [rows, kv_heads, length, head_dim]."""
        return keys_values(x, self.k, self.k_norm, self.v, cos, sin, self.c)

    def queries(self, x, cos, sin):
        """Queries [rows, heads, length, head_dim] of a block x [rows, length, width], and the normed block."""
        h = rms_norm(x, self.attn_norm.to(x.dtype), self.c.eps)
        return queries(h, self.q, self.q_norm, cos, sin, self.c), h

    def finish(self, x, attended):
        return finish(x, attended, self.o, self.ffn_norm, self.gate, self.up, self.down, self.c)

    def forward(self, x, context, block_rotary, context_rotary, mask):
        """x [rows, block positions, width]; context [rows, length, width]: fused features."""
        q, h = self.queries(x, *block_rotary)
        seen, own = self.keys_values(context, *context_rotary), self.keys_values(h, *block_rotary)
        k, v = (torch.cat(pair, 2).repeat_interleave(self.c.heads // self.c.kv_heads, 1) for pair in zip(seen, own))
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.finish(x, o.transpose(1, 2).flatten(2))

    @staticmethod
    def compile_parts():
        """Fuses the small operations of all layers, attention aside."""
        global keys_values, queries, finish
        keys_values, queries, finish = (torch.compile(f, dynamic=True) for f in (keys_values, queries, finish))


class Drafter(nn.Module):
    """config: the target's; taps: the layers whose outputs are fused; vocabulary: token ids it may guess, ascending;
    counts: how often each of these occurs."""

    def __init__(self, config, taps, layers, block, vocabulary, counts, mask=None):
        super().__init__()
        self.c, self.taps, self.block = config, list(taps), block
        self.register_buffer("vocabulary", torch.as_tensor(vocabulary, dtype=torch.long))
        self.register_buffer("counts", torch.as_tensor(counts, dtype=torch.long))
        width = config.width
        self.fuse = nn.Parameter(torch.randn(width, len(self.taps) * width) * 0.02)
        self.fuse_norm = nn.Parameter(torch.ones(width))
        self.mask = nn.Parameter(torch.randn(width) * 0.1 if mask is None else mask.detach().float().clone())
        self.layers = nn.ModuleList(Layer(config, layers) for _ in range(layers))
        # Ones: with the target's own output norm the first loss is a hundred times what it should be.
        self.norm = nn.Parameter(torch.ones(width))

    def context(self, features):
        """features [rows, length, taps · width], normed as Target.features has them."""
        return rms_norm(linear(features, self.fuse), self.fuse_norm.to(features.dtype), self.c.eps)

    def forward(self, features, anchors, embedded, cos, sin):
        """Hidden states [rows, anchors, block, width] for blocks that begin at anchors.

        features [rows, length, taps · width] of the whole sequences, of which a block sees what lies
        before its anchor; anchors [rows, n] are positions, embedded [rows, n, width] their tokens'
        embeddings; cos and sin are the rotary tables.
        """
        (rows, n), length, block = anchors.shape, features.shape[1], self.block
        device, dtype = features.device, features.dtype
        x = torch.cat([embedded[:, :, None], self.mask.to(dtype).expand(rows, n, block - 1, -1)], 2).flatten(1, 2)
        positions = (anchors[:, :, None] + torch.arange(block, device=device)).flatten(1).clamp(max=len(cos) - 1)
        block_rotary = cos[positions][:, None], sin[positions][:, None]
        context_rotary = cos[:length], sin[:length]
        before = torch.arange(length, device=device) < anchors.repeat_interleave(block, 1)[:, :, None]
        owner = torch.arange(n, device=device).repeat_interleave(block)
        visible = torch.cat([before, (owner[:, None] == owner).expand(rows, -1, -1)], 2)[:, None]
        mask = torch.zeros(visible.shape, device=device, dtype=dtype).masked_fill_(~visible, float("-inf"))
        context = self.context(features)
        for layer in self.layers:
            x = layer(x, context, block_rotary, context_rotary, mask)
        return rms_norm(x, self.norm.to(dtype), self.c.eps).view(rows, n, block, -1)

    def cut(self, size):
        """Leaves the size most frequent tokens in the vocabulary; 0: all."""
        if not 0 < size < len(self.vocabulary):
            return self
        if (self.counts == 1).all():
            raise SystemExit("a drafter read from a GGUF cannot be cut: it does not say how frequent tokens are")
        keep = self.counts.argsort(descending=True, stable=True)[:size].sort().values
        self.vocabulary, self.counts = self.vocabulary[keep], self.counts[keep]
        return self

    def state(self):
        """What Drafter.restore needs, small enough to carry."""
        weights = {k: (v.to(torch.bfloat16) if v.is_floating_point() else v.int()).cpu() for k, v in self.state_dict().items()}
        return {"weights": weights, "taps": self.taps, "layers": len(self.layers), "block": self.block}

    @staticmethod
    def restore(config, state, device="cpu"):
        w = {k: v.float() if v.is_floating_point() else v.long() for k, v in state["weights"].items()}
        d = Drafter(config, state["taps"], state["layers"], state["block"], w["vocabulary"], w["counts"])
        d.load_state_dict(w)
        return d.to(device)


def log_total(logits):
    return logits.float().logsumexp(1)


def logit_gradient(logits, total, gradient):
    """Of -log p, but for the label's own share."""
    return ((logits.float() - total[:, None]).exp() * gradient[:, None]).to(logits.dtype)


class CrossEntropy(torch.autograd.Function):
    """-log p of labels under logits h · headᵀ, of which only one copy in h's type is ever held."""

    ROWS = 2048
    log_total, logit_gradient = staticmethod(log_total), staticmethod(logit_gradient)

    @classmethod
    def compile(cls):
        """Fuses the passes over the logits."""
        cls.log_total, cls.logit_gradient = (staticmethod(torch.compile(f, dynamic=True)) for f in (log_total, logit_gradient))

    @staticmethod
    def forward(ctx, h, head, labels):
        logits = h @ head.t()
        total = torch.cat([CrossEntropy.log_total(x) for x in logits.split(CrossEntropy.ROWS)])
        ctx.save_for_backward(logits, total, head, labels)
        return total - logits.gather(1, labels[:, None])[:, 0].float()

    @staticmethod
    def backward(ctx, gradient):
        logits, total, head, labels = ctx.saved_tensors
        gradient = gradient.float()
        for x, t, g in zip(*(y.split(CrossEntropy.ROWS) for y in (logits, total, gradient))):
            x.copy_(CrossEntropy.logit_gradient(x, t, g))
        h = logits @ head
        return h.addcmul_(head[labels], -gradient[:, None].to(h.dtype)), None, None

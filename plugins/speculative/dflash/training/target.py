"""The target: a llama-architecture model read from its GGUF and run in torch.

Shapes: ids [rows, length]; hidden states [rows, length, width]; keys and values [rows, kv_heads,
room, head_dim]. Rotary pairs are halves of a head (i, i + head_dim/2): the rows of q and k, which
GGUF stores interleaved, are put back in that order.
"""

import dataclasses

import gguf
import numpy as np
import torch
import torch.nn.functional as F


@dataclasses.dataclass(frozen=True)
class Config:
    layers: int
    width: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    eps: float
    theta: float


def rms_norm(x, weight, eps):
    return F.rms_norm(x, (x.shape[-1],), weight, eps)


def rotate(x, cos, sin):
    """Rotary embedding; cos and sin are broadcast against x [..., head_dim]."""
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


def rotary_table(positions, head_dim, theta, device, dtype):
    inverse = theta ** (-torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim)
    angle = torch.arange(positions, device=device, dtype=torch.float32)[:, None] * inverse
    angle = torch.cat([angle, angle], 1)
    return angle.cos().to(dtype), angle.sin().to(dtype)


def sum_of_heads(config):
    return config.heads + 2 * config.kv_heads


def project(x, norm, qkv, cos, sin, c):
    """q, k and v of x [rows, length, width], each [rows, heads, length, head_dim]."""
    qkv = F.linear(rms_norm(x, norm, c.eps), qkv).view(*x.shape[:2], sum_of_heads(c), c.head_dim)
    q, k, v = qkv.transpose(1, 2).split([c.heads, c.kv_heads, c.kv_heads], 1)
    return rotate(q, cos, sin), rotate(k, cos, sin), v


def finish(x, attended, out, norm, gate_up, down, c):
    x = x + F.linear(attended, out)
    gate, up = F.linear(rms_norm(x, norm, c.eps), gate_up).chunk(2, -1)
    return x + F.linear(F.silu(gate) * up, down)


class Target:
    def __init__(self, path, device="cpu", dtype=torch.bfloat16, positions=2048):
        reader = gguf.GGUFReader(path)

        def value(key):
            return reader.fields[key].contents()

        if value("general.architecture") != "llama":
            raise SystemExit(f"{path}: only the llama architecture is known here")
        heads, width = value("llama.attention.head_count"), value("llama.embedding_length")
        self.config = c = Config(
            layers=value("llama.block_count"), width=width, hidden=value("llama.feed_forward_length"),
            heads=heads, kv_heads=value("llama.attention.head_count_kv"), head_dim=width // heads,
            vocab=value("llama.vocab_size"), eps=value("llama.attention.layer_norm_rms_epsilon"),
            theta=value("llama.rope.freq_base"))
        self.end = value("tokenizer.ggml.eos_token_id")
        self.name = value("general.name")
        self.device, self.dtype = device, dtype
        tensors = {t.name: t for t in reader.tensors}

        def read(name):
            t = tensors[name]
            return torch.from_numpy(np.array(gguf.quants.dequantize(t.data, t.tensor_type)))

        def unpermute(w):
            """[heads · head_dim, width]: GGUF has the pairs (i, i + half) of a head side by side."""
            return w.view(-1, c.head_dim // 2, 2, width).transpose(1, 2).reshape(w.shape)

        def put(w):
            return w.to(device=device, dtype=dtype).contiguous()

        self.embedding = put(read("token_embd.weight"))
        self.norm = put(read("output_norm.weight"))
        self.head = put(read("output.weight")) if "output.weight" in tensors else self.embedding
        self.layers = []
        for i in range(c.layers):
            def w(name, i=i):
                return read(f"blk.{i}.{name}.weight")
            self.layers.append(tuple(put(x) for x in (
                w("attn_norm"), torch.cat([unpermute(w("attn_q")), unpermute(w("attn_k")), w("attn_v")]),
                w("attn_output"), w("ffn_norm"), torch.cat([w("ffn_gate"), w("ffn_up")]), w("ffn_down"))))
        self.cos, self.sin = rotary_table(positions, c.head_dim, c.theta, device, dtype)
        self.project, self.finish = project, finish
        torch.backends.cuda.enable_cudnn_sdp(False)  # it plans anew for every shape

    def compile(self):
        """Fuses the small operations of forward; the rest runs as it is."""
        self.project, self.finish = (torch.compile(f, dynamic=True) for f in (project, finish))

    @torch.no_grad()
    def forward(self, ids, taps=(), cache=None, upto=None):
        """Causal pass over right-padded ids.

        Returns (last hidden state, [outputs of the layers in taps]). Layer i's output is what a
        Hugging Face model calls hidden_states[i + 1]. cache: keys and values of all layers, filled
        from position 0. upto: stop after that many layers.
        """
        x, length = self.embedding[ids], ids.shape[1]
        cos, sin = self.cos[:length], self.sin[:length]
        tapped = {}
        for i, layer in enumerate(self.layers[:upto]):
            q, k, v = self.project(x, layer[0], layer[1], cos, sin, self.config)
            if cache is not None:
                cache[0][i][:, :, :length], cache[1][i][:, :, :length] = k, v
            o = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            x = self.finish(x, o.transpose(1, 2).flatten(2), *layer[2:], self.config)
            if i in taps:
                tapped[i] = x
        return x, [tapped[i] for i in taps]

    def features(self, ids, taps):
        """[rows, length, taps · width]: every tapped state under a norm without parameters."""
        _, tapped = self.forward(ids, taps, upto=max(taps) + 1)
        return torch.cat([rms_norm(x, None, self.config.eps) for x in tapped], -1)

    def logits(self, x):
        return F.linear(rms_norm(x, self.norm, self.config.eps), self.head)

    @torch.no_grad()
    def step(self, ids, positions, cache, room):
        """One token a row: ids and positions [rows]; attends over cache[:room], itself written first."""
        c, rows = self.config, torch.arange(len(ids), device=ids.device)
        x = self.embedding[ids][:, None]
        cos, sin = self.cos[positions][:, None, None], self.sin[positions][:, None, None]
        seen = torch.arange(room, device=ids.device)[None] <= positions[:, None]
        mask = torch.zeros(seen.shape, device=ids.device, dtype=self.dtype).masked_fill_(~seen, float("-inf"))[:, None, None]
        group = c.heads // c.kv_heads
        for i, layer in enumerate(self.layers):
            q, k, v = project(x, layer[0], layer[1], cos, sin, c)
            cache[0][i][rows, :, positions], cache[1][i][rows, :, positions] = k[:, :, 0], v[:, :, 0]
            # The query heads that share a key head are its rows: no copy of the cache a query head.
            o = F.scaled_dot_product_attention(
                q.reshape(-1, c.kv_heads, group, c.head_dim), cache[0][i][:, :, :room], cache[1][i][:, :, :room],
                attn_mask=mask.expand(-1, c.kv_heads, group, -1))
            x = finish(x, o.reshape(len(ids), 1, -1), *layer[2:], c)
        return x[:, 0]

    @torch.no_grad()
    def extend(self, ids, start, cache, taps=()):
        """Tokens [n] of one row that follow what the cache holds below start.

        Returns (last hidden states [n, width], [outputs of the layers in taps, each [n, width]]).
        """
        c, n, x, tapped = self.config, len(ids), self.embedding[ids][None], {}
        group = c.heads // c.kv_heads
        cos, sin = self.cos[start:start + n], self.sin[start:start + n]
        room = min(cache[0][0].shape[2], round_up(start + n))
        seen = torch.arange(room, device=x.device) <= torch.arange(start, start + n, device=x.device)[:, None]
        mask = torch.zeros(seen.shape, device=x.device, dtype=self.dtype).masked_fill_(~seen, float("-inf")).repeat(group, 1)
        for i, layer in enumerate(self.layers):
            q, k, v = project(x, layer[0], layer[1], cos, sin, c)
            cache[0][i][:, :, start:start + n], cache[1][i][:, :, start:start + n] = k, v
            o = F.scaled_dot_product_attention(
                q.reshape(1, c.kv_heads, group * n, c.head_dim), cache[0][i][:, :, :room], cache[1][i][:, :, :room], attn_mask=mask)
            x = finish(x, o.reshape(1, c.heads, n, c.head_dim).transpose(1, 2).flatten(2), *layer[2:], c)
            if i in taps:
                tapped[i] = x[0]
        return x[0], [tapped[i] for i in taps]

    def new_cache(self, rows, room):
        c = self.config
        return tuple([torch.zeros(rows, c.kv_heads, room, c.head_dim, device=self.device, dtype=self.dtype)
                      for _ in self.layers] for _ in range(2))


def choose(logits, temperature, min_p):
    """Draws one token a row among those of at least min_p times the likeliest.

    temperature: [rows], 0 for the likeliest; None: 0 for all.
    """
    if temperature is None:
        return logits.max(-1).indices
    top, ids = logits.topk(int(1 / min_p) + 1)
    p = ((top - top[:, :1]).float() / temperature.clamp(min=0.05)[:, None]).exp()
    p = p.masked_fill(p < min_p, 0)
    drawn = (p / torch.empty_like(p).exponential_()).argmax(-1)
    return ids.gather(1, torch.where(temperature > 0, drawn, 0)[:, None])[:, 0]


def round_up(n, to=64):
    """Kernels of attention want such lengths; what is too much is masked."""
    return (n + to - 1) // to * to


@torch.no_grad()
def generate(target, prompts, temperature, limit, min_p=0.03, out_of_time=lambda: False):
    """Answers to prompts (lists of token ids) as lists of ids, the end token included when reached.

    temperature: one number a prompt. limit: tokens of an answer at most. Rows that have ended leave
    the batch, in steps of a quarter of it.
    """
    device, n = target.device, len(prompts)
    longest = max(map(len, prompts))
    ids = torch.full((n, longest), target.end, dtype=torch.long)
    for row, p in zip(ids, prompts):
        row[:len(p)] = torch.tensor(p)
    ids, lengths = ids.to(device), torch.tensor([len(p) for p in prompts], device=device)
    temperature = torch.tensor(temperature, device=device, dtype=torch.float32) if any(temperature) else None
    total = round_up(longest + limit)
    cache = target.new_cache(n, total)
    last = torch.empty(n, target.config.width, device=device, dtype=target.dtype)
    for i in range(0, n, 256):
        part = slice(i, i + 256)
        x, _ = target.forward(ids[part], cache=tuple([t[part] for t in kv] for kv in cache))
        last[part] = x[torch.arange(len(x), device=device), lengths[part] - 1]
    answers, active = [[] for _ in prompts], torch.arange(n, device=device)
    positions, finished = lengths.clone(), torch.zeros(n, dtype=torch.bool, device=device)
    drawn, pending = choose(target.logits(last), temperature, min_p), []

    def drain():
        """Moves the tokens of the steps since the last call into the answers."""
        block = torch.stack(pending, 1).tolist()
        pending.clear()
        for index, row in zip(active.tolist(), block):
            done = answers[index]
            for token in row:
                if done and done[-1] == target.end:
                    break
                done.append(token)

    for step in range(limit):
        pending.append(drawn)
        finished |= drawn == target.end
        if step + 1 == limit or out_of_time():
            break
        if step % 16 == 15:
            left = int((~finished).sum())
            drain()
            if left == 0:
                return answers
            if left <= 0.75 * len(active):
                keep = (~finished).nonzero()[:, 0]
                for kv in cache:
                    for i in range(len(kv)):
                        kv[i] = kv[i][keep]  # one after the other: there is no room for two caches
                active, positions, drawn, finished = active[keep], positions[keep], drawn[keep], finished[keep]
                temperature = None if temperature is None else temperature[keep]
        room = min(total, round_up(longest + step + 1))
        x = target.step(drawn, positions, cache, room)
        positions = positions + 1
        drawn = choose(target.logits(x), temperature, min_p)
    drain()
    return answers

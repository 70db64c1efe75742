"""Writes small random models (*.gguf) and goldens.json: what a transformer in plain numpy makes of them, and of SmolLM2.

    reference.py SmolLM2-135M-Instruct.Q4_1.gguf

Needs numpy and pip's gguf (0.19.0). All in float64, straight from the papers' formulas; weights are dequantised by gguf.
"""

import json
import pathlib
import sys

import gguf
import numpy as np

HERE = pathlib.Path(__file__).parent
WIDTH, HEADS, KV, DIM, INNER, VOCABULARY, LAYERS = 32, 4, 2, 16, 48, 40, 4
TOKENS = [3, 17, 5, 9, 22, 9, 31, 2, 11, 39]
SMOLLM2_TOKENS = [504, 2649, 282, 4649, 314, 260, 3575, 28]

ARCHITECTURES = {
    "llama": {"interleaved": True, "base": 10000.0, "factors": True},
    "qwen2": {"bias": True, "base": 1000000.0},
    "qwen3": {"headnorm": True, "base": 1000000.0},
    "gemma3": {"headnorm": True, "postnorm": True, "gelu": True, "base": 1000000.0, "window": 4, "period": 2},
}


def norm(x, w, eps=1e-5):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w


def rotate(x, base, interleaved, factors):
    """x is [tokens, heads, dim]."""
    n = x.shape[-1]
    angle = np.arange(len(x))[:, None] * base ** (-np.arange(0, n, 2) / n) / factors
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    out = np.empty_like(x)
    a, b = (np.s_[..., 0::2], np.s_[..., 1::2]) if interleaved else (np.s_[..., : n // 2], np.s_[..., n // 2 :])
    out[a], out[b] = x[a] * cos - x[b] * sin, x[b] * cos + x[a] * sin
    return out


def forward(w, o, tokens, heads, kv, dim, layers):
    """Returns logits [tokens, vocabulary] and the states that each layer leaves."""
    x = w["token_embd.weight"][tokens] * (np.sqrt(w["token_embd.weight"].shape[1]) if o.get("gelu") else 1)
    n, states = len(tokens), []
    for i in range(layers):
        get = lambda name: w[f"blk.{i}.{name}"]
        local = "window" in o and (i + 1) % o["period"] != 0
        h = norm(x, get("attn_norm.weight"))
        q, k, v = (h @ get(f"attn_{s}.weight").T + (get(f"attn_{s}.bias") if o.get("bias") else 0) for s in "qkv")
        q, k, v = q.reshape(n, heads, dim), k.reshape(n, kv, dim), v.reshape(n, kv, dim)
        if o.get("headnorm"):
            q, k = norm(q, get("attn_q_norm.weight")), norm(k, get("attn_k_norm.weight"))
        factors = w.get("rope_freqs.weight", np.ones(dim // 2))
        base = 10000.0 if local else o["base"]
        q, k = (rotate(t, base, o.get("interleaved"), factors) for t in (q, k))
        k, v = (np.repeat(t, heads // kv, axis=1) for t in (k, v))
        score = np.einsum("thd,shd->hts", q, k) / np.sqrt(dim)
        ago = np.arange(n)[:, None] - np.arange(n)[None]
        score[:, (ago < 0) | (local and (ago >= o["window"]))] = -np.inf
        p = np.exp(score - score.max(-1, keepdims=True))
        a = np.einsum("hts,shd->thd", p / p.sum(-1, keepdims=True), v).reshape(n, -1) @ get("attn_output.weight").T
        x = x + (norm(a, get("post_attention_norm.weight")) if o.get("postnorm") else a)
        h = norm(x, get("ffn_norm.weight"))
        gate, up = h @ get("ffn_gate.weight").T, h @ get("ffn_up.weight").T
        if o.get("gelu"):
            act = 0.5 * gate * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)))
        else:
            act = gate / (1 + np.exp(-gate))
        m = (act * up) @ get("ffn_down.weight").T
        x = x + (norm(m, get("post_ffw_norm.weight")) if o.get("postnorm") else m)
        states.append(x)
    return norm(x, w["output_norm.weight"]) @ w.get("output.weight", w["token_embd.weight"]).T, states


def random_model(name, o):
    random = np.random.default_rng(11)
    w = {}

    def add(key, *shape, around=0.0, scale=0.3):
        w[key] = (around + scale * random.standard_normal(shape)).astype(np.float16).astype(np.float32)

    add("token_embd.weight", VOCABULARY, WIDTH, scale=1.0)
    add("output_norm.weight", WIDTH, around=1.0, scale=0.1)
    if name == "qwen2":
        add("output.weight", VOCABULARY, WIDTH)
    if o.get("factors"):
        w["rope_freqs.weight"] = np.linspace(1, 4, DIM // 2).astype(np.float32)
    for i in range(LAYERS):
        for key, rows in (("q", HEADS), ("k", KV), ("v", KV)):
            add(f"blk.{i}.attn_{key}.weight", rows * DIM, WIDTH)
            if o.get("bias"):
                add(f"blk.{i}.attn_{key}.bias", rows * DIM)
        add(f"blk.{i}.attn_output.weight", WIDTH, HEADS * DIM)
        for key, rows, columns in (("gate", INNER, WIDTH), ("up", INNER, WIDTH), ("down", WIDTH, INNER)):
            add(f"blk.{i}.ffn_{key}.weight", rows, columns)
        norms = [("attn_norm", WIDTH), ("ffn_norm", WIDTH)]
        norms += [("attn_q_norm", DIM), ("attn_k_norm", DIM)] if o.get("headnorm") else []
        norms += [("post_attention_norm", WIDTH), ("post_ffw_norm", WIDTH)] if o.get("postnorm") else []
        for key, n in norms:
            add(f"blk.{i}.{key}.weight", n, around=1.0, scale=0.1)
    return w


def write(name, o, w):
    g = gguf.GGUFWriter(HERE / f"{name}.gguf", name)
    g.add_block_count(LAYERS)
    g.add_context_length(512)
    g.add_embedding_length(WIDTH)
    g.add_feed_forward_length(INNER)
    g.add_head_count(HEADS)
    g.add_head_count_kv(KV)
    g.add_key_length(DIM)
    g.add_value_length(DIM)
    g.add_layer_norm_rms_eps(1e-5)
    g.add_rope_freq_base(o["base"])
    if "window" in o:
        g.add_sliding_window(o["window"])
        g.add_uint32(f"{name}.attention.sliding_window_pattern", o["period"])
    for key, value in w.items():
        g.add_tensor(key, value if value.ndim == 1 else value.astype(np.float16))
    g.write_header_to_file()
    g.write_kv_data_to_file()
    g.write_tensors_to_file()
    g.close()


def main():
    goldens = {}
    for name, o in ARCHITECTURES.items():
        w = random_model(name, o)
        write(name, o, w)
        w = {key: value.astype(np.float64) for key, value in w.items()}
        logits, _ = forward(w, o, TOKENS, HEADS, KV, DIM, LAYERS)
        goldens[name] = {"tokens": TOKENS, "logits": np.round(logits, 5).tolist()}
    reader = gguf.GGUFReader(sys.argv[1])
    w = {t.name: gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float64) for t in reader.tensors}
    logits, states = forward(w, {"interleaved": True, "base": 100000.0}, SMOLLM2_TOKENS, 9, 3, 64, 30)
    goldens["smollm2"] = {
        "tokens": SMOLLM2_TOKENS,
        "logits": [np.round(logits[-1][:512], 5).tolist()],
        "first_layer": np.round(states[0][-1], 5).tolist(),
    }
    (HERE / "goldens.json").write_text(json.dumps(goldens) + "\n")


main()

"""Writes a model of drawn weights as GGUF: tiny.py llama|gemma3 FILE"""

import sys

import gguf
import numpy as np

LAYERS, HEADS, KV_HEADS, DIM, WIDE, FEED, TOKENS = 7, 4, 2, 16, 48, 64, 96


def main(architecture, path):
    random = np.random.default_rng(1)
    w = gguf.GGUFWriter(path, architecture)
    w.add_name("Tiny")
    w.add_context_length(512), w.add_embedding_length(WIDE), w.add_block_count(LAYERS), w.add_feed_forward_length(FEED)
    w.add_head_count(HEADS), w.add_head_count_kv(KV_HEADS), w.add_key_length(DIM), w.add_value_length(DIM)
    w.add_layer_norm_rms_eps(1e-5), w.add_rope_freq_base(10000.0)
    put = lambda name, *shape: w.add_tensor(f"{name}.weight", (random.standard_normal(shape) / shape[-1] ** 0.5).astype(np.float32))
    norm = lambda name, n: w.add_tensor(f"{name}.weight", (1 + 0.1 * random.standard_normal(n)).astype(np.float32))
    put("token_embd", TOKENS, WIDE), norm("output_norm", WIDE)
    for layer in range(LAYERS):
        b = f"blk.{layer}."
        put(b + "attn_q", HEADS * DIM, WIDE), put(b + "attn_k", KV_HEADS * DIM, WIDE), put(b + "attn_v", KV_HEADS * DIM, WIDE)
        put(b + "attn_output", WIDE, HEADS * DIM), put(b + "ffn_gate", FEED, WIDE), put(b + "ffn_up", FEED, WIDE), put(b + "ffn_down", WIDE, FEED)
        norm(b + "attn_norm", WIDE), norm(b + "ffn_norm", WIDE)
        if architecture == "gemma3":
            norm(b + "attn_q_norm", DIM), norm(b + "attn_k_norm", DIM), norm(b + "post_attention_norm", WIDE), norm(b + "post_ffw_norm", WIDE)
    if architecture == "gemma3":
        w.add_sliding_window(32)
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

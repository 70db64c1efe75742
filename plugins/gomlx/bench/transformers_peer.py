"""Tokens a second of transformers' generate, for llama models of random weights: what gomlx is compared with on a GPU.

    transformers_peer.py --models 135m 1b 8b --streams 1 8 64 --seconds 300

A line of JSON for each: tokens a second of all streams, and the share of what the memory allows, which reads all matrices
once a step and every stream's keys and values (its bandwidth is measured first, by copying). Generation alone: the time of
a prompt with one new token is taken off. With --compile also with transformers' static cache and torch.compile.
"""

import argparse
import json
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

# width, inner, layers, heads, kv_heads, vocabulary, the output matrix is the embeddings
SHAPES = {
    "135m": (576, 1536, 30, 9, 3, 49152, True),
    "1b": (2048, 8192, 16, 32, 8, 128256, True),
    "8b": (4096, 14336, 32, 32, 8, 128256, False),
}


def bandwidth():
    """Bytes a second that a copy of 4 GiB reads and writes."""
    a = torch.empty(1 << 32, dtype=torch.uint8, device="cuda")
    b = torch.empty_like(a)
    b.copy_(a)
    torch.cuda.synchronize()
    begun = time.time()
    for _ in range(20):
        b.copy_(a)
    torch.cuda.synchronize()
    return 20 * 2 * a.numel() / (time.time() - begun)


def build(name):
    width, inner, layers, heads, kv_heads, vocabulary, tied = SHAPES[name]
    config = LlamaConfig(
        hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv_heads,
        vocab_size=vocabulary, tie_word_embeddings=tied, max_position_embeddings=8192, bos_token_id=None, eos_token_id=None, pad_token_id=0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        return LlamaForCausalLM(config).eval()


def seconds(model, ids, new, **how):
    torch.cuda.synchronize()
    begun = time.time()
    model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=new, min_new_tokens=new, do_sample=False, **how)
    torch.cuda.synchronize()
    return time.time() - begun


@torch.no_grad()
def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--models", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    p.add_argument("--streams", nargs="+", type=int, default=[1, 8, 64])
    p.add_argument("--context", type=int, default=128, help="tokens of the prompt")
    p.add_argument("--new", type=int, default=64, help="tokens that are generated")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--seconds", type=float, default=400, help="begin nothing more after that")
    a = p.parse_args()
    begun, limit = time.time(), bandwidth()
    print(json.dumps({"device": torch.cuda.get_device_name(), "bytes/s": round(limit), "torch": torch.__version__}), flush=True)
    for name in a.models:
        model = build(name)
        config = model.config
        matrices = sum(m.weight.numel() * 2 for m in model.modules() if isinstance(m, torch.nn.Linear))
        row = config.num_hidden_layers * 2 * config.num_key_value_heads * config.head_dim * 2
        for how in ("eager", "compiled") if a.compile else ("eager",):
            arguments = {"cache_implementation": "static"} if how == "compiled" else {}
            for n in a.streams:
                if time.time() - begun > a.seconds:
                    return
                ids = torch.randint(0, config.vocab_size, (n, a.context), device="cuda")
                seconds(model, ids, 8, **arguments)
                step = min((seconds(model, ids, a.new + 1, **arguments) - seconds(model, ids, 1, **arguments)) / a.new for _ in range(3))
                read = matrices + n * (a.context + a.new / 2) * row
                print(json.dumps({"model": name, "how": how, "streams": n, "context": a.context, "tokens/s": round(n / step, 1), "ms a step": round(step * 1e3, 3),
                                  "share of bandwidth": round(read / step / limit, 4)}), flush=True)
        del model
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()

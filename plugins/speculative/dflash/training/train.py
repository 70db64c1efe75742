"""Trains the drafter on answers of the target.

    train.py --target MODEL.gguf --data data.npz --out drafter.pt --seconds 480

Muon for matrices, AdamW for the rest; warm-up, cosine by elapsed time; D-PACE weights: the loss at
position k counts by how likely the block is to be used at all up to there and beyond. On several
GPUs: torchrun --standalone --nproc-per-node N train.py …, each with rows of its own.
"""

import argparse
import json
import math
import os
import random
import time

import numpy as np
import torch

from drafter import CrossEntropy, Drafter, Layer
from evaluate import Answers, draft_all, lengths, mean_committed
from load import load
from muon import Muon
from target import Target

TAPS = [1, 8, 14, 20, 27]


class Sequences:
    """Training sequences of one or several data files, as batches of like length; those with the prompts of others left out."""

    def __init__(self, paths, rows, device, others=()):
        tokens, length, prompt = [], [], []
        for path in paths:
            z = np.load(path)
            tokens.append(z["tokens"])
            length.append(z["length"])
            prompt.append(z["prompt"])
        self.tokens, self.length, self.prompt = map(np.concatenate, (tokens, length, prompt))
        self.start = np.concatenate([[0], self.length.cumsum()[:-1]])
        taken = {row[:p].astype(self.tokens.dtype).tobytes() for o in others for row, p in zip(o.rows, o.prompt)}
        keep = np.array([self.tokens[s:s + p].tobytes() not in taken for s, p in zip(self.start, self.prompt)])
        self.length, self.prompt, self.start = self.length[keep], self.prompt[keep], self.start[keep]
        self.rows, self.device = rows, device
        self.held = torch.from_numpy(self.tokens.astype(np.int32)).to(device)

    def __len__(self):
        return len(self.length)

    def frequencies(self, vocab):
        """How often each token occurs in answers."""
        change = np.zeros(len(self.tokens) + 1, np.int8)
        np.add.at(change, self.start + self.prompt, 1)
        np.add.at(change, self.start + self.length, -1)
        return np.bincount(self.tokens[change.cumsum(dtype=np.int8)[:-1] > 0], minlength=vocab)

    def batches(self, rng, part=0, parts=1):
        """One epoch of (indices, padded length) of one of parts workers; lengths rounded up to 32, alike over the workers."""
        order, rows = rng.permutation(len(self)), self.rows * parts
        order = order[np.argsort((self.length[order] + 31) // 32, kind="stable")]
        out = [order[i:i + rows] for i in range(0, len(order) - rows + 1, rows)]
        rng.shuffle(out)
        return [(b[part::parts], int((self.length[b].max() + 31) // 32 * 32)) for b in out]

    def rows_of(self, index, padded, end):
        start, length = (torch.as_tensor(x[index], device=self.device)[:, None] for x in (self.start, self.length))
        column = torch.arange(padded, device=self.device)
        ids = self.held[(start + column).clamp(max=len(self.held) - 1)].long()
        return torch.where(column < length, ids, end)


class FeatureCache:
    """Features of all sequences in one file: on a CPU, making them again every epoch costs a third of the time."""

    def __init__(self, path, sequences, target, taps):
        width = len(taps) * target.config.width
        self.sequences = sequences
        self.values = torch.from_file(path, shared=True, size=len(sequences.tokens) * width, dtype=torch.bfloat16).view(-1, width)
        begun = time.time()
        order = np.argsort(sequences.length)
        for i in range(0, len(order), 32):
            index = order[i:i + 32]
            f = target.features(sequences.rows_of(index, int(sequences.length[index].max()), target.end), taps)
            for row, j in zip(f, index):
                s, n = sequences.start[j], sequences.length[j]
                self.values[s:s + n] = row[:n]
        print(f"features of {len(self.values)} tokens in {time.time() - begun:.0f} s", flush=True)

    def get(self, index, padded):
        s = self.sequences
        out = torch.zeros(len(index), padded, self.values.shape[1], dtype=torch.bfloat16)
        for row, i in zip(out, index):
            row[:s.length[i]] = self.values[s.start[i]:s.start[i] + s.length[i]]
        return out


def weights_of(loss, known, valid, alpha):
    """D-PACE weights [.., block - 1] of positions, from their losses.

    The weight of position k is the sum over j >= k of the product of a_1 … a_j with
    a = alpha + (1 - alpha) p: what the block's expected length gains by p_k, smoothed.
    """
    p = torch.where(known, (-loss.detach()).exp(), 0)
    reach = (alpha + (1 - alpha) * p).cumprod(-1) * valid
    return reach.flip(-1).cumsum(-1).flip(-1) * valid * known


class Workers:
    """The processes that train together, one a GPU: gradients are averaged, the first one's clock is everybody's."""

    def __init__(self, device):
        self.rank, self.count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        if device == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
        if self.count > 1:
            torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")

    def share(self, weights):
        """The first one's weights to all."""
        if self.count > 1:
            for w in weights:
                torch.distributed.broadcast(w.detach(), 0)

    def average(self, weights):
        if self.count > 1:
            flat = torch.cat([w.grad.flatten() for w in weights])
            torch.distributed.all_reduce(flat)
            flat /= self.count
            for w, g in zip(weights, flat.split([w.numel() for w in weights])):
                w.grad.copy_(g.view_as(w))

    def clock(self, seconds, device):
        if self.count == 1:
            return seconds
        told = torch.tensor([seconds], device=device)
        torch.distributed.broadcast(told, 0)
        return told.item()


class Schedule:
    """Progress 0 to 1 by the time that steps take, the same for all workers: the clock is read every few steps."""

    EVERY = 20

    def __init__(self, workers, seconds, device):
        self.workers, self.seconds, self.device = workers, seconds, device
        self.begun, self.known, self.at, self.pace = time.time(), 0.0, 0, 0.0

    def progress(self, step):
        if step % self.EVERY == 0 and step > self.at:
            now = self.workers.clock(time.time() - self.begun, self.device)
            # The first steps compile: they tell nothing of the pace.
            self.pace = (now - self.known) / (step - self.at) if self.known else 0.0
            self.known, self.at = now, step
        return (self.known + (step - self.at) * self.pace) / self.seconds


def pick_anchors(prompt, length, n, device):
    """n positions a row in the answer, at least one token before its end; the first is the answer's first token."""
    span = (length - 1 - prompt).clamp(min=1)
    return prompt[:, None] + (torch.rand(len(prompt), n, device=device) * span[:, None]).long(), span


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--target", required=True)
    p.add_argument("--data", required=True, nargs="+")
    p.add_argument("--apart", nargs="*", default=[], help="answers by answer.py, whose prompts are not trained on; the first are evaluated now and then")
    p.add_argument("--out", required=True)
    p.add_argument("--journal", help="JSON lines: loss and evaluations")
    p.add_argument("--seconds", type=float, default=480)
    p.add_argument("--layers", type=int, default=5)
    p.add_argument("--block", type=int, default=8)
    p.add_argument("--vocabulary", type=int, default=16384, help="evaluate.py and export.py may cut it further")
    p.add_argument("--rows", type=int, default=64)
    p.add_argument("--anchors", type=int, default=64)
    p.add_argument("--muon", type=float, default=2e-3, help="learning rate of matrices")
    p.add_argument("--adam", type=float, default=1e-3, help="learning rate of the rest")
    p.add_argument("--warm-up", type=int, default=300, help="steps")
    p.add_argument("--alpha", type=float, default=0.5)
    p.add_argument("--evaluate-every", type=float, default=60, help="seconds")
    p.add_argument("--evaluate-on", type=int, default=128, help="held-out answers")
    p.add_argument("--cache-features", help="file for features; CPU only")
    p.add_argument("--resume", help="drafter to go on from")
    p.add_argument("--compile", action="store_true", help="fuse what torch.compile can")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--seed", type=int, default=0)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    workers = Workers(a.device)
    torch.manual_seed(a.seed)
    target = Target(a.target, a.device)
    others = [Answers(path) for path in a.apart]
    data = Sequences(a.data, a.rows, a.device, others)
    counts = data.frequencies(target.config.vocab)
    vocabulary = np.sort(np.argsort(-counts, kind="stable")[:a.vocabulary])
    print(f"{len(data)} sequences, {counts.sum()} tokens of answers, {counts[vocabulary].sum() / counts.sum():.4f} of them in the vocabulary of "
          f"{a.vocabulary}", flush=True)
    if a.resume:
        model = load(a.resume, target.config, a.device)
    else:
        model = Drafter(target.config, TAPS, a.layers, a.block, vocabulary, counts[vocabulary], target.embedding.float().mean(0)).to(a.device)
    workers.share(model.parameters())
    torch.manual_seed(a.seed * 1000 + workers.rank)
    rng = np.random.default_rng(a.seed)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    head = target.head[model.vocabulary]
    place = torch.full((target.config.vocab,), -1, dtype=torch.long, device=a.device)
    place[model.vocabulary] = torch.arange(len(model.vocabulary), device=a.device)
    matrices = [w for w in model.parameters() if w.dim() > 1]
    vectors = [w for w in model.parameters() if w.dim() <= 1]
    optimizers = [(Muon(matrices, lr=a.muon), a.muon),
                  (torch.optim.AdamW(vectors, lr=a.adam, betas=(0.9, 0.98), weight_decay=0.0), a.adam)]
    cache = FeatureCache(a.cache_features, data, target, model.taps) if a.cache_features else None
    if a.compile:
        CrossEntropy.compile()
        Layer.compile_parts()
        target.compile()
    first = workers.rank == 0
    heldout = others[0].sample(a.evaluate_on) if others and first else None
    log = open(a.journal, "a", encoding="utf-8") if a.journal and first else None

    def note(**entry):
        if not first:
            return
        print("  ".join(f"{k} {v}" for k, v in entry.items()), flush=True)
        if log:
            log.write(json.dumps(entry) + "\n")
            log.flush()

    @torch.compiler.set_stance("force_eager")
    def evaluate():
        guesses = draft_all(model, target, heldout)
        note(event="evaluation", step=step, seconds=round(time.time() - begun),
             committed=round(mean_committed(lengths(guesses, heldout)), 3))

    def save():
        if first:
            torch.save(model.state(), a.out + ".new")
            os.replace(a.out + ".new", a.out)

    begun = checked = time.time()
    schedule = Schedule(workers, a.seconds, a.device)
    step = epoch = 0
    progress, recent = 0.0, []
    while progress < 1:
        epoch += 1
        for index, padded in data.batches(rng, workers.rank, workers.count):
            progress = schedule.progress(step)
            if progress >= 1:
                break
            ids = data.rows_of(index, padded, target.end)
            prompt, length = (torch.as_tensor(x[index], device=a.device) for x in (data.prompt, data.length))
            features = cache.get(index, padded) if cache else target.features(ids, model.taps)
            anchors, span = pick_anchors(prompt, length, a.anchors, a.device)
            at = anchors[:, :, None] + torch.arange(1, model.block, device=a.device)
            valid = at < length[:, None, None]
            labels = place[ids.gather(1, at.clamp(max=padded - 1).flatten(1))].view(at.shape)
            known = (labels >= 0) & valid
            h = model(features, anchors, target.embedding[ids.gather(1, anchors)], target.cos, target.sin)
            loss = CrossEntropy.apply(h[:, :, 1:].flatten(0, 2), head, labels.clamp(min=0).flatten()).view(labels.shape)
            # Rows whose answer has fewer tokens than anchors were drawn count less: their anchors repeat.
            w = weights_of(loss, known, valid, a.alpha) * (span / a.anchors).clamp(max=1)[:, None, None]
            total = (w * loss).sum() / w.sum()
            for o, rate in optimizers:
                o.zero_grad(set_to_none=True)
                for g in o.param_groups:
                    g["lr"] = rate * min(1, (step + 1) / a.warm_up, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
            total.backward()
            workers.average([w for o, _ in optimizers for g in o.param_groups for w in g["params"]])
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for o, _ in optimizers:
                o.step()
            recent.append(total.detach())
            step += 1
            if step % 25 == 0:
                hit = (torch.where(known, (-loss.detach()).exp(), 0) * valid).sum((0, 1)) / valid.sum((0, 1)).clamp(min=1)
                note(event="step", step=step, epoch=epoch, seconds=round(time.time() - begun),
                     loss=round(torch.stack(recent).mean().item(), 4), p=[round(x, 3) for x in hit.tolist()])
                recent.clear()
            if first and time.time() - checked > a.evaluate_every:
                if heldout:
                    evaluate()
                save()
                checked = time.time()
    if heldout:
        evaluate()
    save()
    note(event="done", step=step, epochs=epoch, seconds=round(time.time() - begun))
    if workers.count > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()

"""Measures the drafter on greedy answers of the target: tokens committed a verification.

    evaluate.py --target MODEL.gguf --drafter drafter.pt --answers heldout.npz --report report.json

Greedy speculative decoding is replayed exactly: from an anchor, the guesses that equal the answer's
next tokens are accepted up to the first that does not, and the target adds one of its own.
"""

import argparse
import json

import numpy as np
import torch

from load import load
from target import Target


class Answers:
    """Conversations with the target's greedy answers, as answer.py writes them."""

    def __init__(self, path):
        z = np.load(path)
        self.length, self.prompt, self.kind, self.kinds = z["length"], z["prompt"], z["kind"], list(map(str, z["kinds"]))
        self.rows = np.split(z["tokens"].astype(np.int64), self.length.cumsum()[:-1])
        self.index = np.arange(len(self.length))

    def sample(self, n):
        out = object.__new__(Answers)
        pick = np.random.default_rng(5).permutation(len(self.length))[:n]
        out.length, out.prompt, out.kind, out.kinds = self.length[pick], self.prompt[pick], self.kind[pick], self.kinds
        out.rows, out.index = [self.rows[i] for i in pick], pick
        return out


class Guesses:
    """What the drafter guesses at every anchor of one answer: tokens and probabilities [anchors, block - 1]."""

    def __init__(self, tokens, p):
        self.tokens, self.p = tokens, p


@torch.no_grad()
def draft_all(model, target, answers, rows=8, chunk=64):
    """Guesses of every answer, at every anchor from its first token to the one before its last."""
    out, head = [None] * len(answers.rows), target.head[model.vocabulary]
    order = np.argsort(answers.length)
    for i in range(0, len(order), rows):
        part = order[i:i + rows]
        padded = int(answers.length[part].max())
        ids = torch.full((len(part), padded), target.end)
        for row, j in zip(ids, part):
            row[:answers.length[j]] = torch.from_numpy(answers.rows[j])
        ids = ids.to(target.device)
        prompt = torch.as_tensor(answers.prompt[part], device=target.device)
        features = target.features(ids, model.taps)
        most = int((answers.length[part] - 1 - answers.prompt[part]).max())
        found = []
        for first in range(0, most, chunk):
            anchors = (prompt[:, None] + first + torch.arange(min(chunk, most - first), device=target.device)).clamp(max=padded - 1)
            h = model(features, anchors, target.embedding[ids.gather(1, anchors)], target.cos, target.sin)
            p, place = (h[:, :, 1:] @ head.t()).float().softmax(-1).max(-1)
            found.append((model.vocabulary[place].cpu().numpy(), p.cpu().numpy()))
        tokens, p = (np.concatenate(x, 1) for x in zip(*found)) if found else (np.zeros((len(part), 0, model.block - 1)),) * 2
        for row, j in enumerate(part):
            n = max(0, int(answers.length[j] - 1 - answers.prompt[j]))
            out[j] = Guesses(tokens[row, :n], p[row, :n])
    return out


def replay(guess, row, prompt, block):
    """The accepted lengths of one answer. guess(position) gives the proposal for the tokens after it."""
    position, accepted = prompt, []
    while position < len(row) - 1:
        truth = row[position + 1:position + block]
        n = 0
        for t, g in zip(truth, guess(position)):
            if t != g:
                break
            n += 1
        accepted.append(n)
        position += n + 1
    return accepted


def lengths(guesses, answers, block=None):
    """Accepted lengths of every answer."""
    out = []
    for g, row, prompt in zip(guesses, answers.rows, answers.prompt):
        b = block or g.tokens.shape[1] + 1
        out.append(replay(lambda at, g=g, p=prompt, b=b: g.tokens[at - p][:b - 1], row, prompt, b))
    return out


def mean_committed(accepted):
    total = sum(map(len, accepted))
    return sum(n + 1 for a in accepted for n in a) / max(1, total)


class Lookup:
    """Prompt lookup: what followed the latest earlier occurrence of the last 3, 2 or 1 tokens."""

    def __init__(self, row, longest=3):
        self.row, self.longest, self.seen, self.upto = row, longest, {}, 0

    def find(self, at, block, least=1):
        """(length of the match, proposal) for the tokens after position at."""
        while self.upto < at:
            for n in range(1, self.longest + 1):
                if self.upto + 1 >= n:
                    self.seen[tuple(self.row[self.upto - n + 1:self.upto + 1])] = self.upto + 1
            self.upto += 1
        for n in range(self.longest, least - 1, -1):
            start = self.seen.get(tuple(self.row[at - n + 1:at + 1]))
            if start is not None:
                period = at + 1 - start
                return n, [self.row[start + i % period] for i in range(block - 1)]
        return 0, []


def lookup_lengths(answers, block, guesses=None):
    """Accepted lengths by lookup; with guesses, the drafter's unless four tokens match and their first guess agrees."""
    out = []
    for i, (row, prompt) in enumerate(zip(answers.rows, answers.prompt)):
        found = Lookup(row, 3 if guesses is None else 4)

        def guess(at, found=found, i=i, prompt=prompt):
            if guesses is None:
                return found.find(at, block)[1]
            own, (n, copied) = guesses[i].tokens[at - prompt], found.find(at, block, 4)
            return copied if n and copied[0] == own[0] else own
        out.append(replay(guess, row, prompt, block))
    return out


def by_threshold(guesses, answers, verify, draft):
    """Speed against plain decoding when guesses are proposed while their product of probabilities is above a threshold.

    verify(n): cost of a batch of n tokens, draft: cost of one pass of the drafter, both in single tokens.
    """
    out = {}
    for threshold in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        tokens = cost = proposed = steps = 0
        for g, row, prompt in zip(guesses, answers.rows, answers.prompt):
            ok = g.p.cumprod(1) > threshold
            position = prompt
            while position < len(row) - 1:
                n = int(ok[position - prompt].sum())
                same = g.tokens[position - prompt][:n] == row[position + 1:position + 1 + n][:n] if position + n < len(row) else \
                    g.tokens[position - prompt][:len(row) - 1 - position] == row[position + 1:]
                a = len(same) if same.all() else int(np.argmin(same))
                tokens, steps, proposed = tokens + a + 1, steps + 1, proposed + n
                cost += draft + verify(n + 1)
                position += a + 1
        out[threshold] = {"committed": round(tokens / steps, 3), "proposed": round(proposed / steps, 3), "speed": round(tokens / cost, 3)}
    return out


def table(accepted, answers, block):
    """Mean committed by kind, and P(at least k accepted)."""
    out = {"all": round(mean_committed(accepted), 3)}
    for k, name in enumerate(answers.kinds):
        part = [a for a, kind in zip(accepted, answers.kind) if kind == k]
        if part:
            out[name] = round(mean_committed(part), 3)
    flat = np.array([n for a in accepted for n in a])
    out["reach"] = [round(float((flat >= k).mean()), 3) for k in range(1, block)]
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--target", required=True)
    p.add_argument("--drafter", required=True)
    p.add_argument("--answers", required=True, nargs="+")
    p.add_argument("--report", help="JSON")
    p.add_argument("--vocabulary", type=int, default=0, help="tokens that the drafter may guess; 0: all that it was trained on")
    p.add_argument("--costs", default="1:1,2:1.18,3:1.3,5:1.82,8:2.03", help="measured cost of a batch in single tokens")
    p.add_argument("--draft-cost", type=float, default=0.25, help="cost of a draft in single tokens")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--float32", action="store_true")
    a = p.parse_args()
    target = Target(a.target, a.device, torch.float32 if a.float32 else torch.bfloat16)
    model = load(a.drafter, target.config, a.device).cut(a.vocabulary)
    x, y = zip(*[map(float, pair.split(":")) for pair in a.costs.split(",")])
    report = {}
    for path in a.answers:
        answers = Answers(path)
        guesses = draft_all(model, target, answers)
        r = report[path.split("/")[-1]] = {"answers": len(answers.rows)}
        for block in sorted({4, 5, model.block}):
            r[f"dflash block {block}"] = table(lengths(guesses, answers, block), answers, block)
        r["ngram"] = table(lookup_lengths(answers, model.block), answers, model.block)
        r["both"] = table(lookup_lengths(answers, model.block, guesses), answers, model.block)
        r["thresholds"] = by_threshold(guesses, answers, lambda n: float(np.interp(n, x, y)), a.draft_cost)
        print(json.dumps({path: r}, indent=1), flush=True)
    if a.report:
        json.dump(report, open(a.report, "w", encoding="utf-8"), indent=1)


if __name__ == "__main__":
    main()

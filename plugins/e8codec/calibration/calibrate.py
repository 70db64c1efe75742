"""All of a calibration, for a program that shows how far it is.

Standard input has the request, a line of JSON, and stays open: when it closes, this ends. Standard output has
events, a line of JSON each. Both are those of Go's package core/plugin/codec, CalibrateRequest and CalibrateEvent.
What is known so far lies in the request's folder work, and the same request goes on from there.
"""

import importlib.util
import json
import os
import shutil
import signal
import sys
import threading
import traceback

NEEDS = ("torch", "numpy", "gguf")
ROOM = 1 << 30  # bytes of disk beside the two arrays
AGREE = 0.25  # nats that the backend's log-probabilities may differ by, in the mean: it rounds what is multiplied with quantised weights
RATES = (("page", 0), ("page", 2), ("page", 4), ("page", 6), ("alone", 2))


class Refused(Exception):
    """What the user should know and do."""


def say(**event):
    print(json.dumps(event), flush=True)


def stage(name):
    return lambda done, all: say(stage=name, done=done, all=all)


def watch():
    """Ends the process when who asked is gone."""
    sys.stdin.read()
    os._exit(1)


def packages():
    if sys.version_info < (3, 10):
        raise Refused(f"{sys.executable} is Python {sys.version.split()[0]}; 3.10 or later is needed. Name another by --python")
    missing = [n for n in NEEDS if importlib.util.find_spec(n) is None]
    if missing:
        raise Refused(f"{sys.executable} lacks {', '.join(missing)}. Install with\n  {sys.executable} -m pip install {' '.join(NEEDS)}\nor name another Python by --python")


def agreement(model, check):
    """How far the backend's log-probabilities of tokens lie from those computed here, in the mean."""
    import torch

    ids, want = torch.tensor([check["tokens"]]), torch.tensor(check["log_probs"])
    got = model.log_probs(model.hidden(ids)[0, :-1]).gather(1, ids[0, 1:, None])[:, 0]
    off = (got - want).abs().mean().item()
    if not off < AGREE:
        raise Refused(f"the backend's log-probabilities lie {off:.2f} nats from those computed here, more than {AGREE}: "
                      "this model is not what its architecture's name says, and would be calibrated wrongly")
    return off


def room(model, tokens, work):
    need = 2 * 4 * model.layers * tokens * 2 * model.width + ROOM
    free = shutil.disk_usage(work).free
    if free < need and not os.path.exists(f"{work}/cal/done"):
        raise Refused(f"{work} has room for {free >> 20} MiB, {need >> 20} MiB are needed; name another folder by --work, or take fewer --windows")


def calibrate(r):
    import torch

    import export
    import fit
    from evaluate import Cache, exact, measure
    from forms import RATES as STEPS
    from gather import gather
    from model import Model, Unknown

    torch.set_num_threads(r.get("threads") or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    torch.set_grad_enabled(False)
    work = r["work"]
    os.makedirs(work, exist_ok=True)
    for name in ("windows", "measure"):  # for evaluate.py
        with open(f"{work}/{name}.json", "w", encoding="utf-8") as f:
            json.dump(r[name], f)
    say(stage="read", done=0, all=1)
    try:
        model = Model(r["model"])
    except Unknown as e:
        raise Refused(f"{r['model']} cannot be calibrated: it has {e}") from None
    off = agreement(model, r["check"]) if r.get("check") else None
    ids = torch.tensor(r["windows"])
    room(model, ids.numel(), work)
    gather(model, ids, f"{work}/cal", stage("gather"))
    fit.learn(f"{work}/cal", f"{work}/out", fit.options(dim=model.head_dim), stage("learn"))
    tell, measured = stage("measure"), []
    held = torch.tensor(r["measure"])
    tell(0, len(RATES))
    want = exact(model, held, work)
    for i, (form, rate) in enumerate(RATES):
        m = measure(model, held, want, Cache(f"{work}/out", model.layers, form, rate))
        measured.append({"form": "random" if form == "alone" else form, "step": STEPS[rate]} | {k: m[k] for k in ("bits", "kl", "dppl", "top1")})
        tell(i + 1, len(RATES))
    rates, size = export.export(model, f"{work}/out", r["out"])
    say(result={
        "bytes": size, "off": off, "measured": measured,
        "rates": [{"q": round(10 * page), "step": step, "page": float(page), "random": float(alone)} for step, page, alone in rates]})


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=watch, daemon=True).start()
    try:
        packages()
        calibrate(request)
    except Refused as e:
        say(error=str(e))
    except Exception as e:
        traceback.print_exc()
        say(error=f"{type(e).__name__}: {e}")


if __name__ == "__main__":
    main()

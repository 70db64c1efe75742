"""Plots a training: the loss and tokens committed over the steps, and acceptance by position.

    plot.py --journal train.jsonl --report report.json --out training.svg
"""

import argparse
import json
import math

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 300, 240, 46, 34, 36, 40
BLUE, RED, GREY = "#4477aa", "#aa3377", "#888888"


class Panel:
    """One diagram, the number-th from the left."""

    def __init__(self, number, title, x, y, below):
        self.left, self.x, self.y, self.parts = number * (WIDTH + GAP), x, y, []
        self.text(LEFT, 18, title, anchor="start")
        self.text(LEFT + (WIDTH - LEFT) / 2, HEIGHT - 6, below)
        for f in (0, 0.5, 1):
            self.text(LEFT - 6, self.row(y[0] + f * (y[1] - y[0])) + 4, f"{y[0] + f * (y[1] - y[0]):.3g}", anchor="end")
            self.text(self.column(x[0] + f * (x[1] - x[0])), HEIGHT - 22, f"{x[0] + f * (x[1] - x[0]):.4g}")
        self.parts.append(f'<rect x="{self.left + LEFT}" y="{TOP}" width="{WIDTH - LEFT}" height="{HEIGHT - TOP - BOTTOM}" fill="none" stroke="{GREY}"/>')

    def column(self, v):
        return LEFT + (v - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT)

    def row(self, v):
        return HEIGHT - BOTTOM - (min(v, self.y[1]) - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)

    def text(self, x, y, text, anchor="middle", colour="black"):
        self.parts.append(f'<text x="{self.left + x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>')

    def line(self, points, colour, label, place):
        path = " ".join(f"{self.left + self.column(x):.1f},{self.row(y):.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        self.text(WIDTH - 8, TOP + 16 + 16 * place, label, anchor="end", colour=colour)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--journal", required=True)
    p.add_argument("--report", required=True)
    p.add_argument("--out", required=True)
    a = p.parse_args()
    events = [json.loads(line) for line in open(a.journal, encoding="utf-8")]
    steps = [e for e in events if e["event"] == "step"]
    checks = [e for e in events if e["event"] == "evaluation"]
    report = json.load(open(a.report, encoding="utf-8"))
    last = math.ceil(steps[-1]["step"] / 1000) * 1000
    means = [(part[-1]["step"], sum(e["loss"] for e in part) / len(part)) for part in (steps[i:i + 8] for i in range(0, len(steps), 8))]
    loss = Panel(0, "Loss (weighted, mean of 200 steps)", (0, last), (0, 4), "step")
    loss.line(means, BLUE, "training", 0)
    committed = Panel(1, "Tokens committed a verification", (0, last), (1, 4), "step")
    committed.line([(e["step"], e["committed"]) for e in checks], BLUE, "128 held-out prompts", 0)
    reach = Panel(2, "P(at least k tokens accepted)", (1, 7), (0, 1), "k")
    for i, (name, colour) in enumerate(zip(report, (BLUE, RED))):
        r, label = report[name], name.split(".")[0]
        reach.line(list(enumerate(r["dflash block 8"]["reach"], 1)), colour, label, i)
    reach.line(list(enumerate(report[list(report)[0]]["ngram"]["reach"], 1)), GREY, "ngram, " + list(report)[0].split(".")[0], 2)
    body = "\n".join(part for panel in (loss, committed, reach) for part in panel.parts)
    width = 3 * WIDTH + 2 * GAP + 10
    with open(a.out, "w", encoding="utf-8") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" font-family="sans-serif" font-size="11">\n'
                f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n')


if __name__ == "__main__":
    main()

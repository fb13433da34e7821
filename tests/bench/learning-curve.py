#!/usr/bin/env python3
"""Draw how a new user's filter learns: spam caught and innocent mail blocked by week of use, for each training mode.

usage: learning-curve.py SPAMTRAIN CORPUS OUT.svg [SEED...]     (CORPUS: as tests/corpus.sh brings it; seeds 1 2 3)

Assumption: 200 messages a week, in shuffled order, nothing trained beforehand; left: every error is reported at once, right: half of them never.
`spamtrain evaluate` replays the corpus; what is drawn is the mean of the seeds.
"""
import os
import subprocess
import sys
import tempfile

WEEK = 200  # messages
MODES = {"teft": "TEFT", "tum": "TUM", "toe": "TOE"}
REPORTED = {"0": "every error reported", "0.5": "half of the errors never reported"}
WIDTH, HEIGHT, LEFT, TOP, GAP = 380, 190, 60, 70, 70  # of a panel, and around

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 } .title { font-size: 17px; font-weight: 600 } .head { font-weight: 600 }
.grid { stroke: #ddd } .axis { stroke: #888 } .paper { fill: #fff } path { fill: none; stroke-width: 2.2; stroke-linejoin: round }
.teft { stroke: #c2410c } .tum { stroke: #1d4ed8 } .toe { stroke: #15803d; stroke-dasharray: 6 4 }
@media (prefers-color-scheme: dark) {
 text { fill: #ddd } .paper { fill: #16181d } .grid { stroke: #333 } .axis { stroke: #777 }
 .teft { stroke: #fb923c } .tum { stroke: #7aa2ff } .toe { stroke: #4ade80 }
}
"""


def weeks(path):
    """For each full week: percent of spam caught, number of innocent messages blocked."""
    with open(path) as file:
        rows = [(line.split()[0], line.split()[2]) for line in file]
    for start in range(0, len(rows) - WEEK + 1, WEEK):
        week = rows[start : start + WEEK]
        spam = [verdict for gold, verdict in week if gold == "spam"]
        yield 100 * spam.count("spam") / max(len(spam), 1), week.count(("ham", "spam"))


def measure(spamtrain, work, seeds, mode, unreported):
    """The mean of the seeds, week by week."""
    runs = []
    for seed in seeds:
        command = [spamtrain, "evaluate", "--index", f"{work}/index.{seed}", "--mode", mode]
        command += ["--unreported", unreported, "--results", f"{work}/out"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        runs.append(list(weeks(f"{work}/out")))
    return [[sum(run[i][what] for run in runs) / len(runs) for i in range(len(runs[0]))] for what in (0, 1)]


def panel(x, y, curves, top, step, unit):
    """One diagram: grid, axes, a line a mode."""
    count = len(next(iter(curves.values())))
    across = WIDTH / count
    out = []
    for i in range(int(top / step) + 1):
        at = y + HEIGHT - HEIGHT * i * step / top
        out.append(f'<line class="grid" x1="{x}" y1="{at:.1f}" x2="{x + WIDTH}" y2="{at:.1f}"/>')
        out.append(f'<text x="{x - 8}" y="{at + 4:.1f}" text-anchor="end">{i * step:g}{unit}</text>')
    for week in [1] + list(range(5, count + 1, 5)):
        at = x + across * (week - 0.5)
        out.append(f'<text x="{at:.1f}" y="{y + HEIGHT + 18}" text-anchor="middle">{week}</text>')
    out.append(f'<line class="axis" x1="{x}" y1="{y + HEIGHT}" x2="{x + WIDTH}" y2="{y + HEIGHT}"/>')
    for mode, values in curves.items():
        points = [
            f"{x + across * (i + 0.5):.1f} {y + HEIGHT - HEIGHT * min(value, top) / top:.1f}"
            for i, value in enumerate(values)
        ]
        out.append(f'<path class="{mode}" d="M{" L".join(points)}"/>')
    return out


def draw(results):
    width, height = 2 * WIDTH + LEFT + GAP + 30, 2 * HEIGHT + TOP + GAP + 84
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>Learning curve: spam caught and innocent mail blocked, by week of use</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="title" x="{LEFT}" y="24">A new account learns: {WEEK} messages a week, nothing trained beforehand</text>',
    ]
    for i, (mode, name) in enumerate(MODES.items()):
        x, y = LEFT + i * 80, height - 16
        out.append(f'<path class="{mode}" d="M{x} {y} h22"/><text x="{x + 28}" y="{y + 4}">{name}</text>')
    highest = max(max(values[1]) for values in results.values())
    step = 0.5 if highest <= 3 else 1
    top = step * (int(highest / step) + 1)
    for column, (unreported, name) in enumerate(REPORTED.items()):
        x = LEFT + column * (WIDTH + GAP)
        out.append(f'<text class="head" x="{x}" y="{TOP - 20}">{name}</text>')
        caught = {mode: results[mode, unreported][0] for mode in MODES}
        wrong = {mode: results[mode, unreported][1] for mode in MODES}
        out.append(f'<text x="{x}" y="{TOP - 4}">spam caught</text>')
        out += panel(x, TOP + 4, caught, 100, 20, " %")
        low = TOP + HEIGHT + GAP
        out.append(f'<text x="{x}" y="{low - 10}">innocent messages blocked in the week</text>')
        out += panel(x, low, wrong, top, step, "")
        out.append(f'<text x="{x + WIDTH / 2}" y="{low + HEIGHT + 38}" text-anchor="middle">week of use</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    spamtrain, corpus, target = sys.argv[1:4]
    seeds = sys.argv[4:] or ["1", "2", "3"]
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([sys.executable, f"{here}/corpus-index.py", corpus, work, *seeds], check=True)
        results = {(mode, half): measure(spamtrain, work, seeds, mode, half) for mode in MODES for half in REPORTED}
    for (mode, half), (caught, wrong) in results.items():
        for name, first, last in (("week 1", 0, 1), ("weeks 2-4", 1, 4), ("weeks 5-12", 4, 12), ("later", 12, len(caught))):
            part, blocked = caught[first:last], wrong[first:last]
            print(f"{MODES[mode]:5} {REPORTED[half]:34} {name:10} caught {sum(part) / len(part):5.1f} %  blocked {sum(blocked) / len(blocked):.2f} a week")
    with open(target, "w") as file:
        file.write(draw(results))


if __name__ == "__main__":
    main()

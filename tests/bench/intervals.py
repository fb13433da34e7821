#!/usr/bin/env python3
"""One row of figures, with intervals, of the results of `spamtrain evaluate`.

usage: intervals.py NAME RESULTS...     (RESULTS: files with lines "gold score verdict", of the same messages in different orders)

Each figure is the mean over the files. The interval behind it is a 95 % interval by bootstrap: 400 times as many messages as there are in a
file are drawn with replacement from it, from each file in turn; what a draw differs from its file is counted from the mean. It says how much the figure would differ with other mail of the same kind, which is
much more than between two orders of the same mail. `intervals.py --check-steps FILE` reads rows of this tool, and fails unless each step of
sensitivity has no more ham wrong and no less spam missed than the one before.

Columns: (1-ROCA)% (TREC: the area above the ROC curve), ham wrong %, spam missed %; then ham wrong and spam missed without the first 1,000
messages; then spam missed at the threshold where at most 0.1 % of the ham is wrong.
"""
import random
import re
import sys

DRAWS = 400
EARLY = 1000


def read(path):
    with open(path) as file:
        rows = [line.split() for line in file]
    return [(float(score), gold == "spam", verdict == "spam") for gold, score, verdict in rows]


def area_above(rows, weights):
    """rows: sorted by score; ties count half."""
    hams = spams = area = 0.0
    i = 0
    while i < len(rows):
        score, ham, spam = rows[i][0], 0, 0
        while i < len(rows) and rows[i][0] == score:
            if rows[i][1]:
                spam += weights[i]
            else:
                ham += weights[i]
            i += 1
        area += spam * (hams + ham / 2)
        hams += ham
        spams += spam
    return 100 * (1 - area / (hams * spams))


def rates(rows, weights):
    hams = sum(w for row, w in zip(rows, weights) if not row[1])
    spams = sum(w for row, w in zip(rows, weights) if row[1])
    wrong = sum(w for row, w in zip(rows, weights) if row[2] and not row[1])
    missed = sum(w for row, w in zip(rows, weights) if row[1] and not row[2])
    return 100 * wrong / hams, 100 * missed / spams


def missed_at(rows, share):
    hams = sorted((row[0] for row in rows if not row[1]), reverse=True)
    threshold = hams[int(share * len(hams))]
    spams = [row[0] for row in rows if row[1]]
    return 100 * sum(score <= threshold for score in spams) / len(spams)


def points(rows):
    early = EARLY if len(rows) > 2 * EARLY else 0
    ones = [1] * len(rows)
    return [area_above(sorted(rows), ones), *rates(rows, ones), *rates(rows[early:], ones), missed_at(rows, 0.001)]


def draw(rows, generator):
    """rows: sorted by score"""
    weights = [0] * len(rows)
    for i in generator.choices(range(len(rows)), k=len(rows)):
        weights[i] += 1
    return [area_above(rows, weights), *rates(rows, weights)]


def row(name, paths):
    files = [read(path) for path in paths]
    figures = [points(rows) for rows in files]
    means = [sum(column) / len(files) for column in zip(*figures)]
    files = [sorted(rows) for rows in files]
    generator = random.Random(1)
    differences = [[], [], []]
    for i in range(DRAWS):
        which = i % len(files)
        for column, (drawn, point) in enumerate(zip(draw(files[which], generator), figures[which])):
            differences[column].append(drawn - point)
    cells = []
    for column, digits in ((0, 3), (1, 2), (2, 1)):
        sample = sorted(differences[column])
        low, high = (max(0, means[column] + sample[int(share * DRAWS)]) for share in (0.025, 0.974))
        cells.append(f"{means[column]:.{digits + (column == 0)}f} [{low:.{digits}f}-{high:.{digits}f}]")
    return f"| {name} | {' | '.join(cells)} | {means[3]:.2f} | {means[4]:.1f} | {means[5]:.1f} |"


def check_steps(path):
    with open(path) as file:
        cells = [line.split("|") for line in file]
    steps = [tuple(float(re.match(r"[\d.]+", cell[i].strip())[0]) for i in (3, 4)) for cell in cells]
    for before, after in zip(steps, steps[1:]):
        if after[0] > before[0] or after[1] < before[1]:
            sys.exit(f"steps of sensitivity are out of order: {before} before {after}")


if __name__ == "__main__":
    if sys.argv[1] == "--check-steps":
        check_steps(sys.argv[2])
    else:
        print(row(sys.argv[1], sys.argv[2:]), flush=True)

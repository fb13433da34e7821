#!/usr/bin/env python3
"""One row of figures, with intervals, of the results of `spamtrain evaluate`.

usage: intervals.py NAME RESULTS...     (RESULTS: files with lines "gold score verdict", of the same messages in different orders)

Each figure is the mean over the files. The interval behind it is the mean of the files' own 95 % intervals, each by bootstrap: 400 times as
many messages are drawn with replacement from the file. It says how much the figure would differ with other mail of the same kind, which is
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


def figures(rows):
    early = EARLY if len(rows) > 2 * EARLY else 0
    ones = [1] * len(rows)
    late = rates(rows[early:], ones)
    at = missed_at(rows, 0.001)
    rows = sorted(rows)
    point = [area_above(rows, ones), *rates(rows, ones)]
    draws = []
    generator = random.Random(1)
    for _ in range(DRAWS):
        weights = [0] * len(rows)
        for i in generator.choices(range(len(rows)), k=len(rows)):
            weights[i] += 1
        draws.append([area_above(rows, weights), *rates(rows, weights)])
    columns = [sorted(column) for column in zip(*draws)]
    low = [column[int(0.025 * DRAWS)] for column in columns]
    high = [column[int(0.975 * DRAWS) - 1] for column in columns]
    return point + low + high + list(late) + [at]


def row(name, paths):
    means = [sum(column) / len(paths) for column in zip(*(figures(read(path)) for path in paths))]
    area, wrong, missed, area_low, wrong_low, missed_low, area_high, wrong_high, missed_high, late_wrong, late_missed, at = means
    return (
        f"| {name} | {area:.4f} [{area_low:.3f}-{area_high:.3f}] | {wrong:.2f} [{wrong_low:.2f}-{wrong_high:.2f}]"
        f" | {missed:.1f} [{missed_low:.1f}-{missed_high:.1f}] | {late_wrong:.2f} | {late_missed:.1f} | {at:.1f} |"
    )


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

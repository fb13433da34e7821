#!/usr/bin/python3
"""Print the results of the story as a table. usage: table.py RESULTS (lines of row, done, expected, found, ok|FAILED|skipped)"""

import shutil
import sys
import textwrap

HEAD = ["row", "what was done", "expected", "found", ""]


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    total = min(max(shutil.get_terminal_size((132, 24)).columns, 80), 160)
    room = total - 3 - 8 - 4 * 2
    widths = [3, room * 4 // 10, room * 3 // 10, room * 3 // 10, 8]
    previous = None
    for cells in [HEAD] + rows:
        if cells[0] != previous:
            print("-" * (sum(widths) + 8))
        shown = cells if cells[0] != previous else [""] + cells[1:]
        previous = cells[0]
        columns = [textwrap.wrap(cell, width) or [""] for cell, width in zip(shown, widths)]
        for number in range(max(map(len, columns))):
            line = [column[number] if number < len(column) else "" for column in columns]
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    print("-" * (sum(widths) + 8))


main()

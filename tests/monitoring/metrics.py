#!/usr/bin/env python3
"""What the daemons serve, what the documentation says, and what alerts and dashboard ask for.

usage: metrics.py table PAGE...            a table in Markdown of all metrics in these pages
       metrics.py documented FILE PAGE...  says where FILE does not have that table
       metrics.py watched TABLE LIST FILE...  of the metrics in TABLE: which are neither in an expression of FILEs nor in LIST
       metrics.py answered FILE URL        asks a Prometheus for each expression of FILE (dashboard or rules)
"""
import json
import re
import sys
import urllib.parse
import urllib.request

# Their label values come up at run time.
OPEN_LABELS = {"name", "list", "version", "program"}


def families(pages):
    found = {}
    for page in pages:
        for line in open(page, encoding="utf-8"):
            if line.startswith("# HELP "):
                name, text = line.split(" ", 3)[2:]
                family = found.setdefault(name, {"help": text.strip(), "labels": {}})
            elif line.startswith("# TYPE "):
                family["type"] = line.split()[3]
            else:
                for label, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line):
                    family["labels"].setdefault(label, set()).add(value)
    return found


def table(pages):
    lines = ["| metric | type | labels | |", "|---|---|---|---|"]
    for name, family in sorted(families(pages).items()):
        labels = ["%s=%s" % (label, "…" if label in OPEN_LABELS else "\\|".join(sorted(values)))
                  for label, values in sorted(family["labels"].items())]
        lines.append("| `%s` | %s | %s | %s |" % (name, family["type"], " ".join(labels), family["help"]))
    return lines


def documented(path, pages):
    written = set(open(path, encoding="utf-8").read().splitlines())
    wrong = [line for line in table(pages) if line not in written]
    served = set(families(pages))
    for line in written:
        name = re.match(r"\| `((?:shoveler|process)_\w+)` \|", line)
        if name and name[1] not in served:
            wrong.append("nobody serves %s" % name[1])
    return wrong


def expressions(path):
    text = open(path, encoding="utf-8").read()
    if path.endswith(".json"):
        return [target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]]
    return re.findall(r"^ +expr: (.*)$", text, re.M)


def watched(page, exempt, *files):
    """Each metric is watched, or LIST says why not: never both, and nothing that is no metric."""
    known = set(re.findall(r"^\| `(\w+)` \|", open(page, encoding="utf-8").read(), re.M))
    used = {name for path in files for expression in expressions(path) for name in re.findall(r"\b(?:shoveler|process)_[a-z_]+", expression)}
    listed = dict(re.findall(r"^(\w+) +(.*)$", open(exempt, encoding="utf-8").read(), re.M))
    wrong = ["%s is neither watched nor in %s" % (name, exempt) for name in known - used - listed.keys()]
    wrong += ["%s is watched, and in %s" % (name, exempt) for name in used & listed.keys()]
    wrong += ["%s is no metric" % name for name in (used | listed.keys()) - known]
    wrong += ["%s: why not?" % name for name, why in listed.items() if not why]
    return sorted(wrong)


def ask(url, expression):
    query = urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen("%s/api/v1/query?%s" % (url, query), timeout=10) as reply:
            return json.load(reply)["data"]["result"]
    except urllib.error.HTTPError as error:
        return error.read().decode()


def answered(path, url):
    wrong = []
    for expression in expressions(path):
        # What an alert compares with is not what is asked here: has each metric in it values?
        names = set(re.findall(r"\b(?:shoveler|process)_[a-z_]+(?:\{[^}]*\})?|\bup\b", expression))
        wrong += ["%s: %s has no values" % (expression, name) for name in sorted(names) if not ask(url, name)]
        if path.endswith(".json"):
            result = ask(url, expression.replace("$__rate_interval", "10s"))
            if not isinstance(result, list) or not result:
                wrong.append("%s: %s" % (expression, result or "nothing"))
    return wrong


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "table":
        lines = table(arguments)
    elif command == "documented":
        lines = documented(arguments[0], arguments[1:])
    elif command == "watched":
        lines = watched(*arguments)
    else:
        lines = answered(*arguments)
    print("\n".join(lines))


main()

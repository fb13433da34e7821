#!/usr/bin/python3
"""What `shoveler doctor` may find, as the source has it: code, how bad, and what to do.

usage: findings.py documented PAGE SOURCE...   says what the table of PAGE lacks, has too much, or says otherwise; exit code 1 then
       findings.py table PAGE SOURCE...        the table as it should be; what PAGE says of the meaning stays
"""

import pathlib
import re
import sys

LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
# %s, %lld, and PRId64, which has been made d by then
DIRECTIVE = re.compile(r"%[-0-9.*]*(?:ll|l|z)?[a-z]")


def arguments(text):
    """Of a call whose bracket has just been opened: its arguments, as they are written."""
    depth, quoted, begin, i = 0, False, 0, 0
    found = []
    while True:
        char = text[i]
        if quoted:
            if char == "\\":
                i += 1
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in "([{":
            depth += 1
        elif char in ")]}" and depth > 0:
            depth -= 1
        elif depth == 0 and char in ",)":
            found.append(text[begin:i].strip())
            begin = i + 1
            if char == ")":
                return found
        i += 1


def calls(source, name):
    return [arguments(source[match.end():]) for match in re.finditer(rf"(?<![\w]){name}\(\s*", source)]


def words(expression):
    """The text of literals that stand beside each other."""
    text = "".join(LITERAL.findall(re.sub(r"\bPRI[diu]64\b", '"d"', expression)))
    return DIRECTIVE.sub("…", text.replace('\\"', '"').replace("%%", "%"))


def advice(source, expression):
    """What is said, by several ways where it depends; None where only a run can tell."""
    expression = expression.strip()
    if expression.startswith("doctor_advice("):
        return advice(source, arguments(expression[len("doctor_advice("):])[1])
    choice = re.match(r"[^\"?]*(?:'[^']*')?[^\"?]*\?(.*)", expression, re.S)
    if choice:
        said = [advice(source, part) for part in split_choice(choice[1])]
        return None if None in said else "; or: ".join(said)
    if expression.startswith('"'):
        return words(expression)
    if re.fullmatch(r"\w+", expression):
        made = re.findall(rf"\b{expression}(?:\[\])?\s*=\s*((?:[^;\"]|{LITERAL.pattern})*);", source)
        said = [advice(source, each[0]) for each in made]
        return None if not said or None in said else "; or: ".join(dict.fromkeys(said))
    return None


def split_choice(text):
    """The two ways of what follows a question mark."""
    depth, quoted = 0, False
    for i, char in enumerate(text):
        if char == '"' and text[i - 1] != "\\":
            quoted = not quoted
        elif not quoted and char in "([":
            depth += 1
        elif not quoted and char in ")]":
            depth -= 1
        elif not quoted and depth == 0 and char == ":":
            return [text[:i], text[i + 1:]]
    return [text]


def severity(expression):
    named = re.findall(r"FINDING_(\w+)", expression)
    return sorted(name.lower() for name in named) if named else ["error", "warning"]


def findings(paths):
    """{code: (severities, advice)}"""
    found = {}
    for path in paths:
        source = pathlib.Path(path).read_text(encoding="utf-8")
        source = re.sub(r"/\*.*?\*/", "", source, flags=re.S)
        for call in calls(source, "doctor_report"):
            if len(call) < 5 or not call[1].strip():
                continue
            codes = [code for code in LITERAL.findall(call[2]) if CODE.fullmatch(code)]
            if not codes:
                # It is handed down to the function that reports.
                codes = [code for each in calls(source, "check_field") for code in map(words, each) if CODE.fullmatch(code)]
            for code in codes:
                severities, said = found.setdefault(code, (set(), []))
                severities.update(severity(call[1]))
                said.append(advice(source, call[3]))
    return {code: (sorted(severities, reverse=True), None if None in said else "; or: ".join(dict.fromkeys(said)))
            for code, (severities, said) in found.items()}


def known(paths):
    """{name of an array: its words} of doctor_codes.c"""
    source = "".join(pathlib.Path(path).read_text(encoding="utf-8") for path in paths if path.endswith("/doctor_codes.c"))
    return {name: set(LITERAL.findall(body)) for name, body in re.findall(r"(\w+)\[\] = \{(.*?)\};", source, re.S)}


def cell(text):
    return text.replace("|", "\\|").strip()


def documented(page):
    """{code: [severities, meaning, remedy]} of a page's table"""
    rows = {}
    for line in pathlib.Path(page).read_text(encoding="utf-8").splitlines():
        cells = [each.strip() for each in re.split(r"(?<!\\)\|", line)][1:-1]
        if len(cells) == 4 and re.fullmatch(r"`[a-z0-9-]+`", cells[0]):
            rows[cells[0].strip("`")] = cells[1:]
    return rows


def rows_of(page, sources):
    """Each row as it should be."""
    there = documented(page)
    for code, (severities, said) in sorted(findings(sources).items()):
        _, meaning, remedy = there.get(code, ["", "", ""])
        yield code, ["`" + code + "`", ", ".join(severities), meaning, remedy if said is None else cell(said)]


def main():
    what, page, *sources = sys.argv[1:]
    there = documented(page)
    wanted = dict(rows_of(page, sources))
    if what == "table":
        for row in wanted.values():
            print("| " + " | ".join(row) + " |")
        return
    wrong = [f"{code}: is in {page}, and nowhere in the source" for code in there.keys() - wanted.keys()]
    for code, row in wanted.items():
        if code not in there:
            wrong.append(f"{code}: is not in {page}")
        elif there[code] != row[1:]:
            wrong.append(f"{code}: {page} says {there[code]}, the source {row[1:]}")
        elif not all(row):
            wrong.append(f"{code}: {page} leaves something empty")
    arrays = known(sources)
    for code, (severities, _) in findings(sources).items():
        kind = "warnings" if "warning" in severities else "only_errors"
        if code not in arrays[kind]:
            wrong.append(f"{code}: is not among the {kind} of doctor_codes.c")
    for code in set.union(*arrays.values()) - wanted.keys():
        wrong.append(f"{code}: is in doctor_codes.c, and nowhere reported")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()

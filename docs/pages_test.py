#!/usr/bin/env python3
"""What the pages say is there, is there: links and their anchors, files and commands that are named; user.md has the same parts in each
language. Prints TAP. usage: pages_test.py SOURCE-FOLDER"""
import glob
import os
import re
import sys

FOLDERS = "admin ansible cmake debian docs dovecot-plugins lda lib milter monitoring mx2 schema spamtrain systemd tests web".split()
# A path of the source: in a folder of ours, or a program beside the README. What a build makes is not looked for.
PATH = re.compile(r"(?<![\w/.$~*{-])(?:\./[a-z][\w.-]*\.sh|(?:%s)/[\w./*-]*[\w/*])" % "|".join(FOLDERS))
# Of the pages of a host, and folders that begin like ours.
NOT_OURS = re.compile(r"^(?:systemd/system|docs/\w+$|web/[a-z-]+$)")


def pages():
    found = glob.glob("*.md") + glob.glob("docs/**/*.md", recursive=True) + glob.glob("tests/**/*.md", recursive=True)
    return sorted(path for path in found if "node_modules" not in path)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def without_blocks(text):
    return re.sub(r"(?m)^```.*?^```", "", text, flags=re.S)


def anchors(text):
    titles = re.findall(r"(?m)^#+ +(.*)$", without_blocks(text))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(path):
    text = read(path)
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        other = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        if not os.path.exists(other):
            yield f"{path}: there is no {target}"
        elif anchor and anchor not in anchors(read(other)):
            yield f"{path}: {other} has no heading #{anchor}"


def missing_files(path):
    for name in sorted(set(PATH.findall(read(path)))):
        is_placeholder = re.search(r"[A-Z]{3}", name)
        if not NOT_OURS.match(name) and not is_placeholder and not glob.glob(name):
            yield f"{path}: there is no {name}"


def unknown_variables(path):
    """Of the role: shoveler_web: true, -e shoveler_state=absent."""
    known = set(re.findall(r"(?m)^ *(shoveler_\w+):", read("ansible/roles/shoveler/meta/argument_specs.yml")))
    for name in sorted(set(re.findall(r"\b(shoveler_[a-z0-9_]+)(?:: |=)", read(path))) - known):
        yield f"{path}: the role has no variable {name}"


def outline(path):
    """Levels of headings, kinds of items, rows of tables, pictures: all that must not differ between languages."""
    lines = read(path).splitlines()
    found = [re.match(r"#+ |\s*- |\s*\d+\. |\||!.*\]\(.*", line) for line in lines]
    return [re.sub(r"^!.*\]", "!", match.group()) for match in found if match]


def differences(first, second):
    for number, (one, other) in enumerate(zip(outline(first), outline(second)), 1):
        if one != other:
            yield f"part {number}: {first} has \"{one}\", {second} \"{other}\""
            return
    if len(outline(first)) != len(outline(second)):
        yield f"{first} has {len(outline(first))} parts, {second} {len(outline(second))}"


def main():
    os.chdir(sys.argv[1])
    checks = [(f"{path}: links", broken_links(path)) for path in pages()]
    checks += [(f"{path}: files", missing_files(path)) for path in pages()]
    checks += [(f"{path}: variables of the role", unknown_variables(path)) for path in pages()]
    checks += [(f"{path} and docs/user.md have the same parts", differences("docs/user.md", path)) for path in glob.glob("docs/user.*.md")]
    failed = False
    print(f"1..{len(checks)}")
    for number, (name, problems) in enumerate(checks, 1):
        problems = list(problems)
        failed = failed or bool(problems)
        for problem in problems:
            print(f"# {problem}")
        print(f"{'not ok' if problems else 'ok'} {number} - {name}")
    sys.exit(failed)


main()

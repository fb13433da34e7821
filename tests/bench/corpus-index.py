#!/usr/bin/env python3
"""Make a cleaned copy of the public corpus and shuffled indexes of it, for `spamtrain evaluate`.

usage: corpus-index.py CORPUS OUT [SEED...]     (CORPUS: the folder with easy-ham-1 ... spam-2; seeds 1 2 3)

Removed before any measurement: what other filters and mailboxes left behind (X-Spam*, X-Keywords, X-MailScanner*, X-Status, ...) and the mbox
line. OUT/index.SEED lists the whole messages, OUT/content.SEED the same ones with body and basic fields only. The order is Python's
random.Random(SEED).shuffle() of the sorted list.
"""
import os
import random
import re
import sys

FOLDERS = ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"]
DROPPED = re.compile(
    rb"^(X-Spam|X-Keywords|X-MailScanner|X-Status|Status|X-Virus|X-UID|X-IMAP|X-SpamCop|X-DSPAM|X-Evolution)", re.I
)
BASIC = re.compile(rb"^(From|Subject|Date|Reply-To|Content-|MIME-Version)", re.I)


def split(message):
    if message.startswith(b"From "):
        message = message[message.index(b"\n") + 1 :]
    end = re.search(rb"\r?\n\r?\n", message)
    size = end.end() if end else len(message)
    return re.findall(rb"[^\n]*\n(?:[ \t][^\n]*\n)*", message[:size]), message[size:]


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def main():
    corpus, out = sys.argv[1:3]
    seeds = [int(seed) for seed in sys.argv[3:]] or [1, 2, 3]
    names = []
    for folder in FOLDERS:
        for name in sorted(os.listdir(os.path.join(corpus, folder))):
            if not name.endswith((".txt", ".eml")):
                continue
            with open(os.path.join(corpus, folder, name), "rb") as file:
                fields, body = split(file.read())
            fields = [field for field in fields if not DROPPED.match(field)]
            basic = [field for field in fields if BASIC.match(field)] + [b"\n"]
            write(f"{out}/whole/{folder}/{name}", b"".join(fields) + body)
            write(f"{out}/basic/{folder}/{name}", b"".join(basic) + body)
            names.append(("spam" if folder.startswith("spam") else "ham", f"{folder}/{name}"))
    for seed in seeds:
        order = sorted(names)
        random.Random(seed).shuffle(order)
        for index, variant in (("index", "whole"), ("content", "basic")):
            lines = "".join(f"{gold}\t{out}/{variant}/{path}\n" for gold, path in order)
            write(f"{out}/{index}.{seed}", lines.encode())


if __name__ == "__main__":
    main()

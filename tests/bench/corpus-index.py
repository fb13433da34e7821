#!/usr/bin/env python3
"""Make a cleaned copy of the public corpus and indexes of it, for `spamtrain evaluate`.

usage: corpus-index.py CORPUS OUT [SEED...]     (CORPUS: the folder with easy-ham-1 ... spam-2; seeds 1 2 3)

Removed before any measurement: what other filters and mailboxes left behind (X-Spam*, X-Keywords, X-MailScanner*, X-Status, ...) and the mbox
line. Of each index there are two: `index...` lists the whole messages, `content...` the same ones with body and basic fields only.

  index.SEED     shuffled: Python's random.Random(SEED).shuffle() of the sorted list
  index.SEED.a, index.SEED.b   the same order, but one half of the messages each: by a hash of the message
  index.time     by the date in the newest Received field, else Date, else as the message before it in its folder
"""
import email.utils
import hashlib
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


def date(fields):
    """Seconds since 1970 of the newest field that has a date, or None."""
    dates = [f.rpartition(b";")[2] for f in fields if f.lower().startswith(b"received:")]
    dates += [f.partition(b":")[2] for f in fields if f.lower().startswith(b"date:")]
    for text in dates:
        try:
            return int(email.utils.parsedate_to_datetime(" ".join(text.decode("latin1").split())).timestamp())
        except (TypeError, ValueError, IndexError):
            continue
    return None


def index_write(out, name, order):
    for kind, variant in (("index", "whole"), ("content", "basic")):
        lines = "".join(f"{gold}\t{out}/{variant}/{path}\n" for gold, path in order)
        write(f"{out}/{kind}.{name}", lines.encode())


def main():
    corpus, out = sys.argv[1], os.path.abspath(sys.argv[2])
    seeds = [int(seed) for seed in sys.argv[3:]] or [1, 2, 3]
    names, times, half = [], {}, {}
    for folder in FOLDERS:
        before = 0
        for name in sorted(os.listdir(os.path.join(corpus, folder))):
            if not name.endswith((".txt", ".eml")):
                continue
            with open(os.path.join(corpus, folder, name), "rb") as file:
                fields, body = split(file.read())
            fields = [field for field in fields if not DROPPED.match(field)]
            basic = [field for field in fields if BASIC.match(field)] + [b"\n"]
            write(f"{out}/whole/{folder}/{name}", b"".join(fields) + body)
            write(f"{out}/basic/{folder}/{name}", b"".join(basic) + body)
            item = ("spam" if folder.startswith("spam") else "ham", f"{folder}/{name}")
            names.append(item)
            before = times[item] = date(fields) or before
            half[item] = hashlib.sha256(b"".join(basic) + body).digest()[0] & 1
    for seed in seeds:
        order = sorted(names)
        random.Random(seed).shuffle(order)
        index_write(out, seed, order)
        index_write(out, f"{seed}.a", [item for item in order if half[item] == 0])
        index_write(out, f"{seed}.b", [item for item in order if half[item] == 1])
    index_write(out, "time", sorted(sorted(names), key=times.get))


if __name__ == "__main__":
    main()

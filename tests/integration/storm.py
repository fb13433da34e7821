#!/usr/bin/python3
"""The messages of 40-delivery-storm.sh: each is known by name, sent once, and looked for one by one.

usage: storm.py send SERVER:PORT NAME COUNT KIND RECIPIENT...    prints "NAME.N@storm.test" of each that the server took
       storm.py write FOLDER NAME COUNT KIND                     the same messages as files, to teach a filter with
       storm.py account SENT VMAIL USERS                         SENT: lines "USER ID"; prints what is wrong, and a summary
       storm.py not-spam SIGNATURES <HISTORY                     HISTORY: as JSON; prints those that do not count as spam, or none

KIND: news, pills, or both: every second message is of the other kind.
"""

import collections
import json
import pathlib
import re
import smtplib
import sqlite3
import sys

WORDS = {"news": "minutes of the garden club, tomatoes, watering, meeting on tuesday, seedlings and compost",
         "pills": "cheap pills, viagra casino offer, winner of a lottery, click now, unlimited credit"}


def message(name, number, kind):
    """Several kilobytes, each its own, with a last line by which it is known to be whole."""
    if kind == "both":
        kind = "pills" if number % 2 else "news"
    ident = f"{name}.{number}@storm.test"
    lines = "".join(f"{WORDS[kind]} {name} {number * 7919 + line}\r\n" for line in range(30))
    return ident, (f"From: Sender <{kind}-{name}-{number}@storm.test>\r\nTo: crew@example.test\r\nSubject: {WORDS[kind][:10]} {ident}\r\n"
                   f"Message-ID: <{ident}>\r\n\r\n{lines}end of {ident}\r\n").encode()


def send(server, name, count, kind, *recipients):
    host, port = server.split(":")
    with smtplib.SMTP(host, int(port), local_hostname="storm.test") as smtp:
        for number in range(int(count)):
            ident, content = message(name, number, kind)
            assert not smtp.sendmail("sender@client.test", recipients, content)
            print(ident, flush=True)


def write(folder, name, count, kind):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for number in range(int(count)):
        ident, content = message(name, number, kind)
        pathlib.Path(folder, ident).write_bytes(content)


def whole(path):
    """The message's name, or what is wrong with it."""
    content = path.read_bytes().replace(b"\r\n", b"\n")
    ident = re.search(rb"^Message-ID: <(.*)>$", content, re.M | re.I)
    if not ident:
        return None, f"{path}: no Message-ID"
    if not content.endswith(b"end of " + ident[1] + b"\n"):
        return None, f"{path}: cut short"
    return ident[1].decode(), None


def in_mailbox(vmail, user):
    return sorted(pathlib.Path(vmail, user, "Maildir").glob("**/new/*"))


def in_quarantine(users, user, wrong):
    """What the index names; each row has its file, and each file its row."""
    folder = pathlib.Path(users, user)
    with sqlite3.connect(f"file:{folder}/store.sqlite?mode=ro", uri=True) as store:
        rows = dict(store.execute("SELECT file, size FROM quarantine"))
    files = {path.name: path for path in folder.glob("quarantine/*")}
    wrong += [f"{user}: quarantined, and the file is not there: {name}" for name in rows if name not in files]
    wrong += [f"{user}: a file in the quarantine that no row names: {name}" for name in files if name not in rows]
    wrong += [f"{path}: not of the size that its row names" for name, path in files.items()
              if name in rows and path.stat().st_size != rows[name]]
    return [files[name] for name in rows if name in files]


def account(sent, vmail, users):
    wanted = collections.defaultdict(set)
    for line in pathlib.Path(sent).read_text().splitlines():
        user, ident = line.split()
        wanted[user].add(ident)
    wrong, twice, held = [], 0, 0
    for user, idents in sorted(wanted.items()):
        found = collections.Counter()
        kept = in_quarantine(users, user, wrong)
        held += len(kept)
        for path in in_mailbox(vmail, user) + kept:
            ident, problem = whole(path)
            if problem:
                wrong.append(problem)
            else:
                found[ident] += 1
        wrong += [f"{user}: lost: {ident}" for ident in sorted(idents - set(found))]
        wrong += [f"{user}: never sent: {ident}" for ident in sorted(set(found) - idents)]
        twice += sum(count - 1 for count in found.values())
    print("\n".join(wrong[:20]), end="\n" if wrong else "")
    print(f"sent {sum(map(len, wanted.values()))}, wrong {len(wrong)}, quarantined {held}, twice {twice}")


def not_spam(signatures):
    """What the filter itself had taken for spam needs no correction: it is in the store as its verdict."""
    rows = {row["signature"]: row for row in json.load(sys.stdin)}
    wrong = []
    for signature in pathlib.Path(signatures).read_text().split():
        row = rows.get(signature, {"corrected": "no such row"})
        verdict = "spam" if row.get("result") == "Spam" else "innocent"
        if (verdict if row["corrected"] == "none" else row["corrected"]) != "spam":
            wrong.append(f"{signature} " + json.dumps({name: row.get(name) for name in ("result", "score", "taught", "corrected", "source", "outcome")}))
    print("\n".join(wrong) or "none")


if __name__ == "__main__":
    {"send": send, "write": write, "account": account, "not-spam": not_spam}[sys.argv[1]](*sys.argv[2:])

#!/usr/bin/python3
"""Give a user a long history: his messages again and again, each under a signature and a subject of its own.

usage: web-rows.py STORE ROWS"""
import os
import sqlite3
import sys

path, rows = sys.argv[1], int(sys.argv[2])
store = sqlite3.connect(path, timeout=30)
changed = ("id", "signature", "digest", "received", "subject")
kept = [row[1] for row in store.execute("PRAGMA table_info(message)") if row[1] not in changed]
names = ", ".join(f'"{name}"' for name in kept)
have, newest = store.execute("SELECT count(*), max(received) FROM message").fetchone()
models = store.execute(f"SELECT subject, {names} FROM message LIMIT 100").fetchall()


def copies():
    for number in range(have, rows):
        subject, *values = models[number % len(models)]
        yield (newest.to_bytes(4, "big") + os.urandom(8), os.urandom(16), newest, f"{subject} {number}", *values)


with store:
    marks = ", ".join("?" * (4 + len(kept)))
    store.executemany(f"INSERT INTO message (signature, digest, received, subject, {names}) VALUES ({marks})", copies())
print(store.execute("SELECT count(*) FROM message").fetchone()[0], "messages in the history")

#!/usr/bin/python3
"""A user who sends to himself and reads all the time, whatever happens to the host.

usage: client.py STOP REPORT     runs until the file STOP is there; then waits for what was accepted, and writes REPORT, one line:
                                 sent N, missing N, twice N, longest time without IMAP N s

As a mail program does it: what is not accepted is tried again; a connection that is refused is a pause and not an error.
"""
import collections
import imaplib
import os
import re
import smtplib
import sys
import time

USER, PASSWORD = "alice@example.test", "secret"
LAST = 90  # seconds for what is still under way when it shall stop


def send(number):
    text = f"From: {USER}\nTo: {USER}\nSubject: number {number}\nMessage-ID: <{number}@client.test>\n\nShall we meet at the bridge at {number}?\n"
    try:
        with smtplib.SMTP("127.0.0.1", timeout=30) as smtp:
            return not smtp.sendmail(USER, [USER], text)
    except (OSError, smtplib.SMTPException):
        return False


def read():
    """How often each number is in his folders; None: the server is not there."""
    found = collections.Counter()
    try:
        with imaplib.IMAP4("127.0.0.1", timeout=30) as imap:
            imap.login(USER, PASSWORD)
            for folder in "INBOX", "Junk":
                if imap.select(folder, readonly=True)[0] != "OK":
                    continue
                for part in imap.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1] or []:
                    match = re.search(rb"Subject: number (\d+)", part[1]) if isinstance(part, tuple) else None
                    if match:
                        found[int(match[1])] += 1
    except (OSError, imaplib.IMAP4.error):
        return None
    return found


def main():
    stop, report = sys.argv[1:]
    number, pause, last = 0, 0, time.monotonic()
    while not os.path.exists(stop):
        if send(number + 1):
            number += 1
        if number % 5 == 0 and read() is not None:
            pause = max(pause, time.monotonic() - last)
            last = time.monotonic()
        time.sleep(0.2)
    end = time.monotonic() + LAST
    found = read()
    while time.monotonic() < end and (found is None or len(found) < number):
        os.system("postqueue -f")
        time.sleep(1)
        found = read()
    found = found or {}
    missing = sum(n not in found for n in range(1, number + 1))
    twice = sum(count > 1 for count in found.values())
    with open(report, "w", encoding="ascii") as file:
        print(f"sent {number}, missing {missing}, twice {twice}, longest time without IMAP {pause:.0f} s", file=file)


main()

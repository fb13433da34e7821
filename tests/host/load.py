#!/usr/bin/python3
"""Mail from several clients at a time, each message in a connection of its own, none tried again.

usage: load.py STOP     sends until the file STOP is there; prints a line: sent N; and one for each that was refused, which is an error
"""
import os
import smtplib
import sys
import threading
import time

CLIENTS = 4
PAUSE = 0.1  # so that Postfix and Dovecot keep up
sent = [0] * CLIENTS
refused = []


def client(index, stop):
    while not os.path.exists(stop):
        text = f"From: bob@example.test\nTo: alice@example.test\nSubject: load {index}.{sent[index]}\n\nAre you there? {time.time_ns()}\n"
        try:
            with smtplib.SMTP("127.0.0.1", timeout=60) as smtp:
                smtp.sendmail("bob@example.test", ["alice@example.test"], text)
            sent[index] += 1
        except (OSError, smtplib.SMTPException) as problem:
            refused.append(repr(problem))
        time.sleep(PAUSE)


clients = [threading.Thread(target=client, args=(i, sys.argv[1])) for i in range(CLIENTS)]
for each in clients:
    each.start()
for each in clients:
    each.join()
print(f"sent {sum(sent)}")
print("\n".join(refused))
sys.exit(bool(refused))

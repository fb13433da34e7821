#!/usr/bin/python3
"""List a mailbox by POP3 over STARTTLS: one line a message, its Subject. usage: pop3.py USER[:PASSWORD]"""

import email
import poplib
import ssl
import sys

user, _, password = sys.argv[1].partition(":")
box = poplib.POP3("mx1.example.test", timeout=30)
box.stls(ssl.create_default_context(cafile="/etc/ssl/lab-ca.crt"))
box.user(user)
box.pass_(password or "secret")
for number in range(1, len(box.list()[1]) + 1):
    print(email.message_from_bytes(b"\n".join(box.top(number, 0)[1]))["Subject"])
box.quit()

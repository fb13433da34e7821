#!/usr/bin/python3
"""Upload a Sieve script by ManageSieve (over TLS) and activate it.

usage: sieve.py USER[:PASSWORD] NAME <SCRIPT      (an empty script: only deactivates)
"""

import base64
import socket
import ssl
import sys


def answer(stream):
    """Lines up to OK, NO or BYE."""
    lines = []
    while True:
        line = stream.readline().decode().rstrip("\r\n")
        lines.append(line)
        if line.startswith("OK"):
            return lines
        if not line or line.startswith(("NO", "BYE")):
            sys.exit("managesieve: " + line)


def ask(stream, command):
    stream.write(command + b"\r\n")
    stream.flush()
    return answer(stream)


def main():
    user, _, password = sys.argv[1].partition(":")
    name = sys.argv[2].encode()
    script = sys.stdin.buffer.read()
    server = "mx1.example.test"
    plain = socket.create_connection((server, 4190), timeout=30)
    stream = plain.makefile("rwb")
    answer(stream)
    ask(stream, b"STARTTLS")
    secure = ssl.create_default_context(cafile="/etc/ssl/lab-ca.crt").wrap_socket(plain, server_hostname=server)
    stream = secure.makefile("rwb")
    answer(stream)
    proof = base64.b64encode(f"\0{user}\0{password or 'secret'}".encode())
    ask(stream, b'AUTHENTICATE "PLAIN" "' + proof + b'"')
    if script.strip():
        ask(stream, b'PUTSCRIPT "' + name + b'" {%d+}\r\n' % len(script) + script)
        ask(stream, b'SETACTIVE "' + name + b'"')
    else:
        ask(stream, b'SETACTIVE ""')
    ask(stream, b"LOGOUT")


main()

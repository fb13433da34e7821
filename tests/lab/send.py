#!/usr/bin/python3
"""Send a message (standard input), or several in one session (--file), by SMTP, and say what the server answered.

usage: send.py [--server NAME[:PORT]] [--helo NAME] [--from ADDRESS] [--auth USER:PASSWORD] [--ca FILE]
               [--connect-timeout SECONDS] [--timeout SECONDS] [--file FILE]... RECIPIENT...

Without --server: the recipients' mail exchangers in order of preference, as any mail host does it. Prints one line for each answer:
    connect|helo|mail|rcpt ADDRESS|data CODE TEXT
Exit code 0 if every message was taken for all recipients, 1 if for some, 2 if one was not taken.
"""

import argparse
import pathlib
import smtplib
import ssl
import subprocess
import sys


def exchangers(address):
    domain = address.rpartition("@")[2]
    found = subprocess.run(["dig", "+short", domain, "MX"], capture_output=True, text=True, check=True).stdout
    return [host.rstrip(".") for _, host in sorted((int(line.split()[0]), line.split()[1]) for line in found.splitlines())]


def say(what, reply):
    code, text = reply
    print(what, code, text.decode(errors="replace").replace("\n", " | "), flush=True)
    return code


class Patient(smtplib.SMTP):
    """Gives up soon where nobody is, but waits for the greeting of a server that is busy."""

    def _get_socket(self, host, port, timeout):
        sock = super()._get_socket(host, port, timeout)
        sock.settimeout(60)
        return sock


def connect(options):
    """The first server that answers; prints why the others do not."""
    if options.server:
        servers = [options.server]
    else:
        servers = exchangers(options.recipients[0])
    for server in servers:
        name, _, port = server.partition(":")
        smtp = Patient(timeout=options.connect_timeout, local_hostname=options.helo)
        try:
            if say("connect", smtp.connect(name, int(port or 25))) == 220:
                smtp.sock.settimeout(options.timeout)
                return smtp, name
        except OSError as error:
            print("connect 0", name, error)
    sys.exit(2)


def login(smtp, name, options):
    smtp._host = name
    if smtp.starttls(context=ssl.create_default_context(cafile=options.ca))[0] != 220:
        sys.exit("no TLS")
    smtp.ehlo()
    user, _, password = options.auth.partition(":")
    say("auth", smtp.login(user, password))


def transaction(smtp, message, options):
    """One message; returns the exit code."""
    if say("mail", smtp.mail(options.sender)) != 250:
        return 2
    taken = [address for address in options.recipients if say("rcpt " + address, smtp.rcpt(address)) in (250, 251)]
    if not taken:
        return 2
    if say("data", smtp.data(message)) != 250:
        return 2
    return 0 if taken == options.recipients else 1


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--server")
    parser.add_argument("--helo", default="mail.client.test")
    parser.add_argument("--from", dest="sender", default="sender@client.test")
    parser.add_argument("--auth")
    parser.add_argument("--ca", default="/etc/ssl/lab-ca.crt")
    parser.add_argument("--connect-timeout", type=float, default=10)
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--file", action="append", default=[])
    parser.add_argument("recipients", nargs="+")
    options = parser.parse_args()
    if options.file:
        messages = [pathlib.Path(name).read_bytes() for name in options.file]
    else:
        messages = [sys.stdin.buffer.read()]
    smtp, name = connect(options)
    if say("helo", smtp.ehlo()) != 250:
        sys.exit(2)
    if options.auth:
        login(smtp, name, options)
    sys.exit(max(transaction(smtp, message, options) for message in messages))


try:
    main()
except (smtplib.SMTPException, OSError) as problem:
    print("broken 0", problem)
    sys.exit(2)

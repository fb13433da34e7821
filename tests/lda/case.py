"""What the tests of shoveler-lda share: a host of its own for each, messages, a filter that knows spam."""

import base64
import email
import os
import re
import socket
import subprocess
import unittest

from host import BUILD, Host

ALICE, BOB = "alice@example.test", "bob@example.test"
USERS = [ALICE, BOB]
PILLS = b"Buy cheap pills online now, no prescription, discount pharmacy http://pills.test/buy\r\n"
with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as cache:
    SANITIZED = "SHOVELER_SANITIZE:BOOL=ON" in cache.read()


def message(subject="Hello", body=b"Some text.\r\n", header=b""):
    return (b"Received: from c (c [203.0.113.10])\r\n\tby mx1 (Postfix) with ESMTP id 4Q2XzK\r\n\tfor <a@b>; Sun\r\n" + header +
            b"From: Sender <sender@client.test>\r\nTo: alice@example.test\r\nSubject: " + subject.encode() +
            b"\r\nMessage-ID: <" + subject.replace(" ", ".").encode() + b"@client.test>\r\n\r\n" + body)


def fields(raw, name):
    return email.message_from_bytes(raw).get_all(name) or []


def field(raw, name):
    values = fields(raw, name)
    assert len(values) == 1, (name, values)
    return values[0]


class LdaTest(unittest.TestCase):
    settings = ""
    quota = "100M"
    users = USERS

    def setUp(self):
        self.host = Host(self.users, self.settings, self.quota)
        self.addCleanup(self.end)
        self.prepare()
        self.host.start()

    def prepare(self):
        """What is needed before the start."""

    def check(self):
        return subprocess.run([os.path.join(BUILD, "lda/shoveler-lda"), "-c", self.host.path("etc"), "--check"],
                              capture_output=True, text=True, check=False)

    def end(self):
        outcome = getattr(self._outcome, "result", None)
        if outcome and any(test is self for test, _ in outcome.failures + outcome.errors):
            print(self.host.read("lda.log") if os.path.exists(self.host.path("lda.log")) else "shoveler-lda wrote no log")
        reports = self.host.stop()
        self.assertEqual(reports, [], "\n".join(reports))

    def deliver(self, *recipients, **named):
        return self.host.deliver(recipients, message(**named))

    def megabytes(self):
        """Memory of shoveler-lda that is not backed by a file."""
        with open(f"/proc/{self.host.lda.pid}/status", encoding="ascii") as status:
            return int(re.search(r"RssAnon:\s+(\d+)", status.read()).group(1)) / 1024

    def metric(self, name):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.host.metrics)
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            page = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        return int(re.search(re.escape(name) + r" (\d+)", page).group(1))

    def dkim(self):
        """The module, a key, and its record in the DNS."""
        try:
            import dkim
        except ImportError:
            self.skipTest("python3-dkim is not installed")
        key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
        public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=key, capture_output=True, check=True).stdout
        record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
        return dkim, key, record


class Trained(LdaTest):
    """alice's filter knows spam when it sees it, bob's knows nothing."""

    def setUp(self):
        super().setUp()
        for kind, words in (("spam", PILLS), ("ham", b"The hiking club meets at the bridge, minutes of the board, see the agenda.\r\n")):
            folder = self.host.path(f"corpus-{kind}")
            os.mkdir(folder)
            for number in range(60):
                with open(os.path.join(folder, f"{number}.eml"), "wb") as file:
                    file.write(b"From: %s%d@%s.test\r\nSubject: %s %d\r\nMessage-ID: <%d@%s>\r\n\r\n" %
                               (kind.encode(), number, kind.encode(), words[:20], number, number, kind.encode()) + words * 3)
            self.host.spamtrain("train", ALICE, kind, folder)
        self.host.spamtrain("preference", "set", ALICE, "statisticalSedation", "0")

    def spam(self, subject):
        return b"From: spam1@spam.test\r\nSubject: " + subject + b"\r\nMessage-ID: <" + subject.split()[-1] + b"@spam.test>\r\n\r\n" + PILLS * 3

    def prefer(self, name, value):
        self.host.spamtrain("preference", "set", ALICE, name, value)

    def quarantined(self):
        folder = self.host.path("shoveler/users/example.test/alice/quarantine")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def send(self, subject, *recipients):
        return [code for code, _ in self.host.deliver(recipients or (ALICE, BOB), self.spam(subject))]

"""What the tests of spamtraind share: a real Dovecot and shoveler-lda beside it, messages, what is in a store."""

import base64
import email
import os
import sqlite3
import time
import unittest

from service import Service, wait_for

ALICE, BOB = "alice@example.test", "bob@example.test"
NO_CLASS, INNOCENT_CLASS, SPAM_CLASS = 0, 1, 2
CRLF = b"\r\n"


def message(subject, body=b"Some text.\r\n", header=b"", sender="sender@client.test"):
    return (b"Received: from c (c [203.0.113.10])\r\n\tby mx1 (Postfix) with ESMTP id 4Q2XzK\r\n\tfor <a@b>; Sun\r\n" +
            header + b"From: Sender <" + sender.encode() + b">\r\nTo: alice@example.test\r\nSubject: " +
            subject.encode() + b"\r\nMessage-ID: <" + subject.replace(" ", ".").encode() + b"@client.test>\r\n\r\n" + body)


def field(raw, name):
    values = email.message_from_bytes(raw).get_all(name) or []
    assert len(values) == 1, (name, values)
    return values[0]


def attached(originals, encoding=None, header=b"", text=b"see attached\r\n"):
    """A forward as attachment."""
    parts = b""
    for original in originals:
        kind = b"Content-Type: message/rfc822\r\n"
        if encoding == "base64":
            kind = (b'Content-Type: application/octet-stream; name="mail.eml"\r\n'
                    b"Content-Transfer-Encoding: base64\r\n")
            original = base64.encodebytes(original).replace(b"\n", CRLF)
        parts += b"--b\r\n" + kind + CRLF + original + CRLF
    return (header + b"From: alice@example.test\r\nSubject: Fwd\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + text + parts + b"--b--\r\n")


def by_signature(signature):
    """What is resent to a training address with nothing but its signature."""
    return b"X-DSPAM-Signature: " + signature.encode() + b"\r\n\r\n"


def same_day(seconds=120):
    """Lets midnight pass if it is near: for what must not see another day or week."""
    for now in (time.localtime(), time.gmtime()):
        left = 86400 - (now.tm_hour * 60 + now.tm_min) * 60 - now.tm_sec
        if left <= seconds:
            time.sleep(left + 1)


class TrainTest(unittest.TestCase):
    settings = ""

    def setUp(self):
        self.host = Service([ALICE, BOB], self.settings)
        self.addCleanup(self.end)
        self.prepare()
        self.host.start()

    def prepare(self):
        """Before anything runs."""

    def end(self):
        outcome = getattr(self._outcome, "result", None)
        if outcome and any(test is self for test, _ in outcome.failures + outcome.errors):
            print(self.host.read("lda.log"))
        reports = self.host.stop()
        self.assertEqual(reports, [], "\n".join(reports))

    def deliver(self, user, *names, **named):
        """Delivers one message; its signature."""
        before = len(self.host.messages(user))
        replies = self.host.deliver([user], message(*names, **named))
        self.assertEqual(replies[0][0], 250, replies)
        return field(self.host.messages(user)[before], "X-DSPAM-Signature")

    def query(self, user, sql, *values):
        with sqlite3.connect(f"file:{self.host.store(user)}?mode=ro", uri=True) as db:
            return db.execute(sql, values).fetchall()

    def corrected(self, user, signature):
        rows = self.query(user, "SELECT corrected FROM message WHERE signature = ?", bytes.fromhex(signature))
        return rows[0][0] if rows else None

    def corrections(self, user):
        return self.query(user, "SELECT count(*) FROM correction")[0][0]

    def count(self, outcome, source="imap"):
        return self.host.metric(f'shoveler_spamtraind_corrections_total{{source="{source}",outcome="{outcome}"}}')

    def mail(self, outcome):
        return self.host.metric(f'shoveler_spamtraind_training_mail_total{{outcome="{outcome}"}}')

    def answers(self, user=ALICE):
        self.host.drained()
        return [raw for raw in self.host.messages(user) if b"Auto-Submitted: auto-replied" in raw]

    def hold(self, user, subject, others=0):
        """The message goes into quarantine, because it is known as spam; its signature. others: already there."""
        signature = self.deliver(user, subject)
        self.assertEqual(self.host.ask(request="retrain", user=user, signature=signature, **{"class": "spam"})["status"], "ok")
        before = len(self.host.messages(user))
        self.assertEqual(self.host.deliver([user], message(subject))[0][0], 250)
        self.assertEqual(len(self.host.messages(user)), before)
        self.assertEqual(len(self.held(user)), others + 1)
        self.assertIn(signature, self.held(user))
        return signature

    def held(self, user):
        """What the index says is held; the files agree with it, once the one has followed the other."""
        folder = os.path.join(os.path.dirname(self.host.store(user)), "quarantine")

        def rows():
            return sorted(row[0].hex() for row in self.query(user, "SELECT signature FROM quarantine"))

        def files():
            return sorted(name[:24] for name in os.listdir(folder)) if os.path.isdir(folder) else []

        wait_for(lambda: files() == rows(), "files as the index says")
        return rows()


class RequestTest(TrainTest):
    def ask(self, request, user=ALICE, **named):
        return self.host.ask(request=request, user=user, **named)

    def content(self, request, user=ALICE, **named):
        reply = self.ask(request, user, **named)
        self.assertEqual(reply["status"], "ok", reply)
        return reply["content"]

    def fails(self, outcome, request, user=ALICE, **named):
        reply = self.ask(request, user, **named)
        self.assertEqual((reply["status"], reply.get("outcome")), ("error", outcome), reply)
        return reply

    def change(self, user, sql, *values):
        with sqlite3.connect(self.host.store(user), timeout=20) as db:
            db.execute(sql, values)
        db.close()

    def hold_many(self, count, user=ALICE):
        signatures = [self.deliver(user, f"held {i}", body=b"Text %d <b>\r\n" % i) for i in range(count)]
        self.content("retrain", user, signatures=" ".join(signatures), **{"class": "spam"})
        for i, signature in enumerate(signatures):
            self.assertEqual(self.host.deliver([user], message(f"held {i}", body=b"Text %d <b>\r\n" % i))[0][0], 250)
            self.change(user, "UPDATE message SET score = ? WHERE signature = ?", float((i * 3) % count),
                        bytes.fromhex(signature))
        return signatures

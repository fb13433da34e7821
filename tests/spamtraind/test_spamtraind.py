"""spamtraind beside a real Dovecot and shoveler-lda: every way to teach, release, purge, kill -9."""

import base64
import email
import os
import random
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

from service import BUILD, HAM, SPAM, Service, attributes, lda_uid, submitter, wait_for

ALICE, BOB = "alice@example.test", "bob@example.test"
NO_CLASS, INNOCENT_CLASS, SPAM_CLASS = 0, 1, 2
CRLF = b"\r\n"


def message(subject, body=b"Some text.\r\n", header=b"", sender="sender@client.test"):
    return (b"Received: from c (c [203.0.113.10])\r\n\tby mx1 (Postfix) with ESMTP id 4Q2XzK\r\n\tfor <a@b>; Sun\r\n" +
            header + b"From: Sender <" + sender.encode() + b">\r\nTo: alice@example.test\r\nSubject: " +
            subject.encode() + b"\r\nMessage-ID: <" + subject.replace(" ", ".").encode() + b"@client.test>\r\n\r\n" + body)


def signature_of(raw):
    values = email.message_from_bytes(raw).get_all("X-DSPAM-Signature") or []
    assert len(values) == 1, values
    return values[0]


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


def serve(listener, welcome):
    """An LMTP server that says nothing any more when mail is not for that user."""
    kept = []

    def session(peer):
        lines = peer.makefile("rb")
        peer.sendall(b"220 x\r\n")
        for line in lines:
            if line.startswith(b"RCPT") and welcome.encode() not in line:
                return
            if line.startswith(b"DATA"):
                peer.sendall(b"354 x\r\n")
                while lines.readline() != b".\r\n":
                    pass
            peer.sendall(b"250 x\r\n")

    while True:
        try:
            peer = listener.accept()[0]
        except OSError:
            for peer in kept:
                peer.close()
            return
        kept.append(peer)
        threading.Thread(target=session, args=(peer,), daemon=True).start()


class TrainTest(unittest.TestCase):
    settings = ""

    def setUp(self):
        self.host = Service([ALICE, BOB], self.settings)
        self.addCleanup(self.end)
        self.host.start()

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
        return signature_of(self.host.messages(user)[before])

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


class Spool(TrainTest):
    def test_a_correction_is_done_once(self):
        signature = self.deliver(ALICE, "one")
        for _ in range(3):
            self.host.put(ALICE, "spam", signature)
        self.host.drained()
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)
        self.assertEqual(self.corrections(ALICE), 1)
        self.assertEqual((self.count("learned"), self.count("already")), (1, 2))
        self.host.put(ALICE, "innocent", signature)
        self.host.drained()
        self.assertEqual(self.corrected(ALICE, signature), NO_CLASS)
        self.assertEqual(self.count("taken_back"), 1)
        self.assertEqual(self.host.deliver([ALICE], message("one"))[0][0], 250)
        self.assertEqual(field(self.host.messages(ALICE)[-1], "X-DSPAM-Result"), "Innocent")
        self.assertLessEqual(abs(self.host.metric("shoveler_spamtraind_last_correction_timestamp_seconds") - time.time()), 30)
        self.assertEqual(self.host.metric("shoveler_spamtraind_spool_files"), 0)

    def test_the_time_of_the_last_correction_outlives_a_restart(self):
        name = "shoveler_spamtraind_last_correction_timestamp_seconds"
        self.host.put(ALICE, "spam", self.deliver(ALICE, "one"))
        self.host.drained()
        learned = self.host.metric(name)
        self.assertGreater(learned, 0)
        self.host.stop_trainer()
        time.sleep(1.1)
        self.host.start_trainer()
        wait_for(lambda: abs(self.host.metric(name) - learned) <= 1, "the time of before")

    def test_users_are_walls(self):
        signature = self.deliver(ALICE, "one")
        self.deliver(BOB, "two")
        self.host.put(BOB, "spam", signature)
        self.host.put("carol@example.test", "spam", signature)
        self.host.put("../../etc", "spam", signature)
        self.host.drained()
        self.assertEqual(self.corrected(ALICE, signature), 0)
        self.assertEqual(self.corrections(BOB), 0)
        self.assertEqual((self.count("unknown"), self.count("invalid")), (2, 1))
        self.assertFalse(os.path.exists(self.host.store("carol@example.test")))

    def test_a_message_without_signature_is_learned(self):
        self.host.put(ALICE, "spam", "", message("never seen"))
        self.host.drained()
        self.assertEqual(self.query(ALICE, "SELECT subject, corrected FROM message"), [("never seen", SPAM_CLASS)])

    def test_malformed_files_are_put_aside(self):
        signature = self.deliver(ALICE, "one")
        names = [self.host.put("", "", raw=raw) for raw in
                 (b"", b"nonsense", attributes(user=ALICE, size="1", **{"class": "spam"}) + b"\nxx", os.urandom(4096))]
        self.host.put(ALICE, "spam", signature)
        self.host.drained()
        self.assertEqual(self.host.waiting("bad"), sorted(names))
        self.assertEqual(self.host.metric("shoveler_spamtraind_spool_malformed_total"), 4)
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)

    def test_what_came_while_we_were_down_is_done_in_order(self):
        signature = self.deliver(ALICE, "one")
        self.assertEqual(self.host.stop_trainer(), 0)
        for kind in ("spam", "innocent", "spam"):
            self.host.put(ALICE, kind, signature)
        self.host.start_trainer()
        self.host.drained()
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)
        self.assertEqual(self.count("learned") + self.count("taken_back"), 3)

    def test_one_users_trouble_does_not_stop_the_others(self):
        alice, bob = self.deliver(ALICE, "one"), self.deliver(BOB, "two")
        self.host.stop_trainer()
        folder = os.path.dirname(self.host.store(ALICE))
        os.chown(folder, 0, 0)
        self.host.start_trainer()
        self.host.put(ALICE, "spam", alice)
        wait_for(lambda: self.count("deferred") > 0, "the back-off")
        self.host.put(ALICE, "innocent", alice)
        self.host.put(BOB, "spam", bob)
        wait_for(lambda: self.corrected(BOB, bob) == SPAM_CLASS, "bob's correction", 30)
        self.assertEqual(len(self.host.waiting()), 2)
        os.chown(folder, lda_uid(), 0)
        self.host.drained()
        self.assertEqual(self.corrected(ALICE, alice), NO_CLASS)
        self.assertEqual((self.count("learned"), self.count("taken_back")), (2, 1))
        self.assertIn("waits for 2 s", self.host.read("lda.log"))

    def test_nothing_is_lost_by_kill_9(self):
        signatures = [self.deliver(ALICE, f"n{i}") for i in range(100)]
        writer = threading.Thread(target=lambda: [(self.host.put(ALICE, "spam", s), time.sleep(0.01)) for s in signatures])
        writer.start()
        while writer.is_alive():
            time.sleep(random.uniform(0.05, 0.4))
            self.host.stop_trainer(signal.SIGKILL)
            self.host.start_trainer()
        self.host.drained(60)
        self.assertEqual([s for s in signatures if self.corrected(ALICE, s) != SPAM_CLASS], [])
        self.assertEqual(self.corrections(ALICE), 100)
        self.assertEqual(self.query(ALICE, "PRAGMA integrity_check"), [("ok",)])


class Socket(TrainTest):
    def test_requests(self):
        signature = self.deliver(ALICE, "one")
        peer = self.host.connect()
        self.assertEqual(self.host.ask(peer=peer, request="ping")["status"], "ok")
        request = {"request": "retrain", "user": "Alice+x@example.test", "class": "spam", "source": "cli"}
        self.assertEqual(self.host.ask(peer=peer, signature=signature, **request),
                         {"status": "ok", "outcome": "learned", "released": "no"})
        self.assertEqual(self.host.ask(peer=peer, signature=signature, **request)["outcome"], "already")
        self.assertEqual(self.host.ask(message("two"), peer=peer, **request)["outcome"], "learned")
        reply = self.host.ask(peer=peer, signature="0" * 24, **request)
        self.assertEqual((reply["status"], reply["outcome"]), ("error", "unknown"))
        for bad in ({"request": "fly"}, {"user": "alice"}, {"class": "eggs"}, {"user": ""}):
            reply = self.host.ask(peer=peer, **{**request, "signature": signature, **bad})
            self.assertEqual((reply["status"], reply["outcome"]), ("error", "invalid"))
        reply = self.host.ask(peer=peer, **request)
        self.assertEqual(reply["reason"], "neither signature nor message")
        self.assertEqual(self.host.ask(peer=peer, wait="no", signature=signature, **request)["outcome"], "waiting")
        peer.close()
        self.host.drained()
        self.assertEqual(self.count("learned", "cli"), 2)

    def test_a_pipe_is_no_message(self):
        peer = self.host.connect()
        reading, writing = os.pipe()
        import socket
        socket.send_fds(peer, [attributes(request="retrain", user=ALICE, **{"class": "spam"})], [reading])
        self.assertIn(b"no regular file", peer.recv(65536))
        for fd in reading, writing:
            os.close(fd)
        peer.close()

    def test_strangers_may_not(self):
        os.chmod(self.host.path("spamtraind.sock"), 0o666)
        code = ("import os, socket, sys; os.setuid(65533); s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
                "s.connect(sys.argv[1]); s.send(b'request=ping\\n'); sys.exit(len(s.recv(100)))")
        result = subprocess.run(["python3", "-c", code, self.host.path("spamtraind.sock")], capture_output=True, check=False)
        self.assertTrue(result.returncode == 0 or b"Connection reset" in result.stderr or b"Broken pipe" in result.stderr,
                        result)
        wait_for(lambda: self.host.metric("shoveler_spamtraind_peers_refused_total") == 1, "the refusal")

    def test_an_accepted_request_survives_kill_9(self):
        signatures = [self.deliver(ALICE, f"n{i}") for i in range(20)]
        peer = self.host.connect()
        for signature in signatures:
            reply = self.host.ask(peer=peer, request="retrain", user=ALICE, signature=signature, wait="no", **{"class": "spam"})
            self.assertEqual(reply["status"], "ok")
        self.host.stop_trainer(signal.SIGKILL)
        peer.close()
        self.host.start_trainer()
        self.host.drained()
        self.assertEqual([s for s in signatures if self.corrected(ALICE, s) != SPAM_CLASS], [])


class Quarantine(TrainTest):
    settings = "default_preferences = spamAction=quarantine\npurge_interval = 1s\n"

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

    def release(self, user, signature):
        return self.host.ask(request="release", user=user, signature=signature, source="cli")

    def test_a_release_delivers_once_and_trains(self):
        signature = self.hold(ALICE, "one")
        self.assertEqual(self.release(BOB, signature)["outcome"], "unknown")
        self.assertEqual(self.release(ALICE, signature)["released"], "yes")
        self.assertEqual(self.release(ALICE, signature), {"status": "ok", "outcome": "already", "released": "no"})
        self.assertEqual(len(self.host.messages(ALICE)), 2)
        raw = self.host.messages(ALICE)[-1]
        self.assertEqual(field(raw, "X-DSPAM-Result"), "Innocent")
        self.assertEqual(field(raw, "X-DSPAM-Reclassified"), "Innocent")
        self.assertEqual(field(raw, "X-DSPAM-Signature"), signature)
        self.assertEqual(field(raw, "Return-Path"), "<sender@client.test>")
        self.assertEqual(self.held(ALICE), [])
        self.assertEqual(self.corrected(ALICE, signature), NO_CLASS)
        self.assertEqual(self.query(ALICE, "SELECT outcome FROM message WHERE subject = 'one'"), [(6,)])

    def test_retraining_as_innocent_releases(self):
        signature = self.hold(ALICE, "one")
        self.host.put(ALICE, "innocent", signature)
        self.host.drained()
        self.assertEqual(self.held(ALICE), [])
        self.assertEqual(len(self.host.messages(ALICE)), 2)
        signature = self.hold(ALICE, "two")
        self.assertEqual(self.host.train(HAM, by_signature(signature), ALICE)[0], 250)
        self.host.drained()
        self.assertEqual(self.held(ALICE), [])

    def test_it_waits_for_dovecot(self):
        signature = self.hold(ALICE, "one")
        self.host.stop_dovecot()
        reply = self.release(ALICE, signature)
        self.assertEqual((reply["status"], reply["outcome"]), ("ok", "waiting"))
        self.assertEqual(self.held(ALICE), [signature])
        self.host.start_dovecot()
        self.host.drained()
        self.assertEqual(len(self.host.messages(ALICE)), 2)
        self.assertEqual(self.held(ALICE), [])

    def test_many_at_once_deliver_once(self):
        signature = self.hold(ALICE, "one")
        threads = [threading.Thread(target=self.release, args=(ALICE, signature)) for _ in range(4)]
        threads += [threading.Thread(target=self.host.train, args=(HAM, by_signature(signature), ALICE)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.host.drained()
        self.assertEqual(len(self.host.messages(ALICE)), 2)

    def test_a_hung_dovecot_delays_no_correction(self):
        held = [self.hold(user, f"held {i}", others=i) for user in (ALICE, BOB) for i in range(3)]
        other = self.deliver(BOB, "other")
        address = self.deliver(BOB, "by mail")
        hung = self.host.replace_dovecot()
        for user, signature in zip([ALICE] * 3 + [BOB] * 3, held):
            self.host.put(user, "innocent", signature)
        # A session that waits is answered before long, and others do not wait for it.
        slow = threading.Thread(target=lambda: slow.__setattr__("reply", self.release(ALICE, held[0])))
        slow.start()
        wait_for(lambda: len(self.host.outbox()) >= 6 and not self.host.waiting(), "the outbox")
        start = time.monotonic()
        self.host.put(BOB, "spam", other)
        wait_for(lambda: self.corrected(BOB, other) == SPAM_CLASS, "bob's correction", 20)
        self.assertEqual(self.host.ask(request="retrain", user=BOB, signature=other, **{"class": "spam"})["outcome"], "already")
        self.assertEqual(self.host.train(SPAM, by_signature(address), BOB)[0], 250)
        # Nor does an answer, which Dovecot would have to take.
        self.assertEqual(self.host.train(SPAM, b"Subject: what is this\r\n\r\nHello.\r\n", BOB), (250, "2.0.0 explained"))
        self.assertLess(time.monotonic() - start, 40)  # Dovecot would have a minute
        self.assertEqual(self.corrected(BOB, address), SPAM_CLASS)
        slow.join(20)
        self.assertEqual((slow.reply["outcome"], slow.reply["released"]), ("waiting", "no"))
        self.assertGreaterEqual(len(self.host.outbox()), 7)
        # It is a journal: whoever dies now, what was accepted is done once Dovecot is back.
        self.host.stop_trainer(signal.SIGKILL)
        hung.close()
        os.unlink(self.host.path("run/lmtp"))
        self.host.start_dovecot()
        self.host.start_trainer()
        self.host.drained()
        self.assertEqual((self.held(ALICE), self.held(BOB)), ([], []))
        self.assertEqual([len(self.host.messages(user)) for user in (ALICE, BOB)], [6, 6 + 2 + 1])

    def test_a_release_of_one_user_waits_for_no_other(self):
        """More messages of one user than there are threads, and a user whose only one comes last."""
        held = [self.hold(ALICE, f"held {i}", others=i) for i in range(6)]
        last = self.hold(BOB, "last")
        # A Dovecot that takes bob's mail, and hangs as soon as alice is named.
        dovecot = self.host.replace_dovecot()
        self.addCleanup(dovecot.close)
        self.addCleanup(dovecot.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=serve, args=(dovecot, BOB), daemon=True).start()
        for signature in held:
            self.host.put(ALICE, "innocent", signature)
        wait_for(lambda: len(self.host.outbox()) == 6 and not self.host.waiting(), "the outbox")
        self.host.put(BOB, "innocent", last)
        wait_for(lambda: self.held(BOB) == [], "bob's release", 40)
        self.assertEqual(len(self.held(ALICE)), 6)
        # What is done leaves the journal last.
        wait_for(lambda: len(self.host.outbox()) == 6, "the end of bob's release")
        start = time.monotonic()
        self.assertEqual(self.host.stop_trainer(), 0)
        self.assertLess(time.monotonic() - start, 35)

    def test_what_is_called_spam_meanwhile_stays(self):
        signature = self.hold(ALICE, "one")
        self.host.stop_dovecot()
        self.host.put(ALICE, "innocent", signature)
        wait_for(lambda: self.host.outbox() != [], "the outbox")
        self.host.put(ALICE, "spam", signature)
        wait_for(lambda: self.corrected(ALICE, signature) == SPAM_CLASS, "the correction")
        self.host.start_dovecot()
        self.host.drained()
        self.assertEqual(self.held(ALICE), [signature])
        self.assertEqual(len(self.host.messages(ALICE)), 1)
        self.assertEqual(self.host.metric('shoveler_spamtraind_releases_total{outcome="taken_back"}'), 1)

    def test_an_outcome_of_before_does_not_keep_it_from_being_delivered(self):
        signature = self.hold(ALICE, "one")
        self.assertEqual(self.query(ALICE, "SELECT outcome FROM message WHERE subject = 'one'"), [(3,)])
        with sqlite3.connect(self.host.store(ALICE), timeout=20) as db:
            db.execute("UPDATE message SET outcome = 6")
        db.close()
        self.assertEqual(self.release(ALICE, signature)["released"], "yes")
        self.assertEqual(len(self.host.messages(ALICE)), 2)

    def test_a_vanished_file_is_reported(self):
        signature = self.hold(ALICE, "one")
        folder = os.path.join(os.path.dirname(self.host.store(ALICE)), "quarantine")
        os.unlink(os.path.join(folder, os.listdir(folder)[0]))
        reply = self.release(ALICE, signature)
        self.assertEqual((reply["released"], reply["reason"]), ("no", "the quarantined file has vanished"))

    def test_old_messages_expire(self):
        signature = self.hold(ALICE, "old")
        with sqlite3.connect(self.host.store(ALICE), timeout=20) as db:
            db.execute("UPDATE quarantine SET added = added - 31 * 86400")
        db.close()
        wait_for(lambda: self.host.metric("shoveler_spamtraind_quarantine_expired_total") == 1, "the expiry")
        self.assertEqual(self.held(ALICE), [])
        wait_for(lambda: f"purge: user=<{ALICE}>, action=expire, messages=1" in self.host.read("lda.log"), "its line in the log")
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)
        fresh = self.hold(ALICE, "fresh")
        time.sleep(1.5)
        self.assertEqual(self.held(ALICE), [fresh])


class TrainingAddress(TrainTest):
    def subjects(self, user=ALICE):
        """What was corrected, by subject."""
        if not os.path.exists(self.host.store(user)):
            return {}
        return dict(self.query(user, "SELECT subject, corrected FROM message WHERE corrected <> 0"))

    def resent(self, raw, user=ALICE):
        return f"Resent-From: {user}\r\nResent-To: {SPAM}\r\nReceived: from laptop\r\n".encode() + raw.replace(b"\n", CRLF)

    def test_a_stranger_teaches_nothing(self):
        signature = self.deliver(ALICE, "one")
        raw = self.host.messages(ALICE)[0]
        forged = [b"", submitter(ALICE, secret=b"another secret of 32 bytes......"), submitter(ALICE, now=1000000000),
                  submitter(ALICE) + submitter(BOB), submitter("no-domain"), b"X-Shoveler-Submitter: v1; user=alice\r\n"]
        for field_ in forged:
            code, text = self.host.train(SPAM, field_ + raw)
            self.assertEqual(code, 550)
            self.assertTrue(text.startswith("5.7.1 "), text)
        self.assertEqual(self.corrected(ALICE, signature), 0)
        self.assertEqual(self.mail("refused"), len(forged))
        self.assertEqual(self.host.train("alice@example.test", raw, ALICE)[0], 550)

    def test_a_resent_message_is_corrected_by_its_signature(self):
        signature = self.deliver(ALICE, "one")
        raw = self.host.messages(ALICE)[0]
        for _ in range(2):
            self.assertEqual(self.host.train(SPAM.upper(), self.resent(raw), ALICE)[0], 250)
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)
        self.assertEqual((self.count("learned", "address"), self.count("already", "address")), (1, 1))
        self.assertEqual(self.host.train(HAM, self.resent(raw), ALICE)[0], 250)
        self.assertEqual(self.corrected(ALICE, signature), NO_CLASS)
        self.assertEqual(self.answers(), [])

    def test_a_foreign_signature_corrects_nobody_else(self):
        signature = self.deliver(BOB, "for bob")
        raw = self.host.messages(BOB)[0]
        self.assertEqual(self.host.train(SPAM, self.resent(raw), ALICE)[0], 250)
        self.assertEqual(self.corrected(BOB, signature), 0)
        self.assertEqual(self.subjects(), {"for bob": SPAM_CLASS})

    def test_attached_originals_are_used(self):
        known = self.deliver(ALICE, "known")
        raw = self.host.messages(ALICE)[0].replace(b"\n", CRLF)
        others = [message(f"new {i}") for i in range(30)]
        self.assertEqual(self.host.train(SPAM, attached([raw] + others), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {"known": SPAM_CLASS, **{f"new {i}": SPAM_CLASS for i in range(30)}})
        self.assertEqual(self.corrected(ALICE, known), SPAM_CLASS)
        self.assertEqual(self.host.train(HAM, attached([message("eml")], "base64"), ALICE)[0], 250)
        self.assertEqual(self.subjects()["eml"], INNOCENT_CLASS)
        self.assertEqual(self.answers(), [])

    def test_our_fields_are_not_learned(self):
        self.deliver(ALICE, "same")
        raw = self.host.messages(ALICE)[0]
        self.host.stop_trainer()
        with sqlite3.connect(self.host.store(ALICE)) as db:
            db.execute("DELETE FROM message")
        db.close()
        self.host.start_trainer()
        self.assertEqual(self.host.train(SPAM, self.resent(raw), ALICE)[0], 250)
        # The restored message is the one that was delivered: it is known again.
        self.host.deliver([ALICE], message("same"))
        self.assertEqual(field(self.host.messages(ALICE)[-1], "X-DSPAM-Result"), "Spam")

    def test_an_inline_forward_is_corrected_only_with_certainty(self):
        first, second = self.deliver(ALICE, "first"), self.deliver(ALICE, "second")
        head = b"From: alice@example.test\r\nSubject: Fwd: first\r\n"
        quoted = head + b"\r\nlook:\r\n> X-DSPAM-Signature: " + first.encode() + CRLF
        self.assertEqual(self.host.train(SPAM, quoted, ALICE)[0], 250)
        self.assertEqual(self.subjects(), {"first": SPAM_CLASS})
        answering = head.replace(b"Fwd: first", b"Re: second") + b"In-Reply-To: <second@client.test>\r\n\r\n> Some text.\r\n"
        self.assertEqual(self.host.train(SPAM, answering, ALICE)[0], 250)
        self.assertEqual(self.corrected(ALICE, second), SPAM_CLASS)
        self.assertEqual(self.answers(), [])
        other = self.deliver(BOB, "bobs")
        self.deliver(ALICE, "third")
        for text in (head + b"In-Reply-To: <third@client.test>\r\n\r\nanother subject\r\n",
                     head + b"References: <third@client.test>\r\n\r\nanother subject\r\n",
                     head + b"In-Reply-To: <bobs@client.test>\r\n\r\nx\r\n",
                     head + b"\r\nX-DSPAM-Signature: " + other.encode() + CRLF,
                     head + b"\r\nthis is spam!\r\n"):
            self.assertEqual(self.host.train(SPAM, text, ALICE)[0], 250)
        self.assertEqual(self.subjects(), {"first": SPAM_CLASS, "second": SPAM_CLASS})
        self.assertEqual(self.corrected(BOB, other), 0)
        self.assertEqual(self.mail("explained"), 5)
        self.assertEqual(len(self.answers()), 1)

    def test_an_inline_forward_is_found_by_subject_and_sender(self):
        signature = self.deliver(ALICE, "Your invoice")
        other = self.deliver(ALICE, "Our party", sender="friend@client.test")
        text = (b"From: alice@example.test\r\nSubject: TR: Fwd: Your invoice\r\n\r\nspam!\r\n\r\n> -----Message d'origine-----\r\n"
                b"> De : Sender [mailto:sender@client.test]\r\n> Objet : Your invoice\r\n> Some text.\r\n")
        self.assertEqual(self.host.train(SPAM, text, BOB)[0], 250)
        self.assertEqual(self.host.train(SPAM, text.replace(b"sender@client", b"nobody@client"), ALICE)[0], 250)
        self.assertEqual(self.host.train(SPAM, text.replace(b"> Objet : Your invoice", b"> x"), ALICE)[0], 250)
        self.assertEqual(self.host.train(SPAM, text.replace(b"Subject: TR: Fwd: Your", b"Subject: My"), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {})
        self.assertEqual(self.host.train(SPAM, text, ALICE)[0], 250)
        self.assertEqual(self.subjects(), {"Your invoice": SPAM_CLASS})
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)
        self.host.deliver([ALICE], message("Our party", body=b"Another.\r\n", sender="friend@client.test"))
        party = text.replace(b"Your invoice", b"Our party").replace(b"sender@client", b"friend@client")
        self.assertEqual(self.host.train(SPAM, party, ALICE)[0], 250)
        self.assertEqual(self.corrected(ALICE, other), 0)
        self.assertEqual((len(self.answers()), len(self.answers(BOB))), (1, 1))

    def test_who_sends_too_many_is_told(self):
        self.host.ask(request="preference-set", user=ALICE, **{"set.locale": "fr"})
        self.assertEqual(self.host.train(SPAM, attached([message(f"n{i}") for i in range(120)]), ALICE)[0], 250)
        self.assertEqual(len(self.subjects()), 100)
        answer = self.answers()[0]
        self.assertEqual(field(answer, "Content-Language"), "fr")
        text = email.message_from_bytes(answer).get_payload(decode=True).decode()
        self.assertIn("du spam : 100.", text)
        self.assertIn("laiss\u00e9s de c\u00f4t\u00e9", text)

    def test_the_answer_is_friendly_and_cannot_loop(self):
        text = b"From: alice@example.test\r\nContent-Language: fr\r\nSubject: x\r\n\r\nce spam!\r\n"
        self.assertEqual(self.host.train(SPAM, text, ALICE)[0], 250)
        answer = self.answers()[0]
        self.assertEqual(field(answer, "Return-Path"), "<>")
        self.assertEqual(field(answer, "From"), "postmaster@example.test")
        self.assertEqual(field(answer, "Content-Language"), "fr")
        self.assertIn("pièce jointe", email.message_from_bytes(answer).get_payload(decode=True).decode())
        self.assertIn(SPAM.encode(), answer)
        self.assertIsNone(email.message_from_bytes(answer)["X-DSPAM-Signature"])
        # Sent back by whatever machine, it teaches nothing and gets no answer.
        self.assertEqual(self.host.train(SPAM, answer, ALICE)[0], 250)
        self.assertEqual(self.host.train(SPAM, text, BOB, sender="")[0], 250)
        self.assertEqual(self.host.train(SPAM, b"List-Id: <l.test>\r\n" + text, BOB)[0], 250)
        self.assertEqual(self.mail("ignored"), 3)
        self.assertEqual((len(self.answers()), len(self.answers(BOB))), (1, 0))
        # Nor does it, resent or attached by hand.
        resent = self.resent(answer.replace(b"Auto-Submitted: auto-replied\n", b""))
        self.assertEqual(self.host.train(SPAM, resent, ALICE)[0], 250)
        self.assertEqual(self.host.train(SPAM, attached([answer.replace(b"\n", CRLF)]), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {})

    def test_a_bounce_with_the_original_teaches_nothing(self):
        bounce = attached([message("inside")]).replace(b"multipart/mixed;", b"multipart/report; report-type=delivery-status;")
        self.assertEqual(self.host.train(SPAM, bounce, ALICE)[0], 250)
        self.assertFalse(os.path.exists(self.host.store(ALICE)))

    def test_own_mail_is_not_learned(self):
        own = message("mine", sender=ALICE)
        self.assertEqual(self.host.train(SPAM, self.resent(own), ALICE)[0], 250)
        self.assertEqual(len(self.answers()), 1)

        signature = self.deliver(ALICE, "from myself", sender=ALICE)
        forged = self.host.messages(ALICE)[-1].replace(b"\n", CRLF)
        self.assertEqual(self.host.train(SPAM, attached([own]), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {})
        # Received, it is known by its signature.
        self.assertEqual(self.host.train(SPAM, attached([own, forged]), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {"from myself": SPAM_CLASS})
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)

    def test_a_forged_message_id_does_not_protect(self):
        self.assertEqual(self.host.train(SPAM, b"From: alice@example.test\r\nSubject: x\r\n\r\nspam!\r\n", ALICE)[0], 250)
        ours = field(self.answers()[0], "Message-ID")
        first, host = ours[1:-1].split("@")
        mac = first.split(".")[-1]

        def spam(subject):
            """With a Message-ID of its own that looks like ours."""
            way, i = subject.split()
            name = (f"digest.1.2.{way}", f"training.1.2.{way[0]}.0123456789abcdef", f"training.1.2.{way[0]}.{mac}")[int(i)]
            plain = message(subject)
            return plain.replace(field(plain, "Message-ID").encode(), f"<{name}@{host}>".encode())

        for i in range(3):
            self.assertEqual(self.host.deliver([ALICE], spam(f"signed {i}"))[0][0], 250)
            raw = self.host.messages(ALICE)[-1].replace(b"\n", CRLF)
            self.assertEqual(self.host.train(SPAM, attached([raw, spam(f"attached {i}")]), ALICE)[0], 250)
            self.assertEqual(self.host.train(SPAM, self.resent(spam(f"resent {i}").replace(CRLF, b"\n")), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {f"{way} {i}": SPAM_CLASS for way in ("signed", "attached", "resent") for i in range(3)})
        # A copy of a real one does not help what was delivered either.
        copied = message("copied").replace(b"<copied@client.test>", ours.encode())
        self.assertEqual(self.host.deliver([ALICE], copied)[0][0], 250)
        raw = self.host.messages(ALICE)[-1].replace(b"\n", CRLF)
        self.assertEqual(self.host.train(SPAM, attached([raw]), ALICE)[0], 250)
        self.assertEqual(self.subjects()["copied"], SPAM_CLASS)

    def test_what_a_machine_sends_on_teaches_nothing(self):
        signature = self.deliver(ALICE, "one", header=b"Auto-Submitted: auto-generated\r\nList-Id: <l.test>\r\nPrecedence: bulk\r\n")
        raw = self.host.messages(ALICE)[0].replace(b"\n", CRLF)
        resent, machine = self.resent(raw.replace(CRLF, b"\n")), b"Auto-Submitted: auto-replied\r\n"
        for text, sender in ((raw, ""), (resent, ""), (self.resent(message("new").replace(CRLF, b"\n")), ""),
                             (machine + raw, None), (machine + resent, None)):
            self.assertEqual(self.host.train(SPAM, text, ALICE, sender=sender), (250, "2.0.0 ignored"))
        self.assertEqual(self.subjects(), {})
        self.assertEqual(self.answers(), [])
        # What the original says of itself does not matter.
        self.assertEqual(self.host.train(SPAM, resent, ALICE), (250, "2.0.0 trained"))
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)

    def test_store_trouble_is_a_4xx(self):
        signature = self.deliver(ALICE, "one")
        raw = self.host.messages(ALICE)[0]
        folder = os.path.dirname(self.host.store(ALICE))
        self.host.stop_trainer()
        os.chown(folder, 0, 0)
        self.host.start_trainer()
        self.assertEqual(self.host.train(SPAM, self.resent(raw), ALICE)[0], 451)
        self.assertEqual(self.host.waiting(), [])
        os.chown(folder, lda_uid(), 0)
        wait_for(lambda: self.host.train(SPAM, self.resent(raw), ALICE)[0] == 250, "the end of the back-off")
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)

    def test_mail_and_moves_count_in_the_order_they_came(self):
        """Promise 5: the last word counts, whichever way it came."""
        signature = self.deliver(ALICE, "one")
        folder = os.path.dirname(self.host.store(ALICE))

        def trouble(uid):
            os.chown(folder, uid, 0)

        for first, last in (("move", "mail"), ("mail", "move")):
            self.host.stop_trainer()
            trouble(0)
            self.host.start_trainer()
            mailed = threading.Thread(target=self.mail_until_taken, args=(signature,))
            if first == "move":
                self.host.put(ALICE, "innocent", signature)
                wait_for(lambda: self.host.metric('shoveler_spamtraind_corrections_total{source="imap",outcome="deferred"}') > 0,
                         "the trouble")
                mailed.start()
                time.sleep(0.3)
            trouble(lda_uid())
            if first == "mail":
                mailed.start()
                mailed.join()
                self.host.put(ALICE, "innocent", signature)
            else:
                mailed.join()
            self.host.drained()
            self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS if last == "mail" else NO_CLASS, (first, last))
        # A queue before it: mail does not overtake what waits.
        signatures = [self.deliver(ALICE, f"n{i}") for i in range(40)]
        self.host.stop_trainer(signal.SIGKILL)
        for each in signatures:
            self.host.put(ALICE, "spam", each)
        self.host.put(ALICE, "spam", signature)
        self.host.put(ALICE, "innocent", signatures[-1])
        self.host.start_trainer()
        self.assertEqual(self.host.train(HAM, by_signature(signature), ALICE)[0], 250)
        self.assertEqual(self.host.train(SPAM, by_signature(signatures[-1]), ALICE)[0], 250)
        self.host.drained()
        self.assertEqual((self.corrected(ALICE, signature), self.corrected(ALICE, signatures[-1])), (NO_CLASS, SPAM_CLASS))

    def test_mail_that_postfix_kept_for_long_is_not_the_last_word(self):
        signature = self.deliver(ALICE, "one")
        other = self.deliver(ALICE, "other")
        self.host.put(ALICE, "spam", signature)
        self.host.drained()
        hour_ago = time.time() - 3600
        self.assertEqual(self.host.train(HAM, by_signature(signature), ALICE, accepted=hour_ago)[0], 250)
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)
        self.assertEqual(self.count("already", "address"), 1)
        # Where nothing was said since, it counts as ever; and what is said after it counts more.
        self.assertEqual(self.host.train(SPAM, by_signature(other), ALICE, accepted=hour_ago)[0], 250)
        self.assertEqual(self.corrected(ALICE, other), SPAM_CLASS)
        self.assertEqual(self.host.train(HAM, by_signature(other), ALICE, accepted=hour_ago - 60)[0], 250)
        self.assertEqual(self.corrected(ALICE, other), SPAM_CLASS)
        self.assertEqual(self.host.train(HAM, by_signature(other), ALICE, accepted=hour_ago + 60)[0], 250)
        self.assertEqual(self.corrected(ALICE, other), NO_CLASS)
        self.host.put(ALICE, "innocent", signature)
        self.host.drained()
        self.assertEqual(self.corrected(ALICE, signature), NO_CLASS)

    def test_a_clock_that_was_set_back_silences_nobody(self):
        signature = self.deliver(ALICE, "one")
        self.host.put(ALICE, "spam", signature)
        self.host.drained()
        with sqlite3.connect(self.host.store(ALICE), timeout=20) as db:
            db.execute("UPDATE correction SET time = time + 86400")
        db.close()
        self.host.put(ALICE, "innocent", signature)
        self.host.drained()
        self.assertEqual(self.corrected(ALICE, signature), NO_CLASS)

    def mail_until_taken(self, signature):
        """As Postfix does, only sooner."""
        wait_for(lambda: self.host.train(SPAM, by_signature(signature), ALICE)[0] == 250, "an answer to the mail")


class Receipts(TrainTest):
    settings = "training_receipts = yes\ntraining_language = fr\ntraining_answer_from = Filter <filter@example.test>\n"

    def test_a_receipt_names_how_many(self):
        self.assertEqual(self.host.train(SPAM, attached([message("a"), message("b")]), ALICE)[0], 250)
        receipt = self.answers()[0]
        self.assertEqual(field(receipt, "From"), "Filter <filter@example.test>")
        self.assertIn("du spam : 2.", email.message_from_bytes(receipt).get_payload(decode=True).decode())


class PerDomain(TrainTest):
    settings = "training_spam_addresses = spam@one.test, spam@two.test\ntraining_innocent_addresses = ham@one.test, ham@two.test\n"

    def test_each_pair_teaches_who_signed_in(self):
        signature = self.deliver(ALICE, "one")
        raw = self.host.messages(ALICE)[0].replace(b"\n", CRLF)
        for address, corrected in (("spam@one.test", SPAM_CLASS), ("ham@two.test", NO_CLASS), ("SPAM@two.test", SPAM_CLASS)):
            self.assertEqual(self.host.train(address, raw, ALICE)[0], 250)
            self.assertEqual(self.corrected(ALICE, signature), corrected)
        self.assertEqual(self.host.train(SPAM, raw, ALICE)[0], 550)


class Process(TrainTest):
    def check(self, *options):
        return subprocess.run([os.path.join(BUILD, "spamtrain/spamtraind"), "-c", self.host.path("etc"), *options],
                              capture_output=True, text=True, check=False)

    def test_check_says_what_is_wrong(self):
        self.assertEqual(self.check("--check").returncode, 0)
        os.chmod(self.host.path("etc/secret"), 0o644)
        result = self.check("--check")
        self.assertEqual(result.returncode, 78)
        self.assertIn("others may read it", result.stderr)
        os.chmod(self.host.path("etc/secret"), 0o600)
        self.host.write("etc/main.cf", self.host.read("etc/main.cf") + "mail_user = nosuchuser\n")
        self.assertIn('mail_user: there is no system user "nosuchuser"', self.check("--check").stderr)

    def test_a_reload_takes_over_or_keeps(self):
        good = self.host.read("etc/main.cf")
        self.host.write("etc/main.cf", good + f"training_spam_addresses = {HAM}\n")
        self.host.trainer.send_signal(signal.SIGHUP)
        wait_for(lambda: "reload refused" in self.host.read("lda.log"), "the refusal")
        self.assertEqual(self.host.train(SPAM, message("x"), ALICE)[0], 250)
        self.host.write("etc/main.cf", good + "training_spam_addresses = new@example.test\n")
        os.chown(self.host.path("etc/secret"), lda_uid(), 0)
        self.host.trainer.send_signal(signal.SIGHUP)
        wait_for(lambda: "spamtraind" in self.host.read("lda.log") and ": reloaded" in self.host.read("lda.log"), "the reload")
        self.assertEqual(self.host.train(SPAM, message("x"), ALICE)[0], 550)
        self.assertEqual(self.host.train("new@example.test", message("x"), ALICE)[0], 250)

    def test_sigterm_ends_it_at_once(self):
        peer = self.host.connect()
        start = time.monotonic()
        self.assertEqual(self.host.stop_trainer(), 0)
        self.assertLess(time.monotonic() - start, 30)
        peer.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)

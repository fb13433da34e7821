"""The quarantine: release, retraining as innocent, what expires; a Dovecot that is down or hangs."""

import os
import signal
import socket
import sqlite3
import threading
import time
import unittest

from case import ALICE, BOB, NO_CLASS, SPAM_CLASS, TrainTest, by_signature, field
from service import HAM, SPAM, wait_for


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


class Quarantine(TrainTest):
    settings = "default_preferences = spamAction=quarantine\npurge_interval = 1s\n"

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


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""Corrections by the spool and by the socket: done once, in order, and not lost by kill -9."""

import os
import random
import signal
import socket
import subprocess
import threading
import time
import unittest

from case import ALICE, BOB, NO_CLASS, SPAM_CLASS, TrainTest, field, message
from service import attributes, lda_uid, wait_for


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


if __name__ == "__main__":
    unittest.main(verbosity=2)

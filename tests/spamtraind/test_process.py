"""spamtraind as a process: --check, reload, end."""

import os
import signal
import subprocess
import time
import unittest

from case import ALICE, TrainTest, message
from service import BUILD, HAM, SPAM, lda_uid, wait_for


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

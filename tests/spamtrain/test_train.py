"""spamtrain train: mailboxes of every kind, progress, and going on after it was ended in the middle."""

import contextlib
import json
import mailbox
import os
import pty
import re
import signal
import sqlite3
import subprocess
import time
import unittest

from cli import NOINPUT, OK, TEMPFAIL, CliTest, Result, ham, spam


class Mailboxes(CliTest):
    def learned(self, *paths, user, kind="ham", stdin=b"", code=OK):
        result = self.run_command("--json", "train", user, kind, *paths, stdin=stdin)
        self.assertEqual(result.code, code, result.err)
        return result

    def test_mbox(self):
        box = mailbox.mbox(self.path("mail/box"))
        for number in range(20):
            box.add(mailbox.mboxMessage(ham(number) + b"\n>From the start\nFrom here no mail starts\n\n"))
        box.close()
        content = self.read("mail/box")
        self.assertEqual(self.learned(self.path("mail/box"), user="mbox@example.test").json["learned"], 20)
        for ends in b"\r\n", b"\n":
            again = self.learned("-", user="mbox@example.test", stdin=content.replace(b"\n", ends))
            self.assertEqual(again.json, {"learned": 0, "already": 20, "unreadable": 0, "interrupted": False})

    def test_a_large_mbox_needs_little_memory(self):
        large = b"From x Mon Jan  1 10:00:00 2024\n" + ham(1)[:-1] + b"\n" + (b"A" * 76 + b"\n") * 100000 + b"\n"
        with open(self.path("mail/large"), "wb") as file:
            for number in range(20):
                file.write(large.replace(b"compiler.1@", b"compiler.%d@" % number).replace(b"meeting.1@", b"meeting.%d@" % number))
        # ASan keeps what was freed, so this is what is asked for at once, not what is used.
        options = dict(self.environment(), ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=1:hard_rss_limit_mb=200")
        done = subprocess.run(self.command("--json", "train", "large@example.test", "ham", self.path("mail/large")), capture_output=True,
                              env=options, check=False)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertEqual(json.loads(done.stdout)["learned"], 20)

    def test_maildir(self):
        box = mailbox.Maildir(self.path("mail/Maildir"))
        for number in range(5):
            box.add(ham(number))
        box.add_folder("Archive").add(ham(10))
        self.write("mail/Maildir/dovecot-uidlist", "3 V1 N2\n")
        self.write("mail/Maildir/subscriptions", "Archive\n")
        self.write("mail/Maildir/tmp/unfinished", ham(11))
        self.write("mail/Maildir/.Archive/maildirfolder", "")
        self.assertEqual(self.learned(self.path("mail/Maildir"), user="maildir@example.test").json["learned"], 6)

    def test_trees_links_and_pipes(self):
        for number in range(4):
            self.write(f"mail/tree/a{number % 2}/{number} with blanks.eml", ham(number))
        self.write("mail/tree/.hidden/5.eml", ham(5))
        self.write("mail/secret", ham(6))
        os.symlink(self.path("mail/secret"), self.path("mail/tree/link"))
        os.mkfifo(self.path("mail/tree/fifo"))
        result = self.learned(self.path("mail/tree"), user="tree@example.test", code=NOINPUT)
        self.assertEqual(result.json, {"learned": 4, "already": 0, "unreadable": 1, "interrupted": False})
        self.assertIn("link: a symbolic link", result.err)
        os.symlink(self.path("mail/tree/a0"), self.path("mail/named"))
        self.assertEqual(self.learned(self.path("mail/named"), user="tree@example.test").json["already"], 2)
        piped = subprocess.run(["bash", "-c", '"$@" <(printf "Subject: x\\n\\npiped\\n")', "bash",
                                *self.command("train", "tree@example.test", "ham")], capture_output=True, env=self.environment(), check=False)
        self.assertTrue(piped.stdout.startswith(b"learned 1, known already 0"), piped)
        deep = self.write("mail/deep/" + "d/" * 20 + "x.eml", ham(7))
        self.assertIn("too many folders", self.learned(self.path("mail/deep"), user="tree@example.test", code=NOINPUT).err, deep)


class Resume(CliTest):
    COUNT = 800

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for number in range(cls.COUNT):
            cls.write(f"mail/many/{number:04}.eml", spam(number))

    def start(self, user, **more):
        return subprocess.Popen(self.command("--json", "train", user, "spam", self.path("mail/many")), stdout=subprocess.PIPE,
                                env=self.environment(), **more)

    def count(self, user):
        result = self.run_command("--json", "stats", user)
        return result.json["spam_learned"] if result.code == OK else 0

    def written(self, user):
        """A command of ours would wait for the lock of one that stands still."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.store(user)}/store.sqlite?mode=ro", uri=True)) as db:
                return db.execute("SELECT count(*) FROM message").fetchone()[0]
        except sqlite3.OperationalError:
            return 0

    def wait_until_some(self, user, process):
        """It stands still while they are counted, however long that takes, and when this returns."""
        deadline = time.monotonic() + 300
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGSTOP)
            if self.written(user) >= 20:
                return
            process.send_signal(signal.SIGCONT)
            time.sleep(0.05)

    def assert_complete(self, user, before):
        rest = self.good("--json", "train", user, "spam", self.path("mail/many")).json
        self.assertEqual(rest["learned"] + rest["already"], self.COUNT)
        self.assertGreaterEqual(rest["already"], before)
        stats = self.stats(user)
        self.assertEqual((stats["spam_learned"], stats["history"]), (self.COUNT, self.COUNT))
        started = time.monotonic()
        again = self.good("--json", "train", user, "spam", self.path("mail/many")).json
        self.assertEqual((again["learned"], again["already"]), (0, self.COUNT))
        return rest, time.monotonic() - started

    def test_kill_9_in_the_middle(self):
        process = self.start("killed@example.test", stderr=subprocess.PIPE)
        self.wait_until_some("killed@example.test", process)
        process.kill()
        process.communicate()
        self.assertEqual(process.returncode, -signal.SIGKILL, "it was over before it was killed: more messages are needed")
        known = self.count("killed@example.test")
        self.assertLess(known, self.COUNT)
        rest, _ = self.assert_complete("killed@example.test", known)
        self.assertEqual(rest["already"], known)

    def test_ctrl_c_says_how_to_go_on(self):
        process = self.start("stopped@example.test", stderr=subprocess.PIPE)
        self.wait_until_some("stopped@example.test", process)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate()
        self.assertEqual(process.returncode, TEMPFAIL, err)
        self.assertIn(b"the same command again goes on", err)
        self.assertNotIn(b"\r", err)  # no progress bar: it is no terminal
        result = Result(0, out, err).json
        self.assertTrue(result["interrupted"] and 0 < result["learned"] < self.COUNT)
        rest, _ = self.assert_complete("stopped@example.test", result["learned"])
        self.assertEqual(rest["already"], result["learned"])

    def test_progress_on_a_terminal(self):
        ours, theirs = pty.openpty()
        process = self.start("terminal@example.test", stderr=theirs)
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        process.communicate()
        os.close(ours)
        self.assertEqual(process.returncode, OK)
        lines = re.findall(rb"\r\[([# ]{20})\] +(\d+) %  (\d+) messages  (\d\d:\d\d) left", shown)
        self.assertGreaterEqual(len(lines), 2, shown)
        counts = [int(line[2]) for line in lines]
        self.assertEqual(counts, sorted(counts))
        self.assertLessEqual(counts[-1], self.COUNT)


if __name__ == "__main__":
    unittest.main(verbosity=2)

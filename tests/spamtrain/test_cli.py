#!/usr/bin/python3
"""The command spamtrain: what it prints, its exit codes, and what it must not change."""

import contextlib
import json
import mailbox
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

from cli import (CANTCREAT, CONFIG, DATAERR, IOERR, NOINPUT, NOPERM, NOUSER, OK, TEMPFAIL, USAGE, USER, CliTest, Result, ham, spam)

SIGNATURE = "0123456789abcdef01234567"
COMMANDS = ("classify explain train learn-folders retrain unlearn stats history preference quarantine forget purge site export "
            "import import-preferences evaluate").split()


class Help(CliTest):
    def test_help_teaches(self):
        overview = self.good("--help").out
        for name in COMMANDS:
            self.assertIn(f"  spamtrain {name} ", overview)
            said = self.good(name, "--help")
            self.assertTrue(said.out.startswith(f"usage: spamtrain {name} "), said.out)
            self.assertEqual(said.err, "")
        for name in ("classify", "train", "export", "import", "evaluate", "forget", "preference"):
            self.assertIn(f"  spamtrain {name} ", self.good(name, "--help").out.split("\n", 2)[2] + "\n", f"{name}: no example")
        self.assertRegex(self.good("--version").out, r"^spamtrain \d+\.")

    def test_wrong_usage(self):
        self.assertEqual(self.run_command().code, USAGE)
        self.bad(USAGE, 'no command "frobnicate"', "frobnicate")
        self.assertEqual(self.run_command("--nonsense").code, USAGE)
        self.assertIn("usage: spamtrain train", self.run_command("train", USER).err)
        self.assertEqual(self.run_command("train", USER).code, USAGE)
        self.bad(USAGE, '"spma"', "train", USER, "spma", self.mail)
        self.bad(USAGE, '"alice"', "stats", "alice")
        self.bad(USAGE, '"x"', "forget", USER, "x")
        self.bad(USAGE, '"-1"', "history", USER, "-1")
        self.bad(USAGE, "no signature", "retrain", USER, "spam", "abc")
        self.bad(USAGE, "--frob", "import", "--frob", USER, "-")
        self.bad(USAGE, "--from", "import", "--from", "razor", USER, "-")
        self.bad(USAGE, "statisticalSedation", "evaluate", "--index", "/dev/null", "--results", "/dev/null", "--sensitivity", "11")
        self.bad(USAGE, "trainingMode", "evaluate", "--index", "/dev/null", "--results", "/dev/null", "--mode", "sometimes")
        self.bad(USAGE, "fraction", "evaluate", "--index", "/dev/null", "--results", "/dev/null", "--unreported", "2")
        self.bad(USAGE, "--index", "evaluate", "--results", "/dev/null")
        self.assertFalse(os.path.exists(self.store()))

    def test_configuration(self):
        self.write("other/main.cf", "nonsense = yes\n")
        done = subprocess.run(self.command("stats", USER)[:1] + ["-c", self.path("other"), "stats", USER], capture_output=True,
                              env=self.environment(), check=False)
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (CONFIG, 1))
        done = subprocess.run(self.command("stats", USER)[:1] + ["-c", self.path("nowhere"), "stats", USER], capture_output=True,
                              env=self.environment(), check=False)
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (CONFIG, 1))

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_neither_root_nor_lda_user(self):
        os.makedirs(self.path("state/users"), mode=0o700, exist_ok=True)
        program = shutil.copy(self.command()[0], self.path("spamtrain"))  # the build may be where nobody else may go
        self.bad(NOPERM, "run this as root", "stats", USER, user="nobody", executable=program)


class Taught(CliTest):
    """A user who was taught 30 messages of each class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for number in range(30):
            cls.write(f"mail/spam/{number}.eml", spam(number))
            cls.write(f"mail/ham/{number}.eml", ham(number))
        for kind in "spam", "ham":
            result = cls.run_command("train", USER, kind, cls.path(f"mail/{kind}"))
            assert result.code == OK and result.out.startswith("learned 30, known already 0, unreadable 0"), vars(result)

    def test_classify_and_explain(self):
        found = self.write("mail/new", spam(100))
        verdict = self.good("--json", "classify", USER, found).json
        self.assertEqual(set(verdict), {"result", "probability", "confidence", "score"})
        self.assertEqual(self.good("classify", "Alice+news@Example.TEST", "-", stdin=spam(100)).out, self.good("classify", USER, found).out)
        self.assertGreater(verdict["score"], self.good("--json", "classify", USER, stdin=ham(100)).json["score"])
        why = self.good("--json", "explain", USER, found).json
        self.assertEqual((why["threshold"], why["basis"]), (2.35, None))
        reasons = why["reasons"]
        self.assertTrue(reasons and all(set(reason) == {"family", "text", "probability", "spam", "innocent"} for reason in reasons))
        self.assertIn("seen in", self.good("explain", USER, found).out)
        self.assertIn("spam is what scores more than 2.35\n", self.good("explain", USER, found).out)
        before = self.stats()
        self.good("classify", USER, found)
        self.assertEqual(self.stats(), before)

    def test_any_bytes_are_a_message(self):
        for content in b"", b"\0", b"\xff" * 100, b"From ", b"\n", bytes(range(256)):
            for name in "classify", "explain":
                self.assertIn("result", self.good("--json", name, USER, stdin=content).json)

    def test_unknown_users(self):
        for arguments in (("classify", "bob@example.test", self.mail), ("stats", "bob@example.test"), ("history", "bob@example.test"),
                          ("unlearn", "bob@example.test", SIGNATURE), ("forget", "bob@example.test"),
                          ("forget", "bob@example.test", "3"), ("export", "bob@example.test"),
                          ("purge", "bob@example.test"), ("quarantine", "list", "bob@example.test")):
            result = self.run_command(*arguments)
            self.assertEqual((result.code, result.err.count("\n")), (NOUSER, 1), arguments)
            self.assertIn("bob@example.test has no store", result.err)
        self.assertEqual(self.good("preference", "get", "bob@example.test", "trainingMode").out, "TUM\n")
        self.bad(USAGE, "frob", "preference", "set", "bob@example.test", "frob", "1")
        self.bad(NOINPUT, "nowhere", "train", "bob@example.test", "spam", self.path("nowhere"))
        self.assertFalse(os.path.exists(self.store("bob@example.test")))

    def test_unreadable_files(self):
        before = self.stats()
        self.bad(NOINPUT, "nowhere: No such file", "classify", USER, self.path("nowhere"))
        self.bad(NOINPUT, "Is a directory", "classify", USER, self.mail)
        self.bad(NOINPUT, "nowhere: No such file", "train", USER, "spam", self.path("mail/spam"), self.path("nowhere"))
        self.bad(NOINPUT, "nowhere: No such file", "unlearn", USER, self.path("nowhere"))
        self.bad(NOINPUT, "nowhere: No such file", "import", USER, self.path("nowhere"))
        self.bad(CANTCREAT, "nowhere", "export", USER, self.path("nowhere/x"))
        self.assertEqual(self.stats(), before)

    def test_train_again_and_unlearn(self):
        before = self.stats()
        exported = self.good("export", USER).out
        again = self.good("--json", "train", USER, "spam", self.path("mail/spam")).json
        self.assertEqual(again, {"learned": 0, "already": 30, "unreadable": 0, "interrupted": False})
        self.assertEqual(self.good("export", USER).out, exported)
        one = self.write("mail/one", spam(200))
        self.assertEqual(self.good("train", USER, "spam", one).out.split(",")[0], "learned 1")
        self.assertEqual(self.stats()["spam_learned"], before["spam_learned"] + 1)
        signature = self.good("--json", "history", USER, "1").json[0]["signature"]
        self.assertEqual(self.good("--json", "unlearn", USER, one).json, {"outcome": "taken back"})
        self.assertEqual(self.good("unlearn", USER, signature).out, "already\n")
        self.assertEqual(self.stats()["spam_learned"], before["spam_learned"])
        self.bad(DATAERR, "never had this message", "unlearn", USER, "-", stdin=spam(201))
        self.bad(DATAERR, "expired", "unlearn", USER, SIGNATURE)

    def test_history_and_preferences(self):
        rows = self.good("--json", "history", USER, "100", "lottery").json
        self.assertTrue(rows and all("lottery" in row["subject"] for row in rows))
        self.assertEqual(len(self.good("history", USER, "3").out.splitlines()), 3)
        listed = self.good("--json", "preference", "list", USER).json
        self.assertEqual(listed["trainingMode"], "TUM")
        self.assertEqual(self.good("--json", "preference", "set", USER, "trainingMode", "toe").json, {"trainingMode": "TOE"})
        self.assertEqual(self.good("preference", "get", USER, "trainingmode").out, "TOE\n")
        self.bad(USAGE, "valid:", "preference", "set", USER, "trainingMode", "sometimes")
        self.bad(USAGE, "no preference", "preference", "get", USER, "frob")
        self.good("preference", "set", USER, "trainingMode")
        self.assertEqual(self.good("preference", "get", USER, "trainingMode").out, "TUM\n")
        self.assertEqual(self.good("--json", "quarantine", "list", USER).json, [])
        self.assertEqual(self.good("--json", "purge", USER).json, {"purged": 1})

    def test_export_import_forget(self):
        file = self.path("mail/export")
        self.good("export", USER, file)
        self.assertEqual(self.good("export", USER, "-").out, self.read("mail/export").decode())
        self.assertFalse(os.path.exists(file + ".part"))
        other = "carol@example.test"
        self.assertEqual(self.good("--json", "import", other, file).json, {"bytes": os.path.getsize(file)})
        self.assertEqual(self.good("--json", "classify", other, stdin=spam(300)).json,
                         self.good("--json", "classify", USER, stdin=spam(300)).json)
        self.bad(DATAERR, "already holds something", "import", other, file)
        self.good("import", "--replace", other, file)
        damaged = bytearray(self.read("mail/export"))
        damaged[len(damaged) // 2] ^= 1
        self.bad(DATAERR, "damaged", "import", "--replace", other, self.write("mail/damaged", bytes(damaged)))
        self.bad(DATAERR, "cut", "import", "--replace", other, self.write("mail/cut", bytes(damaged[:-100])))
        self.assertEqual(self.stats(other)["spam_learned"], 30)
        self.assertRegex(self.good("--json", "forget", other, "1").out, r'^{"messages": 60}\n$')
        self.assertEqual(self.stats(other)["spam_learned"], 0)
        self.assertTrue(self.good("--json", "forget", other).json["forgotten"])
        self.assertFalse(os.path.exists(self.store(other)))
        self.bad(NOUSER, "no store", "stats", other)

    def test_no_service(self):
        self.bad(TEMPFAIL, "cannot connect", "retrain", USER, "spam", SIGNATURE)
        for what in "show", "release", "delete":
            self.bad(TEMPFAIL, "cannot connect", "quarantine", what, USER, SIGNATURE)

    def test_standard_output(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(self.command("export", USER), stdout=full, stderr=subprocess.PIPE, env=self.environment(), check=False)
        self.assertEqual((done.returncode in (IOERR, TEMPFAIL), done.stderr.count(b"\n")), (True, 1), done.stderr)
        with open("/dev/full", "wb") as full:
            done = subprocess.run(self.command("stats", USER), stdout=full, stderr=subprocess.PIPE, env=self.environment(), check=False)
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (IOERR, 1), done.stderr)
        done = subprocess.Popen(self.command("export", USER), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())
        done.stdout.close()  # before it writes its 100 KB
        self.assertEqual(done.stderr.read(), b"")
        self.assertEqual(done.wait(), -signal.SIGPIPE)
        done.stderr.close()

    def test_terminal_gets_no_orders(self):
        hostile = "From: \x9b31m\x1b[2J@x.test\nSubject: =?utf-8?q?=1B]0;x=07=C2=9B?=\n\ntext\n".encode("latin-1")
        self.good("train", "dave@example.test", "spam", "-", stdin=hostile)
        shown = self.good("history", "dave@example.test").out
        self.assertNotRegex(shown, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")
        self.bad(NOINPUT, "new?line", "classify", USER, self.path("new\nline"))


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


class Damage(CliTest):
    """Whatever happens to a store: a line, a code, no crash, and nobody else is affected."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for number in range(60):
            cls.write(f"mail/spam/{number}.eml", spam(number))
            cls.write(f"mail/ham/{number}.eml", ham(number))
        for user in USER, "bob@example.test":
            for kind in "spam", "ham":
                assert cls.run_command("train", user, kind, cls.path(f"mail/{kind}")).code == OK
        assert cls.run_command("purge", USER).code == OK  # writes a snapshot
        shutil.copytree(cls.store(cls), cls.path("sound"), symlinks=True)

    def store(self=None, user=USER):
        return CliTest.store(Damage, user)

    def restore(self):
        shutil.rmtree(self.store())
        shutil.copytree(self.path("sound"), self.store())
        for folder, _, files in os.walk(self.store()):
            for name in [folder] + [os.path.join(folder, file) for file in files]:
                os.chown(name, self.owner.pw_uid, self.owner.pw_gid)

    def look(self, what):
        """Every command ends well, or with a line and a code that says so."""
        for arguments in ("--json", "classify", USER), ("stats", USER), ("history", USER, "5"), ("export", USER), ("train", USER, "ham", "-"):
            result = self.run_command(*arguments, stdin=ham(500))
            self.assertIn(result.code, (OK, TEMPFAIL, DATAERR), f"{what}: {arguments}: {result.err}")
            self.assertNotIn("Sanitizer", result.err)
            if result.code != OK:
                self.assertEqual(result.err.count("\n"), 1, f"{what}: {arguments}: {result.err}")
        return result.code

    def test_files_cut_short_or_changed(self):
        names = sorted(name for name in os.listdir(self.path("sound")) if os.path.isfile(os.path.join(self.path("sound"), name)))
        self.assertTrue(any(name.startswith("tokens.") for name in names) and "store.sqlite" in names, names)
        for name in names:
            size = os.path.getsize(os.path.join(self.path("sound"), name))
            for cut in (0, size // 2):
                self.restore()
                os.truncate(os.path.join(self.store(), name), cut)
                self.look(f"{name} cut to {cut}")
            for at in (0, 30, size // 2, size - 1):
                if 0 <= at < size:
                    self.restore()
                    with open(os.path.join(self.store(), name), "r+b") as file:
                        file.seek(at)
                        byte = file.read(1)
                        file.seek(at)
                        file.write(bytes([byte[0] ^ 0xff]))
                    self.look(f"{name} changed at {at}")
        self.restore()
        self.assertEqual(self.stats()["spam_learned"], 60)
        self.assertEqual(self.stats("bob@example.test")["spam_learned"], 60)

    def test_what_is_no_store(self):
        self.restore()
        os.remove(os.path.join(self.store(), "store.sqlite"))
        os.mkdir(os.path.join(self.store(), "store.sqlite"))
        self.bad(TEMPFAIL, "store.sqlite", "stats", USER)
        self.restore()
        for name in os.listdir(self.store()):
            if name.startswith("tokens."):
                os.remove(os.path.join(self.store(), name))
        result = self.run_command("stats", USER)
        self.assertEqual((result.code, result.err.count("\n")), (TEMPFAIL, 1), vars(result))
        self.restore()

    def test_a_newer_store_is_refused(self):
        self.restore()
        db = sqlite3.connect(os.path.join(self.store(), "store.sqlite"))
        db.execute("PRAGMA user_version = 9999")
        db.commit()
        db.close()
        for name in os.listdir(self.store()):
            os.chown(os.path.join(self.store(), name), self.owner.pw_uid, self.owner.pw_gid)
        self.bad(TEMPFAIL, "upgrade the program", "stats", USER)
        self.restore()


class Evaluate(CliTest):
    def index(self, lines, name="mail/index"):
        return self.write(name, "".join(lines))

    def evaluate(self, index, *more, **options):
        environment = dict(self.environment(), TMPDIR=self.path("tmp"))
        return self.run_command("evaluate", "--index", index, "--results", self.path("results"), *more, env=environment, **options)

    def results(self):
        return [line.split(" ") for line in self.read("results").decode("ascii").splitlines()]

    def setUp(self):
        self.lines = []
        self.folder("tmp")
        for number in range(40):
            self.lines.append(f"spam\t{self.write(f'mail/s/{number} with blanks', spam(number))}\n")
            self.lines.append(f"ham\t{self.write(f'mail/h/{number}', ham(number))}\n")
        if os.path.exists(self.path("results")):
            os.remove(self.path("results"))

    def test_results_in_order(self):
        done = self.evaluate(self.index(self.lines))
        self.assertEqual(done.code, OK, done.err)
        rows = self.results()
        self.assertEqual([row[0] for row in rows], ["spam", "ham"] * 40)
        for row in rows:
            float(row[1])
            self.assertIn(row[2], ("spam", "ham"))
        for what in "messages          80: 40 ham, 40 spam", "ham wrong", "spam missed", "(1-ROCA)%", "CPU ms classify", "CPU ms train", "store":
            self.assertIn(what, done.out)
        hams = [float(row[1]) for row in rows if row[0] == "ham"]
        spams = [float(row[1]) for row in rows if row[0] == "spam"]
        below = sum((ham > spam) + (ham == spam) / 2 for ham in hams for spam in spams)
        said = self.run_command("--json", "evaluate", "--index", self.path("mail/index"), "--results", self.path("results")).json
        self.assertAlmostEqual(said["roca_above_percent"], 100 * below / 1600, places=6)
        missed = sum(row[0] == "spam" and row[2] == "ham" for row in rows)
        self.assertAlmostEqual(said["spam_missed_percent"], 100 * missed / 40, places=6)
        self.assertEqual(os.listdir(self.path("tmp")), [])

    def test_modes_and_store(self):
        index = self.index(self.lines)
        for mode in "teft", "toe", "tum", "TUM":
            self.assertEqual(self.evaluate(index, "--mode", mode, "--sensitivity", "0", "--unreported", "0.5").code, OK, mode)
        store = self.path("kept")
        self.assertEqual(self.evaluate(index, "--store", store).code, OK)
        self.assertTrue(os.path.exists(store))
        self.bad(USAGE, "not empty", "evaluate", "--index", index, "--results", self.path("results"), "--store", store)
        self.bad(CANTCREAT, "Not a directory", "evaluate", "--index", index, "--results", self.path("results"), "--store", index)

    def test_indexes_as_people_write_them(self):
        relative = [line.replace(self.top + "/", "") for line in self.lines]
        self.assertEqual(self.evaluate(self.index(relative), cwd=self.top).code, OK)
        beside = [line.replace(self.mail + "/", "") for line in self.lines]
        self.assertEqual(self.evaluate(self.index(beside), cwd="/").code, OK)
        self.assertEqual(self.evaluate("index", cwd=self.mail).code, OK)
        windows = "\ufeff" + "".join(line.replace("\n", "\r\n") for line in self.lines) + "\r\n"
        self.assertEqual(self.evaluate(self.index(windows)).code, OK)
        self.assertEqual(len(self.results()), 80)
        self.assertEqual(self.evaluate(self.index("".join(self.lines)[:-1])).code, OK)  # no line end
        self.assertEqual(self.evaluate(self.index(self.lines + self.lines[:10])).code, OK)  # some twice
        self.assertEqual(len(self.results()), 90)
        empty = self.write("mail/empty", b"")
        self.assertEqual(self.evaluate(self.index(self.lines + [f"ham\t{empty}\n"])).code, OK)
        self.assertEqual(self.evaluate(self.index([])).code, OK)
        self.assertEqual(self.results(), [])

    def test_mistakes(self):
        self.write("results", "precious\n")
        for line, text, code in (("Spma\tx\n", "line 81: \"Spma\tx\"", DATAERR), ("spam x\n", "line 81", DATAERR), ("ham\t\n", "line 81", DATAERR),
                                 ("ham\t/nowhere\n", "line 81: /nowhere: No such file", NOINPUT), (f"ham\t{self.mail}\n", "Is a directory", NOINPUT)):
            self.bad(code, text.replace("\t", "?"), "evaluate", "--index", self.index(self.lines + [line]), "--results", self.path("results"))
        self.bad(NOINPUT, "No such file", "evaluate", "--index", self.path("nowhere"), "--results", self.path("results"))
        self.bad(NOINPUT, "Is a directory", "evaluate", "--index", self.mail, "--results", self.path("results"))
        self.assertEqual(self.results(), [["precious"]])
        index = self.index(self.lines)
        self.bad(CANTCREAT, "No such file", "evaluate", "--index", index, "--results", self.path("nowhere/out"))
        self.bad(CANTCREAT, "Is a directory", "evaluate", "--index", index, "--results", self.mail)
        self.bad(IOERR, "No space left", "evaluate", "--index", index, "--results", "/dev/full")


class Dspam(CliTest):
    """What DSPAM's users had chosen. All is checked before anything is set."""

    def preferences(self, user):
        return self.good("--json", "preference", "list", user).json

    def test_dump(self):
        dump = self.write("dump.sql", "INSERT INTO `dspam_preferences` VALUES (1,'trainingMode','TOE'),(1,'spamSubject','it\\'s'),"
                          "(2,'whitelistThreshold','20000'),(2,'enableBNR','on'),(0,'spamAction','tag'),(2,'frob','1'),(2,'locale','de');\n"
                          "INSERT INTO `dspam_virtual_uids` VALUES (1,'Ann@Example.test'),(2,'ben');\n")
        self.bad(DATAERR, 'dump.sql:1: user "ben" has no domain', "import-preferences", dump)
        self.bad(NOUSER, "has no store", "stats", "ann@example.test")
        dry = self.good("--json", "import-preferences", "--dry-run", "--domain", "example.test", dump).json
        self.assertEqual((dry["users"], dry["set"], dry["default_preferences"]), (2, 3, "spamAction=tag"))
        self.assertEqual({left["name"] for left in dry["left_out"]}, {"enableBNR", "frob", "locale"})
        self.bad(NOUSER, "has no store", "stats", "ann@example.test")
        said = self.good("import-preferences", "--domain", "example.test", dump).out
        self.assertIn("set 3 preferences of 2 users\n", said)
        self.assertIn("\ndefault_preferences = spamAction=tag\n", said)
        self.assertIn("enableBNR: left out (1): noise reduction", said)
        self.assertEqual(self.preferences("ann@example.test")["trainingMode"], "TOE")
        self.assertEqual(self.preferences("ann@example.test")["spamSubject"], "it's")
        self.assertEqual(self.preferences("ben@example.test")["whitelistThreshold"], "1000")
        self.good("preference", "set", "ann@example.test", "trainingMode", "TEFT")
        self.assertIn("left 3 that they have set here since", self.good("import-preferences", "--domain", "example.test", dump).out)
        self.assertEqual(self.preferences("ann@example.test")["trainingMode"], "TEFT")
        self.good("import-preferences", "--replace", "--domain", "example.test", dump)
        self.assertEqual(self.preferences("ann@example.test")["trainingMode"], "TOE")

    def test_folder(self):
        for name, text in (("data/example.test/cat/cat.prefs", "optIn=on\nstatisticalSedation=7\n"), ("data/default.prefs", "optIn=on\n"),
                           ("data/example.test/cat/cat.log", "not a preference"), ("opt-out/example.test/dan.nodspam", "")):
            os.makedirs(os.path.dirname(self.path(f"dspam/{name}")), exist_ok=True)
            self.write(f"dspam/{name}", text)
        self.good("import-preferences", self.path("dspam"))
        self.assertEqual(self.preferences("cat@example.test")["statisticalSedation"], "7")
        self.assertEqual(self.preferences("dan@example.test")["optOut"], "on")

    def test_listed(self):
        listed = "trainingMode=toe\nspamAction=quarantine\n"
        self.good("import-preferences", "--user", "eve@example.test", "-", stdin=listed.encode())
        self.assertEqual(self.preferences("eve@example.test")["spamAction"], "quarantine")

    def test_nothing_by_halves(self):
        good = self.write("good.csv", "user,preference,value\nfay@example.test,optOut,on\n")
        for text, says in (("fay@example.test,optOut\n,,,\n", "bad.csv:2: neither"), ("fay@example.test,optOut,maybe\n", "valid: on off"),
                           ("12,optOut,on\n", "no username of uid 12"), ("fay@example.test,statisticalSedation,11\n", "bad.csv:1: ")):
            self.bad(DATAERR, says, "import-preferences", good, self.write("bad.csv", text))
            self.bad(NOUSER, "has no store", "stats", "fay@example.test")
        self.bad(NOINPUT, "nowhere", "import-preferences", good, self.path("nowhere"))
        self.bad(USAGE, "has no option --frob", "import-preferences", "--frob", good)


class OtherFilters(CliTest):
    def test_hashes(self):
        self.bad(USAGE, "learn-folders", "import", "--from", "rspamd", USER, "x")
        self.bad(USAGE, "import-preferences", "import", "--from", "dspam", USER, "x")
        self.bad(USAGE, "bogofilter or spamassassin", "import", "--from", "frob", USER, "x")

    def test_learn_folders_arguments(self):
        self.bad(USAGE, "wants a USER, or --all", "learn-folders", "--dry-run")
        self.bad(USAGE, "wants a USER, or --all", "learn-folders", "--all", USER)
        self.bad(USAGE, "no option --frob", "learn-folders", "--frob", "1", USER)
        self.bad(USAGE, "--days", "learn-folders", USER, "--days")
        self.bad(USAGE, '"many"', "learn-folders", "--max", "many", USER)

    """Dumps of the real tools."""

    def mboxes(self):
        for kind, make in ("spam", spam), ("ham", ham):
            self.write(f"mail/{kind}.mbox", b"".join(b"From x@y Mon Jan  1 10:00:00 2024\n" + make(number) + b"\n" for number in range(30)))
        return self.path("mail/spam.mbox"), self.path("mail/ham.mbox")

    @unittest.skipUnless(shutil.which("bogofilter") and shutil.which("bogoutil"), "bogofilter is not installed")
    def test_bogofilter(self):
        spams, hams = self.mboxes()
        folder = self.path("mail/bogofilter")
        os.mkdir(folder)
        for option, box in ("-s", spams), ("-n", hams):
            with open(box, "rb") as file:
                subprocess.run(["bogofilter", "-C", "-d", folder, "-M", option], stdin=file, check=True)
        dump = subprocess.run(["bogoutil", "-d", os.path.join(folder, "wordlist.db")], capture_output=True, check=True).stdout
        said = self.good("--json", "import", "--from", "bogofilter", "bogo@example.test", "-", stdin=dump).json
        self.assertEqual((said["spam"], said["innocent"]), (30, 30))
        self.assertGreater(said["taken"], said["left_out"])
        self.assertEqual(self.stats("bogo@example.test")["spam_learned"], 30)
        for number in range(30, 60):
            self.write(f"mail/more/s/{number}", spam(number))
            self.write(f"mail/more/h/{number}", ham(number))
        self.good("train", "bogo@example.test", "spam", self.path("mail/more/s"))
        self.good("train", "bogo@example.test", "ham", self.path("mail/more/h"))
        scores = [self.good("--json", "classify", "bogo@example.test", stdin=make(100)).json["score"] for make in (spam, ham)]
        self.assertGreater(scores[0], scores[1])
        before = self.good("export", "bogo@example.test").out
        for cut in (b"", dump[:-3], dump[:len(dump) // 2 + 7], b"nonsense\n", b"a b c d\n"):
            self.bad(DATAERR, "", "import", "--replace", "--from", "bogofilter", "bogo@example.test", "-", stdin=cut)
        self.assertEqual(self.good("export", "bogo@example.test").out, before)

    @unittest.skipUnless(shutil.which("sa-learn"), "SpamAssassin is not installed")
    def test_spamassassin(self):
        spams, hams = self.mboxes()
        learn = ["sa-learn", "--dbpath", self.path("mail/sa/bayes"), "--prefspath", "/dev/null", "--siteconfigpath", self.path("mail/site"), "--local"]
        self.write("mail/site/bayes.pre", "loadplugin Mail::SpamAssassin::Plugin::Bayes\n")
        os.mkdir(self.path("mail/sa"))
        subprocess.run(learn + ["--spam", "--mbox", spams], check=True, capture_output=True)
        subprocess.run(learn + ["--ham", "--mbox", hams], check=True, capture_output=True)
        backup = self.write("mail/backup", subprocess.run(learn + ["--backup"], check=True, capture_output=True).stdout)
        self.bad(USAGE, "Name the mail", "import", "--from", "spamassassin", "sa@example.test", backup)
        self.write("mail/unknown", ham(99) + b"and more\n")
        said = self.good("--json", "import", "--from", "spamassassin", "sa@example.test", backup, spams, hams, self.path("mail/unknown")).json
        self.assertEqual(said, {"learned": 60, "already": 0, "unknown": 1})
        stats = self.stats("sa@example.test")
        self.assertEqual((stats["spam_learned"], stats["innocent_learned"]), (30, 30))
        self.bad(DATAERR, "line 2", "import", "--from", "spamassassin", "sa@example.test", "-", spams, stdin=b"v\t3\tdb_version\nx")
        self.assertEqual(self.stats("sa@example.test")["spam_learned"], 30)


if __name__ == "__main__":
    unittest.main(verbosity=2)

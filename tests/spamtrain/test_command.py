"""The command spamtrain: what it prints, its exit codes, and what it must not change."""

import os
import shutil
import signal
import subprocess
import unittest

from cli import CANTCREAT, CONFIG, DATAERR, IOERR, NOINPUT, NOPERM, NOUSER, OK, TEMPFAIL, USAGE, USER, CliTest, ham, spam

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

    def test_learn_folders_arguments(self):
        self.bad(USAGE, "wants a USER, or --all", "learn-folders", "--dry-run")
        self.bad(USAGE, "wants a USER, or --all", "learn-folders", "--all", USER)
        self.bad(USAGE, "no option --frob", "learn-folders", "--frob", "1", USER)
        self.bad(USAGE, "--days", "learn-folders", USER, "--days")
        self.bad(USAGE, '"many"', "learn-folders", "--max", "many", USER)

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


if __name__ == "__main__":
    unittest.main(verbosity=2)

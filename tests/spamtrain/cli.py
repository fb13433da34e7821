"""A configuration, a store and mail of its own for the tests of the command."""

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.environ.get("SHOVELER_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/debug"))
USER = "alice@example.test"

OK, USAGE, DATAERR, NOINPUT, NOUSER, CANTCREAT, IOERR, TEMPFAIL, NOPERM, CONFIG = 0, 64, 65, 66, 67, 73, 74, 75, 77, 78

SPAM_WORDS = "pharmacy viagra lottery winner cheap loans casino refinance mortgage prize".split()
HAM_WORDS = "meeting report garden lecture recipe library bicycle holiday invoice compiler".split()


def message(words, number, sender="someone"):
    text = " ".join(words[(number * step) % len(words)] + str(number % 7) for step in range(1, 40))
    return (f"From: {sender}{number}@example.net\nTo: {USER}\nSubject: {words[number % len(words)]} {words[(number + 3) % len(words)]}\n"
            f"Message-ID: <{words[0]}.{number}@example.net>\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\n{text}\n").encode()


def spam(number):
    return message(SPAM_WORDS, number, "winner")


def ham(number):
    return message(HAM_WORDS, number)


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out.decode(errors="replace"), err.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.out)


class CliTest(unittest.TestCase):
    """As lda_user runs `daemon` if we are root; mail lies where only root can read it."""

    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="spamtrain-test.")
        cls.owner = pwd.getpwnam("daemon") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chmod(cls.top, 0o755)
        cls.mail = cls.path("mail")
        os.mkdir(cls.mail, 0o700)
        cls.folder("state")
        cls.folder("etc")
        cls.write("etc/main.cf", f"state_directory = {cls.path('state')}\nlda_user = {cls.owner.pw_name}\n"
                  f"spamtraind_listen = unix:{cls.path('spamtraind.sock')}\n")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.top, name)

    @classmethod
    def folder(cls, name):
        os.makedirs(cls.path(name), exist_ok=True)
        os.chown(cls.path(name), cls.owner.pw_uid, cls.owner.pw_gid)
        return cls.path(name)

    @classmethod
    def write(cls, name, content):
        os.makedirs(os.path.dirname(cls.path(name)), exist_ok=True)
        with open(cls.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return cls.path(name)

    @classmethod
    def read(cls, name):
        with open(cls.path(name), "rb") as file:
            return file.read()

    @classmethod
    def command(cls, *arguments, program=None):
        return [program or os.path.join(BUILD, "spamtrain/spamtrain"), "-c", cls.path("etc"), *map(str, arguments)]

    @classmethod
    def environment(cls):
        # It changes its user, which LeakSanitizer cannot follow.
        return dict(os.environ, ASAN_OPTIONS="detect_leaks=0", UBSAN_OPTIONS="print_stacktrace=1", TZ="UTC")

    @classmethod
    def run_command(cls, *arguments, stdin=b"", env=None, **more):
        done = subprocess.run(cls.command(*arguments), input=stdin, capture_output=True, env=env or cls.environment(), timeout=120,
                              check=False, **more)
        return Result(done.returncode, done.stdout, done.stderr)

    def good(self, *arguments, **more):
        result = self.run_command(*arguments, **more)
        self.assertEqual(result.code, OK, f"{arguments}: {result.err}")
        return result

    def bad(self, code, text, *arguments, **more):
        """It fails with this code, says this in one line, and prints nothing else."""
        result = self.run_command(*arguments, **more)
        self.assertEqual(result.code, code, f"{arguments}: {result.out}{result.err}")
        self.assertIn(text, result.err)
        self.assertEqual(result.err.count("\n"), 1, result.err)
        self.assertEqual(result.out, "")
        return result

    def stats(self, user=USER):
        return self.good("--json", "stats", user).json

    def store(self, user=USER):
        local, domain = user.split("@")
        return self.path(f"state/users/{domain}/{local}")

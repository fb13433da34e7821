"""spamtrain evaluate: its results, and the indexes that people write."""

import os
import unittest

from cli import CANTCREAT, DATAERR, IOERR, NOINPUT, OK, USAGE, CliTest, ham, spam


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


if __name__ == "__main__":
    unittest.main(verbosity=2)

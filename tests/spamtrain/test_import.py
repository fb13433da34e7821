"""What other filters knew: DSPAM's preferences, the dumps of bogofilter and SpamAssassin."""

import os
import shutil
import subprocess
import unittest

from cli import DATAERR, NOINPUT, NOUSER, USAGE, USER, CliTest, ham, spam


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
    """Dumps of the real tools."""

    def test_what_is_no_dump_of_theirs(self):
        self.bad(USAGE, "learn-folders", "import", "--from", "rspamd", USER, "x")
        self.bad(USAGE, "import-preferences", "import", "--from", "dspam", USER, "x")
        self.bad(USAGE, "bogofilter or spamassassin", "import", "--from", "frob", USER, "x")

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

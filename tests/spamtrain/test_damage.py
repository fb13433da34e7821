"""spamtrain on stores that are damaged, of a newer version, or none at all."""

import os
import shutil
import sqlite3
import unittest

from cli import DATAERR, OK, TEMPFAIL, USER, CliTest, ham, spam


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


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/python3
"""doveadm shoveler sharing check, and changes of rights that are not made by IMAP."""

import re

from server import MAIL_GID, MAIL_UID, main, message, os, quote, time
from sharing import ALICE, BOB, CAROL, SharingTest

DAVE = "dave@example.test"
EVE = "eve@example.test"


class Check(SharingTest):
    users = [ALICE, BOB, CAROL, DAVE]

    def setUp(self):
        super().setUp()
        self.set_users(self.users)
        for owner in (BOB, DAVE):
            for folder in set(self.session(owner).folders("*")) - {"INBOX", "Junk", "Trash"}:
                if not folder.startswith("#"):
                    self.session(owner).do("DELETE", quote(folder))
        self.check()

    known = set(users)

    def set_users(self, users):
        if set(users) == Check.known:
            return
        Check.known = set(users)
        self.server.write("users", "".join(f"{user}:{{PLAIN}}secret::::::\n" for user in users))
        time.sleep(2)  # Dovecot looks once a second whether the file is of another one

    def check(self, *words, who=("-A",), code=0):
        """What it counted, and all it said."""
        result = self.server.doveadm("shoveler", "sharing", "check", *who, *words, check=False)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertNotIn("AddressSanitizer", result.stderr)
        line = re.findall(r"sharing: (users=.*)", result.stderr)[-1]
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}, result.stderr

    def acl_file(self, user, folder):
        return self.server.path("home", user, "Maildir", "." + folder, "dovecot-acl")

    def write_acl(self, user, folder, text):
        path = self.acl_file(user, folder)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chown(path, MAIL_UID, MAIL_GID)

    def test_finds_nothing_where_all_is_right(self):
        self.server.shoveler("group", "add", "right", CAROL)
        self.share(BOB, "Right", ALICE)
        self.share(BOB, "Right", "$right")
        self.public("#Right/Box", BOB)
        self.setacl(self.new_session(BOB), "#Right/Box", ALICE, "lr")
        counted, said = self.check()
        self.assertEqual((counted["users"], counted["errors"]), (4, 0))
        self.assertEqual((counted["repaired"], counted["unknown"]), (0, 0), said)
        self.assertGreater(counted["folders"], 8)

    def test_rights_written_by_hand(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        folder = f"#Shared/{BOB}/ByHand"
        bob.do("CREATE", "ByHand")
        bob.put("ByHand", message("by hand"))
        self.write_acl(BOB, "ByHand", f"user={ALICE} lr\n")
        self.assertEqual(alice.folders(folder), [])
        counted, said = self.check()
        self.assertEqual(counted["repaired"], 2, said)
        self.assertIn(f"owner=<{BOB}>, entries=1", said)
        self.seen(alice, folder)
        self.assertEqual(alice.subjects(folder), ["by hand"])
        self.assertEqual(self.check()[0]["repaired"], 0)

    def test_rights_removed_by_hand(self):
        alice, folder = self.session(ALICE), self.share(BOB, "Removed", ALICE)
        self.share(BOB, "Kept", CAROL)
        self.seen(alice, folder)
        self.assertIn(f"user/{ALICE}/{BOB}", self.index())
        os.unlink(self.acl_file(BOB, "Removed"))
        self.not_seen(alice, folder)
        self.check(who=("-u", BOB))
        self.assertNotIn(f"user/{ALICE}/{BOB}", self.index())
        self.assertIn(f"user/{CAROL}/{BOB}", self.index())

    def test_rights_by_doveadm(self):
        """Are seen by open sessions, are in the index, and say so themselves."""
        alice, bob, log = self.session(ALICE), self.session(BOB), self.server.path("shoveler.log")
        with open(log, "w", encoding="utf-8"), open(self.server.path("etc/main.cf"), "a", encoding="utf-8") as conf:
            conf.write(f"log_destination = {log}\n")
        os.chmod(log, 0o666)
        bob.do("CREATE", "Doveadm")
        folder = f"#Shared/{BOB}/Doveadm"
        said = self.server.doveadm("acl", "set", "-u", BOB, "Doveadm", "user=" + ALICE, "lookup", "read").stderr
        self.assertIn(f"by=<doveadm>, folder=<Doveadm>, owner=<{BOB}>, for=<user={ALICE}>, before=<>, after=<lookup read>", said)
        self.seen(alice, folder)
        self.assertEqual(alice.subjects(folder), [])
        self.assertEqual(self.check()[0]["repaired"], 0)
        self.server.doveadm("acl", "delete", "-u", BOB, "Doveadm", "user=" + ALICE)
        self.not_seen(alice, folder)
        self.assertEqual(self.check()[0]["repaired"], 0)
        with open(log, encoding="utf-8") as lines:
            self.assertRegex(lines.read(), f"rights changed: by=<doveadm>, folder=<Doveadm>.*after=<lookup read>\n")

    def test_deleted_owner(self):
        alice, folder = self.session(ALICE), self.share(DAVE, "Left", ALICE)
        self.share(DAVE, "Left", CAROL)
        self.seen(alice, folder)
        self.sessions.pop(DAVE).logout()
        self.set_users(set(self.users) - {DAVE})
        counted, said = self.check()
        self.assertEqual(counted["repaired"], 1, said)
        self.assertNotIn(DAVE, self.index())
        self.assertEqual(self.new_session(ALICE).folders(f"#Shared/{DAVE}*"), [])
        self.set_users(self.users)
        self.assertEqual(self.check()[0]["repaired"], 1)
        self.seen(self.new_session(ALICE), folder)

    def test_deleted_reader(self):
        self.share(BOB, "ToDave", DAVE)
        self.public("#Gone/Box", BOB)
        self.setacl(self.new_session(BOB), "#Gone/Box", "-" + DAVE, "lr")
        self.set_users(set(self.users) - {DAVE})
        counted, said = self.check()
        self.assertEqual((counted["unknown"], counted["removed"]), (2, 0))
        self.assertIn(f"folder=<ToDave> has rights for <{DAVE}>", said)
        self.assertIn(f"folder=<#Gone/Box> has rights for <{DAVE}>", said)
        self.assertIn(DAVE, self.acl(self.session(BOB), "ToDave"))
        counted, said = self.check("--remove-unknown")
        self.assertEqual(counted["removed"], 2, said)
        self.assertIn(f"folder=<ToDave>, owner=<{BOB}>, for=<user={DAVE}>, before=<lookup read>, after=<>", said)
        self.wait_for(lambda: DAVE not in self.acl(self.session(BOB), "ToDave"))
        self.assertEqual(list(self.acl(self.new_session(BOB), "#Gone/Box")), [])
        self.assertNotIn(DAVE, self.index())
        self.assertEqual(self.check()[0]["unknown"], 0)

    def test_deleted_group(self):
        self.server.shoveler("group", "add", "disbanded", ALICE)
        self.share(BOB, "Disbanded", "$disbanded")
        self.server.shoveler("group", "remove", "disbanded")
        self.assertEqual(self.check()[0]["unknown"], 1)
        self.assertEqual(self.check("--remove-unknown")[0]["removed"], 1)
        self.assertNotIn("disbanded", self.index())

    def test_renamed_user(self):
        folder = self.share(BOB, "Renamed", DAVE, "lrs")
        self.setacl(self.session(BOB), "Renamed", "-" + DAVE, "i")
        self.set_users([EVE if user == DAVE else user for user in self.users])
        self.addCleanup(self.check, "--renamed", f"{EVE}={DAVE}")
        counted, said = self.check("--renamed", f"{DAVE}={EVE.upper()}")
        self.assertEqual((counted["renamed"], counted["unknown"]), (1, 0), said)
        self.seen(self.session(EVE), folder)
        self.assertEqual({who: rights for who, rights in self.acl(self.session(BOB), "Renamed").items() if who != BOB},
                         {EVE: "lrs", "-" + EVE: "i"})
        self.assertNotIn(DAVE, self.index())

    def test_wrong_use(self):
        for words in (("--renamed", "x"), ("--renamed", "=x"), ("--renamed", "x=")):
            result = self.server.doveadm("shoveler", "sharing", "check", "-u", BOB, *words, check=False)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("OLD=NEW", result.stderr)

    def test_index_that_cannot_be_written(self):
        if os.path.exists(self.server.path("shoveler/sharing/index")):
            os.unlink(self.server.path("shoveler/sharing/index"))
        self.share(BOB, "Unwritten", ALICE)
        os.unlink(self.server.path("shoveler/sharing/index"))
        os.chmod(self.server.path("shoveler/sharing"), 0o555)
        try:
            self.assertGreater(self.check(code=75)[0]["errors"], 0)
        finally:
            os.chmod(self.server.path("shoveler/sharing"), 0o777)
        self.assertGreater(self.check()[0]["repaired"], 0)
        self.assertIn(f"user/{ALICE}/{BOB}", self.index())


if __name__ == "__main__":
    main()

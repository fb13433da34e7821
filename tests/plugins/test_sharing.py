#!/usr/bin/python3
"""Shared and public folders in a real Dovecot, with the policy store that `shoveler` writes."""

import re
import subprocess

from server import MODULES, PluginTest, imaplib, main, message, os, quote

ALICE = "alice@example.test"
BOB = "bob@example.test"
CAROL = "carol@example.test"
SHOVELER = os.environ.get("SHOVELER_COMMAND", os.path.join(MODULES, "../../admin/shoveler"))


class SharingTest(PluginTest):
    users = [ALICE, BOB, CAROL]

    def setUp(self):
        self.sessions = {}

    def session(self, user):
        if user not in self.sessions:
            self.sessions[user] = self.server.imap(user)
            self.addCleanup(self.sessions[user].logout)
        return self.sessions[user]

    def new_session(self, user):
        client = self.server.imap(user)
        self.addCleanup(client.logout)
        return client

    def shoveler(self, *words, check=True):
        return subprocess.run([SHOVELER, "-c", self.server.path("etc"), *words], check=check, capture_output=True,
                              text=True)

    def public(self, folder, *delegates):
        self.shoveler("public", "create", folder)
        for delegate in delegates:
            self.shoveler("public", "admin", folder, delegate)

    def setacl(self, session, folder, who, rights):
        session.do("SETACL", quote(folder), quote(who), quote(rights))

    def rights(self, session, folder):
        line = session.do("MYRIGHTS", quote(folder))["MYRIGHTS"][0].decode()
        return "".join(sorted(set(line.rsplit(" ", 1)[1]) - set('"cd')))

    def refused(self, function, *words, answer="NO"):
        with self.assertRaises(imaplib.IMAP4.error) as caught:
            function(*words)
        self.assertIn(answer, str(caught.exception))
        self.assertNotIn("Internal error", str(caught.exception))


class Sharing(SharingTest):
    def test_share_a_folder(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        bob.do("CREATE", "Projects")
        bob.put("Projects", message("Plan"))
        self.assertEqual(alice.folders("#Shared/*/Projects"), [])
        self.setacl(bob, "Projects", ALICE, "lrs")
        self.wait_for(lambda: alice.folders("#Shared/*/Projects") == ["#Shared/bob@example.test/Projects"])
        self.assertEqual(alice.subjects("#Shared/bob@example.test/Projects"), ["Plan"])
        with self.assertRaises(imaplib.IMAP4.error):
            alice.put("#Shared/bob@example.test/Projects", message("Mine"))
        self.assertEqual(self.session(CAROL).folders("#Shared/*/Projects"), [])

    def test_second_share_is_seen_by_open_sessions(self):
        alice, bob, carol = self.session(ALICE), self.session(BOB), self.session(CAROL)
        for owner, name in ((bob, "First"), (carol, "Second")):
            owner.do("CREATE", name)
            self.setacl(owner, name, ALICE, "lr")
            self.wait_for(lambda name=name: [f for f in alice.folders("#Shared/*") if f.endswith("/" + name)])

    def test_revoked(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        bob.do("CREATE", "Gone")
        self.setacl(bob, "Gone", ALICE, "lr")
        self.wait_for(lambda: alice.folders("#Shared/*/Gone"))
        bob.do("DELETEACL", "Gone", ALICE)
        self.wait_for(lambda: not alice.folders("#Shared/*/Gone"))
        with self.assertRaises(imaplib.IMAP4.error):
            self.wait_for(lambda: alice.enter("#Shared/bob@example.test/Gone") and False, 5)

    def test_nobody_locks_the_owner_out(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        bob.do("CREATE", "Mine")
        self.setacl(bob, "Mine", ALICE, "lrswtipekxa")
        self.wait_for(lambda: alice.folders("#Shared/*/Mine"))
        folder = "#Shared/bob@example.test/Mine"
        for who in ("owner", BOB, "-" + BOB, "-owner"):
            self.setacl(alice, folder, who, "lrswtipekxa" if who[0] == "-" else "")
            self.assertEqual(self.rights(self.new_session(BOB), "Mine"), "aeiklprstwx", who)
        bob.do("DELETEACL", "Mine", ALICE)
        bob.put("Mine", message("still mine"))

    def test_seen_flags_are_private(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        bob.do("CREATE", "Flags")
        bob.put("Flags", message("one"))
        self.setacl(bob, "Flags", ALICE, "lrs")
        self.wait_for(lambda: alice.folders("#Shared/*/Flags"))
        alice.enter("#Shared/bob@example.test/Flags")
        alice.do("STORE", "1", "+FLAGS", "(\\Seen)")
        bob.enter("Flags")
        self.assertNotIn("Seen", str(bob.do("FETCH", "1", "(FLAGS)")))
        alice.enter("#Shared/bob@example.test/Flags")
        self.assertIn("Seen", str(alice.do("FETCH", "1", "(FLAGS)")))

    def test_groups(self):
        self.shoveler("group", "add", "staff", ALICE)
        bob = self.session(BOB)
        bob.do("CREATE", "ForStaff")
        self.setacl(bob, "ForStaff", "$staff", "lr")
        self.wait_for(lambda: self.new_session(ALICE).folders("#Shared/*/ForStaff"))
        self.assertEqual(self.session(CAROL).folders("#Shared/*/ForStaff"), [])

    def test_public_tree(self):
        self.public("#MilkyPond/News", BOB)
        alice, bob, carol = self.session(ALICE), self.session(BOB), self.session(CAROL)
        self.assertEqual(self.rights(bob, "#MilkyPond/News"), "aeiklprstwx")
        self.setacl(bob, "#MilkyPond/News", ALICE, "lrs")
        bob.put("#MilkyPond/News", message("News of the pond"))
        alice.do("SUBSCRIBE", quote("#MilkyPond/News"))
        self.assertEqual(alice.folders("#MilkyPond/*", "LSUB"), ["#MilkyPond/News"])
        self.assertEqual(alice.subjects("#MilkyPond/News"), ["News of the pond"])
        self.assertEqual(carol.folders("#MilkyPond/News"), [])
        with self.assertRaises(imaplib.IMAP4.error):
            carol.enter("#MilkyPond/News")
        bob.do("CREATE", quote("#MilkyPond/News/Old"))
        self.assertEqual(alice.folders("#MilkyPond/*"), ["#MilkyPond/News", "#MilkyPond/News/Old"])
        self.setacl(bob, "#MilkyPond/News", BOB, "l")
        self.assertEqual(self.rights(self.new_session(BOB), "#MilkyPond/News"), "aeiklprstwx")
        self.shoveler("public", "admin", "#MilkyPond/News", "--remove", BOB)
        self.wait_for(lambda: "a" not in self.rights(bob, "#MilkyPond/News"))

    def test_delivery_finds_the_namespaces(self):
        self.public("#Lmtp/Box")
        with self.server.lmtp() as lmtp:
            lmtp.sendmail("s@client.test", [ALICE], message("by lmtp"))
        self.assertIn("by lmtp", self.session(ALICE).subjects("INBOX"))

    def test_unreadable_policy_store(self):
        self.shoveler("group", "add", "any", ALICE)
        path = self.server.path("shoveler/policy.sqlite")
        os.rename(path, path + ".good")
        with open(path, "w", encoding="utf-8") as file:
            file.write("this is not a database, but long enough to be taken for one\n" * 100)
        try:
            self.assertIn("INBOX", self.new_session(ALICE).folders())
        finally:
            os.rename(path + ".good", path)
        self.wait_for(lambda: "no groups and no public folders" in self.server.log())


class Fresh(SharingTest):
    """A host on which nobody ever called `shoveler`."""

    def test_works_and_is_silent(self):
        self.assertEqual(self.session(ALICE).folders("#*"), [])
        self.assertNotIn("Error", self.server.log())


if __name__ == "__main__":
    main()

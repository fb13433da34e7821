#!/usr/bin/python3
"""Shared and public folders in a real Dovecot, with the policy store that `shoveler` writes."""

from server import imaplib, main, message, os, quote, time
from sharing import ALICE, BOB, CAROL, SharingTest


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

    def test_renamed_folder_stays_listed(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        for folder in ("Old", "Old/Child", "Parent"):
            bob.do("CREATE", folder)
            self.setacl(bob, folder, ALICE, "lr")
        self.wait_for(lambda: alice.folders("#Shared/*/Old"))
        prefix = "#Shared/bob@example.test/"
        bob.do("RENAME", "Old", "New")
        self.wait_for(lambda: alice.folders(prefix + "*New*") == [prefix + "New", prefix + "New/Child"], 5)
        self.assertEqual(alice.folders(prefix + "Old*"), [])
        self.assertEqual(alice.subjects(prefix + "New/Child"), [])
        bob.do("RENAME", "New/Child", "Parent/Moved")
        self.wait_for(lambda: alice.folders(prefix + "Parent*") == [prefix + "Parent", prefix + "Parent/Moved"], 5)
        bob.do("DELETE", "New")
        self.wait_for(lambda: alice.folders(prefix + "New*") == [], 5)

    def test_revoked_while_selected(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        bob.do("CREATE", "Selected")
        bob.put("Selected", message("secret"))
        bob.put("Selected", message("secret"))
        self.setacl(bob, "Selected", ALICE, "lr")
        self.wait_for(lambda: alice.folders("#Shared/*/Selected"))
        alice.enter("#Shared/bob@example.test/Selected")
        self.assertIn("secret", str(alice.do("FETCH", "1:2", "(BODY.PEEK[])")))
        bob.do("DELETEACL", "Selected", ALICE)
        time.sleep(2.5)
        for words in (("SEARCH", "SUBJECT", "x"), ("COPY", "1", "INBOX"), ("STORE", "1", "+FLAGS", "(\\Seen)")):
            self.refused(alice.do, *words, answer="Permission denied")
        bob.put("Selected", message("another"))
        bob.enter("Selected")
        bob.do("STORE", "1", "+FLAGS", "(\\Flagged \\Deleted)")
        bob.do("EXPUNGE")
        told = str(alice.do("NOOP"))
        self.assertIn("Permission denied", told)
        for word in ("EXISTS", "FETCH", "EXPUNGE"):
            self.assertNotIn(word, told)
        self.refused(alice.do, "SEARCH", "ALL", answer="Permission denied")
        # a FETCH that fails ends the connection in Dovecot (imap_fetch_failure)
        with self.assertRaises((imaplib.IMAP4.error, OSError)):
            print(alice.do("FETCH", "1:2", "(BODY.PEEK[])"))
        del self.sessions[ALICE]

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

    def test_changes_are_logged(self):
        bob = self.session(BOB)
        bob.do("CREATE", "Audited")
        self.setacl(bob, "Audited", ALICE, "lr")
        self.setacl(bob, "Audited", ALICE, "+s")
        self.setacl(bob, "Audited", ALICE, "+s")
        bob.do("DELETEACL", "Audited", ALICE)
        head = f"by=<{BOB}>, folder=<Audited>, owner=<{BOB}>, for=<user={ALICE}>, "
        expected = [head + "before=<>, after=<lookup read>", head + "before=<lookup read>, after=<lookup read write-seen>",
                    head + "before=<lookup read write-seen>, after=<>"]
        self.wait_for(lambda: expected == [
            line.partition("rights changed: ")[2] for line in self.server.log().splitlines()
            if "folder=<Audited>" in line and f"imap({BOB})" in line])

    def test_groups(self):
        self.server.shoveler("group", "add", "staff", ALICE)
        bob = self.session(BOB)
        bob.do("CREATE", "ForStaff")
        self.setacl(bob, "ForStaff", "$staff", "lr")
        self.wait_for(lambda: self.new_session(ALICE).folders("#Shared/*/ForStaff"))
        self.assertEqual(self.session(CAROL).folders("#Shared/*/ForStaff"), [])

    def test_unknown_grantees_are_refused(self):
        bob = self.session(BOB)
        bob.do("CREATE", "Refuse")
        for who, reason in (("nobody@example.test", "No such user"), ("alice", "No such user"),
                            ("ALICE@example.tes", "No such user"), ("$nogroup", "No such group"),
                            ("group:nogroup", "No such group"), ("-nobody@example.test", "No such user"),
                            ("!$nogroup", "No such group"), ("$", "No such group"), ("$a/b'c", "No such group")):
            self.refused(self.setacl, bob, "Refuse", who, "lr", answer=reason)
            self.refused(self.setacl, bob, "Refuse", who, "+l", answer=reason)
        self.assertEqual(list(self.acl(bob, "Refuse")), [BOB])
        bob.do("DELETEACL", "Refuse", "nobody@example.test")
        self.setacl(bob, "Refuse", "nobody@example.test", "")

    def test_spellings(self):
        self.server.shoveler("group", "add", "team", ALICE)
        bob = self.session(BOB)
        for number, who in enumerate(("$team", "$TEAM", "group:team", "Group=Team", "$team@example.test",
                                      "group:team@example.test")):
            folder = f"Team{number}"
            bob.do("CREATE", folder)
            self.setacl(bob, folder, who, "lr")
            self.assertEqual(self.acl(bob, folder).get("$team"), "lr", who)
        self.assertEqual(len([f for f in self.new_session(ALICE).folders("#Shared/*") if "/Team" in f]), 6)
        bob.do("CREATE", "Case")
        self.setacl(bob, "Case", "Alice@EXAMPLE.Test", "lr")
        self.assertEqual(self.acl(bob, "Case").get(ALICE), "lr")
        self.assertTrue(self.new_session(ALICE).folders("#Shared/*/Case"))
        bob.do("DELETEACL", "Case", "ALICE@example.test")
        self.assertNotIn(ALICE, self.acl(bob, "Case"))

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
        self.server.shoveler("public", "admin", "#MilkyPond/News", "--remove", BOB)
        self.wait_for(lambda: "a" not in self.rights(bob, "#MilkyPond/News"))

    def test_new_tree_appears_in_open_sessions(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        alice.folders()
        self.public("#Fresh/Leaf", BOB)
        self.wait_for(lambda: bob.folders("#Fresh/*") == ["#Fresh/Leaf"], 5)
        self.setacl(bob, "#Fresh/Leaf", ALICE, "lr")
        bob.put("#Fresh/Leaf", message("dew"))
        self.wait_for(lambda: alice.folders("#Fresh/*") == ["#Fresh/Leaf"], 5)
        self.assertEqual(alice.subjects("#Fresh/Leaf"), ["dew"])
        self.server.shoveler("public", "delete", "#Fresh")
        self.wait_for(lambda: alice.folders("#Fresh/*") == [], 5)
        with self.assertRaises(imaplib.IMAP4.error):
            self.session(CAROL).enter("#Fresh/Leaf")

    def test_delivery_finds_the_namespaces(self):
        self.public("#Lmtp/Box")
        with self.server.lmtp() as lmtp:
            lmtp.sendmail("s@client.test", [ALICE], message("by lmtp"))
        self.assertIn("by lmtp", self.session(ALICE).subjects("INBOX"))

    def test_policy_store_is_not_for_everybody(self):
        """Who cannot reach it has his own folders, and the log says why."""
        self.server.shoveler("group", "add", "closed", ALICE)
        path = self.server.path("shoveler/policy.sqlite")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        os.chmod(path, 0o600)
        try:
            alice = self.new_session(ALICE)
            self.assertIn("INBOX", alice.folders())
            alice.put("INBOX", message("all the same"))
            self.refused(self.setacl, self.session(BOB), "INBOX", "$closed", "lr", answer="No such group")
            with self.server.lmtp() as lmtp:
                lmtp.sendmail("s@client.test", [ALICE], message("delivered all the same"))
        finally:
            os.chmod(path, 0o640)
        self.assertIn("delivered all the same", self.session(ALICE).subjects("INBOX"))
        self.wait_for(lambda: "no groups and no public folders" in self.server.log())
        self.assertRegex(self.server.log(), "no groups and no public folders: .*policy.sqlite.*(unable to open|denied)")

    def test_unreadable_policy_store(self):
        self.server.shoveler("group", "add", "any", ALICE)
        path = self.server.path("shoveler/policy.sqlite")
        os.rename(path, path + ".good")
        with open(path, "w", encoding="utf-8") as file:
            file.write("this is not a database, but long enough to be taken for one\n" * 100)
        try:
            self.assertIn("INBOX", self.new_session(ALICE).folders())
        finally:
            os.rename(path + ".good", path)
        self.wait_for(lambda: "no groups and no public folders" in self.server.log())


    def test_everybody_is_not_allowed_by_default(self):
        bob = self.session(BOB)
        bob.do("CREATE", "All")
        for who in ("anyone", "authenticated", "Anyone", "-anyone"):
            self.refused(self.setacl, bob, "All", who, "lr", answer="not allowed here")


class OtherRules(SharingTest):
    users = [ALICE, BOB, "dave@other.test"]
    settings = "sharing_anyone = yes\nsharing_across_domains = no\n"

    def test_rules_of_the_site(self):
        bob = self.session(BOB)
        bob.do("CREATE", "All")
        self.refused(self.setacl, bob, "All", "dave@other.test", "lr", answer="other domains")
        self.setacl(bob, "All", "anyone", "lr")
        self.assertEqual(self.acl(bob, "All").get("anyone"), "lr")
        self.wait_for(lambda: self.session(ALICE).folders("#Shared/*/All"))


class Fresh(SharingTest):
    """A host on which nobody ever called `shoveler`."""

    def test_works_and_is_silent(self):
        self.assertEqual(self.session(ALICE).folders("#*"), [])
        self.assertNotIn("Error", self.server.log())


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Who has which rights in a folder: groups that change, entries that add up, trees, children, other domains."""

from server import imaplib, main, message, quote, time
from sharing import ALICE, ALL, BOB, CAROL, SharingTest

DAVE = "dave@other.test"


class Groups(SharingTest):
    """Members come and go while they are logged in."""

    def test_new_member_sees_the_folders_of_the_group(self):
        self.server.shoveler("group", "add", "crew", CAROL)
        alice, folder = self.session(ALICE), self.share(BOB, "Crew", "$crew", "lrs")
        self.session(BOB).put("Crew", message("to the crew"))
        self.seen(self.session(CAROL), folder)
        self.assertEqual(alice.folders(folder), [])
        self.server.shoveler("group", "add", "crew", ALICE)
        self.seen(alice, folder)
        self.assertEqual(alice.subjects(folder), ["to the crew"])
        self.assertEqual(self.rights(alice, folder), "lrs")

    def test_former_member_reads_no_more(self):
        self.server.shoveler("group", "add", "former", ALICE, CAROL)
        alice, folder = self.session(ALICE), self.share(BOB, "Former", "group:former")
        self.session(BOB).put("Former", message("secret"))
        self.seen(alice, folder)
        alice.enter(folder)
        self.assertIn("secret", str(alice.do("FETCH", "1", "(BODY.PEEK[])")))
        self.server.shoveler("group", "remove", "former", ALICE)
        time.sleep(2.5)
        self.refused(alice.do, "SEARCH", "SUBJECT", "secret", answer="Permission denied")
        self.not_seen(alice, folder)
        self.seen(self.session(CAROL), folder)

    def test_group_that_is_gone(self):
        self.server.shoveler("group", "add", "shortlived", ALICE)
        alice, folder = self.session(ALICE), self.share(BOB, "Shortlived", "$shortlived")
        self.seen(alice, folder)
        self.server.shoveler("group", "remove", "shortlived")
        self.not_seen(alice, folder)
        self.session(BOB).do("DELETEACL", "Shortlived", "$shortlived")

    def test_group_of_delegates(self):
        self.server.shoveler("group", "add", "editors", CAROL)
        self.public("#Group/Box", "group:editors")
        alice, carol = self.session(ALICE), self.session(CAROL)
        self.wait_for(lambda: carol.folders("#Group/*") == ["#Group/Box"])
        self.assertEqual(self.rights(carol, "#Group/Box"), ALL)
        self.server.shoveler("group", "add", "editors", ALICE)
        self.wait_for(lambda: alice.folders("#Group/*") == ["#Group/Box"])
        self.assertEqual(self.rights(alice, "#Group/Box"), ALL)
        self.server.shoveler("group", "remove", "editors", CAROL)
        self.not_seen(carol, "#Group/*")


class AddUp(SharingTest):
    """The rights of all entries that are mine, without the negative ones of all (RFC 4314)."""

    settings = "sharing_anyone = yes\n"

    def test_user_and_groups(self):
        self.server.shoveler("group", "add", "one", ALICE)
        self.server.shoveler("group", "add", "two", ALICE)
        alice, bob, folder = self.session(ALICE), self.session(BOB), self.share(BOB, "Sum", ALICE, "lr")
        self.seen(alice, folder)
        for who, rights, expected in (("$one", "s", "lrs"), ("$two", "i", "ilrs"), ("anyone", "p", "ilprs"),
                                      ("-$one", "i", "lprs"), ("-" + ALICE, "r", "lps"), ("-anyone", "p", "ls"),
                                      ("-" + ALICE, "", "lrs"), ("!$two", "lt", "lt"), ("!$two", "", "")):
            self.setacl(bob, "Sum", who, rights)
            with self.subTest(who=who, rights=rights):
                self.wait_for(lambda expected=expected: self.rights_or_none(alice, folder) == expected, 4)
        bob.do("DELETEACL", "Sum", "!$two")
        self.wait_for(lambda: self.rights_or_none(alice, folder) == "lrs", 4)

    def rights_or_none(self, session, folder):
        try:
            return self.rights(session, folder)
        except imaplib.IMAP4.error:
            return ""

    def test_a_look_at_another_folder_object_does_not_bring_them_back(self):
        """A selected folder and LIST look at the same rights by different objects."""
        alice, folder = self.session(ALICE), self.share(BOB, "Twice", ALICE, "lrs")
        self.server.shoveler("group", "add", "twice", ALICE)
        self.setacl(self.session(BOB), "Twice", "$twice", "i")
        self.session(BOB).put("Twice", message("secret"))
        self.seen(alice, folder)
        alice.enter(folder)
        alice.do("NOOP")
        self.setacl(self.session(BOB), "Twice", "$twice", "")
        self.setacl(self.session(BOB), "Twice", ALICE, "l")
        time.sleep(2.5)
        self.assertEqual(self.rights(alice, folder), "l")
        self.refused(alice.do, "SEARCH", "ALL", answer="Permission denied")
        self.assertEqual(self.rights(alice, folder), "l")

    def test_own_change_counts_at_once(self):
        alice, folder = self.session(ALICE), self.share(BOB, "Own", ALICE, "lra")
        self.seen(alice, folder)
        for rights in ("+i", "+s", "-i"):
            self.setacl(alice, folder, ALICE, rights)
        self.assertEqual(self.rights(alice, folder), "alrs")


class Trees(SharingTest):
    """The root of a public tree, and whole trees at once."""

    def test_root_of_a_tree(self):
        self.public("#Root/One")
        self.public("#Root/Two")
        self.server.shoveler("public", "admin", "#Root", BOB)
        alice, bob, carol = self.session(ALICE), self.session(BOB), self.session(CAROL)
        self.assertEqual(self.rights(bob, "#Root"), ALL)
        self.refused(alice.do, "MYRIGHTS", quote("#Root"), answer="NONEXISTENT")
        self.refused(self.setacl, alice, "#Root", ALICE, "lra", answer="NOPERM")
        self.refused(alice.do, "GETACL", quote("#Root"), answer="NOPERM")
        self.refused(self.setacl, bob, "#Root", "nobody@example.test", "lr", answer="No such user")
        self.refused(self.setacl, bob, "#Root", "owner", "lr", answer="no owner")
        self.refused(self.setacl, bob, "#Root", ALICE, "l?", answer="BAD")
        self.setacl(bob, "#Root", "Alice@Example.Test", "lr")
        self.setacl(bob, "#Root/", ALICE, "+s")
        self.setacl(bob, "#Root", "-" + CAROL, "r")
        self.assertEqual(self.acl(bob, "#Root"), {ALICE: "lrs", "-" + CAROL: "r"})
        self.seen(alice, "#Root/One", "#Root/Two")
        self.assertEqual(self.rights(alice, "#Root"), "lrs")
        self.assertEqual(carol.folders("#Root/*"), [])
        bob.do("DELETEACL", quote("#Root"), quote("-" + CAROL))
        self.setacl(bob, "#Root", CAROL, "lck")
        self.assertEqual(self.acl(bob, "#Root"), {ALICE: "lrs", CAROL: "klx"})
        self.wait_for(lambda: "#Root/One" in carol.folders("#Root/*"))
        carol.do("CREATE", quote("#Root/Three"))
        self.assertEqual(self.acl(bob, "#Root/Three"), {ALICE: "lrs", CAROL: "klx"})
        bob.do("DELETEACL", quote("#Root"), quote(ALICE))
        self.seen(alice, "#Root/Three")

    def test_changes_of_roots_are_logged(self):
        self.public("#Log/Box")
        self.server.shoveler("public", "admin", "#Log", BOB)
        self.setacl(self.session(BOB), "#Log", ALICE, "lr")
        self.wait_for(lambda: f"by=<{BOB}>, folder=<#Log>, owner=<>, for=<user={ALICE}>, before=<>, after=<lookup read>"
                      in self.server.log())

    def test_whole_tree(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        names = ["Whole", "Whole/a", "Whole/a/b", "Whole/c", "Wholesale"]
        for name in names:
            bob.do("CREATE", name)
        prefix = f"#Shared/{BOB}/"
        self.setacl(bob, "Whole/*", ALICE, "lr")
        self.seen(alice, *(prefix + name for name in names[:4]))
        self.setacl(bob, "Whole/a/*", ALICE, "+s")
        self.assertEqual([self.acl(bob, name)[ALICE] for name in names[:4]], ["lr", "lrs", "lrs", "lr"])
        bob.do("DELETEACL", quote("Whole/*"), ALICE)
        self.assertEqual([ALICE in self.acl(bob, name) for name in names], [False] * 5)
        self.not_seen(alice, prefix + "Whole*")
        self.refused(self.setacl, bob, "Nothing/*", ALICE, "lr", answer="NOPERM")
        self.refused(self.setacl, bob, "Whole/*", "nobody@example.test", "lr", answer="No such user")

    def test_whole_tree_of_another_user(self):
        """What the delegate may not administer stays as it is."""
        alice, bob, carol = self.session(ALICE), self.session(BOB), self.session(CAROL)
        for name, rights in (("Mixed", "lra"), ("Mixed/yes", "lra"), ("Mixed/no", "lr")):
            bob.do("CREATE", name)
            self.setacl(bob, name, ALICE, rights)
        prefix = f"#Shared/{BOB}/Mixed"
        self.seen(alice, prefix, prefix + "/no", prefix + "/yes")
        self.setacl(alice, prefix + "/*", CAROL, "lr")
        self.seen(carol, prefix, prefix + "/yes")
        alice.do("DELETEACL", quote(prefix + "/*"), CAROL)
        self.not_seen(carol, prefix + "*")
        self.assertNotIn(CAROL + "/" + BOB, self.index())

    def test_whole_public_tree(self):
        self.public("#Every/One/Deep")
        self.server.shoveler("public", "admin", "#Every", BOB)
        self.setacl(self.session(BOB), "#Every/*", ALICE, "lr")
        self.seen(self.session(ALICE), "#Every/One", "#Every/One/Deep")
        self.assertEqual(self.acl(self.session(BOB), "#Every/One/Deep"), {ALICE: "lr"})
        self.assertEqual(self.acl(self.session(BOB), "#Every"), {ALICE: "lr"})

    def test_rights_by_the_command(self):
        """Sessions that are open see them as soon as those that were set over IMAP."""
        self.public("#Command/One")
        self.public("#Command/Two/Deep")
        alice = self.session(ALICE)
        self.server.shoveler("public", "rights", "#Command", ALICE, "lr")
        self.seen(alice, "#Command/One", "#Command/Two", "#Command/Two/Deep")
        self.server.shoveler("public", "rights", "#Command/Two", "--below", ALICE, "lrs")
        self.wait_for(lambda: self.rights(alice, "#Command/Two/Deep") == "lrs")
        self.assertEqual(self.rights(alice, "#Command/One"), "lr")
        self.server.shoveler("public", "rights", "#Command/Two", "--below", ALICE, "none")
        self.server.shoveler("public", "rights", "#Command", ALICE, "none")
        self.not_seen(alice, "#Command/*")
        self.assertEqual(self.server.shoveler("public", "rights", "#Command").stdout, "")

    def test_delegates_of_a_part_lock_nobody_out(self):
        self.public("#Part/Sub", BOB)
        self.public("#Part/Subway")
        self.server.shoveler("public", "admin", "#Part", ALICE)
        bob = self.session(BOB)
        for who, rights in ((ALICE, ""), ("-" + ALICE, ALL), (BOB, ""), ("-" + BOB, ALL)):
            self.setacl(bob, "#Part/Sub", who, rights)
            self.assertEqual(self.rights(self.new_session(ALICE), "#Part/Sub"), ALL)
            self.assertEqual(self.rights(bob, "#Part/Sub"), ALL)
        self.refused(self.setacl, bob, "#Part", BOB, "lr", answer="NO")
        self.assertEqual(self.rights(self.new_session(ALICE), "#Part/Subway"), ALL)
        self.refused(self.rights, bob, "#Part/Subway", answer="NO")


class OtherDomains(SharingTest):
    users = [ALICE, BOB, DAVE]
    settings = "sharing_anyone = yes\nsharing_across_domains = no\n"

    def test_nothing_crosses(self):
        """Neither an entry for everybody, nor that of a group, nor one that was written by hand."""
        self.server.shoveler("group", "add", "both", ALICE, DAVE)
        alice, dave, bob = self.session(ALICE), self.session(DAVE), self.session(BOB)
        folders = [self.share(BOB, "Everybody", "anyone"), self.share(BOB, "Both", "$both")]
        self.refused(self.setacl, bob, "Both", DAVE, "lr", answer="other domains")
        self.server.doveadm("acl", "set", "-u", BOB, "Both", "user=" + DAVE, "lookup", "read")
        for folder in folders:
            self.seen(alice, folder)
            self.assertEqual(alice.subjects(folder), [])
            self.assertEqual(dave.folders(folder), [])
            self.refused(dave.enter, folder)
            self.refused(dave.do, "MYRIGHTS", quote(folder))

    def test_public_folders_do(self):
        self.public("#Across/Box", ALICE)
        self.refused(self.setacl, self.session(ALICE), "#Across/Box", DAVE, "lr", answer="other domains")
        self.setacl(self.session(ALICE), "#Across/Box", "anyone", "lr")
        self.wait_for(lambda: self.session(DAVE).folders("#Across/*") == ["#Across/Box"])


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Hosts that are set up in other ways: an inbox namespace with a prefix, a system user for each mail user."""

import stat

from server import MAIL_GID, Dovecot, main, message, os, quote, version
from sharing import ALICE, ALL, BOB, CAROL, SharingTest

PREFIX_23 = """
namespace inbox {
  prefix = INBOX/
}
"""
PREFIX_24 = PREFIX_23
# the socket lets users look up others only if it is not open for all (0666)
LOOKUPS = """
service auth {
  unix_listener auth-userdb {
    mode = 0660
    group = mail
  }
}
"""
UIDS = {ALICE: 64001, BOB: 64002, CAROL: 64003}


class Prefix(SharingTest):
    """The private folders are below INBOX/; trees and shared folders are where they always are."""

    users = [ALICE, BOB, CAROL]
    extra = PREFIX_24 if version() >= (2, 4) else PREFIX_23

    def test_shared_folders(self):
        alice, bob = self.session(ALICE), self.session(BOB)
        bob.do("CREATE", "INBOX/Projects")
        bob.put("INBOX/Projects", message("plan"))
        self.setacl(bob, "INBOX/Projects", ALICE, "lr")
        self.wait_for(lambda: [f for f in alice.folders("#Shared/*") if f.endswith("/Projects")])
        folder = [f for f in alice.folders("#Shared/*") if f.endswith("/Projects")][0]
        self.assertTrue(folder.startswith(f"#Shared/{BOB}/"))
        self.assertEqual(alice.subjects(folder), ["plan"])
        self.setacl(bob, "INBOX/Projects/*", ALICE, "lrs")
        self.wait_for(lambda: self.rights(alice, folder) == "lrs")
        bob.do("DELETEACL", "INBOX/Projects", ALICE)
        self.not_seen(alice, folder)
        self.assertEqual(alice.folders("INBOX*"), ["INBOX", "INBOX/Junk", "INBOX/Trash"])

    def test_public_trees(self):
        self.public("#Prefix/News", BOB)
        alice, bob = self.session(ALICE), self.session(BOB)
        self.wait_for(lambda: bob.folders("#Prefix/*") == ["#Prefix/News"])
        self.assertEqual(self.rights(bob, "#Prefix/News"), ALL)
        bob.put("#Prefix/News", message("news"))
        bob.do("CREATE", quote("#Prefix/News/Old"))
        self.setacl(bob, "#Prefix/*", ALICE, "lr")
        self.wait_for(lambda: alice.folders("#Prefix/*") == ["#Prefix/News", "#Prefix/News/Old"])
        self.assertEqual(alice.subjects("#Prefix/News"), ["news"])
        alice.do("SUBSCRIBE", quote("#Prefix/News"))
        self.assertEqual(alice.folders("#*", "LSUB"), ["#Prefix/News"])
        self.assertIn("#Prefix/News", self.new_session(ALICE).folders("*", "LSUB"))
        self.assertNotIn("#Prefix/News", bob.folders("*", "LSUB"))
        alice.do("UNSUBSCRIBE", quote("#Prefix/News"))
        self.assertEqual(alice.folders("#*", "LSUB"), [])

    def test_nothing_lies_beside_the_prefix(self):
        alice = self.session(ALICE)
        for words in (("CREATE", "Beside"), ("SELECT", "Beside"), ("SUBSCRIBE", "Beside"), ("STATUS", "Beside", "(MESSAGES)"),
                      ("DELETE", "Beside"), ("RENAME", "INBOX/Junk", "Beside"), ("SETACL", "Beside", BOB, "lr"), ("GETACL", "Beside")):
            with self.subTest(words=words):
                self.refused(alice.do, *words)
        self.assertEqual(alice.folders("*"), ["INBOX", "INBOX/Junk", "INBOX/Trash"])
        self.assertIn("INBOX/Junk", alice.folders("*", "LSUB"))


class SeparateUids(SharingTest):
    """As docs/admin.md says: one group for all, mail that its members may read and write, and a shared index."""

    users = [ALICE, BOB, CAROL]
    extra = LOOKUPS

    @classmethod
    def setUpClass(cls):
        original = Dovecot.write
        # each user has a uid of his own, the group is that of all
        try:
            Dovecot.write = lambda self, name, text: original(
                self, name, "".join(f"{user}:{{PLAIN}}secret:{uid}:{MAIL_GID}:::\n" for user, uid in UIDS.items()) if name == "users" else text)
            super().setUpClass()
        finally:
            Dovecot.write = original
        server = cls.server
        os.chown(server.path("shoveler/sharing"), 0, MAIL_GID)
        os.chmod(server.path("shoveler/sharing"), 0o2770)
        for user, uid in UIDS.items():
            for folder in (server.path("home", user), server.path("home", user, "Maildir")):
                os.mkdir(folder)
                os.chown(folder, uid, MAIL_GID)
                os.chmod(folder, 0o2770)

    def test_shared_folders(self):
        alice, bob, carol = self.session(ALICE), self.session(BOB), self.session(CAROL)
        folder = self.share(BOB, "Uids", ALICE, "lrsi")
        self.share(CAROL, "Hers", ALICE, "lr")
        self.assertEqual(os.stat(self.server.path("home", BOB, "Maildir/.Uids")).st_uid, UIDS[BOB])
        self.assertEqual(stat.S_IMODE(os.stat(self.server.path("shoveler/sharing/index")).st_mode) & 0o007, 0)
        self.seen(alice, folder)
        self.session(BOB).put("Uids", message("from bob"))
        alice.put(folder, message("from alice"))
        self.assertEqual(sorted(alice.subjects(folder)), ["from alice", "from bob"])
        alice.enter(folder)
        alice.do("STORE", "1", "+FLAGS", "(\\Seen)")
        bob.enter("Uids")
        self.assertNotIn("Seen", str(bob.do("FETCH", "1", "(FLAGS)")))
        self.assertEqual(sorted(bob.subjects("Uids")), ["from alice", "from bob"])
        bob.do("UNSELECT")
        bob.do("DELETEACL", "Uids", ALICE)
        self.not_seen(alice, folder)
        self.assertEqual(carol.folders("#Shared/*"), [])
        self.assertNotIn("Permission denied", self.server.log())


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Shared and public folders in all ways mail is used: NOTIFY, IDLE, quota, POP3, LMTP with Sieve, doveadm, names in UTF-8."""

import poplib
import select
import subprocess

from server import PASSWORD, free_port, imaplib, main, message, os, quote, time, version
from sharing import ALICE, ALL, BOB, CAROL, SharingTest

POP3 = free_port()
BOTH = """
protocols = imap lmtp pop3
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = %d
  }
  inet_listener pop3s {
    port = 0
  }
}
""" % POP3
EXTRA_23 = BOTH + """protocol lmtp {
  mail_plugins = $mail_plugins sieve quota
}
protocol imap {
  mail_plugins = $mail_plugins quota imap_quota
}
protocol doveadm {
  mail_plugins = $mail_plugins quota
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=100k
  sieve = ~/.dovecot.sieve
}
"""
EXTRA_24 = BOTH + """mail_plugins {
  quota = yes
}
protocol lmtp {
  mail_plugins {
    sieve = yes
  }
}
protocol imap {
  mail_plugins {
    imap_quota = yes
  }
}
quota "User quota" {
  storage_size = 100 k
}
sieve_script personal {
  type = personal
  path = ~/.dovecot.sieve
}
"""


class Protocols(SharingTest):
    users = [ALICE, BOB, CAROL]
    extra = EXTRA_24 if version() >= (2, 4) else EXTRA_23

    def lines(self, client, wanted, seconds=60):
        """What the server says by itself, until a line has all that is wanted."""
        seen, deadline = "", time.time() + seconds
        while not all(word in seen for word in wanted):
            self.assertTrue(select.select([client.sock], [], [], max(0, deadline - time.time()))[0], f"{wanted} not in {seen}")
            seen += client.sock.recv(4096).decode()
        return seen

    def raw(self, client, text):
        client.sock.sendall(text.encode() + b"\r\n")

    def test_idle_on_a_shared_folder(self):
        folder = self.share(BOB, "Idle", ALICE, "lr")
        alice = self.session(ALICE)
        self.seen(alice, folder)
        alice.enter(folder)
        self.raw(alice, "x1 IDLE")
        self.lines(alice, ["+ "])
        self.session(BOB).put("Idle", message("while idle"))
        self.lines(alice, ["1 EXISTS"])
        self.raw(alice, "DONE")
        self.lines(alice, ["x1 OK"])
        alice.do("UNSELECT")

    def test_notify_on_shared_and_public_folders(self):
        folder = self.share(BOB, "Notify", ALICE, "lr")
        self.share(BOB, "Unseen", CAROL, "lr")
        self.public("#Notify/Box", BOB)
        self.wait_for(lambda: self.session(BOB).folders("#Notify/*"))
        self.setacl(self.session(BOB), "#Notify/Box", ALICE, "lr")
        alice = self.new_session(ALICE)
        self.seen(alice, folder)
        alice.do("NOTIFY", "SET", "STATUS", f"(SELECTED (MessageNew MessageExpunge))",
                 f"(MAILBOXES ({quote(folder)} {quote('#Notify/Box')} {quote(f'#Shared/{BOB}/Unseen')}) (MessageNew MessageExpunge))")
        self.raw(alice, "x1 IDLE")
        self.lines(alice, ["+ "])
        time.sleep(1.5)
        self.session(BOB).put("Unseen", message("not for alice"))
        self.session(BOB).put("Notify", message("for alice"))
        self.session(BOB).put("#Notify/Box", message("for all"))
        said = self.lines(alice, [f"* STATUS {folder} (MESSAGES 1", "* STATUS #Notify/Box (MESSAGES 1"])
        self.assertNotIn("Unseen", said)
        self.raw(alice, "DONE")
        self.lines(alice, ["x1 OK"])

    def test_quota_is_the_owners(self):
        folder = self.share(BOB, "Quota", ALICE, "lri")
        alice, bob = self.session(ALICE), self.session(BOB)
        self.seen(alice, folder)
        big = message("big", body="x" * 70 + "\r\n") + b"y" * 60000
        alice.put("INBOX", big)
        alice.put(folder, big)
        usage = str(bob.do("GETQUOTAROOT", "Quota"))
        self.assertRegex(usage, r"STORAGE (5\d|6\d) 100")
        self.refused(alice.put, folder, big, answer="OVERQUOTA")
        alice.enter("INBOX")
        alice.do("STORE", "1:*", "+FLAGS", "(\\Deleted)")
        alice.do("EXPUNGE")
        self.public("#Quota/Box", BOB)
        self.wait_for(lambda: bob.folders("#Quota/*"))
        for _ in range(3):
            bob.put("#Quota/Box", big)
        self.assertRegex(str(bob.do("GETQUOTAROOT", "INBOX")), r"STORAGE (5\d|6\d) 100")

    def sieve(self, user, script):
        home = self.server.path("home", user)
        path = os.path.join(home, ".dovecot.sieve")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        subprocess.run(["chmod", "644", path], check=True)

    def deliver(self, user, subject):
        with self.server.lmtp() as lmtp:
            lmtp.sendmail("s@client.test", [user], message(subject))

    def test_sieve_by_the_p_right(self):
        folder = self.share(BOB, "Post", ALICE, "lr")
        self.public("#Sieve/Box", BOB)
        bob = self.session(BOB)
        self.wait_for(lambda: bob.folders("#Sieve/*"))
        self.session(ALICE).do("NOOP")
        script = 'require ["fileinto"]; if header :contains "subject" "public" {{ fileinto "#Sieve/Box"; }} else {{ fileinto "{}"; }}'
        self.sieve(ALICE, script.format(folder))
        self.deliver(ALICE, "no right, shared")
        self.deliver(ALICE, "no right, public")
        self.assertEqual((bob.subjects("Post"), bob.subjects("#Sieve/Box")), ([], []))
        inbox = self.session(ALICE).subjects("INBOX")
        self.assertIn("no right, shared", inbox)
        self.assertIn("no right, public", inbox)
        self.setacl(bob, "Post", ALICE, "+p")
        self.setacl(bob, "#Sieve/Box", ALICE, "p")
        time.sleep(2)
        self.deliver(ALICE, "shared")
        self.deliver(ALICE, "public")
        self.assertEqual(bob.subjects("Post"), ["shared"])
        self.assertEqual(bob.subjects("#Sieve/Box"), ["public"])
        self.assertEqual(self.session(ALICE).folders("#Sieve/*"), [])
        os.unlink(self.server.path("home", ALICE, ".dovecot.sieve"))

    def test_pop3_has_the_inbox(self):
        self.share(BOB, "Pop", ALICE, "lr")
        self.session(BOB).put("Pop", message("not by POP3"))
        self.deliver(ALICE, "by POP3")
        pop3 = poplib.POP3("127.0.0.1", POP3, timeout=20)
        pop3.user(ALICE)
        pop3.pass_(PASSWORD)
        subjects = [line for number in range(len(pop3.list()[1])) for line in pop3.top(number + 1, 0)[1] if line.startswith(b"Subject:")]
        pop3.quit()
        self.assertIn(b"Subject: by POP3", subjects)
        self.assertNotIn(b"Subject: not by POP3", subjects)

    def test_doveadm(self):
        folder = self.share(BOB, "Admin", ALICE, "lr")
        self.session(BOB).put("Admin", message("for doveadm"))
        self.public("#Doveadm/Box", BOB)
        self.assertIn(folder, self.server.doveadm("mailbox", "list", "-u", ALICE).stdout.split("\n"))
        self.assertIn("#Doveadm/Box", self.server.doveadm("mailbox", "list", "-u", BOB).stdout)
        self.assertNotIn("#Doveadm/Box", self.server.doveadm("mailbox", "list", "-u", ALICE).stdout)
        fetched = self.server.doveadm("fetch", "-u", ALICE, "hdr.subject", "mailbox", folder).stdout
        self.assertIn("for doveadm", fetched)
        self.assertIn(ALICE, self.server.doveadm("acl", "get", "-u", BOB, "Admin").stdout)

    def test_subscriptions_are_each_users(self):
        folder = self.share(BOB, "Subscribe", ALICE, "lr")
        self.share(BOB, "Subscribe", CAROL, "lr")
        self.public("#Subscribe/Box", BOB)
        self.wait_for(lambda: self.session(BOB).folders("#Subscribe/*"))
        for user in (ALICE, CAROL):
            self.setacl(self.session(BOB), "#Subscribe/Box", user, "lr")
            self.seen(self.session(user), folder)
        self.session(ALICE).do("SUBSCRIBE", quote(folder))
        self.session(CAROL).do("SUBSCRIBE", quote("#Subscribe/Box"))
        self.assertEqual(self.session(ALICE).folders("#*Subscribe*", "LSUB"), [folder])
        self.assertEqual(self.session(CAROL).folders("#*Subscribe*", "LSUB"), ["#Subscribe/Box"])
        self.assertNotIn("#Subscribe/Box", self.session(BOB).folders("*", "LSUB"))

    def test_seen_flags_in_public_folders_are_private(self):
        self.public("#Flags/Box", BOB)
        bob = self.session(BOB)
        self.wait_for(lambda: bob.folders("#Flags/*"))
        bob.put("#Flags/Box", message("one"))
        for user in (ALICE, CAROL):
            self.setacl(bob, "#Flags/Box", user, "lrsw")
        self.wait_for(lambda: self.session(ALICE).folders("#Flags/*") and self.session(CAROL).folders("#Flags/*"))
        self.session(ALICE).enter("#Flags/Box")
        self.session(ALICE).do("STORE", "1", "+FLAGS", "(\\Seen \\Flagged)")
        self.session(CAROL).enter("#Flags/Box")
        flags = str(self.session(CAROL).do("FETCH", "1", "(FLAGS)"))
        self.assertIn("Flagged", flags)
        self.assertNotIn("Seen", flags)
        self.assertIn("UNSEEN 1", str(self.session(CAROL).do("STATUS", quote("#Flags/Box"), "(UNSEEN)")))
        self.assertIn("UNSEEN 0", str(self.session(ALICE).do("STATUS", quote("#Flags/Box"), "(UNSEEN)")))

    def attributes(self, session, folder):
        return session.do("LIST", '""', quote(folder))["LIST"][0].decode().partition(")")[0]

    def test_has_children_means_visible_ones(self):
        folder = self.share(BOB, "Family", ALICE, "lr")
        self.share(BOB, "Family/hidden", CAROL, "lr")
        self.setacl(self.session(BOB), "Family/hidden", ALICE, "")
        alice = self.session(ALICE)
        self.seen(alice, folder)
        self.assertIn("\\HasNoChildren", self.attributes(alice, folder))
        self.setacl(self.session(BOB), "Family/hidden", ALICE, "l")
        self.seen(alice, folder, folder + "/hidden")
        self.assertIn("\\HasChildren", self.attributes(alice, folder))

    def test_names_in_utf8(self):
        name, encoded = "Entwürfe/日本", "Entw&APw-rfe/&ZeVnLA-"
        bob, alice = self.session(BOB), self.session(ALICE)
        bob.do("CREATE", quote(encoded))
        self.setacl(bob, encoded, ALICE, "lri")
        folder = f"#Shared/{BOB}/{encoded}"
        self.seen(alice, folder)
        alice.put(folder, message("umlaut"))
        self.assertEqual(bob.subjects(encoded), ["umlaut"])
        self.wait_for(lambda: f"folder=<{name}>" in self.server.log())
        bob.do("RENAME", quote(encoded), quote("Entw&APw-rfe/&APY-"))
        self.seen(alice, f"#Shared/{BOB}/Entw&APw-rfe/&APY-")
        self.public("#Weiher/Grüße", BOB)
        self.wait_for(lambda: bob.folders("#Weiher/*") == ["#Weiher/Gr&APwA3w-e"])
        self.assertEqual(self.rights(bob, "#Weiher/Gr&APwA3w-e"), ALL)
        bob.do("CREATE", quote("#Weiher/Gr&APwA3w-e/&AOQ-"))
        self.setacl(bob, "#Weiher/Gr&APwA3w-e", ALICE, "lr")
        self.wait_for(lambda: "#Weiher/Gr&APwA3w-e" in alice.folders("#Weiher/*"))

    def test_revoked_reader_cannot_fetch_by_other_ways(self):
        """CATENATE takes parts of the selected folder by number, without a search."""
        folder = self.share(BOB, "Catenate", ALICE, "lr")
        self.session(BOB).put("Catenate", message("secret"))
        alice = self.session(ALICE)
        self.seen(alice, folder)
        validity = alice.do("STATUS", quote(folder), "(UIDVALIDITY)")["STATUS"][0].decode().split("UIDVALIDITY ")[1].rstrip(")")
        alice.enter(folder)
        url = f'CATENATE (URL "/{folder.replace("#", "%23")};UIDVALIDITY={validity}/;UID=1")'
        alice.do("APPEND", "INBOX", url)
        self.session(BOB).do("DELETEACL", "Catenate", ALICE)
        time.sleep(2.5)
        with self.assertRaises(imaplib.IMAP4.error):
            alice.do("APPEND", "INBOX", url)
        self.refused(alice.do, "SEARCH", "ALL", answer="Permission denied")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Nothing that a client sends ends the process: each command with each odd name, identifier and right."""

from server import imaplib, main, message, quote, version
from sharing import ALICE, BOB, CAROL, SharingTest

METADATA_23 = """
mail_attribute_dict = file:%h/dovecot-attributes
protocol imap {
  imap_metadata = yes
}
"""
METADATA_24 = """
mail_attribute {
  dict file {
    path = %{home}/dovecot-attributes
  }
}
protocol imap {
  imap_metadata = yes
}
"""
NAMES = ["", "#", "#Shared", "#Shared/", "#Shared//", "#Shared/*", "#Shared/x", "#Shared/x/", "#Shared/x/y", "#Shared/@/y",
         "#Shared/nobody@example.test", "#Shared/nobody@example.test/INBOX", "#Shared/nobody@example.test/a/b",
         "#Shared/nobody@example.test/*", "#Shared/" + BOB, "#Shared/" + BOB + "/INBOX", "#Shared/" + BOB + "/*",
         "#Shared/" + ALICE, "#Shared/" + ALICE + "/INBOX", "#Shared/" + ALICE + "/Seen", "#Shared/" + ALICE + "/*",
         "#Shared/../x/y", "#Shared/%u/INBOX", "#Shared/%h/%n", "#Odd", "#Odd/", "#Odd//", "#Odd/*", "#Odd/Box", "#Odd/Box/*",
         "#Odd/Box/nothing", "#Odd/../Box", "#Odd/Box/cur", "#Nothing", "#Nothing/*", "INBOX/", "INBOX/*", "nothing", "nothing/*",
         "nothing/at/all", "/", "//", "/*", "*", "a" * 100, "a/" * 40 + "b", "&AOQ-", "&", "&&", "%", "~", "~/x", "..", "../..", "a..b",
         "x\\y", "x/../y", "#Shared/" + "u" * 400 + "@example.test/x", "#Shared/&AOQ-@example.test/INBOX", "#Shared/&AOQ-/*"]
IDENTIFIERS = ["", "-", "!", "$", "!$", "-!$", "-$", "--", "-" + ALICE, "!" + ALICE, "!$crew", "-!$crew", "$crew@", "$@example.test",
               "group:", "group=", "group=crew", "group-override=crew", "user=" + ALICE, "#", "#" + ALICE, "owner", "-owner", "Owner",
               "anyone", "-anyone", "anonymous", "authenticated", "a b", "a\\b", "a/b", "../a", "*", "%", "~", "&AOQ-", "x" * 1000,
               "$" + "x" * 300, "alice@example.test\t", "alice@", "@", "@example.test"]
RIGHTS = ["", "l", "+", "-", "+l", "-l", "lrswtipekxa", "lrswipcda", "cd", "x" * 200, "L", "l r", "?", "0", ":x", "l\\l"]


class OddCommands(SharingTest):
    users = [ALICE, BOB, CAROL]
    extra = METADATA_24 if version() >= (2, 4) else METADATA_23

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.shoveler("group", "add", "crew", CAROL)
        cls.server.shoveler("public", "create", "#Odd/Box")
        cls.server.shoveler("public", "admin", "#Odd/Box", BOB)

    def setUp(self):
        super().setUp()
        self.share(ALICE, "Seen", BOB, "lrswtipekxa")
        self.seen(self.session(BOB), f"#Shared/{ALICE}/Seen")
        self.session(BOB).put("INBOX", message("one"))

    def tearDown(self):
        self.assertNotIn("mkdir(", self.server.log())
        super().tearDown()

    def send(self, *words):
        """Any answer is fine, but an internal error, or none at all."""
        session = self.session(BOB)
        with self.subTest(words=str(words)[:90]):
            try:
                session.do(*words)
            except imaplib.IMAP4.abort as ended:
                # ours ended because it was one wrong command too many
                self.assertRegex(str(ended), "Too many invalid IMAP commands")
                self.sessions.pop(BOB).shutdown()
            except imaplib.IMAP4.error as refused:
                self.assertNotRegex(str(refused), "SERVERBUG|Internal error")

    def each_name(self, *forms):
        for name in NAMES:
            for form in forms:
                self.send(*(word.replace("NAME", quote(name)) for word in form))
            self.send("NOOP")

    def test_acl(self):
        self.each_name(("MYRIGHTS", "NAME"), ("GETACL", "NAME"), ("LISTRIGHTS", "NAME", quote(ALICE)), ("SETACL", "NAME", quote(CAROL), "lr"),
                       ("SETACL", "NAME", '"$crew"', "lr"), ("SETACL", "NAME", '"-group:crew"', "+w"), ("SETACL", "NAME", quote(BOB), '""'),
                       ("DELETEACL", "NAME", quote(CAROL)), ("DELETEACL", "NAME", '"-$crew"'))

    def test_identifiers_and_rights(self):
        for folder in ("INBOX", "#Odd", "#Odd/Box", "INBOX/*", f"#Shared/{ALICE}/Seen"):
            for identifier in IDENTIFIERS:
                for rights in ("lr", "+s", "", "-r"):
                    self.send("SETACL", quote(folder), quote(identifier), quote(rights))
                self.send("LISTRIGHTS", quote(folder), quote(identifier))
                self.send("DELETEACL", quote(folder), quote(identifier))
                self.send("NOOP")
            for rights in RIGHTS:
                self.send("SETACL", quote(folder), quote(CAROL), quote(rights))
                self.send("NOOP")
        for words in (("SETACL",), ("SETACL", "INBOX"), ("SETACL", "(INBOX)", "x", "l"), ("SETACL", "INBOX", "(x)", "l"),
                      ("SETACL", "INBOX", BOB, "(l)"), ("SETACL", "#Odd", BOB, "(l)"), ("SETACL", "#Odd", "(x)", "l"),
                      ("SETACL", "#Odd", BOB, "NIL"), ("DELETEACL", "#Odd"), ("DELETEACL", "#Odd", "()"), ("MYRIGHTS",), ("MYRIGHTS", "()"),
                      ("GETACL", "NIL"), ("LISTRIGHTS", "#Odd"), ("MYRIGHTS", "INBOX", "x")):
            self.send(*words)
            self.send("NOOP")
        self.assertEqual(self.rights(self.session(BOB), "INBOX"), "aeiklprstwx")

    def test_list(self):
        returns = ["(CHILDREN)", "(SUBSCRIBED)", "(SPECIAL-USE)", "(STATUS (MESSAGES UNSEEN))", "(MYRIGHTS)"]
        self.each_name(("LIST", '""', "NAME"), ("LIST", "NAME", '"*"'), ("LIST", "NAME", '"%"'), ("LSUB", '""', "NAME"), ("LSUB", "NAME", '"*"'),
                       ("LIST", "(SUBSCRIBED RECURSIVEMATCH)", '""', "NAME"), *(("LIST", '""', "NAME", "RETURN", what) for what in returns),
                       ("STATUS", "NAME", "(MESSAGES UNSEEN)"), ("NAMESPACE",))

    def test_notify(self):
        events = "(MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)"
        self.each_name(("NOTIFY", "SET", f"(MAILBOXES NAME {events})"), ("NOTIFY", "SET", "STATUS", f"(SUBTREE NAME {events})"),
                       ("NOTIFY", "SET", f"(SUBTREE (NAME INBOX) {events})", "(PERSONAL (MessageNew MessageExpunge))"), ("NOTIFY", "NONE"))
        for words in (("(PERSONAL)",), ("(SUBSCRIBED NONE)",), ("(SELECTED-DELAYED (MessageNew MessageExpunge))",), ("()",), ("(INBOXES NONE)",),
                      ("(SUBTREE () NONE)",), ("STATUS",)):
            self.send("NOTIFY", "SET", *words)
        self.send("NOTIFY", "NONE")

    def test_metadata(self):
        entry = "/private/comment"
        self.each_name(("GETMETADATA", "NAME", entry), ("GETMETADATA", "NAME", "(DEPTH infinity)", "(/private/a /shared/b)"),
                       ("SETMETADATA", "NAME", f'({entry} "x")'), ("SETMETADATA", "NAME", f"({entry} NIL)"),
                       ("SETMETADATA", "NAME", '(/shared/vendor/vendor.dovecot/pvt/acl/anyone "lookup")'),
                       ("GETMETADATA", "NAME", "/shared/vendor/vendor.dovecot/pvt/acl/anyone"))

    def test_folders(self):
        self.session(BOB).enter("INBOX")
        self.each_name(("SUBSCRIBE", "NAME"), ("UNSUBSCRIBE", "NAME"), ("RENAME", "NAME", '"renamed"'), ("RENAME", '"nothing at all"', "NAME"),
                       ("COPY", "1", "NAME"), ("APPEND", "NAME", '"x"'))
        self.each_name(("SELECT", "NAME"), ("EXAMINE", "NAME"))
        for name in NAMES:
            if name not in ("#Odd/Box", f"#Shared/{ALICE}/Seen"):
                self.send("CREATE", quote(name))
                self.send("DELETE", quote(name))
                self.send("NOOP")


if __name__ == "__main__":
    main()

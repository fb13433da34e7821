"""What the tests of shared and public folders have in common."""

from server import PluginTest, imaplib, os, quote, read

ALICE = "alice@example.test"
BOB = "bob@example.test"
CAROL = "carol@example.test"
ALL = "aeiklprstwx"


class SharingTest(PluginTest):
    users = [ALICE, BOB, CAROL]

    def setUp(self):
        self.sessions = {}

    def tearDown(self):
        for client in self.sessions.values():
            client.logout()
        super().tearDown()

    def session(self, user):
        if user not in self.sessions:
            self.sessions[user] = self.server.imap(user)
        return self.sessions[user]

    def new_session(self, user):
        client = self.server.imap(user)
        self.addCleanup(client.logout)
        return client

    def public(self, folder, *delegates):
        self.server.shoveler("public", "create", folder)
        for delegate in delegates:
            self.server.shoveler("public", "admin", folder, delegate)

    def setacl(self, session, folder, who, rights):
        session.do("SETACL", quote(folder), quote(who), quote(rights))

    def rights(self, session, folder):
        line = session.do("MYRIGHTS", quote(folder))["MYRIGHTS"][0].decode()
        return "".join(sorted(set(line.rsplit(" ", 1)[1]) - set('"cd')))

    def acl(self, session, folder):
        """{identifier: rights, sorted} as GETACL has it, without the old "c" and "d"."""
        words = session.do("GETACL", quote(folder))["ACL"][0].decode().replace('"', "").split(" ")[1:]
        return {who: "".join(sorted(set(rights) - set("cd"))) for who, rights in zip(words[::2], words[1::2])}

    def refused(self, function, *words, answer="NO"):
        with self.assertRaises(imaplib.IMAP4.error) as caught:
            function(*words)
        self.assertIn(answer, str(caught.exception))
        self.assertNotIn("Internal error", str(caught.exception))

    def share(self, owner, folder, who, rights="lr"):
        """Makes the folder, and returns its name for others."""
        session = self.session(owner)
        if folder != "INBOX" and not session.folders(folder):
            session.do("CREATE", quote(folder))
        self.setacl(session, folder, who, rights)
        return f"#Shared/{owner}/{folder}"

    def seen(self, session, *folders, seconds=5):
        """Waits until the session lists exactly these shared folders of the test."""
        expected = sorted(folders)
        pattern = os.path.commonprefix(expected) + "*"
        self.wait_for(lambda: session.folders(pattern) == expected, seconds)

    def not_seen(self, session, folder, seconds=5):
        self.wait_for(lambda: session.folders(folder) == [], seconds)

    def index(self):
        """The keys of the index of who shares with whom."""
        path = self.server.path("shoveler/sharing/index")
        lines = read(path).splitlines()[::2] if os.path.exists(path) else []
        return " ".join(line.replace("shared/shared-boxes/", "") for line in lines)

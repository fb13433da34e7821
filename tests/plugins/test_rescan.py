#!/usr/bin/python3
"""doveadm shoveler rescan in a real Dovecot, with a scanner of our own."""

import array
import glob
import threading

from server import PluginTest, main, message, os, socket, time

ALICE = "alice@example.test"
BOB = "bob@example.test"
VIRUS = "SHOVELER-TEST-VIRUS"


class Scanner(threading.Thread):
    """Answers as the milter's scanner does; infected is what contains VIRUS."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(16)
        self.answer = None  # instead of scanning; None: scan; "": close without an answer
        self.seen = []
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                data, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
                fds = array.array("i", ancillary[0][2])
                with os.fdopen(fds[0], "rb") as file:
                    text = file.read()
                assert data == b"request=scan\n", data
                self.seen.append(text)
                answer = self.answer
                if answer is None:
                    infected = VIRUS.encode() in text
                    answer = "status=infected\nsignature=Test.Virus\ndatabase=7\n" if infected else \
                        "status=clean\ndatabase=7\n"
                if answer:
                    connection.send(answer.encode())


class Rescan(PluginTest):
    settings = "scanner_timeout = 2s\nvirus_brake = 5\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scanner = Scanner(cls.server.path("run-shoveler/scanner.sock"))

    def setUp(self):
        self.scanner.answer = None
        self.scanner.seen.clear()
        for user in self.users:
            self.server.doveadm("expunge", "-u", user, "mailbox", "*", "all")
        self.alice = self.server.imap(ALICE)
        self.addCleanup(self.alice.logout)

    def rescan(self, *words, code=0):
        result = self.server.doveadm("shoveler", "rescan", *words, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stderr

    def kept(self):
        return sorted(glob.glob(self.server.path("shoveler/rescan/*/*.eml")))

    def test_infected_message_goes_and_is_kept(self):
        before = self.kept()
        self.alice.put("INBOX", message("good"))
        self.alice.put("INBOX", message("bad", body=VIRUS + "\r\n"))
        self.alice.put("Junk", message("bad too", body=VIRUS + "\r\n"))
        report = self.rescan("-u", ALICE)
        self.assertEqual(self.alice.subjects("INBOX"), ["good"])
        self.assertEqual(self.alice.subjects("Junk"), [])
        new = [name for name in self.kept() if name not in before]
        self.assertEqual(len(new), 2)
        for name in new:
            self.assertIn("/alice%40example.test/", name)
            with open(name, encoding="utf-8") as file:
                self.assertIn(VIRUS, file.read())
            with open(name[:-4] + ".txt", encoding="utf-8") as file:
                about = dict(line.split("=", 1) for line in file.read().splitlines())
            self.assertEqual(about["user"], ALICE)
            self.assertEqual(about["signature"], "Test.Virus")
            self.assertIn(about["mailbox"], ("INBOX", "Junk"))
        self.assertRegex(report, r"users=1 mailboxes=\d+ scanned=3 infected=2 removed=2 unscanned=0 errors=0 limited=0 braked=0 "
                                 r"seconds=\d+ database=7")

    def test_the_scanner_sees_the_whole_message(self):
        self.alice.put("INBOX", message("whole", body="line one\r\n" * 30000))
        self.rescan("-u", ALICE)
        self.assertEqual(len(self.scanner.seen), 1)
        self.assertEqual(self.scanner.seen[0].count(b"line one"), 30000)

    def test_dry_run(self):
        before = self.kept()
        self.alice.put("INBOX", message("bad", body=VIRUS + "\r\n"))
        report = self.rescan("-u", ALICE, "--dry-run")
        self.assertIn("infected=1 removed=0", report)
        self.assertEqual(self.alice.subjects("INBOX"), ["bad"])
        self.assertEqual(self.kept(), before)

    def test_what_was_kept_long_enough_is_deleted(self):
        self.alice.put("INBOX", message("bad", body=VIRUS + "\r\n"))
        self.rescan("-u", ALICE)
        name = self.kept()[-1]
        old = time.time() - 91 * 86400
        os.utime(name, (old, old))
        os.makedirs(self.server.path("shoveler/rescan/gone%40example.test"))
        with open(self.server.path("shoveler/rescan/gone%40example.test/1.eml"), "w", encoding="ascii") as file:
            os.utime(file.fileno(), (old, old))
        self.rescan("-u", ALICE, "--dry-run")
        self.assertTrue(os.path.exists(name))
        self.assertIn("deleted 2 files older than 90d", self.rescan("-u", ALICE))
        self.assertFalse(os.path.exists(name))
        self.assertTrue(os.path.exists(name[:-4] + ".txt"))
        self.assertFalse(os.path.exists(self.server.path("shoveler/rescan/gone%40example.test")))

    def test_errors_never_expunge(self):
        self.alice.put("INBOX", message("bad", body=VIRUS + "\r\n"))
        for answer in ("status=error\nreason=broken\n", "", "nonsense",
                       "status=\n", "signature=Test.Virus\n", "status=infectious\n"):
            with self.subTest(answer=answer):
                self.scanner.answer = answer
                report = self.rescan("-u", ALICE, code=75)
                self.assertIn("scanned=0 infected=0 removed=0 unscanned=1", report)
        self.assertEqual(self.alice.subjects("INBOX"), ["bad"])

    def test_a_limit_is_no_error(self):
        self.alice.put("INBOX", message("huge", body=VIRUS + "\r\n"))
        self.scanner.answer = "status=limit\nreason=Heuristics.Limits\n"
        report = self.rescan("-u", ALICE)
        self.assertIn("scanned=0 infected=0 removed=0 unscanned=0 errors=0 limited=1", report)
        self.assertEqual(self.alice.subjects("INBOX"), ["huge"])

    def test_a_signature_that_is_everywhere_is_braked(self):
        for number in range(8):
            self.alice.put("INBOX", message(f"bad {number}", body=VIRUS + "\r\n"))
        self.assertIn("infected=8 removed=0 unscanned=0 errors=0 limited=0 braked=3", self.rescan("-u", ALICE, "--dry-run",
                                                                                                  code=75))
        report = self.rescan("-u", ALICE, code=75)
        self.assertIn("infected=8 removed=5 unscanned=0 errors=0 limited=0 braked=3", report)
        self.assertIn("Test.Virus was found in more than 5 messages", report)
        self.assertEqual(self.alice.subjects("INBOX"), ["bad 5", "bad 6", "bad 7"])

    def test_no_scanner(self):
        self.alice.put("INBOX", message("any"))
        path = self.server.path("run-shoveler/scanner.sock")
        os.rename(path, path + ".away")
        try:
            self.rescan("-u", ALICE, code=75)
        finally:
            os.rename(path + ".away", path)
        self.assertEqual(self.alice.subjects("INBOX"), ["any"])

    def test_what_cannot_be_kept_is_not_expunged(self):
        self.alice.put("INBOX", message("bad", body=VIRUS + "\r\n"))
        folder = self.server.path("shoveler/rescan")
        os.rename(folder, folder + ".away")
        with open(folder, "w", encoding="utf-8"):
            pass
        try:
            self.assertIn("removed=0", self.rescan("-u", ALICE, code=75))
        finally:
            os.unlink(folder)
            os.rename(folder + ".away", folder)
        self.assertEqual(self.alice.subjects("INBOX"), ["bad"])

    def test_all_users(self):
        bob = self.server.imap(BOB)
        bob.put("INBOX", message("bob's", body=VIRUS + "\r\n"))
        self.alice.put("INBOX", message("alice's", body=VIRUS + "\r\n"))
        self.assertIn("users=2 ", self.rescan("-A"))
        self.assertEqual(self.alice.subjects("INBOX") + bob.subjects("INBOX"), [])
        bob.logout()

    def test_public_trees_are_scanned_once(self):
        self.server.shoveler("public", "create", "#Pond/News")
        self.addCleanup(self.server.shoveler, "public", "delete", "#Pond")
        self.server.shoveler("public", "admin", "#Pond/News", ALICE)
        alice = self.server.imap(ALICE)
        alice.put('#Pond/News', message("public", body=VIRUS + "\r\n"))
        alice.put('#Pond/News', message("clean"))
        report = self.rescan("-A")
        self.assertIn("users=2 ", report)
        self.assertIn("scanned=2 infected=1 removed=1", report)
        self.assertEqual(alice.subjects("#Pond/News"), ["clean"])
        alice.logout()
        self.assertIn("scanned=1", self.rescan("-u", BOB))

    def test_since(self):
        self.alice.put("INBOX", message("new", body=VIRUS + "\r\n"))
        time.sleep(1.1)
        self.assertIn("scanned=0", self.rescan("-u", ALICE, "--since", time.strftime("%Y-%m-%d", time.gmtime(
            time.time() + 2 * 86400))))
        self.assertIn("scanned=1", self.rescan("-u", ALICE, "--since", "1days"))


if __name__ == "__main__":
    main()

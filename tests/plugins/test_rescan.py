#!/usr/bin/python3
"""doveadm shoveler rescan in a real Dovecot, with a scanner of our own."""

import array
import glob
import threading

from server import PluginTest, main, message, os, socket, time, version

ALICE = "alice@example.test"
BOB = "bob@example.test"
VIRUS = "SHOVELER-TEST-VIRUS"
HIDDEN_23 = """
namespace hidden {
  prefix = @hidden/
  separator = /
  hidden = yes
  list = no
  location = maildir:~/hidden
  mailbox Old {
    auto = create
  }
}
"""
HIDDEN_24 = HIDDEN_23.replace("location = maildir:~", "mail_path = ~")


class Listener(threading.Thread):
    """A service of packets that come with a message."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(16)

    @staticmethod
    def receive(connection):
        """The packet and the message; b"" and b"" at the end."""
        data, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
        if not data:
            return b"", b""
        with os.fdopen(array.array("i", ancillary[0][2])[0], "rb") as file:
            return data, file.read()


class Scanner(Listener):
    """Answers as the milter's scanner does; infected is what contains VIRUS."""

    def __init__(self, path):
        super().__init__(path)
        self.answer = None  # instead of scanning; None: scan; "": close without an answer
        self.database = "7"
        self.delay = 0  # seconds a message takes
        self.seen = []  # the messages, but for empty ones, which only ask for the database
        self.busy = self.busiest = 0
        self.hold_at = None  # as many are judged, and the next one is held until released
        self.released = threading.Event()
        self.company = 1  # none is answered before so many were asked for at the same time
        self.lock = threading.Condition()
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection):
        with connection:
            data, text = self.receive(connection)
            assert data == b"request=scan\n", data
            answer = self.judge(text)
            if answer:
                connection.send(answer.encode())

    def judge(self, text):
        if not text:
            return f"status=clean\ndatabase={self.database}\n"
        with self.lock:
            self.seen.append(text)
            held = self.hold_at is not None and len(self.seen) >= self.hold_at
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
            self.lock.notify_all()
            self.lock.wait_for(lambda: self.busiest >= self.company, 30)
        time.sleep(self.delay)
        if held:
            self.released.wait(60)
        with self.lock:
            self.busy -= 1
        if self.answer is not None:
            return self.answer
        if VIRUS.encode() in text:
            return f"status=infected\nsignature=Test.Virus\ndatabase={self.database}\n"
        return f"status=clean\ndatabase={self.database}\n"


class Spamtraind(Listener):
    """Notes what users are to find in their history."""

    def __init__(self, path):
        super().__init__(path)
        self.notes = []
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                while True:
                    data, text = self.receive(connection)
                    if not data:
                        break
                    self.notes.append((dict(line.split("=", 1) for line in data.decode().splitlines()), text))
                    connection.send(b"status=ok\noutcome=noted\n")


class Rescan(PluginTest):
    settings = "scanner_timeout = 60s\nvirus_brake = 5\n"
    extra = HIDDEN_23 if version() < (2, 4) else HIDDEN_24

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scanner = Scanner(cls.server.path("run-shoveler/scanner.sock"))
        cls.spamtraind = Spamtraind(cls.server.path("run-shoveler/spamtraind.sock"))

    def setUp(self):
        self.scanner.answer = None
        self.scanner.delay = self.scanner.busiest = 0
        self.scanner.company = 1
        self.scanner.database = self.id()  # no mailbox was scanned with it
        self.scanner.seen.clear()
        self.spamtraind.notes.clear()
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
        self.assertRegex(report, r"users=1 mailboxes=\d+ scanned=3 skipped=0 infected=2 removed=2 unscanned=0 errors=0 limited=0 braked=0 "
                                 r"seconds=\d+ database=\S+\.test_infected")

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
                self.assertIn("scanned=0 skipped=0 infected=0 removed=0 unscanned=1", report)
        self.assertEqual(self.alice.subjects("INBOX"), ["bad"])

    def test_a_limit_is_no_error(self):
        self.alice.put("INBOX", message("huge", body=VIRUS + "\r\n"))
        self.scanner.answer = "status=limit\nreason=Heuristics.Limits\n"
        report = self.rescan("-u", ALICE)
        self.assertIn("scanned=0 skipped=0 infected=0 removed=0 unscanned=0 errors=0 limited=1", report)
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
        self.assertIn("scanned=2 skipped=0 infected=1 removed=1", report)
        self.assertEqual(alice.subjects("#Pond/News"), ["clean"])
        alice.logout()
        self.assertIn("scanned=0 skipped=1", self.rescan("-u", BOB))
        self.assertIn("scanned=1", self.rescan("-u", BOB, "--again"))

    def test_what_these_signatures_saw_is_skipped(self):
        for number in range(3):
            self.alice.put("INBOX", message(f"old {number}"))
        self.alice.put("Junk", message("old"))
        self.alice.do("CREATE", "Sent")
        self.assertIn("scanned=4 skipped=0", self.rescan("-u", ALICE))
        self.assertIn("scanned=0 skipped=4", self.rescan("-u", ALICE))
        self.alice.put("INBOX", message("new", body=VIRUS + "\r\n"))
        self.alice.transfer("COPY", "INBOX", "Sent", "*")
        self.assertIn("scanned=2 skipped=4 infected=2 removed=2", self.rescan("-u", ALICE))
        self.scanner.database = "of tomorrow " + self.id()
        self.assertIn("scanned=4 skipped=0", self.rescan("-u", ALICE))
        self.assertIn("scanned=4 skipped=0", self.rescan("-u", ALICE, "--again"))
        self.alice.do("RENAME", "Junk", "Renamed")
        self.addCleanup(self.alice.do, "DELETE", "Renamed")
        self.assertIn("scanned=0 skipped=4", self.rescan("-u", ALICE))

    def test_what_is_not_done_is_not_skipped(self):
        """A scanner that fails, a dry run, a run over some messages only, a brake: next time they are asked for again."""
        self.alice.put("INBOX", message("clean"))
        self.alice.put("INBOX", message("bad", body=VIRUS + "\r\n"))
        self.scanner.answer = "status=error\nreason=broken\n"
        self.assertIn("unscanned=2", self.rescan("-u", ALICE, code=75))
        self.scanner.answer = None
        for words in (["--dry-run"], ["--since", "1days", "--dry-run"]):
            self.assertIn("scanned=2 skipped=0 infected=1 removed=0", self.rescan("-u", ALICE, *words))
        self.assertIn("scanned=2 skipped=0 infected=1 removed=1", self.rescan("-u", ALICE, "--since", "1days"))
        self.assertIn("scanned=1 skipped=0", self.rescan("-u", ALICE))
        for number in range(7):
            self.alice.put("INBOX", message(f"bad {number}", body=VIRUS + "\r\n"))
        self.assertIn("skipped=1 infected=7 removed=5", self.rescan("-u", ALICE, code=75))
        self.assertIn("skipped=1 infected=2 removed=2", self.rescan("-u", ALICE))

    def test_several_at_once_and_in_order(self):
        for number in range(12):
            self.alice.put("INBOX", message(f"m{number}", body=(VIRUS if number % 4 == 0 else "harmless") + "\r\n"))
        self.scanner.company = 4
        self.assertIn("scanned=12 skipped=0 infected=3 removed=3", self.rescan("-u", ALICE, "--workers", "4"))
        self.assertEqual(self.scanner.busiest, 4)
        self.assertEqual(self.alice.subjects("INBOX"), [f"m{n}" for n in range(12) if n % 4])
        self.rescan("-u", ALICE, "--workers", "0", code=78)

    def test_interrupted_and_resumed(self):
        for number in range(30):
            self.alice.put("INBOX", message(f"m{number}", body=(VIRUS if number == 3 else "harmless") + "\r\n"))
        self.scanner.delay = 0.3
        process = self.server.doveadm_start("shoveler", "rescan", "-A", "--workers", "1", "--progress", "0")
        self.wait_for(lambda: len(self.scanner.seen) >= 8)
        process.terminate()
        report = process.communicate(timeout=120)[1]
        self.assertIn("(interrupted)", report)
        self.assertRegex(report, r"so far: users=1 mailboxes=\d scanned=5 ")
        self.assertNotEqual(process.returncode, 0)
        done = len(self.scanner.seen)
        self.assertLess(done, 30)
        self.assertEqual(len(self.alice.subjects("INBOX")), 29)
        self.scanner.delay = 0
        self.assertIn(f"scanned={30 - done} skipped={done - 1} infected=0", self.rescan("-u", ALICE))

    def test_killed(self):
        """What was not expunged yet is found again, however far the run was."""
        for number in range(230):
            self.alice.put("INBOX", message(f"m{number}", body=(VIRUS if number == 205 else "harmless") + "\r\n"))
        self.scanner.hold_at = 210
        process = self.server.doveadm_start("shoveler", "rescan", "-A", "--workers", "1")
        self.wait_for(lambda: len(self.scanner.seen) >= 210, 60)
        process.kill()
        process.communicate(timeout=120)
        self.scanner.hold_at = None
        self.scanner.released.set()
        self.scanner.seen.clear()
        self.assertIn("skipped=200 infected=1 removed=1", self.rescan("-u", ALICE))
        self.assertEqual(len(self.scanner.seen), 30)
        self.assertEqual(len(self.alice.subjects("INBOX")), 229)

    def test_gives_up_without_a_scanner(self):
        for number in range(25):
            self.alice.put("INBOX", message(f"m{number}"))
        path = self.server.path("run-shoveler/scanner.sock")
        os.rename(path, path + ".away")
        try:
            report = self.rescan("-A", code=75)
        finally:
            os.rename(path + ".away", path)
        self.assertIn("there is no scanner: given up", report)
        self.assertRegex(report, r"users=[12] .* unscanned=2[0-3] .*\(given up\)")

    def test_one_bad_message_does_not_end_the_run(self):
        for number in range(25):
            self.alice.put("INBOX", message(f"m{number}"))
        self.scanner.answer = ""
        self.assertIn("unscanned=25", self.rescan("-A", code=75))

    def test_one_broken_mailbox_does_not_end_the_run(self):
        """Alice comes first; Bob's mail is scanned all the same."""
        bob = self.server.imap(BOB)
        bob.put("INBOX", message("bob's", body=VIRUS + "\r\n"))
        bob.logout()
        self.alice.do("CREATE", "Broken")
        self.addCleanup(self.alice.do, "DELETE", "Broken")
        folder = self.server.path("home", ALICE, "Maildir/.Broken/cur")
        os.rename(folder, folder + ".away")
        with open(folder, "w", encoding="ascii"):
            pass
        try:
            report = self.rescan("-A", code=75)
        finally:
            os.unlink(folder)
            os.rename(folder + ".away", folder)
        self.assertRegex(report, r"users=2 .* infected=1 removed=1 unscanned=0 errors=1 ")

    def test_history(self):
        self.alice.put("INBOX", message("bad", "Message-ID: <bad@client.test>", body=VIRUS + "\r\n"))
        self.rescan("-u", ALICE, "--dry-run")
        self.assertEqual(self.spamtraind.notes, [])
        self.rescan("-u", ALICE)
        (note, text), = self.spamtraind.notes
        self.assertRegex(note.pop("id"), r"^INBOX:\d+$")
        self.assertEqual(note, {"request": "virus", "user": ALICE, "virus": "Test.Virus", "source": "rescan"})
        self.assertIn(b"Message-ID: <bad@client.test>", text)

    def test_without_history(self):
        self.alice.put("INBOX", message("bad", body=VIRUS + "\r\n"))
        path = self.server.path("run-shoveler/spamtraind.sock")
        os.rename(path, path + ".away")
        try:
            report = self.rescan("-u", ALICE)
        finally:
            os.rename(path + ".away", path)
        self.assertIn("may not find in their history", report)
        self.assertIn("infected=1 removed=1", report)

    def test_hidden_folders(self):
        """What no client lists: not subscribed, in a namespace of its own that is hidden."""
        self.server.doveadm("save", "-u", ALICE, "-m", "@hidden/Old", stdin=message("bad", body=VIRUS + "\r\n"))
        self.assertNotIn("@hidden/Old", self.alice.folders())
        self.assertIn("infected=1 removed=1", self.rescan("-u", ALICE))

    def test_metrics(self):
        self.alice.put("INBOX", message("bad", body=VIRUS + "\r\n"))
        path = self.server.path("shoveler/rescan.prom")
        if os.path.exists(path):
            os.unlink(path)
        self.rescan("-u", ALICE, "--dry-run")
        self.rescan("-A", "--since", "1days", "--dry-run")
        self.assertFalse(os.path.exists(path))
        self.rescan("-A")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for line in ("shoveler_rescan_infected 1", "shoveler_rescan_removed 1", "shoveler_rescan_users 2", "shoveler_rescan_complete 1",
                     f'shoveler_rescan_database_info{{version="{self.id()}"}} 1'):
            self.assertIn("\n" + line + "\n", text)

    def test_since(self):
        self.alice.put("INBOX", message("new", body=VIRUS + "\r\n"))
        time.sleep(1.1)
        self.assertIn("scanned=0", self.rescan("-u", ALICE, "--since", time.strftime("%Y-%m-%d", time.gmtime(
            time.time() + 2 * 86400))))
        self.assertIn("scanned=1", self.rescan("-u", ALICE, "--since", "1days"))


if __name__ == "__main__":
    main()

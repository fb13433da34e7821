"""shoveler-lda between an LMTP client and a real Dovecot: who gets what, whatever fails; sessions and configuration."""

import json
import os
import shutil
import signal
import smtplib
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

from case import ALICE, BOB, SANITIZED, USERS, LdaTest, field, fields, message
from host import MAIL_UID, transaction, wait_for


class Delivery(LdaTest):
    def test_each_recipient_has_his_own_verdict(self):
        replies = self.deliver(ALICE, "nobody@example.test", "Bob+x@Example.test")
        self.assertEqual([code for code, _ in replies], [250, 550, 250])
        alice, bob = self.host.messages(ALICE)[0], self.host.messages(BOB)[0]
        for raw in alice, bob:
            self.assertEqual(field(raw, "X-DSPAM-Result"), "Innocent")
            self.assertRegex(field(raw, "X-DSPAM-Signature"), r"^[0-9a-f]{24}$")
            self.assertRegex(field(raw, "X-DSPAM-Probability"), r"^[01]\.\d{4}$")
            self.assertRegex(field(raw, "X-DSPAM-Confidence"), r"^[01]\.\d{4}$")
            self.assertTrue(time.strptime(field(raw, "X-DSPAM-Processed"), "%a %b %d %H:%M:%S %Y"))
        self.deliver(ALICE, subject="Another")
        self.assertNotEqual(field(alice, "X-DSPAM-Signature"), field(self.host.messages(ALICE)[1], "X-DSPAM-Signature"))
        self.assertEqual(self.metric('shoveler_lda_recipients_total{outcome="delivered"}'), 3)
        self.assertEqual(self.metric('shoveler_lda_recipients_total{outcome="refused"}'), 1)
        self.assertEqual(sorted(os.listdir(self.host.path("shoveler/users/example.test"))), ["alice", "bob"])
        self.assertRegex(self.host.read("lda.log"), r"4Q2XzK: user=<bob@example.test>, to=<Bob\+x@Example.test>, "
                         r"from=<sender@client.test>, result=Innocent, .*action=deliver, .*status=sent \(250 ")

    def test_forged_fields_die(self):
        forged = b"X-DSPAM-Result: Innocent\r\nx-dspam-SIGNATURE : forged\r\n\tforged\r\nX-Shoveler-Submitter: v1; mac=1\r\n"
        self.deliver(ALICE, header=forged + b"X-Keep: me\r\n")
        raw = self.host.messages(ALICE)[0]
        self.assertNotIn(b"forged", raw)
        self.assertNotIn(b"Submitter", raw)
        self.assertEqual(field(raw, "X-Keep"), "me")
        self.assertEqual(len(fields(raw, "X-DSPAM-Signature")), 1)

    def test_nothing_else_changes(self):
        bodies = [
            b".\r\n..\r\n.x\r\n",
            b"8bit \xff\xfe \xc3\xa4\r\n" + b"x" * 20000 + b"\r\n",
            b"",
            b"bare \r carriage \r returns\r\n",
            b"\r\n\r\n \r\n",
        ]
        for number, body in enumerate(bodies):
            self.deliver(ALICE, subject=f"n{number}", body=body, header=b"X-A:b\r\nX-C :  d\r\n\te \r\n")
        for number, (body, raw) in enumerate(zip(bodies, self.host.messages(ALICE))):
            sent = message(f"n{number}", body, b"X-A:b\r\nX-C :  d\r\n\te \r\n").replace(b"\r\n", b"\n")
            self.assertEqual(raw.replace(b"\r\n", b"\n").split(b"X-DSPAM-Signature: ")[1][25:], sent)

    def test_a_zero_byte_ends_nothing(self):
        """Dovecot itself writes another byte for it."""
        self.assertEqual(self.deliver(ALICE, subject="zero", body=b"before\0after\r\n")[0][0], 250)
        self.assertRegex(self.host.messages(ALICE)[0].split(b"\n\n")[1], rb"^before[\0\x80]after\r?\n$")

    def test_many_recipients_at_once(self):
        recipients = [f"alice+{i}@example.test" if i % 3 == 0 else f"bob+{i}@example.test" if i % 3 == 1 else f"nobody{i}@example.test"
                      for i in range(30)]
        replies = self.deliver(*recipients)
        self.assertEqual([code for code, _ in replies], [550 if name.startswith("nobody") else 250 for name in recipients])
        for name, (_, text) in zip(recipients, replies):
            self.assertIn(name.encode(), text)
        self.assertEqual([len(self.host.messages(user)) for user in USERS], [10, 10])
        # one user, one message: one verdict, however many addresses
        self.assertEqual(len({field(raw, "X-DSPAM-Signature") for raw in self.host.messages(ALICE)}), 1)
        self.assertEqual(self.metric("shoveler_lda_messages_total"), 1)

    def test_what_dovecot_takes_for_an_end_does_not_end_it(self):
        for number, end in enumerate([b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"]):
            body = b"one" + end + b"MAIL FROM:<evil@x>\r\nRCPT TO:<" + BOB.encode() + b">\r\nDATA\r\nevil\r\n"
            replies = self.host.deliver([ALICE], message(f"s{number}").replace(b"Some text.\r\n", b"") + body)
            self.assertEqual(replies[0][0], 250)
            self.assertIn(b"evil", self.host.messages(ALICE)[number])
        self.assertEqual(self.host.messages(BOB), [])
        self.assertEqual(len(self.host.messages(ALICE)), 5)

    def test_a_signature_by_dkim_still_verifies(self):
        dkim, key, record = self.dkim()
        for canonicalize in (b"relaxed", b"relaxed"), (b"simple", b"simple"):
            sent = message("Signed " + canonicalize[0].decode(), b"a \r\n.b\r\n\r\n\r\n", b"X-Long: a\r\n\tb\r\n")
            signature = dkim.sign(sent, b"s", b"client.test", key, canonicalize=canonicalize)
            self.host.deliver([ALICE], signature + sent)
            raw = self.host.messages(ALICE)[-1].replace(b"\n", b"\r\n")
            self.assertTrue(field(raw, "X-DSPAM-Result"))
            self.assertTrue(dkim.verify(raw, dnsfunc=lambda *_, **__: record))

    def test_a_large_message(self):
        body = b"".join(b"%08d 123456789 123456789 123456789 123456789 123456789\r\n" % i for i in range(500000)) # 31 MB
        self.assertEqual(self.deliver(ALICE, BOB, body=body)[1][0], 250)
        self.assertEqual(self.host.messages(BOB)[0].replace(b"\n", b"\r\n")[-len(body):], body)
        self.assertEqual(field(self.host.messages(BOB)[0], "X-DSPAM-Result"), "Innocent")
        self.assertLess(self.megabytes(), 60 if SANITIZED else 12)


class Large(LdaTest):
    """A mailbox takes it, whatever the others' limits are."""

    quota = "300M"

    def test_memory_while_50_megabytes_are_delivered(self):
        """Sampled all the time, from the first byte to the last reply."""
        lines = 850000 # of 62 bytes: 52 MB
        used, ended = [], threading.Event()

        def sample():
            while not ended.is_set():
                used.append(self.megabytes())
                time.sleep(0.005)

        self.deliver(ALICE, BOB)
        before = self.megabytes()
        sampler = threading.Thread(target=sample)
        sampler.start()
        with self.host.lmtp() as client:
            client.ehlo_or_helo_if_needed()
            client.mail("sender@client.test")
            for user in (ALICE, BOB):
                self.assertEqual(client.rcpt(user)[0], 250)
            client.putcmd("data")
            self.assertEqual(client.getreply()[0], 354)
            client.send(message(body=b""))
            for start in range(0, lines, 10000):
                client.send(b"".join(b"%08d 123456789 123456789 123456789 123456789 123456789\r\n" % i
                                     for i in range(start, start + 10000)))
            at_end_of_data = len(used)
            client.send(b".\r\n")
            replies = [client.getreply()[0] for _ in (ALICE, BOB)]
        ended.set()
        sampler.join()
        self.assertEqual(replies, [250, 250])
        self.assertGreater(len(self.host.messages(BOB)[-1]), 50_000_000)
        # Taken while it came in and while it went out.
        self.assertGreater(at_end_of_data, 20)
        self.assertGreater(len(used) - at_end_of_data, 5)
        self.assertLess(max(used) - before, 60 if SANITIZED else 12, f"{before} MB before")


class Refusals(LdaTest):
    quota = "20k"

    def test_over_quota(self):
        replies = self.deliver(ALICE, BOB, body=(b"x" * 70 + b"\r\n") * 600)
        self.assertEqual([code for code, _ in replies], [552, 552])
        self.assertIn(b"5.2.2", replies[0][1])
        self.assertEqual(self.host.messages(ALICE), [])
        self.assertEqual(self.metric('shoveler_lda_recipients_total{outcome="refused"}'), 2)


class Internationalized(LdaTest):
    """RFC 6531: nobody's address becomes another one, or none."""

    def mail(self, sender, recipient=ALICE, text="Subject: x\r\n\r\nx\r\n"):
        with self.host.lmtp() as client:
            client.ehlo_or_helo_if_needed()
            client.command_encoding = "utf-8"
            self.assertEqual(client.docmd("MAIL", f"FROM:<{sender}> BODY=8BITMIME SMTPUTF8")[0], 250)
            replies = [client.docmd("RCPT", f"TO:<{recipient}>")]
            if replies[0][0] == 250:
                client.putcmd("data")
                client.getreply()
                client.send(text.encode() + b".\r\n")
                replies = [client.getreply()]
            return replies[0]

    def test_as_much_as_dovecot_has(self):
        with smtplib.LMTP(self.host.path("run/lmtp"), local_hostname="test") as dovecot:
            dovecot.ehlo_or_helo_if_needed()
            takes = dovecot.has_extn("smtputf8")
        code, text = self.mail("\u00e9@client.test")
        if takes:
            self.assertEqual(code, 250)
            self.assertIn("Return-Path: <\u00e9@client.test>".encode(), self.host.messages(ALICE)[0])
        else:
            self.assertEqual((code, text[:5]), (550, b"5.6.7"))
            self.assertEqual(self.host.messages(ALICE), [])
        # Text in the header does no harm: that is what 8BITMIME mail has had for ever.
        before = len(self.host.messages(ALICE))
        self.assertEqual(self.mail("e@client.test", text="Subject: \u00e9\r\n\r\nx\r\n")[0], 250)
        self.assertIn("Subject: \u00e9".encode(), self.host.messages(ALICE)[before])
        self.assertIn(b"Return-Path: <e@client.test>", self.host.messages(ALICE)[before])
        # Whom Dovecot does not know it says itself.
        self.assertGreaterEqual(self.mail("e@client.test", recipient="\u00e9@example.test")[0], 500)


class Failures(LdaTest):
    def test_dovecot_is_down(self):
        self.assertEqual(self.deliver(ALICE, subject="first")[0][0], 250)
        self.host.stop_dovecot()
        replies = self.deliver(ALICE, BOB, subject="second")
        self.assertEqual([code for code, _ in replies], [451, 451])
        self.assertEqual(self.metric("shoveler_lda_nexthop_errors_total"), 2)
        self.assertEqual(self.metric('shoveler_lda_recipients_total{outcome="deferred"}'), 2)
        self.host.start_dovecot()
        self.assertEqual([code for code, _ in self.deliver(ALICE, BOB, subject="second")], [250, 250])
        self.assertEqual([len(self.host.messages(user)) for user in USERS], [2, 1])

    def test_a_redelivery_keeps_its_verdict(self):
        for _ in range(2):
            self.assertEqual(self.deliver(ALICE)[0][0], 250)
        first, second = self.host.messages(ALICE)
        self.assertEqual(field(first, "X-DSPAM-Signature"), field(second, "X-DSPAM-Signature"))
        self.assertEqual(field(first, "X-DSPAM-Probability"), field(second, "X-DSPAM-Probability"))
        self.assertEqual(self.metric("shoveler_lda_again_total"), 1)

    def test_a_damaged_store_defers(self):
        self.deliver(ALICE)
        self.host.stop_lda()
        folder = self.host.path("shoveler/users/example.test/alice")
        for name in os.listdir(folder):
            os.rename(os.path.join(folder, name), os.path.join(folder, "saved." + name))
        with open(os.path.join(folder, "store.sqlite"), "wb") as file:
            file.write(b"this is no database" * 1000)
        self.host.start_lda()
        replies = self.deliver(ALICE, BOB, subject="damaged")
        self.assertEqual([code for code, _ in replies], [451, 250])
        self.assertEqual(len(self.host.messages(ALICE)), 1)
        self.assertEqual(self.metric("shoveler_lda_store_errors_total"), 1)
        os.unlink(os.path.join(folder, "store.sqlite"))
        for name in os.listdir(folder):
            os.rename(os.path.join(folder, name), os.path.join(folder, name.removeprefix("saved.")))
        self.assertEqual(self.deliver(ALICE, subject="damaged")[0][0], 250)

    def change_store(self, sql):
        with sqlite3.connect(self.host.path("shoveler/users/example.test/alice/store.sqlite"), timeout=20) as db:
            db.execute(sql)
        db.close()

    def test_a_store_with_a_broken_schema_defers(self):
        self.deliver(ALICE)
        self.change_store("ALTER TABLE message RENAME TO elsewhere")
        self.assertEqual([code for code, _ in self.deliver(ALICE, BOB, subject="broken")], [451, 250])
        self.assertEqual(self.metric("shoveler_lda_store_errors_total"), 1)
        self.change_store("ALTER TABLE elsewhere RENAME TO message")
        self.assertEqual(self.deliver(ALICE, subject="broken")[0][0], 250)

    def test_a_failing_classifier_delivers_unmarked(self):
        self.deliver(ALICE)
        self.change_store("CREATE TRIGGER fail BEFORE INSERT ON message BEGIN SELECT RAISE(ABORT, 'made to fail'); END")
        self.assertEqual([code for code, _ in self.deliver(ALICE, BOB, subject="unmarked", header=b"X-DSPAM-Result: forged\r\n")],
                         [250, 250])
        self.assertNotIn(b"X-DSPAM", self.host.messages(ALICE)[1])
        self.assertEqual(field(self.host.messages(BOB)[0], "X-DSPAM-Result"), "Innocent")
        self.assertEqual(self.metric("shoveler_lda_classifier_errors_total"), 1)
        self.assertEqual(self.metric('shoveler_lda_recipients_total{outcome="unmarked"}'), 1)
        self.assertRegex(self.host.read("lda.log"), r"user=<alice@example.test>: not classified: .*made to fail")
        self.assertRegex(self.host.read("lda.log"), r"user=<alice@example.test>.*result=none, action=unmarked.*status=sent")

    def test_an_address_that_names_no_user_is_left_to_dovecot(self):
        self.assertEqual(self.deliver('"a b"@example.test')[0][0], 550)
        self.assertEqual(self.deliver("../../etc@example.test")[0][0], 550)
        self.assertFalse(os.path.exists(self.host.path("shoveler/users/example.test")))

    def test_kill_9_under_load(self):
        """Each message is sent until it is taken, as Postfix does. None is lost; twice only where a reply was lost."""
        threads, calm = 4, threading.Event()
        sent, unanswered = [], []

        def send(number):
            while not calm.is_set():
                number += threads
                sent.append(number)
                while True:
                    try:
                        if self.deliver(ALICE, subject=f"kill{number}")[0][0] == 250:
                            break
                    except (OSError, AssertionError, EOFError, ValueError):
                        pass
                    except Exception as error:  # smtplib's own
                        if type(error).__module__ != "smtplib":
                            raise
                    unanswered.append(number)
                    time.sleep(0.05)

        senders = [threading.Thread(target=send, args=(i,)) for i in range(threads)]
        for sender in senders:
            sender.start()
        for _ in range(4):
            time.sleep(0.7)
            self.host.stop_lda(signal.SIGKILL)
            self.host.start_lda()
        calm.set()
        for sender in senders:
            sender.join()
        found = {}
        for raw in self.host.messages(ALICE):
            found.setdefault(field(raw, "Subject"), []).append(field(raw, "X-DSPAM-Signature"))
        self.assertEqual(set(found), {f"kill{number}" for number in sent})
        twice = {subject for subject, signatures in found.items() if len(signatures) > 1}
        self.assertLessEqual(twice, {f"kill{number}" for number in unanswered})
        # whatever was delivered again, was not classified again
        self.assertTrue(all(len(set(signatures)) == 1 for signatures in found.values()))
        print(f"# {len(sent)} messages, {len(unanswered)} tries without an answer, {len(twice)} delivered twice")

    def test_sigterm_drains(self):
        with self.host.lmtp() as client:
            client.ehlo_or_helo_if_needed()
            self.assertEqual(transaction(client, [ALICE], message("drained"))[0][0], 250)
            started = time.monotonic()
            self.assertEqual(self.host.stop_lda(), 0)
            self.assertLess(time.monotonic() - started, 20)
            client.close()
        self.assertEqual(len(self.host.messages(ALICE)), 1)


class Together(LdaTest):
    """Recipients whose copy is the same: Dovecot gets it once, and keeps it as one file with several names."""
    users = [f"{name}@example.test" for name in ("alice", "bob", "carol", "dave", "erin")]

    def sharers(self, user, number=-1):
        """In how many mailboxes the file is."""
        folder = self.host.path("home", user, "Maildir/new")
        names = sorted(os.listdir(folder), key=lambda name: os.stat(os.path.join(folder, name)).st_ctime_ns)
        return os.stat(os.path.join(folder, names[number])).st_nlink

    def test_equal_copies_are_one(self):
        self.assertEqual([code for code, _ in self.deliver(*self.users)], [250] * 5)
        self.assertEqual([self.sharers(user) for user in self.users], [5] * 5)
        raws = [self.host.messages(user)[0] for user in self.users]
        self.assertEqual(len(set(raws)), 1)
        self.assertEqual(fields(raws[0], "Delivered-To"), [])
        # one signature, but each can only say something of his own copy
        signature = field(raws[0], "X-DSPAM-Signature")
        self.host.spamtrain("unlearn", self.users[1], signature)
        rows = [json.loads(self.host.spamtrain("--json", "history", user))[0] for user in self.users]
        self.assertEqual({row["signature"] for row in rows}, {signature})
        self.assertEqual([row["taught"] for row in rows], ["innocent", "none", "innocent", "innocent", "innocent"])
        self.assertEqual([row["outcome"] for row in rows], ["delivered"] * 5)

    def test_who_differs_has_a_copy_of_his_own(self):
        alice, bob, carol, dave, erin = self.users
        self.host.spamtrain("preference", "set", bob, "optOut", "on")
        self.host.spamtrain("preference", "set", dave, "showFactors", "on")
        self.deliver(erin, subject="again")
        signature = field(self.host.messages(erin)[0], "X-DSPAM-Signature")
        self.assertEqual([code for code, _ in self.deliver(*self.users, "nobody@example.test", subject="again")], [250] * 5 + [550])
        self.assertIn([self.sharers(user) for user in self.users], ([3, 1, 3, 3, 1], [2, 1, 2, 1, 1]))
        self.assertNotIn(b"X-DSPAM", self.host.messages(bob)[0])
        self.assertEqual(field(self.host.messages(erin)[1], "X-DSPAM-Signature"), signature)
        self.assertNotEqual(field(self.host.messages(alice)[0], "X-DSPAM-Signature"), signature)

    def test_one_user_s_trouble_is_his_alone(self):
        folder = self.host.path("shoveler/users/example.test/bob")
        os.makedirs(folder)
        with open(os.path.join(folder, "store.sqlite"), "wb") as file:
            file.write(b"this is no database" * 1000)
        subprocess.run(["chown", "-R", "nobody", self.host.path("shoveler/users")], check=True)
        os.makedirs(self.host.path("home", self.users[2]))
        os.chown(self.host.path("home", self.users[2]), MAIL_UID, -1)
        with open(self.host.path("home", self.users[2], "Maildir"), "w", encoding="ascii"):
            pass
        replies = self.deliver(*self.users)
        self.assertEqual([code for code, _ in replies], [250, 451, 451, 250, 250])
        self.assertIn(b"filter cannot be opened", replies[1][1])
        self.assertEqual([self.sharers(user) for user in self.users if user not in self.users[1:3]], [3] * 3)
        os.unlink(self.host.path("home", self.users[2], "Maildir"))
        shutil.rmtree(folder)
        self.assertEqual([code for code, _ in self.deliver(*self.users[1:3])], [250, 250])
        # carol's verdict was found at the first attempt
        self.assertEqual(self.metric("shoveler_lda_again_total"), 1)
        self.assertIn('"outcome": "delivered"', self.host.spamtrain("--json", "history", self.users[2]))


class SmallBatches(Together):
    settings = "lda_batch_size = 2\nlda_parallel = 1\n"

    def test_equal_copies_are_one(self):
        self.assertEqual([code for code, _ in self.deliver(*self.users)], [250] * 5)
        self.assertEqual([self.sharers(user) for user in self.users], [2, 2, 2, 2, 1])

    def test_who_differs_has_a_copy_of_his_own(self):
        self.host.spamtrain("preference", "set", self.users[2], "optOut", "on")
        self.assertEqual([code for code, _ in self.deliver(*self.users)], [250] * 5)
        self.assertEqual([self.sharers(user) for user in self.users], [2, 2, 1, 1, 1])

    test_one_user_s_trouble_is_his_alone = None


class Sessions(LdaTest):
    settings = "lda_max_sessions = 200\nlda_timeout = 120s\n"

    def open(self):
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.settimeout(120)
        s.connect(self.host.socket)
        return s

    def test_200_at_a_time_and_no_more(self):
        sessions = [self.open() for _ in range(200)]
        for s in sessions:
            s.sendall(b"LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n")
        for s in sessions:
            seen = b""
            while b"354 " not in seen:
                part = s.recv(4096)
                self.assertTrue(part)
                seen += part
            s.sendall(b"Subject: x\r\n\r\n" + b"text of it\r\n" * 20000)
        wait_for(lambda: self.metric("shoveler_lda_sessions") == 200, "200 sessions")
        time.sleep(0.5)
        used = self.megabytes()
        print(f"# {used:.0f} MB")
        self.assertLess(used, 300 if SANITIZED else 60)
        late = self.open()
        late.settimeout(0.5)
        with self.assertRaises(socket.timeout):
            late.recv(100)
        sessions[0].close()
        late.settimeout(60)
        self.assertTrue(late.recv(100).startswith(b"220 "))
        self.assertEqual(self.host.messages(ALICE), [])

    def test_a_silent_client_holds_no_place_for_ever(self):
        self.host.write("etc/main.cf", self.host.read("etc/main.cf") + "lda_timeout = 1s\n")
        self.host.stop_lda()
        self.host.start_lda()
        silent, slow = self.open(), self.open()
        slow.sendall(b"LHLO x\r\n")
        started = time.monotonic()
        for s in silent, slow:
            text = b"".join(iter(lambda s=s: s.recv(1000), b""))
            self.assertIn(b"421 4.4.2", text)
        self.assertLess(time.monotonic() - started, 60)


class Configuration(LdaTest):
    def test_check(self):
        self.assertEqual(self.check().returncode, 0, self.check().stderr)
        good = self.host.read("etc/main.cf")
        for line, expected in (("lda_nexthop = nowhere", "lda_nexthop"), ("lda_nexthop =", "lda_nexthop"),
                               ("state_directory = /nowhere", "state_directory"), ("lda_user = nosuchuser", "nosuchuser"),
                               ("lda_listen_group = nosuchgroup", "nosuchgroup"), ("lda_nexthopp = x", "lda_nexthop")):
            self.host.write("etc/main.cf", good + "\n" + line + "\n")
            result = self.check()
            self.assertEqual(result.returncode, 78, line)
            self.assertIn(expected, result.stderr)
        self.host.write("etc/main.cf", good)

    def test_the_log_is_rotated(self):
        """As logrotate does it with "create": the new file has the owner and mode of the old one."""
        log, old = self.host.path("lda.log"), self.host.path("lda.log.1")
        os.rename(log, old)
        before = os.stat(old)
        self.assertEqual(before.st_mode & 0o777, 0o640)
        with open(log, "wb"):
            pass
        os.chown(log, before.st_uid, before.st_gid)
        os.chmod(log, before.st_mode & 0o777)
        self.host.lda.send_signal(signal.SIGHUP)
        wait_for(lambda: "reloaded" in self.host.read("lda.log"), "the reload")
        self.assertEqual(self.deliver(ALICE)[0][0], 250)
        self.assertIn("action=deliver", self.host.read("lda.log"))
        self.assertNotIn("warning", self.host.read("lda.log.1"))

    def test_reload_moves_to_another_nexthop(self):
        good = self.host.read("etc/main.cf")
        self.host.write("etc/main.cf", good.replace("run/lmtp", "run/nobody-listens"))
        self.host.lda.send_signal(signal.SIGHUP)
        wait_for(lambda: "reloaded" in self.host.read("lda.log"), "the reload")
        self.assertEqual(self.deliver(ALICE)[0][0], 451)
        self.host.write("etc/main.cf", "nonsense")
        self.host.lda.send_signal(signal.SIGHUP)
        wait_for(lambda: "reload refused" in self.host.read("lda.log"), "the refusal")
        self.assertEqual(self.deliver(ALICE)[0][0], 451)
        self.host.write("etc/main.cf", good)
        self.host.lda.send_signal(signal.SIGHUP)
        wait_for(lambda: self.host.read("lda.log").count("reloaded") == 2, "the second reload")
        self.assertEqual(self.deliver(ALICE)[0][0], 250)


if __name__ == "__main__":
    unittest.main(verbosity=2)

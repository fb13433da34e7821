"""The daily digest and its links, beside a real Dovecot and shoveler-lda."""

import email
import email.policy
import os
import re
import signal
import time
import unittest

from case import ALICE, BOB, RequestTest, attached, field, message, same_day
from service import HAM, wait_for


class DigestTest(RequestTest):
    settings = """default_preferences = spamAction=quarantine
digest_hour = 0
web_url = https://mail.example.test/filter/
link_secret_file = {top}/etc/link.secret
"""

    def prepare(self):
        """The service reads the secret when it starts."""
        with open(self.host.path("etc/link.secret"), "wb") as file:
            file.write(b"a secret of the links, 32 bytes.")
        os.chmod(self.host.path("etc/link.secret"), 0o600)
        self.host.write("etc/main.cf", self.host.read("etc/main.cf").replace("{top}", self.host.top))

    def digests(self, user=ALICE):
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.host.messages(user)
                if b"Auto-Submitted: auto-generated" in raw]

    # Late, or the first look would see that there is nothing, and be done for the day; and while nobody looks.
    def wants(self, user=ALICE, **more):
        self.host.stop_trainer()
        for preference in {"dailyQuarantineSummary": "on", **more}.items():
            self.change(user, "INSERT OR REPLACE INTO preference VALUES (?, ?)", *preference)

    def next_look(self, number=signal.SIGTERM):
        """The service looks a second after its start."""
        self.host.stop_trainer(number)
        self.host.start_trainer()

    def next_day(self, user=ALICE):
        self.host.stop_trainer()
        self.change(user, "UPDATE digest SET day = day - 1")
        self.host.start_trainer()

    def sent(self, count, user=ALICE):
        wait_for(lambda: len(self.digests(user)) >= count, "the digest")
        self.assertEqual(len(self.digests(user)), count)
        return self.digests(user)[-1]

    def looked(self):
        """It has looked, and there was nothing to do."""
        time.sleep(3)

    @staticmethod
    def body(mail, kind="plain"):
        return mail.get_body((kind,)).get_content()

    @staticmethod
    def tokens(mail):
        """Those of the plain text, and the same in HTML: release and spam of each message, then delete-all."""
        found = [re.findall(r"https://mail.example.test/filter/link\?t=([0-9a-z.]+)", DigestTest.body(mail, kind))
                 for kind in ("plain", "html")]
        assert found[0] == found[1], found
        return found[0]


class Digest(DigestTest):
    def test_once_a_day_and_only_what_is_new(self):
        same_day()
        self.hold_many(3)
        self.wants()
        self.next_look()
        mail = self.sent(1)
        self.assertEqual((mail["Return-Path"], mail["To"], mail["Auto-Submitted"]), ("<>", ALICE, "auto-generated"))
        self.assertEqual(mail["Subject"], "Your spam quarantine: 3 new")
        body = self.body(mail)
        order = [int(n) for n in re.findall(r"Subject: held (\d)", body)]
        self.assertEqual(order, sorted(range(3), key=lambda i: (i * 3) % 3))
        self.assertIn("In your quarantine, old and new: 3 messages", body)
        self.assertEqual(len(re.findall("will be deleted on", body)), 3)
        self.assertIsNone(mail["X-DSPAM-Signature"])
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.next_look(number)
        self.looked()
        self.assertEqual(len(self.digests()), 1)
        day = self.query(ALICE, "SELECT day FROM digest")
        self.next_day()
        wait_for(lambda: self.query(ALICE, "SELECT day FROM digest") == day, "the end of a day with nothing new")
        self.assertEqual(len(self.digests()), 1)
        fresh = self.deliver(ALICE, "fresh")
        self.ask("retrain", signature=fresh, **{"class": "spam"})
        self.host.deliver([ALICE], message("fresh"))
        self.next_day()
        mail = self.sent(2)
        self.assertEqual(mail["Subject"], "Your spam quarantine: 1 new")
        self.assertIn("old and new: 4 messages", self.body(mail))
        wait_for(lambda: self.host.metric('shoveler_spamtraind_digests_total{outcome="sent"}') == 1, "the count of digests")
        self.assertIn(f"digest: user=<{ALICE}>, action=digest, outcome=sent, messages=1", self.host.read("lda.log"))

    def test_only_who_wants_it_and_in_his_language(self):
        self.hold(BOB, "for bob")
        self.hold_many(2)
        bill = self.deliver(ALICE, "Votre FACTURE")
        self.ask("retrain", signature=bill, **{"class": "spam"})
        self.host.deliver([ALICE], message("Votre FACTURE"))
        self.change(ALICE, "UPDATE message SET score = 99 WHERE subject = 'Votre FACTURE'")
        self.wants(locale="fr", alerts="facture, boss@work.test")
        self.next_look()
        mail = self.sent(1)
        self.assertEqual((mail["Content-Language"], mail["Subject"]), ("fr", "Votre quarantaine : 3 en plus"))
        body = self.body(mail)
        self.assertEqual(re.findall(r"Objet: (.*)", body)[0], "Votre FACTURE")
        self.assertIn("correspond \u00e0 l'une de vos alertes", body)
        self.assertEqual(self.digests(BOB), [])

    def test_it_waits_for_dovecot(self):
        self.hold(ALICE, "one")
        self.wants()
        self.host.stop_trainer()
        self.host.stop_dovecot()
        self.host.start_trainer()
        wait_for(lambda: self.host.metric('shoveler_spamtraind_digests_total{outcome="deferred"}') == 1, "the deferral")
        self.assertEqual(self.query(ALICE, "SELECT day FROM digest"), [(0,)])
        self.host.start_dovecot()
        self.next_look()
        self.sent(1)

    def test_a_damaged_file_does_not_stop_it(self):
        self.hold_many(2)
        folder = os.path.join(os.path.dirname(self.host.store(ALICE)), "quarantine")
        os.unlink(os.path.join(folder, sorted(os.listdir(folder))[0]))
        self.wants()
        self.next_look()
        self.assertIn("the file is damaged", self.body(self.sent(1)))

    def test_killed_in_between_no_day_has_two_and_nothing_is_forgotten(self):
        self.hold(ALICE, "one")
        same_day()
        today = int(time.strftime("%Y%m%d"))
        self.wants()
        self.host.stop_trainer()
        self.change(ALICE, "INSERT OR REPLACE INTO digest VALUES (1, ?)", today)
        self.host.start_trainer()
        self.looked()
        self.assertEqual(self.digests(), [])
        self.next_day()
        self.assertIn("Subject: one", self.body(self.sent(1)))

    def test_its_signature_sent_to_the_training_address_releases(self):
        signature = self.hold(ALICE, "one")
        self.wants()
        self.next_look()
        digest = self.sent(1)
        line = re.search("X-DSPAM-Signature: [0-9a-f]{24}", self.body(digest))[0]
        reply = f"From: {ALICE}\r\nSubject: {signature}\r\nIn-Reply-To: {digest['Message-ID']}\r\n\r\n> {line}\r\n"
        self.assertEqual(self.host.train(HAM, reply.encode(), BOB)[0], 250)
        self.assertEqual(self.held(ALICE), [signature])
        self.assertEqual(self.host.train(HAM, reply.encode(), ALICE)[0], 250)
        self.host.drained()
        self.assertEqual(self.held(ALICE), [])
        self.assertEqual(field(self.host.messages(ALICE)[-1], "X-DSPAM-Result"), "Innocent")

    def test_the_digest_itself_is_never_learned(self):
        self.hold_many(2)
        self.wants()
        self.next_look()
        self.sent(1)
        raw = [raw for raw in self.host.messages(ALICE) if b"auto-generated" in raw][0].replace(b"\n", b"\r\n")
        rows = self.query(ALICE, "SELECT count(*) FROM message")
        resent = f"Resent-From: {ALICE}\r\nResent-To: {HAM}\r\n".encode() + raw
        self.assertEqual(self.host.train(HAM, resent, ALICE)[0], 250)
        self.assertEqual(self.host.train(HAM, attached([raw]), ALICE)[0], 250)
        self.assertEqual(self.query(ALICE, "SELECT count(*) FROM message"), rows)
        self.assertEqual(len(self.held(ALICE)), 2)


class Links(DigestTest):
    def link(self, request, token):
        return self.host.ask(request=request, token=token)

    def test_each_works_once(self):
        signatures = self.hold_many(3)
        self.wants()
        self.next_look()
        mail = self.sent(1)
        tokens = self.tokens(mail)
        self.assertEqual(len(tokens), 7)
        release, spam, everything = tokens[0], tokens[3], tokens[6]
        for _ in range(3):
            shown = self.link("link-show", release)
            self.assertEqual((shown["status"], shown["action"], shown["user"], shown["from"]),
                             ("ok", "release", ALICE, "Sender <sender@client.test>"))
        self.assertEqual(len(self.held(ALICE)), 3)
        used = self.link("link-use", release)
        self.assertEqual((used["status"], used["outcome"], used["released"]), ("ok", "taken_back", "yes"))
        self.assertEqual(self.host.messages(ALICE)[-1].count(b"X-DSPAM-Result: Innocent"), 1)
        for request in ("link-show", "link-use"):
            self.assertEqual(self.link(request, release)["outcome"], "used")
        self.assertEqual(self.link("link-show", tokens[1])["outcome"], "unknown")
        self.assertEqual(self.link("link-use", tokens[1])["outcome"], "unknown")
        self.assertEqual(self.link("link-use", spam)["outcome"], "already")
        self.assertEqual(len(self.held(ALICE)), 1)
        self.assertEqual(self.link("link-show", everything)["count"], "1")
        later = self.deliver(ALICE, "later")
        self.ask("retrain", signature=later, **{"class": "spam"})
        self.host.deliver([ALICE], message("later"))
        self.change(ALICE, "UPDATE quarantine SET added = added + 100 WHERE signature = ?", bytes.fromhex(later))
        self.assertEqual(self.link("link-use", everything)["deleted"], "1")
        self.assertEqual(self.held(ALICE), [later])
        self.assertEqual(self.link("link-use", everything)["outcome"], "used")
        self.next_look(signal.SIGKILL)
        self.assertEqual(self.link("link-use", release)["outcome"], "used")
        self.assertEqual(len(signatures), 3)

    def test_a_release_that_fails_does_not_use_it_up(self):
        signature = self.hold(ALICE, "one")
        self.wants()
        self.next_look()
        token = self.tokens(self.sent(1))[0]
        folder = os.path.join(os.path.dirname(self.host.store(ALICE)), "quarantine")
        name = os.listdir(folder)[0]
        aside = os.path.join(os.path.dirname(folder), "aside")
        os.rename(os.path.join(folder, name), aside)
        for _ in range(2):
            used = self.link("link-use", token)
            self.assertEqual((used["status"], used["released"]), ("ok", "no"))
            self.assertIn("vanished", used["reason"])
        os.rename(aside, os.path.join(folder, name))
        users = self.host.read("users")
        self.host.write("users", "".join(line for line in users.splitlines(True) if not line.startswith(ALICE)))
        time.sleep(1.1)  # Dovecot looks at the file once a second
        used = self.link("link-use", token)
        self.assertEqual((used["status"], used["released"]), ("ok", "no"))
        self.assertRegex(used["reason"], "^5")
        self.assertEqual(self.link("link-show", token)["status"], "ok")
        self.host.write("users", users)
        self.host.stop_dovecot()
        used = self.host.ask(request="link-use", token=token, wait="1")
        self.assertEqual((used["status"], used["outcome"], used["released"]), ("ok", "waiting", "no"))
        self.assertEqual(self.link("link-show", token)["status"], "ok")
        self.assertEqual(self.held(ALICE), [signature])
        self.host.start_dovecot()
        self.host.drained()
        wait_for(lambda: self.held(ALICE) == [], "the release")
        self.assertEqual(self.link("link-use", token)["outcome"], "unknown")

    def test_forged_and_expired_ones_do_nothing(self):
        signature = self.hold(ALICE, "one")
        self.wants()
        self.next_look()
        token = self.tokens(self.sent(1))[0]
        parts = token.split(".")
        other = "".join(f"{byte:02x}" for byte in BOB.encode())
        for wrong in ("", "x", token[:-1], token + "0", token.upper(), ".".join(["s"] + parts[1:]),
                      ".".join(parts[:1] + ["ffffffff"] + parts[2:]), ".".join(parts[:3] + [other] + parts[4:]), "." * 900, "a" * 5000):
            for request in ("link-show", "link-use"):
                self.assertEqual(self.link(request, wrong)["outcome"], "invalid", wrong)
        self.host.stop_trainer()
        self.host.write("etc/main.cf", self.host.read("etc/main.cf") + "link_lifetime = 60s\n")
        self.change(ALICE, "DELETE FROM digest")
        self.change(ALICE, "DELETE FROM announced")
        self.host.start_trainer()
        short = self.tokens(self.sent(2))[0]
        self.assertEqual(self.link("link-show", short)["status"], "ok")
        self.assertLess(int(self.link("link-show", short)["expires"]) - time.time(), 61)
        with open(self.host.path("etc/link.secret"), "wb") as file:
            file.write(b"another secret of the links....")
        self.next_look()
        self.assertEqual(self.link("link-use", token)["outcome"], "invalid")
        self.assertEqual(self.held(ALICE), [signature])


if __name__ == "__main__":
    unittest.main(verbosity=2)

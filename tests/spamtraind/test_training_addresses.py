"""Mail to the training addresses: what it teaches whom, and what the answer says."""

import email
import os
import signal
import sqlite3
import threading
import time
import unittest

from case import ALICE, BOB, CRLF, INNOCENT_CLASS, NO_CLASS, SPAM_CLASS, TrainTest, attached, by_signature, field, message
from service import HAM, SPAM, lda_uid, submitter, wait_for


class TrainingAddress(TrainTest):
    def subjects(self, user=ALICE):
        """What was corrected, by subject."""
        if not os.path.exists(self.host.store(user)):
            return {}
        return dict(self.query(user, "SELECT subject, corrected FROM message WHERE corrected <> 0"))

    def resent(self, raw, user=ALICE):
        return f"Resent-From: {user}\r\nResent-To: {SPAM}\r\nReceived: from laptop\r\n".encode() + raw.replace(b"\n", CRLF)

    def test_a_stranger_teaches_nothing(self):
        signature = self.deliver(ALICE, "one")
        raw = self.host.messages(ALICE)[0]
        forged = [b"", submitter(ALICE, secret=b"another secret of 32 bytes......"), submitter(ALICE, now=1000000000),
                  submitter(ALICE) + submitter(BOB), submitter("no-domain"), b"X-Shoveler-Submitter: v1; user=alice\r\n"]
        for field_ in forged:
            code, text = self.host.train(SPAM, field_ + raw)
            self.assertEqual(code, 550)
            self.assertTrue(text.startswith("5.7.1 "), text)
        self.assertEqual(self.corrected(ALICE, signature), 0)
        self.assertEqual(self.mail("refused"), len(forged))
        self.assertEqual(self.host.train("alice@example.test", raw, ALICE)[0], 550)

    def test_a_resent_message_is_corrected_by_its_signature(self):
        signature = self.deliver(ALICE, "one")
        raw = self.host.messages(ALICE)[0]
        for _ in range(2):
            self.assertEqual(self.host.train(SPAM.upper(), self.resent(raw), ALICE)[0], 250)
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)
        self.assertEqual((self.count("learned", "address"), self.count("already", "address")), (1, 1))
        self.assertEqual(self.host.train(HAM, self.resent(raw), ALICE)[0], 250)
        self.assertEqual(self.corrected(ALICE, signature), NO_CLASS)
        self.assertEqual(self.answers(), [])

    def test_a_foreign_signature_corrects_nobody_else(self):
        signature = self.deliver(BOB, "for bob")
        raw = self.host.messages(BOB)[0]
        self.assertEqual(self.host.train(SPAM, self.resent(raw), ALICE)[0], 250)
        self.assertEqual(self.corrected(BOB, signature), 0)
        self.assertEqual(self.subjects(), {"for bob": SPAM_CLASS})

    def test_attached_originals_are_used(self):
        known = self.deliver(ALICE, "known")
        raw = self.host.messages(ALICE)[0].replace(b"\n", CRLF)
        others = [message(f"new {i}") for i in range(30)]
        self.assertEqual(self.host.train(SPAM, attached([raw] + others), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {"known": SPAM_CLASS, **{f"new {i}": SPAM_CLASS for i in range(30)}})
        self.assertEqual(self.corrected(ALICE, known), SPAM_CLASS)
        self.assertEqual(self.host.train(HAM, attached([message("eml")], "base64"), ALICE)[0], 250)
        self.assertEqual(self.subjects()["eml"], INNOCENT_CLASS)
        self.assertEqual(self.answers(), [])

    def test_our_fields_are_not_learned(self):
        self.deliver(ALICE, "same")
        raw = self.host.messages(ALICE)[0]
        self.host.stop_trainer()
        with sqlite3.connect(self.host.store(ALICE)) as db:
            db.execute("DELETE FROM message")
        db.close()
        self.host.start_trainer()
        self.assertEqual(self.host.train(SPAM, self.resent(raw), ALICE)[0], 250)
        # The restored message is the one that was delivered: it is known again.
        self.host.deliver([ALICE], message("same"))
        self.assertEqual(field(self.host.messages(ALICE)[-1], "X-DSPAM-Result"), "Spam")

    def test_an_inline_forward_is_corrected_only_with_certainty(self):
        first, second = self.deliver(ALICE, "first"), self.deliver(ALICE, "second")
        head = b"From: alice@example.test\r\nSubject: Fwd: first\r\n"
        quoted = head + b"\r\nlook:\r\n> X-DSPAM-Signature: " + first.encode() + CRLF
        self.assertEqual(self.host.train(SPAM, quoted, ALICE)[0], 250)
        self.assertEqual(self.subjects(), {"first": SPAM_CLASS})
        answering = head.replace(b"Fwd: first", b"Re: second") + b"In-Reply-To: <second@client.test>\r\n\r\n> Some text.\r\n"
        self.assertEqual(self.host.train(SPAM, answering, ALICE)[0], 250)
        self.assertEqual(self.corrected(ALICE, second), SPAM_CLASS)
        self.assertEqual(self.answers(), [])
        other = self.deliver(BOB, "bobs")
        self.deliver(ALICE, "third")
        for text in (head + b"In-Reply-To: <third@client.test>\r\n\r\nanother subject\r\n",
                     head + b"References: <third@client.test>\r\n\r\nanother subject\r\n",
                     head + b"In-Reply-To: <bobs@client.test>\r\n\r\nx\r\n",
                     head + b"\r\nX-DSPAM-Signature: " + other.encode() + CRLF,
                     head + b"\r\nthis is spam!\r\n"):
            self.assertEqual(self.host.train(SPAM, text, ALICE)[0], 250)
        self.assertEqual(self.subjects(), {"first": SPAM_CLASS, "second": SPAM_CLASS})
        self.assertEqual(self.corrected(BOB, other), 0)
        self.assertEqual(self.mail("explained"), 5)
        self.assertEqual(len(self.answers()), 1)

    def test_an_inline_forward_is_found_by_subject_and_sender(self):
        signature = self.deliver(ALICE, "Your invoice")
        other = self.deliver(ALICE, "Our party", sender="friend@client.test")
        text = (b"From: alice@example.test\r\nSubject: TR: Fwd: Your invoice\r\n\r\nspam!\r\n\r\n> -----Message d'origine-----\r\n"
                b"> De : Sender [mailto:sender@client.test]\r\n> Objet : Your invoice\r\n> Some text.\r\n")
        self.assertEqual(self.host.train(SPAM, text, BOB)[0], 250)
        self.assertEqual(self.host.train(SPAM, text.replace(b"sender@client", b"nobody@client"), ALICE)[0], 250)
        self.assertEqual(self.host.train(SPAM, text.replace(b"> Objet : Your invoice", b"> x"), ALICE)[0], 250)
        self.assertEqual(self.host.train(SPAM, text.replace(b"Subject: TR: Fwd: Your", b"Subject: My"), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {})
        self.assertEqual(self.host.train(SPAM, text, ALICE)[0], 250)
        self.assertEqual(self.subjects(), {"Your invoice": SPAM_CLASS})
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)
        self.host.deliver([ALICE], message("Our party", body=b"Another.\r\n", sender="friend@client.test"))
        party = text.replace(b"Your invoice", b"Our party").replace(b"sender@client", b"friend@client")
        self.assertEqual(self.host.train(SPAM, party, ALICE)[0], 250)
        self.assertEqual(self.corrected(ALICE, other), 0)
        self.assertEqual((len(self.answers()), len(self.answers(BOB))), (1, 1))

    def test_who_sends_too_many_is_told(self):
        self.host.ask(request="preference-set", user=ALICE, **{"set.locale": "fr"})
        self.assertEqual(self.host.train(SPAM, attached([message(f"n{i}") for i in range(120)]), ALICE)[0], 250)
        self.assertEqual(len(self.subjects()), 100)
        answer = self.answers()[0]
        self.assertEqual(field(answer, "Content-Language"), "fr")
        text = email.message_from_bytes(answer).get_payload(decode=True).decode()
        self.assertIn("du spam : 100.", text)
        self.assertIn("laiss\u00e9s de c\u00f4t\u00e9", text)

    def test_the_answer_is_friendly_and_cannot_loop(self):
        text = b"From: alice@example.test\r\nContent-Language: fr\r\nSubject: x\r\n\r\nce spam!\r\n"
        self.assertEqual(self.host.train(SPAM, text, ALICE)[0], 250)
        answer = self.answers()[0]
        self.assertEqual(field(answer, "Return-Path"), "<>")
        self.assertEqual(field(answer, "From"), "postmaster@example.test")
        self.assertEqual(field(answer, "Content-Language"), "fr")
        self.assertIn("pièce jointe", email.message_from_bytes(answer).get_payload(decode=True).decode())
        self.assertIn(SPAM.encode(), answer)
        self.assertIsNone(email.message_from_bytes(answer)["X-DSPAM-Signature"])
        # Sent back by whatever machine, it teaches nothing and gets no answer.
        self.assertEqual(self.host.train(SPAM, answer, ALICE)[0], 250)
        self.assertEqual(self.host.train(SPAM, text, BOB, sender="")[0], 250)
        self.assertEqual(self.host.train(SPAM, b"List-Id: <l.test>\r\n" + text, BOB)[0], 250)
        self.assertEqual(self.mail("ignored"), 3)
        self.assertEqual((len(self.answers()), len(self.answers(BOB))), (1, 0))
        # Nor does it, resent or attached by hand.
        resent = self.resent(answer.replace(b"Auto-Submitted: auto-replied\n", b""))
        self.assertEqual(self.host.train(SPAM, resent, ALICE)[0], 250)
        self.assertEqual(self.host.train(SPAM, attached([answer.replace(b"\n", CRLF)]), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {})

    def test_a_bounce_with_the_original_teaches_nothing(self):
        bounce = attached([message("inside")]).replace(b"multipart/mixed;", b"multipart/report; report-type=delivery-status;")
        self.assertEqual(self.host.train(SPAM, bounce, ALICE)[0], 250)
        self.assertFalse(os.path.exists(self.host.store(ALICE)))

    def test_own_mail_is_not_learned(self):
        own = message("mine", sender=ALICE)
        self.assertEqual(self.host.train(SPAM, self.resent(own), ALICE)[0], 250)
        self.assertEqual(len(self.answers()), 1)

        signature = self.deliver(ALICE, "from myself", sender=ALICE)
        forged = self.host.messages(ALICE)[-1].replace(b"\n", CRLF)
        self.assertEqual(self.host.train(SPAM, attached([own]), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {})
        # Received, it is known by its signature.
        self.assertEqual(self.host.train(SPAM, attached([own, forged]), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {"from myself": SPAM_CLASS})
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)

    def test_a_forged_message_id_does_not_protect(self):
        self.assertEqual(self.host.train(SPAM, b"From: alice@example.test\r\nSubject: x\r\n\r\nspam!\r\n", ALICE)[0], 250)
        ours = field(self.answers()[0], "Message-ID")
        first, host = ours[1:-1].split("@")
        mac = first.split(".")[-1]

        def spam(subject):
            """With a Message-ID of its own that looks like ours."""
            way, i = subject.split()
            name = (f"digest.1.2.{way}", f"training.1.2.{way[0]}.0123456789abcdef", f"training.1.2.{way[0]}.{mac}")[int(i)]
            plain = message(subject)
            return plain.replace(field(plain, "Message-ID").encode(), f"<{name}@{host}>".encode())

        for i in range(3):
            self.assertEqual(self.host.deliver([ALICE], spam(f"signed {i}"))[0][0], 250)
            raw = self.host.messages(ALICE)[-1].replace(b"\n", CRLF)
            self.assertEqual(self.host.train(SPAM, attached([raw, spam(f"attached {i}")]), ALICE)[0], 250)
            self.assertEqual(self.host.train(SPAM, self.resent(spam(f"resent {i}").replace(CRLF, b"\n")), ALICE)[0], 250)
        self.assertEqual(self.subjects(), {f"{way} {i}": SPAM_CLASS for way in ("signed", "attached", "resent") for i in range(3)})
        # A copy of a real one does not help what was delivered either.
        copied = message("copied").replace(b"<copied@client.test>", ours.encode())
        self.assertEqual(self.host.deliver([ALICE], copied)[0][0], 250)
        raw = self.host.messages(ALICE)[-1].replace(b"\n", CRLF)
        self.assertEqual(self.host.train(SPAM, attached([raw]), ALICE)[0], 250)
        self.assertEqual(self.subjects()["copied"], SPAM_CLASS)

    def test_what_a_machine_sends_on_teaches_nothing(self):
        signature = self.deliver(ALICE, "one", header=b"Auto-Submitted: auto-generated\r\nList-Id: <l.test>\r\nPrecedence: bulk\r\n")
        raw = self.host.messages(ALICE)[0].replace(b"\n", CRLF)
        resent, machine = self.resent(raw.replace(CRLF, b"\n")), b"Auto-Submitted: auto-replied\r\n"
        for text, sender in ((raw, ""), (resent, ""), (self.resent(message("new").replace(CRLF, b"\n")), ""),
                             (machine + raw, None), (machine + resent, None)):
            self.assertEqual(self.host.train(SPAM, text, ALICE, sender=sender), (250, "2.0.0 ignored"))
        self.assertEqual(self.subjects(), {})
        self.assertEqual(self.answers(), [])
        # What the original says of itself does not matter.
        self.assertEqual(self.host.train(SPAM, resent, ALICE), (250, "2.0.0 trained"))
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)

    def test_store_trouble_is_a_4xx(self):
        signature = self.deliver(ALICE, "one")
        raw = self.host.messages(ALICE)[0]
        folder = os.path.dirname(self.host.store(ALICE))
        self.host.stop_trainer()
        os.chown(folder, 0, 0)
        self.host.start_trainer()
        self.assertEqual(self.host.train(SPAM, self.resent(raw), ALICE)[0], 451)
        self.assertEqual(self.host.waiting(), [])
        os.chown(folder, lda_uid(), 0)
        wait_for(lambda: self.host.train(SPAM, self.resent(raw), ALICE)[0] == 250, "the end of the back-off")
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)

    def test_mail_and_moves_count_in_the_order_they_came(self):
        """Promise 5: the last word counts, whichever way it came."""
        signature = self.deliver(ALICE, "one")
        folder = os.path.dirname(self.host.store(ALICE))

        def trouble(uid):
            os.chown(folder, uid, 0)

        for first, last in (("move", "mail"), ("mail", "move")):
            self.host.stop_trainer()
            trouble(0)
            self.host.start_trainer()
            mailed = threading.Thread(target=self.mail_until_taken, args=(signature,))
            if first == "move":
                self.host.put(ALICE, "innocent", signature)
                wait_for(lambda: self.host.metric('shoveler_spamtraind_corrections_total{source="imap",outcome="deferred"}') > 0,
                         "the trouble")
                mailed.start()
                time.sleep(0.3)
            trouble(lda_uid())
            if first == "mail":
                mailed.start()
                mailed.join()
                self.host.put(ALICE, "innocent", signature)
            else:
                mailed.join()
            self.host.drained()
            self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS if last == "mail" else NO_CLASS, (first, last))
        # A queue before it: mail does not overtake what waits.
        signatures = [self.deliver(ALICE, f"n{i}") for i in range(40)]
        self.host.stop_trainer(signal.SIGKILL)
        for each in signatures:
            self.host.put(ALICE, "spam", each)
        self.host.put(ALICE, "spam", signature)
        self.host.put(ALICE, "innocent", signatures[-1])
        self.host.start_trainer()
        self.assertEqual(self.host.train(HAM, by_signature(signature), ALICE)[0], 250)
        self.assertEqual(self.host.train(SPAM, by_signature(signatures[-1]), ALICE)[0], 250)
        self.host.drained()
        self.assertEqual((self.corrected(ALICE, signature), self.corrected(ALICE, signatures[-1])), (NO_CLASS, SPAM_CLASS))

    def test_mail_that_postfix_kept_for_long_is_not_the_last_word(self):
        signature = self.deliver(ALICE, "one")
        other = self.deliver(ALICE, "other")
        self.host.put(ALICE, "spam", signature)
        self.host.drained()
        hour_ago = time.time() - 3600
        self.assertEqual(self.host.train(HAM, by_signature(signature), ALICE, accepted=hour_ago)[0], 250)
        self.assertEqual(self.corrected(ALICE, signature), SPAM_CLASS)
        self.assertEqual(self.count("already", "address"), 1)
        # Where nothing was said since, it counts as ever; and what is said after it counts more.
        self.assertEqual(self.host.train(SPAM, by_signature(other), ALICE, accepted=hour_ago)[0], 250)
        self.assertEqual(self.corrected(ALICE, other), SPAM_CLASS)
        self.assertEqual(self.host.train(HAM, by_signature(other), ALICE, accepted=hour_ago - 60)[0], 250)
        self.assertEqual(self.corrected(ALICE, other), SPAM_CLASS)
        self.assertEqual(self.host.train(HAM, by_signature(other), ALICE, accepted=hour_ago + 60)[0], 250)
        self.assertEqual(self.corrected(ALICE, other), NO_CLASS)
        self.host.put(ALICE, "innocent", signature)
        self.host.drained()
        self.assertEqual(self.corrected(ALICE, signature), NO_CLASS)

    def test_a_clock_that_was_set_back_silences_nobody(self):
        signature = self.deliver(ALICE, "one")
        self.host.put(ALICE, "spam", signature)
        self.host.drained()
        with sqlite3.connect(self.host.store(ALICE), timeout=20) as db:
            db.execute("UPDATE correction SET time = time + 86400")
        db.close()
        self.host.put(ALICE, "innocent", signature)
        self.host.drained()
        self.assertEqual(self.corrected(ALICE, signature), NO_CLASS)

    def mail_until_taken(self, signature):
        """As Postfix does, only sooner."""
        wait_for(lambda: self.host.train(SPAM, by_signature(signature), ALICE)[0] == 250, "an answer to the mail")


class Receipts(TrainTest):
    settings = "training_receipts = yes\ntraining_language = fr\ntraining_answer_from = Filter <filter@example.test>\n"

    def test_a_receipt_names_how_many(self):
        self.assertEqual(self.host.train(SPAM, attached([message("a"), message("b")]), ALICE)[0], 250)
        receipt = self.answers()[0]
        self.assertEqual(field(receipt, "From"), "Filter <filter@example.test>")
        self.assertIn("du spam : 2.", email.message_from_bytes(receipt).get_payload(decode=True).decode())


class PerDomain(TrainTest):
    settings = "training_spam_addresses = spam@one.test, spam@two.test\ntraining_innocent_addresses = ham@one.test, ham@two.test\n"

    def test_each_pair_teaches_who_signed_in(self):
        signature = self.deliver(ALICE, "one")
        raw = self.host.messages(ALICE)[0].replace(b"\n", CRLF)
        for address, corrected in (("spam@one.test", SPAM_CLASS), ("ham@two.test", NO_CLASS), ("SPAM@two.test", SPAM_CLASS)):
            self.assertEqual(self.host.train(address, raw, ALICE)[0], 250)
            self.assertEqual(self.corrected(ALICE, signature), corrected)
        self.assertEqual(self.host.train(SPAM, raw, ALICE)[0], 550)


if __name__ == "__main__":
    unittest.main(verbosity=2)

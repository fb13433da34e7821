"""What shoveler-lda does with a verdict: actions, quarantine, preferences, delivery by command."""

import email
import email.header
import os
import shutil
import sqlite3
import subprocess
import time
import unittest

from case import ALICE, BOB, LdaTest, Trained, field, fields, message
from host import BUILD, MAIL_UID, read_bytes


class Actions(Trained):
    def test_deliver_and_tag(self):
        self.prefer("spamAction", "deliver")
        self.assertEqual(self.send(b"Pills one"), [250, 250])
        self.prefer("spamAction", "tag")
        self.assertEqual(self.send(b"Pills two"), [250, 250])
        self.prefer("spamSubject", "[Müll]")
        self.assertEqual(self.send(b"=?utf-8?Q?Pills_=C3=A4?= three"), [250, 250])
        alice, bob = self.host.messages(ALICE), self.host.messages(BOB)
        self.assertEqual([field(raw, "X-DSPAM-Result") for raw in alice], ["Spam"] * 3)
        self.assertEqual([field(raw, "X-DSPAM-Result") for raw in bob], ["Innocent"] * 3)
        subjects = [str(email.header.make_header(email.header.decode_header(field(raw, "Subject")))) for raw in alice]
        self.assertEqual(subjects, ["Pills one", "[SPAM] Pills two", "[Müll] Pills ä three"])
        self.assertEqual(field(bob[1], "Subject"), "Pills two")
        self.assertEqual(self.metric('shoveler_lda_recipients_total{outcome="tagged"}'), 2)

    def test_quarantine(self):
        self.prefer("spamAction", "quarantine")
        self.assertEqual(self.send(b"Pills one"), [250, 250])
        self.assertEqual(self.host.messages(ALICE), [])
        self.assertEqual(len(self.host.messages(BOB)), 1)
        held = self.quarantined()
        self.assertEqual(len(held), 1)
        path = self.host.path("shoveler/users/example.test/alice/quarantine", held[0])
        with open(path, "rb") as file:
            raw = file.read()
        self.assertEqual(field(raw, "X-DSPAM-Signature"), held[0][:24])
        self.assertTrue(raw.endswith(self.spam(b"Pills one")))
        self.assertIn("Pills one", self.host.spamtrain("quarantine", "list", ALICE))
        # the same again takes its place; an unknown user is refused and not quarantined
        self.assertEqual(self.send(b"Pills one", ALICE), [250])
        self.assertEqual([name[:24] for name in self.quarantined()], [held[0][:24]])
        held = self.quarantined()
        self.assertEqual(self.metric('shoveler_lda_recipients_total{outcome="quarantined"}'), 2)
        self.assertRegex(self.host.read("lda.log"), r"user=<alice@example.test>.*action=quarantine.*relay=quarantine, status=sent")
        self.host.stop_dovecot()
        self.assertEqual(self.send(b"Pills two", ALICE), [451])
        self.assertEqual(self.quarantined(), held)

    def test_a_quarantine_that_cannot_be_written_defers(self):
        self.prefer("spamAction", "quarantine")
        folder = self.host.path("shoveler/users/example.test/alice/quarantine")
        with open(folder, "w", encoding="ascii"):
            pass
        self.assertEqual(self.send(b"Pills one"), [451, 250])
        self.assertEqual(self.host.messages(ALICE), [])
        os.unlink(folder)
        self.assertEqual(self.send(b"Pills one", ALICE), [250])
        self.assertEqual(len(self.quarantined()), 1)

    def test_opt_out(self):
        self.prefer("optOut", "on")
        self.assertEqual(self.send(b"Pills one"), [250, 250])
        raw = self.host.messages(ALICE)[0]
        self.assertNotIn(b"X-DSPAM", raw)
        self.assertTrue(raw.replace(b"\r\n", b"\n").endswith(self.spam(b"Pills one").replace(b"\r\n", b"\n")))
        self.assertEqual(self.metric('shoveler_lda_recipients_total{outcome="passed"}'), 1)


    def test_dkim_after_each_action(self):
        """A signature that does not cover the Subject survives all of them."""
        dkim, key, record = self.dkim()

        def sent(subject, actions):
            for name, value in actions:
                self.prefer(name, value)
            text = self.spam(subject) + b"8bit \xc3\xa4 \xff\r\n.\r\n..\r\n" + b"long " * 3000 + b"\r\n"
            text = dkim.sign(text, b"s", b"spam.test", key, include_headers=[b"From", b"Message-ID"]) + text
            self.assertEqual([code for code, _ in self.host.deliver([ALICE], text)], [250])

        sent(b"Pills one", [("spamAction", "deliver")])
        sent(b"Pills two", [("spamAction", "tag")])
        sent(b"Pills three", [("spamAction", "quarantine")])
        sent(b"Pills four", [("optOut", "on")])
        raws = [raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for raw in self.host.messages(ALICE)]
        self.assertEqual([field(raw, "Subject") for raw in raws], ["Pills one", "[SPAM] Pills two", "Pills four"])
        with open(self.host.path("shoveler/users/example.test/alice/quarantine", self.quarantined()[0]), "rb") as file:
            raws.append(file.read())
        for raw in raws:
            self.assertTrue(dkim.verify(raw, dnsfunc=lambda *_, **__: record), raw[:400])


class SmallQuarantine(Trained):
    settings = "quarantine_size_limit = 1k\n"

    def test_a_full_quarantine_loses_nothing(self):
        self.prefer("spamAction", "quarantine")
        for subject in b"Pills one", b"Pills two", b"Pills three", b"Pills four":
            self.assertEqual(self.send(subject, ALICE), [250])
        held = len(self.quarantined())
        self.assertIn(held, (1, 2))
        self.assertEqual([field(raw, "Subject") for raw in self.host.messages(ALICE)],
                         ["[SPAM] Pills two", "[SPAM] Pills three", "[SPAM] Pills four"][held - 1:])
        self.assertEqual(self.metric("shoveler_lda_quarantine_full_total"), 4 - held)


class OptIn(LdaTest):
    settings = "lda_opt_in = yes\n"

    def test_nobody_is_filtered_who_did_not_ask(self):
        self.host.spamtrain("preference", "set", ALICE, "optIn", "on")
        self.deliver(ALICE, BOB)
        self.assertEqual(field(self.host.messages(ALICE)[0], "X-DSPAM-Result"), "Innocent")
        self.assertEqual(fields(self.host.messages(BOB)[0], "X-DSPAM-Result"), [])
        self.assertFalse(os.path.exists(self.host.path("shoveler/users/example.test/bob")))


class PreferenceMaps(Trained):
    """What the host keeps: defaults by domain in a file, users in its own database."""
    settings = ("postfix_config_directory = {top}/postfix\npostfix_lookup_cache_time = 0\ndefault_preferences = spamSubject=[Site]\n"
                "preference_maps = texthash:{top}/postfix/preferences, sqlite:{top}/postfix/users.cf\n")

    def prepare(self):
        os.mkdir(self.host.path("postfix"))
        self.host.write("postfix/main.cf", "compatibility_level = 3.6\n")
        shutil.copy("/etc/postfix/dynamicmaps.cf", self.host.path("postfix"))
        if os.path.isdir("/etc/postfix/dynamicmaps.cf.d"):  # not in Debian 13
            shutil.copytree("/etc/postfix/dynamicmaps.cf.d", self.host.path("postfix/dynamicmaps.cf.d"))
        self.host.write("postfix/preferences", "@example.test  spamAction=tag; optOut=maybe; statisticalSedation=0\n")
        self.host.write("postfix/users.cf", f"dbpath = {self.host.path('shoveler/host.sqlite')}\n"
                        "query = SELECT name || '=' || value || ';' FROM prefs WHERE user = '%s' ORDER BY name\n")
        with sqlite3.connect(self.host.path("shoveler/host.sqlite")) as db:
            db.execute("CREATE TABLE prefs (user, name, value)")
            db.execute("INSERT INTO prefs VALUES (?1, 'alerts', 'x, y'), (?1, 'optOut', 'on')", (BOB,))
        db.close()
        os.chmod(self.host.path("shoveler/host.sqlite"), 0o644)

    def subject(self, user, number):
        return field(self.host.messages(user)[number], "Subject")

    def test_which_of_them_counts(self):
        self.assertEqual(self.host.spamtrain("preference", "get", ALICE, "spamAction"), "tag\n")
        self.assertEqual(self.send(b"Pills one"), [250, 250])
        self.assertEqual(self.subject(ALICE, 0), "[Site] Pills one")
        self.assertNotIn(b"X-DSPAM", self.host.messages(BOB)[0])
        self.assertFalse(os.path.exists(self.host.path("shoveler/users/example.test/bob")))
        self.assertRegex(self.host.read("lda.log"), r"preferences: @example.test: optOut cannot be .maybe.; valid: on off")
        self.prefer("spamAction", "deliver")
        self.assertEqual(self.send(b"Pills two", ALICE), [250])
        self.assertEqual(self.subject(ALICE, 1), "Pills two")

    def test_a_map_that_cannot_be_asked_defers(self):
        database = self.host.path("shoveler/host.sqlite")
        os.rename(database, database + ".away")
        self.assertEqual(self.send(b"Pills one"), [451, 451])
        self.assertRegex(self.host.read("lda.log"), "preference_maps: sqlite:.*(no such table|unable to open database)")
        self.assertEqual(self.check().returncode, 78)
        self.assertIn("preference_maps", self.check().stderr)
        os.rename(database + ".away", database)
        self.assertEqual(self.check().returncode, 0)
        self.assertEqual(self.send(b"Pills one"), [250, 250])


class Pipe(Trained):
    """By dovecot-lda, with the verdict of the running shoveler-lda. As root, since dovecot-lda then becomes the mail user by itself;
    with pipe(8) and the mail user: tests/integration/43-delivery-ways.sh."""
    quota = "20k"
    settings = ("lda_pipe_command = /usr/lib/dovecot/dovecot-lda -e -c {top}/dovecot.conf\n"
                "lda_pipe_lookup = doveadm -c {top}/dovecot.conf user\nlda_message_size_limit = 250k\n")

    def pipe(self, message, *arguments, **how):
        result = subprocess.run([os.path.join(BUILD, "lda/shoveler-lda"), "-c", self.host.path("etc"), *arguments], input=message,
                                capture_output=True, check=False, **how)
        return result.returncode, result.stdout.decode() + result.stderr.decode()

    def test_delivery_by_command(self):
        text = b"From: a@b\nSubject: piped\nX-DSPAM-Result: forged\n\n.\nbody\n..dots\nFrom here\nno newline"
        code, said = self.pipe(b"From sender@client.test Sun Nov 22\n" + text, "-f", "sender@client.test", "-d", ALICE, "--",
                               "-a", "alice+x@example.test")
        self.assertEqual(code, 0, said)
        raw = self.host.messages(ALICE)[0]
        self.assertEqual(field(raw, "X-DSPAM-Result"), "Innocent")
        self.assertTrue(raw.replace(b"\r\n", b"\n").rstrip(b"\n").endswith(text.split(b"forged\n")[1]), raw)
        self.assertRegex(self.host.read("lda.log"), r"user=<alice@example.test>.*action=deliver.*relay=command, status=sent \(250")
        self.assertIn('"outcome": "delivered"', self.host.spamtrain("--json", "history", ALICE, "1"))
        # again, and by LMTP: the same verdict
        self.assertEqual(self.pipe(text, "-f", "", "-d", ALICE)[0], 0)
        again = self.host.messages(ALICE)[1]
        self.assertEqual(field(again, "X-DSPAM-Signature"), field(raw, "X-DSPAM-Signature"))
        self.host.deliver([ALICE], text.replace(b"\n", b"\r\n"))
        self.assertEqual(self.metric("shoveler_lda_again_total"), 2)

    def test_actions_by_command(self):
        for action, folder, tagged in (("deliver", 1, False), ("tag", 2, True), ("quarantine", 2, True)):
            self.prefer("spamAction", action)
            code, said = self.pipe(self.spam(b"Pills " + action.encode()), "-f", "s@b", "-d", ALICE)
            self.assertEqual(code, 0, said)
            self.assertEqual(len(self.host.messages(ALICE)), folder)
            self.assertEqual("[SPAM]" in field(self.host.messages(ALICE)[-1], "Subject"), tagged)
        self.assertEqual(len(self.quarantined()), 1)
        self.assertIn("Quarantined as", said)
        self.assertEqual(self.metric('shoveler_lda_recipients_total{outcome="quarantined"}'), 1)
        self.prefer("optOut", "on")
        self.assertEqual(self.pipe(self.spam(b"Pills passed"), "-d", ALICE)[0], 0)
        self.assertNotIn(b"X-DSPAM", self.host.messages(ALICE)[-1])
        # whose mailbox is gone gets nothing into his quarantine
        self.prefer("optOut", "off")
        self.host.write("users", "")
        time.sleep(1.1)  # Dovecot looks at the file once a second
        self.assertEqual(self.pipe(self.spam(b"Pills gone"), "-d", ALICE)[0], 67)
        self.assertEqual(len(self.quarantined()), 1)

    def test_exit_codes(self):
        nobody = "nobody@example.test"
        self.assertEqual(self.pipe(b"Subject: x\n\n", "-d", nobody)[0], 67)
        self.assertFalse(os.path.exists(self.host.path("shoveler/users/example.test/nobody")))
        self.assertEqual(self.pipe(b"Subject: x\n\n" + b"x" * 40000, "-d", ALICE)[0], 77)  # over quota, says dovecot-lda
        self.assertEqual(self.metric('shoveler_lda_recipients_total{outcome="refused"}'), 1)
        self.assertIn('"outcome": "refused"', self.host.spamtrain("--json", "history", ALICE, "1"))
        self.assertEqual(self.pipe(b"x" * 300000, "-d", ALICE)[0], 69)
        self.assertEqual(self.pipe(b"", "-d", "a@b>\r\nRCPT TO:<c@d")[0], 64)
        self.assertEqual(self.pipe(b"", "-d", "--help")[0], 64)
        self.assertEqual(self.pipe(b"", "-d", "")[0], 64)
        os.chmod(self.host.path("etc"), 0o755)
        code, said = self.pipe(b"Subject: x\n\n", "-d", ALICE, user=MAIL_UID, group=MAIL_UID, extra_groups=[],
                               executable=self.host.program("lda/shoveler-lda"))
        self.assertEqual(code, 75, said)  # he is not mail_user here
        self.host.stop_dovecot()
        self.assertEqual(self.pipe(b"Subject: x\n\n", "-d", ALICE)[0], 75)
        self.assertEqual(self.pipe(b"Subject: x\n\n", "-d", nobody)[0], 75)
        self.host.stop_lda()
        self.assertEqual(self.pipe(b"Subject: x\n\n", "-d", ALICE)[0], 75)

    def test_the_delivery_command_fails(self):
        config = self.host.read("etc/main.cf")
        for command, expected in (("/bin/false", 1), ("sh -c kill$IFS-9$IFS$$", 75), ("/nowhere/dovecot-lda", 75)):
            self.host.write("etc/main.cf", config + f"lda_pipe_command = {command}\n".replace("$$", "$$$$").replace("$IFS", "$${IFS}"))
            code, said = self.pipe(b"Subject: x\n\n" + command.encode(), "-d", ALICE)
            self.assertEqual(code, expected, said)
        self.assertEqual(self.host.messages(ALICE), [])

    def test_what_the_command_gets(self):
        self.host.write("command", f'#!/bin/sh\nprintf "%s;" "$@" >{self.host.path("words")}\ncat >{self.host.path("input")}\nexit 42\n')
        os.chmod(self.host.path("command"), 0o755)
        self.host.write("etc/main.cf", self.host.read("etc/main.cf") + f"lda_pipe_command = {self.host.path('command')} -e\n")
        body = b"text \xff of it\n" * 20000
        code, _ = self.pipe(b"Subject: x\n\n" + body[:200000], "-f", "s@client.test", "-d", ALICE, "--", "-a", "alice+x@example.test")
        self.assertEqual(code, 42)
        self.assertEqual(self.host.read("words"), f"-e;-f;s@client.test;-d;{ALICE};-a;alice+x@example.test;")
        given = read_bytes(self.host.path("input"))
        self.assertTrue(given.startswith(b"X-DSPAM-Result: Innocent\r\n"))
        self.assertEqual(given.split(b"\r\n\r\n", 1)[1].replace(b"\r\n", b"\n"), body[:200000])


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""What the web page asks of spamtraind (docs/spamtraind-socket.md), beside a real Dovecot and shoveler-lda."""

import json
import os
import pwd
import signal
import socket
import subprocess
import time
import unittest

from case import ALICE, BOB, SPAM_CLASS, RequestTest, attached, field, message, same_day
from service import BUILD, HAM, SPAM, attributes, wait_for


class History(RequestTest):
    def test_pages_and_filters(self):
        signatures = [self.deliver(ALICE, f"message {i}") for i in range(7)]
        self.deliver(BOB, "message of bob")
        page = self.content("history", limit=3)
        self.assertEqual([row["subject"] for row in page["rows"]], ["message 6", "message 5", "message 4"])
        row = page["rows"][0]
        self.assertEqual((row["signature"], row["result"], row["class"], row["outcome"], row["corrected"], row["sender"]),
                         (signatures[6], "innocent", "innocent", "delivered", "none", "sender@client.test"))
        self.assertEqual((row["from"], row["message_id"], row["trusted"]),
                         ("Sender <sender@client.test>", "<message.6@client.test>", False))
        page = self.content("history", limit=3, before=page["next"])
        self.assertEqual([row["subject"] for row in page["rows"]], ["message 3", "message 2", "message 1"])
        page = self.content("history", limit=3, before=page["next"])
        self.assertEqual(([row["subject"] for row in page["rows"]], page["next"]), (["message 0"], 0))
        self.ask("retrain", signature=signatures[2], **{"class": "spam"})
        for filters, expected in (
                ({"class": "spam"}, [2]), ({"class": "innocent"}, [6, 5, 4, 3, 1, 0]), ({"corrected": "yes"}, [2]),
                ({"result": "innocent"}, range(6, -1, -1)), ({"result": "spam"}, []), ({"result": "none"}, []),
                ({"contains": "E 4"}, [4]), ({"contains": "sender@"}, range(6, -1, -1)), ({"contains": "%"}, []),
                ({"outcome": "delivered"}, range(6, -1, -1)), ({"outcome": "quarantined"}, []),
                ({"until": int(time.time()) - 1000}, []), ({"since": int(time.time()) - 1000}, range(6, -1, -1))):
            rows = self.content("history", **filters)["rows"]
            self.assertEqual([row["subject"] for row in rows], [f"message {i}" for i in expected], filters)

    def test_a_request_costs_a_bounded_amount(self):
        self.deliver(ALICE, "new")
        columns = "signature, digest, received, size, sender, \"from\", subject, message_id, queue_id, result, probability, " \
            "confidence, score, outcome, taught, initially, corrected, corrected_at, source, factors, counts, counted, scores, sender_key"
        self.change(ALICE, f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
            INSERT INTO message (id, {columns}) SELECT 10 + i, randomblob(12), randomblob(16), 1700000000 + i, 1, 's@x.test', 'F',
            CASE i WHEN 5 THEN 'needle' ELSE 'hay ' || i END, '', '', 0, 0.1, 0.8, -1, 1, 0, 0, 0, 0, '', '', 0, 0, x'', 0 FROM n""")
        found, requests, page = [], 0, {"next": 0}
        while requests == 0 or page["next"]:
            begun = time.monotonic()
            page = self.content("history", contains="needle", before=page["next"])
            self.assertLess(time.monotonic() - begun, 30)
            found += page["rows"]
            requests += 1
        self.assertEqual(([row["subject"] for row in found], requests), (["needle"], 3))
        self.assertEqual(self.content("history", limit=100)["rows"][99]["subject"], "hay 119901")

    def test_a_message_says_why(self):
        signature = self.deliver(ALICE, "one", header=b"X-Mailer: x\r\n")
        self.change(ALICE, "UPDATE message SET factors = ?", "subject: pills, now, 0.98\nfrom: \u00e9, 0.01000\n")
        self.ask("retrain", signature=signature, source="web", **{"class": "spam"})
        self.ask("undo", signature=signature, source="web")
        found = self.content("message", signature=signature)
        self.assertEqual(found["reasons"], [{"text": "subject: pills, now", "probability": 0.98},
                                            {"text": "from: \u00e9", "probability": 0.01}])
        self.assertEqual([(c["class"], c["source"]) for c in found["corrections"]], [("spam", "web"), ("none", "web")])
        self.assertNotIn("quarantine", found["row"])
        self.fails("unknown", "message", BOB, signature=signature)
        self.fails("unknown", "message", signature="0" * 24)
        self.fails("invalid", "message", signature="../x")
        self.fails("invalid", "message")

    def test_reasons_are_kept_for_all_and_headers_only_for_who_wants_them(self):
        for i in range(6):
            self.host.train(SPAM, attached([message(f"buy pills {i}", b"pills http://pills.test/\r\n")]), ALICE)
            self.host.train(HAM, attached([message(f"our meeting {i}", b"agenda\r\n")]), ALICE)
        signature = self.deliver(ALICE, "buy pills again", body=b"pills\r\n")
        self.assertNotIn(b"X-DSPAM-Factors", self.host.messages(ALICE)[-1])
        reasons = self.content("message", signature=signature)["reasons"]
        self.assertGreater(len(reasons), 3)
        self.assertTrue(any("pills" in reason["text"] and reason["probability"] > 0.5 for reason in reasons), reasons)

    def test_strange_bytes_are_text(self):
        self.deliver(ALICE, "one")
        self.change(ALICE, "UPDATE message SET sender = CAST(x'ff01fe61' AS TEXT), subject = '</script>\u202e\u00e9'")
        row = self.content("history")["rows"][0]
        self.assertEqual((row["sender"], row["subject"]), ("? ?a", "</script>\u202e\u00e9"))

    def test_who_has_no_store_has_empty_lists(self):
        user = "nobody@example.test"
        self.assertEqual(self.content("history", user), {"rows": [], "next": 0})
        self.assertEqual(self.content("quarantine", user)["rows"], [])
        self.assertEqual(self.content("stats", user)["history"], 0)
        self.assertEqual(self.content("trusted", user), {"senders": []})
        self.assertEqual(self.content("export", user)["history"], [])
        self.assertEqual(self.content("preview", user)["messages"], 0)
        self.assertGreater(len(self.content("preferences", user)["preferences"]), 5)
        self.fails("unknown", "message", user, signature="0" * 24)
        self.fails("unknown", "undo", user, signature="0" * 24)
        self.assertEqual(self.ask("quarantine-flush", user, until=1)["deleted"], "0")
        self.assertFalse(os.path.exists(os.path.dirname(self.host.store(user))))

    def test_wrong_requests(self):
        for name, named in (("history", {"limit": 101}), ("history", {"limit": 0}), ("history", {"before": "-1"}),
                            ("history", {"class": "ham"}), ("history", {"since": "x"}), ("quarantine", {"after": "x"}),
                            ("quarantine", {"after": "1:"}), ("quarantine", {"sort": "size"}), ("stats", {"weeks": 1000}),
                            ("quarantine-flush", {}), ("forget", {}), ("retrain", {"class": "spam", "signatures": "zz"}),
                            ("retrain", {"class": "spam", "signatures": ""}), ("undo", {"wait": "31"}),
                            ("quarantine-delete", {"signatures": "0" * 25}), ("preview", {"last": 5000}),
                            ("preview", {"set.trainingMode": "x"}), ("sender-trust", {"signature": "0" * 23})):
            self.fails("invalid", name, **named)
        self.assertEqual(self.host.ask(request="history", user="")["outcome"], "invalid")
        self.assertEqual(self.host.ask(request="history", user="../../etc")["outcome"], "invalid")
        self.assertGreater(self.host.metric('shoveler_spamtraind_request_errors_total{outcome="invalid"}'), 15)
        many = " ".join(f"{i:024x}" for i in range(1001))
        self.fails("invalid", "retrain", signatures=many, **{"class": "spam"})


class Corrections(RequestTest):
    def test_many_at_once(self):
        signatures = [self.deliver(ALICE, f"n{i}") for i in range(30)]
        bobs = self.deliver(BOB, "bobs")
        self.ask("retrain", signature=signatures[0], **{"class": "spam"})
        asked = signatures + [bobs, signatures[3], "0" * 24]
        reply = self.content("retrain", signatures=" ".join(asked), source="web", **{"class": "spam"})
        self.assertEqual(reply["counts"], {"learned": 29, "already": 1, "unknown": 2})
        self.assertEqual([(r["signature"], r["outcome"]) for r in reply["results"]],
                         [(signatures[0], "already")] + [(s, "learned") for s in signatures[1:]] +
                         [(bobs, "unknown"), ("0" * 24, "unknown")])
        self.assertEqual(self.corrected(BOB, bobs), 0)
        reply = self.content("undo", signatures=" ".join(signatures))
        self.assertEqual(reply["counts"], {"taken_back": 30})
        self.assertEqual({self.corrected(ALICE, s) for s in signatures}, {0})
        self.assertEqual(self.count("learned", "web"), 29)

    def test_500_do_not_block_and_survive_kill_9(self):
        for i in range(25):
            self.assertEqual(self.host.train(HAM, attached([message(f"m{i}.{k}") for k in range(20)]), ALICE)[0], 250)
        signatures = [row[0].hex() for row in self.query(ALICE, "SELECT signature FROM message ORDER BY id")]
        self.assertEqual(len(signatures), 500)
        peer = self.host.connect()
        begun = time.monotonic()
        reply = self.host.ask(peer=peer, request="retrain", user=ALICE, signatures=" ".join(signatures), wait="no",
                              **{"class": "spam"})
        counts = reply["content"]["counts"]
        self.assertEqual(counts.get("learned", 0) + counts["waiting"], 500)
        self.assertLess(time.monotonic() - begun, 40)
        self.host.stop_trainer(signal.SIGKILL)
        peer.close()
        self.host.start_trainer()
        self.host.drained(60)
        self.assertEqual(self.query(ALICE, "SELECT corrected, count(*) FROM message GROUP BY corrected"), [(SPAM_CLASS, 500)])

    def test_what_was_only_trained_is_unlearned(self):
        self.host.train(SPAM, attached([message("trained")]), ALICE)
        signature = self.query(ALICE, "SELECT signature FROM message")[0][0].hex()
        self.assertEqual(self.content("history", result="none")["rows"][0]["class"], "spam")
        self.assertEqual(self.ask("undo", signature=signature)["outcome"], "taken_back")
        self.assertEqual(self.query(ALICE, "SELECT taught, corrected FROM message"), [(0, 0)])
        self.host.train(SPAM, attached([message("trained")]), ALICE)
        self.assertEqual(self.ask("unlearn", BOB, signature=signature)["outcome"], "unknown")
        self.assertEqual(self.ask("unlearn", signature=signature)["outcome"], "taken_back")

    def test_forget_and_export(self):
        signature = self.deliver(ALICE, "one")
        self.ask("retrain", signature=signature, **{"class": "spam"})
        self.ask("preference-set", **{"set.locale": "fr"})
        self.ask("sender-trust", signature=signature)
        data = self.content("export")
        self.assertEqual((data["user"], data["preferences"], len(data["trusted"])), (ALICE, {"locale": "fr"}, 1))
        self.assertEqual([(r["subject"], r["class"]) for r in data["history"]], [("one", "spam")])
        self.assertEqual([(c["signature"], c["class"]) for c in data["corrections"]], [(signature, "spam")])
        self.assertGreaterEqual(int(self.ask("forget", since=0)["forgotten"]), 1)
        self.assertEqual(self.content("stats")["learned"]["spam"], 0)
        self.assertEqual(len(self.content("history")["rows"]), 1)


class Settings(RequestTest):
    settings = "default_preferences = spamAction=tag\n"

    def preference(self, name, user=ALICE):
        return [p for p in self.content("preferences", user)["preferences"] if p["name"] == name][0]

    def test_preferences(self):
        self.assertEqual({k: v for k, v in self.preference("spamAction").items() if k != "help"},
                         {"name": "spamAction", "value": "tag", "site": "tag", "own": False, "kind": "choice",
                          "choices": ["quarantine", "tag", "deliver"]})
        sedation = self.preference("statisticalSedation")
        self.assertEqual((sedation["kind"], sedation["minimum"], sedation["maximum"]), ("number", 0, 10))
        self.assertEqual(self.ask("preference-set", **{"set.spamAction": "quarantine", "set.spamSubject": "[B\u00e4h 100%]"}),
                         {"status": "ok"})
        self.assertEqual([self.preference("spamAction")[k] for k in ("value", "own", "site")], ["quarantine", True, "tag"])
        self.assertEqual(self.preference("spamSubject")["value"], "[B\u00e4h 100%]")
        self.assertEqual(self.preference("spamAction", BOB)["value"], "tag")
        reply = self.fails("invalid", "preference-set", **{"set.trainingMode": "TOE", "set.statisticalSedation": "11"})
        self.assertEqual(reply["name"], "statisticalSedation")
        self.assertFalse(self.preference("trainingMode")["own"])
        self.fails("invalid", "preference-set", **{"set.nonsense": "1"})
        self.fails("invalid", "preference-set", **{"reset.nonsense": ""})
        self.assertEqual(self.ask("preference-set", **{"reset.spamAction": "", "set.alerts": "invoice, boss@"})["status"], "ok")
        self.assertEqual([self.preference("spamAction")[k] for k in ("value", "own")], ["tag", False])

    def test_preview(self):
        for i in range(5):
            self.deliver(ALICE, f"n{i}")
        for i in range(5):
            self.change(ALICE, "UPDATE message SET score = ?, probability = 0.6 WHERE subject = ?", float(2 * i - 4), f"n{i}")
        everything = self.content("preview")
        self.assertEqual((everything["messages"], everything["changed_total"]), (5, 0))
        hold = self.content("preview", **{"set.spamAction": "quarantine"})
        self.assertEqual(hold["spam"]["now"], hold["spam"]["then"])
        self.assertEqual({(c["now"], c["then"]) for c in hold["changed"]}, {("tagged", "quarantined")})
        self.assertEqual(len(hold["changed"]), hold["spam"]["now"])
        counts = [self.content("preview", **{"set.statisticalSedation": s})["spam"]["then"] for s in range(11)]
        self.assertEqual(counts, sorted(counts, reverse=True))
        self.assertGreater(counts[0], counts[10])
        self.assertEqual(self.content("preview", **{"set.optOut": "on", "last": 2})["messages"], 2)
        self.assertFalse(self.preference("spamAction")["own"])

    def test_the_preview_whitelists_as_delivery_does(self):
        """By the From: line and the network: who forges the line alone is not foreseen to pass. And mildly whom the user wrote to."""
        def received(network):
            return f"Received: from x (x [{network}.7])\r\n\tby mx1 (Postfix) with ESMTP id 4Q\r\n".encode()

        def spam_then(**settings):
            changed = self.content("preview", **settings)["changed"]
            return sorted(row["row"]["subject"] for row in changed if row["then"] == "delivered")

        for i in range(3):
            self.host.deliver([ALICE], received("198.51.100") + message(f"friend {i}"))
        for subject, network in (("the same", "198.51.100"), ("forged", "192.0.2")):
            self.host.deliver([ALICE], received(network) + message(subject))
            self.change(ALICE, "UPDATE message SET score = 8, probability = 0.9 WHERE subject = ?", subject)
        self.assertEqual(spam_then(**{"set.whitelistThreshold": "4"}), ["the same"])
        self.host.deliver([ALICE], received("198.51.100") + message("pen", sender="pen@friend.test"))
        # The engine says the same of a mail like it.
        self.ask("preference-set", **{"set.whitelistThreshold": "4"})
        for network, whitelisted in (("198.51.100", True), ("192.0.2", False)):
            row = self.query(ALICE, "SELECT spam, innocent FROM sender WHERE key = (SELECT route_key FROM message WHERE subject = ?)",
                             "the same" if whitelisted else "forged")
            self.assertEqual(row[0][1] >= 4, whitelisted, (network, row))
        self.change(ALICE, "UPDATE message SET score = 4, probability = 0.9 WHERE subject = 'pen'")
        low = {"set.statisticalSedation": "0", "set.whitelistThreshold": "1000"}
        before = self.content("preview", **low)["spam"]["then"]
        self.assertEqual(self.host.ask(request="sent", user=ALICE, recipients="pen@friend.test")["status"], "ok")
        self.assertEqual(self.content("preview", **low)["spam"]["then"], before - 1)

    def test_a_trusted_sender_passes(self):
        self.ask("preference-set", **{"set.statisticalSedation": "0"})
        spam = [message(f"buy pills {i}", b"pills http://pills.test/\r\n", sender=f"s{i}@pills.test") for i in range(40)]
        ham = [message(f"our meeting {i}", b"the agenda of today\r\n", sender="boss@work.test") for i in range(40)]
        self.host.train(SPAM, attached(spam), ALICE)
        self.host.train(HAM, attached(ham), ALICE)
        signature = self.deliver(ALICE, "buy pills now", body=b"pills http://pills.test/\r\n")
        self.assertEqual(field(self.host.messages(ALICE)[-1], "X-DSPAM-Result"), "Spam")
        self.fails("unknown", "sender-trust", BOB, signature=signature)
        reply = self.ask("sender-trust", signature=signature)
        self.assertEqual((reply["status"], reply["from"]), ("ok", "Sender <sender@client.test>"))
        self.assertTrue(self.content("history")["rows"][0]["trusted"])
        self.deliver(ALICE, "buy pills tomorrow", body=b"pills http://pills.test/\r\n")
        self.assertEqual(field(self.host.messages(ALICE)[-1], "X-DSPAM-Result"), "Whitelisted")
        self.deliver(ALICE, "buy pills elsewhere", body=b"pills http://pills.test/\r\n", sender="other@client.test")
        self.assertEqual(field(self.host.messages(ALICE)[-1], "X-DSPAM-Result"), "Spam")
        senders = self.content("trusted")["senders"]
        self.assertEqual([(s["from"], s["signature"]) for s in senders], [("Sender <sender@client.test>", signature)])
        self.assertEqual(self.ask("sender-trust", signature=signature, trust="no")["status"], "ok")
        self.fails("unknown", "sender-trust", signature=signature, trust="no")
        self.assertEqual(self.content("trusted")["senders"], [])
        self.deliver(ALICE, "buy pills at last", body=b"pills http://pills.test/\r\n")
        self.assertEqual(field(self.host.messages(ALICE)[-1], "X-DSPAM-Result"), "Spam")

    def test_the_overview_sums_users_by_domain(self):
        same_day()
        for user, count in ((ALICE, 3), (BOB, 2)):
            for i in range(count):
                self.deliver(user, f"n{i}")
        self.ask("retrain", signature=self.content("history")["rows"][0]["signature"], **{"class": "spam"})
        self.assertEqual(self.host.ask(request="overview", domain="other.test")["content"]["domains"], [])
        found = self.host.ask(request="overview", domain="Example.test")["content"]
        domain = found["domains"][0]
        self.assertEqual((domain["domain"], domain["users"], len(domain["weeks"])), ("example.test", 2, 13))
        self.assertEqual([domain["weeks"][12][k] for k in ("messages", "spam", "missed")], [5, 1, 1])
        self.assertEqual((found["unread"], len(self.host.ask(request="overview")["content"]["domains"])), (0, 1))

    def test_statistics(self):
        same_day()
        for i in range(6):
            self.deliver(ALICE, f"n{i}")
        week = 7 * 86400
        for subject, result, corrected, age in (("n0", 1, 0, 0), ("n1", 1, 1, 0), ("n2", 0, 2, 0), ("n3", 1, 0, 2), ("n4", 2, 0, 2)):
            self.change(ALICE, "UPDATE message SET result = ?, corrected = ?, received = received - ? WHERE subject = ?",
                        result, corrected, age * week, subject)
        weeks = self.content("stats", weeks=4)["weeks"]
        self.assertEqual([w["start"] - weeks[0]["start"] for w in weeks], [0, week, 2 * week, 3 * week])
        self.assertEqual(time.gmtime(weeks[0]["start"])[3:7], (0, 0, 0, 0))
        self.assertEqual([[w[k] for k in ("messages", "spam", "caught", "missed", "false_positives")] for w in weeks],
                         [[0, 0, 0, 0, 0], [2, 1, 1, 0, 0], [0, 0, 0, 0, 0], [4, 2, 1, 1, 1]])


class Held(RequestTest):
    settings = "default_preferences = spamAction=quarantine\n"

    def test_pages(self):
        signatures = self.hold_many(7)
        first = self.content("quarantine", limit=4)
        self.assertEqual([row["score"] for row in first["rows"]], [0, 1, 2, 3])
        self.assertEqual((first["messages"], first["lifetime"], first["limit"]), (7, 30 * 86400, 1 << 30))
        second = self.content("quarantine", limit=4, after=first["next"])
        self.assertEqual(([row["score"] for row in second["rows"]], second["next"]), ([4, 5, 6], ""))
        self.assertEqual({row["signature"] for row in first["rows"] + second["rows"]}, set(signatures))
        row = first["rows"][0]
        self.assertEqual((row["from"], row["sender"], row["outcome"], row["quarantine"]["recipient"], row["quarantine"]["state"]),
                         ("Sender <sender@client.test>", "sender@client.test", "quarantined", ALICE, "ok"))
        self.assertEqual(row["quarantine"]["expires"] - row["quarantine"]["added"], 30 * 86400)
        found, after = [], ""
        for _ in range(4):
            page = self.content("quarantine", sort="time", limit=2, after=after)
            found += [row["subject"] for row in page["rows"]]
            after = page["next"]
        self.assertEqual(found, [f"held {i}" for i in range(6, -1, -1)])
        self.assertEqual([r["subject"] for r in self.content("quarantine", contains="LD 3")["rows"]], ["held 3"])
        self.assertEqual(self.content("quarantine", BOB)["rows"], [])
        shown = self.content("message", signature=signatures[0])["row"]
        self.assertEqual(shown["quarantine"]["state"], "ok")

    def test_the_message_is_shown_in_part(self):
        signature = self.hold(ALICE, "one")
        reply = self.ask("quarantine-message", signature=signature)
        self.assertIn(b"\r\nSubject: one\r\n", reply["content"])
        self.assertEqual(int(reply["total"]), len(reply["content"]))
        reply = self.ask("quarantine-message", signature=signature, max=10)
        self.assertEqual(len(reply["content"]), 10)
        self.fails("unknown", "quarantine-message", BOB, signature=signature)
        self.fails("invalid", "quarantine-message", signature=signature, max=1 << 30)

    def test_delete_and_flush(self):
        signatures = self.hold_many(6)
        self.assertEqual(self.ask("quarantine-delete", BOB, signatures=" ".join(signatures))["deleted"], "0")
        self.assertEqual(self.ask("quarantine-delete", signatures=" ".join(signatures[:2]))["deleted"], "2")
        self.assertEqual(self.ask("quarantine-delete", signature=signatures[0])["deleted"], "0")
        self.assertEqual(sorted(self.held(ALICE)), sorted(signatures[2:]))
        self.change(ALICE, "UPDATE quarantine SET added = added - 1000 WHERE signature IN (?, ?)",
                    *(bytes.fromhex(s) for s in signatures[2:4]))
        self.assertEqual(self.ask("quarantine-flush", until=int(time.time()) - 500)["deleted"], "2")
        self.assertEqual(sorted(self.held(ALICE)), sorted(signatures[4:]))
        self.assertEqual(self.ask("quarantine-flush", until=int(time.time()))["deleted"], "2")
        self.assertEqual(self.held(ALICE), [])
        self.assertEqual(len(self.host.messages(ALICE)), 6)
        self.assertEqual(self.query(ALICE, "SELECT DISTINCT outcome FROM message"), [(7,)])

    def test_many_are_released(self):
        signatures = self.hold_many(5)
        reply = self.content("release", signatures=" ".join(signatures[:3]), source="web")
        self.assertEqual([(r["outcome"], r["released"]) for r in reply["results"]], [("taken_back", True)] * 3)
        self.assertEqual(len(self.host.messages(ALICE)), 8)
        self.assertEqual(sorted(self.held(ALICE)), sorted(signatures[3:]))

    def test_a_store_that_fails_after_the_delivery_brings_no_second_copy(self):
        def deferred():
            return self.host.metric('shoveler_spamtraind_releases_total{outcome="deferred"}')

        signature, tries = self.hold_many(1)[0], deferred()
        messages = len(self.host.messages(ALICE))
        self.change(ALICE, "CREATE TRIGGER stuck BEFORE DELETE ON quarantine BEGIN SELECT RAISE(FAIL, 'stuck'); END")
        try:
            self.ask("release", signature=signature, wait="no")
            wait_for(lambda: deferred() >= tries + 2, "two tries")
            self.assertEqual(len(self.host.messages(ALICE)), messages + 1)
        finally:
            self.change(ALICE, "DROP TRIGGER stuck")
        wait_for(lambda: self.held(ALICE) == [], "the release")
        self.assertEqual(len(self.host.messages(ALICE)), messages + 1)

    def test_damaged_and_vanished_files_are_shown_as_such(self):
        signatures = self.hold_many(4)
        folder = os.path.join(os.path.dirname(self.host.store(ALICE)), "quarantine")
        names = sorted(os.listdir(folder), key=lambda name: signatures.index(name[:24]))
        os.unlink(os.path.join(folder, names[0]))
        with open(os.path.join(folder, names[1]), "ab") as file:
            file.write(b"more")
        self.change(ALICE, "DELETE FROM message WHERE signature = ?", bytes.fromhex(signatures[2]))
        rows = {row["signature"]: row for row in self.content("quarantine")["rows"]}
        self.assertEqual([rows[s]["quarantine"]["state"] for s in signatures], ["vanished", "damaged", "ok", "ok"])
        self.assertEqual((rows[signatures[2]]["id"], rows[signatures[2]]["subject"]), (0, "held 2"))
        self.fails("unknown", "quarantine-message", signature=signatures[0])
        reply = self.content("release", signatures=" ".join(signatures))
        self.assertEqual([r["released"] for r in reply["results"]], [False, False, True, True])
        self.assertEqual(self.ask("quarantine-delete", signatures=" ".join(signatures))["deleted"], "2")


class Virus(RequestTest):
    MAIL = b"From: Sender <s@client.test>\r\nSubject: A present\r\nMessage-ID: <v1@client.test>\r\n%s\r\nbody\r\n"

    def note(self, user=ALICE, header=b"", **named):
        return self.host.ask(self.MAIL % header, request="virus", user=user, **{"virus": "Lab.Eicar", "id": "4QUEUE", "sender": "s@client.test", **named})

    def rows(self, user=ALICE, **named):
        return self.content("history", user, **named)["rows"]

    def test_what_was_kept_from_him_is_in_the_history(self):
        self.deliver(ALICE, "before")
        first = self.note(time=1700000000, size=12345)
        self.assertEqual((first["status"], first["outcome"]), ("ok", "noted"))
        again = self.note(time=1700000060)
        self.assertEqual((again["outcome"], again["signature"]), ("already", first["signature"]))
        self.assertEqual(self.note(id="4OTHER")["outcome"], "noted")
        row = self.rows(outcome="virus")[1]
        self.assertEqual({name: row[name] for name in ("signature", "class", "result", "outcome", "virus", "sender", "from", "subject", "queue_id", "received", "size")}, {
            "signature": first["signature"], "class": "virus", "result": "none", "outcome": "virus", "virus": "Lab.Eicar", "sender": "s@client.test",
            "from": "Sender <s@client.test>", "subject": "A present", "queue_id": "4QUEUE", "received": 1700000000, "size": 12345})
        # It taught nothing, and cannot be taught.
        self.assertEqual(self.content("stats")["learned"]["spam"], 0)
        self.fails("unknown", "retrain", **{"class": "spam", "signature": first["signature"]})
        out = subprocess.run([os.path.join(BUILD, "spamtrain/spamtrain"), "-c", self.host.path("etc"), "history", ALICE], capture_output=True, text=True, check=False,
                             env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        self.assertEqual((out.returncode, out.stderr), (0, ""))
        self.assertRegex(out.stdout, r"virus .*A present \| Lab.Eicar")

    def test_the_rescan_marks_what_was_delivered(self):
        signature = self.deliver(ALICE, "old")
        self.assertEqual(self.note(source="rescan", id="INBOX/7", header=b"X-DSPAM-Signature: " + signature.encode() + b"\r\n")["signature"], signature)
        row, = self.rows()
        self.assertEqual((row["signature"], row["outcome"], row["virus"], row["class"]), (signature, "virus", "Lab.Eicar", "virus"))
        # What the filter never saw gets a row; mail from outside marks nobody's row, whatever it says.
        self.assertEqual(self.note(source="rescan", id="INBOX/8")["outcome"], "noted")
        other = self.deliver(ALICE, "other")
        self.note(id="4FORGED", header=b"X-DSPAM-Signature: " + other.encode() + b"\r\n")
        self.assertEqual([row["outcome"] for row in self.rows() if row["signature"] == other], ["delivered"])

    def test_who_has_no_store(self):
        self.assertEqual(self.note(BOB)["outcome"], "noted")
        self.assertEqual([row["virus"] for row in self.rows(BOB)], ["Lab.Eicar"])
        self.assertEqual(self.note("stranger@example.test")["outcome"], "unknown")
        self.assertFalse(os.path.exists(self.host.path("shoveler/users/example.test/stranger")))
        for wrong in ({"virus": ""}, {"id": ""}, {"virus": "x" * 257}, {"time": "soon"}):
            self.assertEqual(self.note(**wrong)["outcome"], "invalid", wrong)


class Peers(RequestTest):
    settings = "spamtraind_clients = nobody, no-such-user\n"

    def as_user(self, name, packet):
        code = ("import os, socket, sys; os.setgroups([]); os.setuid(int(sys.argv[2])); "
                "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1]); "
                "s.send(sys.argv[3].encode()); sys.stdout.buffer.write(s.recv(65536))")
        os.chmod(self.host.top, 0o755)
        return subprocess.run(["python3", "-c", code, self.host.path("spamtraind.sock"), str(pwd.getpwnam(name).pw_uid), packet],
                              capture_output=True, check=False)

    def test_rights(self):
        signature = self.deliver(ALICE, "one")
        history = f"request=history\nuser={ALICE}\n"
        retrain = f"request=retrain\nuser={ALICE}\nclass=spam\nsignature={signature}\n"
        self.assertIn(b"status=ok\ncontent=json", self.as_user("nobody", history).stdout)
        self.assertIn(b"status=ok", self.as_user("mail", retrain).stdout)
        virus = f"request=virus\nuser={ALICE}\nvirus=Lab.Eicar\nid=4Q\nsource=rescan\n"
        self.assertIn(b"outcome=noted", self.as_user("mail", virus).stdout)
        for request in ("history", "undo", "release", "quarantine-flush", "preference-set", "export", "link-use", "forget"):
            self.assertIn(b"outcome=denied", self.as_user("mail", f"request={request}\nuser={ALICE}\n").stdout)
        self.assertEqual(self.as_user("games", history).stdout, b"")
        wait_for(lambda: self.host.metric("shoveler_spamtraind_peers_refused_total") == 1, "the refusal")

    def test_packets_are_checked(self):
        for raw in (b"x", b"=1\n", b"request=ping\nrequest=ping\n", b"request=%zz\n", os.urandom(5000)):
            peer = self.host.connect()
            peer.send(raw)
            try:
                self.assertNotIn(b"status=ok", peer.recv(65536))
            except ConnectionResetError:
                pass
            peer.close()
        self.assertEqual(self.host.ask(request="ping")["status"], "ok")

    def test_what_is_passed_cannot_be_changed(self):
        self.deliver(ALICE, "one")
        peer = self.host.connect()
        peer.send(attributes(request="history", user=ALICE))
        _, fds, _, _ = socket.recv_fds(peer, 65536, 1)
        with self.assertRaises(PermissionError):
            os.write(fds[0], b"x")
        with self.assertRaises(PermissionError):
            os.ftruncate(fds[0], 0)
        self.assertEqual(len(json.loads(os.read(fds[0], 1 << 20))["rows"]), 1)
        os.close(fds[0])
        peer.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/python3
"""Every byte sequence is a message: a verdict within 100 ms of CPU and 64 MB, whatever it is.

Measured in a program without sanitizers (SPAMTRAIN_PLAIN): the time and memory of these are not what users have.
"""

import json
import os
import subprocess
import sys
import unittest

from cli import OK, USER, CliTest, ham, spam
from hostile import messages

MS, MB = 100, 64
TRIES = 3  # somebody else may have the processor's caches


class Hostile(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = os.environ.get("SPAMTRAIN_PLAIN") or cls.command()[0]
        for number in range(20):
            cls.write(f"mail/spam/{number}", spam(number))
            cls.write(f"mail/ham/{number}", ham(number))
        for kind in "spam", "ham":
            assert cls.run_command("train", USER, kind, cls.path(f"mail/{kind}")).code == OK

    def cost(self, *arguments):
        command = self.command(*arguments, program=self.program)
        done = subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), "cost.py")] + command, stdout=subprocess.PIPE,
                              env=dict(self.environment(), TMPDIR=self.top), timeout=60, check=True)
        return json.loads(done.stdout)

    def cheapest(self, *arguments):
        for _ in range(TRIES):
            cost = self.cost(*arguments)
            if cost["ms"] <= MS:
                break
        return cost

    def test_every_message_is_cheap(self):
        costs = []
        for name, content in messages():
            path = self.write("mail/hostile", content)
            index = self.write("mail/index", f"spam\t{path}\n")
            size = len(content) / (1 << 20)
            del content
            with self.subTest(name):
                judged = self.cheapest("--json", "classify", USER, path)
                self.assertEqual(judged["code"], OK)
                self.assertIn(json.loads(judged["out"])["result"], ("Innocent", "Spam", "Whitelisted"))
                processed = self.cheapest("evaluate", "--index", index, "--results", self.path("results"))
                self.assertEqual(processed["code"], OK)
                self.assertRegex(self.read("results"), rb"^spam -?[0-9.]+ (ham|spam)\n$")
                for what, cost in ("classify", judged), ("process", processed):
                    costs.append((cost["ms"], cost["mb"], what, name, size))
                    self.assertLessEqual(cost["ms"], MS, what)
                    self.assertLessEqual(cost["mb"], MB, what)
        costs.sort(reverse=True)
        print(f"\n{len(costs) // 2} messages; the dearest:")
        for cost in costs[:8]:
            print("%6.1f ms %5.1f MB  %-8s %s (%.1f MB)" % cost)
        print("largest: %.1f MB for %s" % max((cost[1], cost[3]) for cost in costs))


if __name__ == "__main__":
    unittest.main(verbosity=2)

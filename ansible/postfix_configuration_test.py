#!/usr/bin/python3
"""The module postfix_configuration on a Postfix folder of its own. Exit code 77: no ansible-core or no Postfix here."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
MODULE = os.path.join(HERE, "roles/shoveler/library/postfix_configuration.py")
MAIN_CF = """# the admin's own words
compatibility_level = 3.6
myhostname = mx.example.test
smtpd_milters = inet:127.0.0.1:8891,
    unix:/run/other.sock
virtual_transport = lmtp:unix:private/dovecot-lmtp
"""
MASTER_CF = "smtp      inet  n       -       y       -       -       smtpd\n"
WANTED = {
    "set": {"milter_default_action": "tempfail", "virtual_transport": "shoveler:unix:shoveler/lda"},
    "add": {"smtpd_milters": ["inet:127.0.0.1:8895"], "transport_maps": ["texthash:/x"], "relay_domains": []},
    "services": {"shoveler/unix": "shoveler unix - - y - - lmtp -o syslog_name=postfix/shoveler"},
}


class PostfixConfiguration(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.write("main.cf", MAIN_CF)
        self.write("master.cf", MASTER_CF)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        self.settle()

    def settle(self):
        """Postfix waits up to two seconds before it reads a file that was just written."""
        for name in ("main.cf", "master.cf"):
            if os.path.exists(self.path(name)):
                os.utime(self.path(name), (0, 0))

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def run_module(self, check=False, expect=0, **arguments):
        arguments.update(config_directory=self.directory, record=self.path("record.json"), _ansible_check_mode=check)
        done = subprocess.run(
            [sys.executable, MODULE],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        self.settle()
        return json.loads(done.stdout)

    def value(self, name):
        shown = subprocess.run(["postconf", "-c", self.directory, "-h", name], capture_output=True, text=True, check=True)
        return shown.stdout.strip()

    def test_check_mode_tells_and_changes_nothing(self):
        result = self.run_module(check=True, **WANTED)
        self.assertTrue(result["changed"])
        main_cf, master_cf = result["diff"]
        self.assertEqual(main_cf["before"], MAIN_CF)
        self.assertIn("virtual_transport = shoveler:unix:shoveler/lda\n", main_cf["after"])
        self.assertNotIn("relay_domains", main_cf["after"])
        self.assertIn("syslog_name=postfix/shoveler", master_cf["after"])
        self.assertEqual(self.read("main.cf"), MAIN_CF)
        self.assertFalse(os.path.exists(self.path("record.json")))

    def test_applied_once_and_given_back_byte_for_byte(self):
        self.assertTrue(self.run_module(**WANTED)["changed"])
        self.assertEqual(self.value("smtpd_milters"), "inet:127.0.0.1:8891, unix:/run/other.sock, inet:127.0.0.1:8895")
        self.assertEqual(self.value("transport_maps"), "texthash:/x")
        self.assertIn("syslog_name=postfix/shoveler", self.read("master.cf"))
        self.assertFalse(self.run_module(**WANTED)["changed"])
        self.assertTrue(self.run_module(state="absent")["changed"])
        self.assertEqual(self.read("main.cf"), MAIN_CF)
        self.assertEqual(self.read("master.cf"), MASTER_CF)
        self.assertFalse(os.path.exists(self.path("record.json")))
        self.assertFalse(self.run_module(state="absent")["changed"])

    def test_what_the_admin_changed_meanwhile_stays(self):
        self.run_module(**WANTED)
        text = self.read("main.cf").replace("8895", "8895, inet:127.0.0.1:9999").replace("shoveler:unix:shoveler/lda", "lmtp:inet:elsewhere")
        self.write("main.cf", text + "mydestination = mine\n")
        result = self.run_module(state="absent")
        self.assertEqual(result["left_alone"], ["virtual_transport"])
        told = 'virtual_transport is "lmtp:inet:elsewhere" since somebody else changed it, and stays so. Before Shoveler it was "lmtp:unix:private/dovecot-lmtp".'
        # Of ansible-core 2.19 they are more than texts.
        warnings = [warning["event"]["msg"] if isinstance(warning, dict) else warning for warning in result["warnings"]]
        self.assertEqual(warnings, [told])
        self.assertEqual(self.value("virtual_transport"), "lmtp:inet:elsewhere")
        self.assertEqual(self.value("mydestination"), "mine")
        self.assertEqual(self.value("smtpd_milters"), "inet:127.0.0.1:8891, unix:/run/other.sock, inet:127.0.0.1:9999")
        self.assertNotIn("milter_default_action", self.read("main.cf"))
        self.assertNotIn("transport_maps", self.read("main.cf"))

    def test_lines_that_the_admin_added_meanwhile_stay_and_all_others_are_given_back_byte_for_byte(self):
        """Also if the role runs after that, and a feature goes."""
        self.run_module(**WANTED)
        edited, edited_master = self.read("main.cf"), self.read("master.cf")
        edited = edited.replace("myhostname = mx.example.test\n", "# and mine\nmyhostname = mx9.example.test\n") + "mydestination = mine\n"
        self.write("main.cf", edited)
        self.write("master.cf", "# of mine\n" + edited_master + "mine unix - - y - - lmtp\n")
        self.assertFalse(self.run_module(**WANTED)["changed"])
        self.assertEqual(self.read("main.cf"), edited)
        less = {"set": {"milter_default_action": "tempfail"}}
        self.assertTrue(self.run_module(**less)["changed"])
        self.assertFalse(self.run_module(**less)["changed"])
        self.assertIn(MAIN_CF[MAIN_CF.index("smtpd_milters") :], self.read("main.cf"))
        self.write("main.cf", self.read("main.cf").replace("# and mine\n", "# and also mine\n"))
        result = self.run_module(state="absent")
        self.assertEqual((result["left_alone"], result.get("warnings", [])), ([], []))
        wanted = MAIN_CF.replace("myhostname = mx.example.test\n", "# and also mine\nmyhostname = mx9.example.test\n") + "mydestination = mine\n"
        self.assertEqual(self.read("main.cf"), wanted)
        self.assertEqual(self.read("master.cf"), "# of mine\n" + MASTER_CF + "mine unix - - y - - lmtp\n")

    def test_a_line_that_continues_ours_does_not_continue_another(self):
        self.write("main.cf", MAIN_CF + "mydestination = a.test\n")
        for between in ("", "# mine\n\n"):
            self.run_module(**WANTED)
            self.write("main.cf", self.read("main.cf").replace("transport_maps = texthash:/x\n", f"transport_maps = texthash:/x\n{between}  texthash:/mine\n"))
            self.run_module(state="absent")
            self.assertEqual((self.value("mydestination"), self.value("transport_maps")), ("a.test", "texthash:/mine"))
            self.write("main.cf", MAIN_CF + "mydestination = a.test\n")

    def test_any_bytes_and_links_are_given_back(self):
        strange = MAIN_CF.replace("own words", "w\udcf6rds").replace("\n", "\r\n").rstrip()
        os.mkdir(self.path("elsewhere"))
        os.symlink("elsewhere/main.cf", self.path("link"))
        os.rename(self.path("link"), self.path("main.cf"))
        with open(self.path("elsewhere/main.cf"), "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(strange)
        # As a run that was killed leaves it.
        self.write("elsewhere/main.cf.shoveler", "half a file")
        self.assertIn("w\ufffdrds", self.run_module(**WANTED)["diff"][0]["after"])
        self.assertEqual(self.value("smtpd_milters"), "inet:127.0.0.1:8891, unix:/run/other.sock, inet:127.0.0.1:8895")
        self.assertTrue(self.run_module(state="absent")["changed"])
        self.assertEqual((os.readlink(self.path("main.cf")), os.listdir(self.path("elsewhere"))), ("elsewhere/main.cf", ["main.cf"]))
        with open(self.path("main.cf"), "rb") as file:
            self.assertEqual(file.read(), strange.encode("utf-8", "surrogateescape"))

    def test_ours_is_taken_out_of_a_list_however_the_admin_wrote_it(self):
        self.run_module(add={"smtpd_milters": ["inet:127.0.0.1:8895"]})
        ours = "inet:127.0.0.1:8891, unix:/run/other.sock, inet:127.0.0.1:8895"
        for theirs, rest in (
            ("inet:a inet:127.0.0.1:8895 inet:b", "inet:a inet:b"),
            ("{ inet:a, connect_timeout=9s }, { inet:127.0.0.1:8895, connect_timeout=9s }", "{ inet:a, connect_timeout=9s }"),
            ("inet:127.0.0.1:8895, inet:127.0.0.1:88950", "inet:127.0.0.1:88950"),
        ):
            self.write("main.cf", self.read("main.cf").replace(ours, theirs))
            self.assertFalse(self.run_module(add={"smtpd_milters": ["inet:127.0.0.1:8895"]})["changed"])
            self.run_module(state="absent")
            self.assertEqual(self.value("smtpd_milters"), rest)
            self.write("main.cf", MAIN_CF)
            self.run_module(add={"smtpd_milters": ["inet:127.0.0.1:8895"]})

    def test_another_address_of_ours_takes_the_place_of_the_former(self):
        """Also where the admin changed something."""
        self.run_module(add={"smtpd_milters": ["inet:127.0.0.1:8895"]})
        self.write("main.cf", self.read("main.cf").replace("unix:/run/other.sock, ", ""))
        self.assertTrue(self.run_module(add={"smtpd_milters": ["unix:/run/ours"]})["changed"])
        self.assertEqual(self.value("smtpd_milters"), "inet:127.0.0.1:8891, unix:/run/ours")
        self.run_module(state="absent")
        self.assertEqual(self.value("smtpd_milters"), "inet:127.0.0.1:8891")

    def test_what_cannot_be_written_is_told(self):
        self.run_module(**WANTED)
        os.unlink(self.path("record.json"))
        os.mkdir(self.path("record.json"))
        self.assertEqual(self.run_module(expect=1, **WANTED)["msg"], self.path("record.json") + ": Is a directory")

    def test_what_is_no_longer_wanted_is_given_back(self):
        self.run_module(**WANTED)
        self.assertTrue(self.run_module(set={"milter_default_action": "tempfail"})["changed"])
        self.assertEqual(self.value("virtual_transport"), "lmtp:unix:private/dovecot-lmtp")
        self.assertEqual(self.read("master.cf"), MASTER_CF)
        self.assertEqual(self.value("milter_default_action"), "tempfail")
        self.run_module(state="absent")
        self.assertEqual(self.read("main.cf"), MAIN_CF)

    def test_what_is_no_longer_wanted_leaves_no_trace(self):
        """Not even in the way a value of several lines is written."""
        less = {"set": {"milter_default_action": "tempfail"}}
        self.run_module(**less)
        alone = self.read("main.cf")
        self.run_module(**WANTED)
        self.run_module(**less)
        self.assertEqual(self.read("main.cf"), alone)
        self.run_module()
        self.assertEqual(self.read("main.cf"), MAIN_CF)
        self.assertEqual(self.read("master.cf"), MASTER_CF)

    def test_killed_between_the_files(self):
        self.run_module(**WANTED)
        wanted = {name: self.read(name) for name in ("main.cf", "master.cf")}
        for done in ("main.cf", "master.cf"):
            self.write("main.cf", MAIN_CF)
            self.write("master.cf", MASTER_CF)
            self.write(done, wanted[done])
            self.assertTrue(self.run_module(**WANTED)["changed"])
            self.assertEqual({name: self.read(name) for name in wanted}, wanted)
            self.write(done, MAIN_CF if done == "main.cf" else MASTER_CF)
            self.assertTrue(self.run_module(state="absent")["changed"])
            self.assertEqual(self.read("main.cf") + self.read("master.cf"), MAIN_CF + MASTER_CF)
            self.run_module(**WANTED)

    def test_what_postfix_does_not_take_changes_nothing(self):
        result = self.run_module(expect=1, set={"virtual_transport": "${nothing"}, services=WANTED["services"])
        self.assertIn("macro", result["msg"])
        self.assertIn("Nothing was changed", result["msg"])
        self.assertEqual(self.read("main.cf") + self.read("master.cf"), MAIN_CF + MASTER_CF)
        self.assertFalse(os.path.exists(self.path("record.json")))

    def test_a_value_that_was_there_already_stays(self):
        self.write("main.cf", MAIN_CF + "milter_default_action = tempfail\n")
        self.run_module(set={"milter_default_action": "tempfail"})
        self.run_module(state="absent")
        self.assertEqual(self.value("milter_default_action"), "tempfail")


if __name__ == "__main__":
    try:
        import ansible.module_utils.basic  # noqa: F401
    except ImportError:
        print("skipped: no ansible-core for this Python")
        sys.exit(77)
    if shutil.which("postconf") is None:
        print("skipped: no Postfix")
        sys.exit(77)
    unittest.main()

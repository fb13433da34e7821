#!/usr/bin/python3
"""The role's smaller modules, and whether its defaults, its documentation and its examples agree. Exit code 77: no ansible-core here.

usage: role_test.py [SHOVELER]     the command, for the names of all settings
       role_test.py --table        prints the variables as docs/ansible.md has them
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROLE = os.path.join(HERE, "roles/shoveler")
SHOVELER = ""
SYSTEMCTL = """#!/bin/sh
# A folder of units; a word in a file is what is true of it.
cd "$(dirname "$0")" || exit 1
verb=$1
[ "$verb" = show ] || echo "$*" >>log
for unit; do
	case $unit in
	"$verb" | -*) continue ;;
	esac
	has() { grep -q "$1" "$unit" 2>/dev/null && echo "$2" || echo "$3"; }
	[ "$verb" != show ] || printf 'Id=%s\\nLoadState=%s\\nActiveState=%s\\nUnitFileState=%s\\n\\n' \\
		"$unit" "$(has . loaded not-found)" "$(has active active inactive)" "$(has enabled enabled disabled)"
done
"""


def load(path):
    import yaml  # comes with ansible-core

    with open(os.path.join(ROLE, path), encoding="utf-8") as file:
        return yaml.safe_load(file)


def render(name, **variables):
    """One of vars/main.yml, as Ansible does it."""
    import jinja2

    return jinja2.Environment(trim_blocks=True, keep_trailing_newline=True).from_string(load("vars/main.yml")[name]).render(**variables)


def table():
    """The variables, as docs/ansible.md has them."""
    lines = []
    for name, option in load("meta/argument_specs.yml")["argument_specs"]["main"]["options"].items():
        text = option["description"] if isinstance(option["description"], str) else " ".join(option["description"])
        kind = " or ".join(option.get("choices", [])) or option["type"] + (f" of {option['elements']}" if "elements" in option else "")
        lines.append(f"| `{name}` | {kind} | `{json.dumps(option['default'])}` | {text} |")
    return lines


class InFolder(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def run_module(self, module, check=False, expect=0, **arguments):
        done = subprocess.run(
            [sys.executable, os.path.join(ROLE, "library", module)],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check}}),
            env={**os.environ, "PATH": self.directory + ":" + os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)


class Files(InFolder):
    def files(self, **arguments):
        return self.run_module("shoveler_files.py", directory=self.path("d"), **arguments)

    def test_check_mode_tells_and_changes_nothing(self):
        result = self.files(check=True, files={"a": "one\n", "b": ""})
        self.assertTrue(result["changed"])
        self.assertEqual(result["diff"], [{"before_header": self.path("d/a"), "after_header": self.path("d/a"), "before": "", "after": "one\n"}])
        self.assertFalse(os.path.exists(self.path("d")))

    def test_put_there_changed_and_taken_away(self):
        self.assertTrue(self.files(files={"a": "one\n", "b": "two\n"})["changed"])
        self.assertFalse(self.files(files={"a": "one\n", "b": "two\n"})["changed"])
        self.assertEqual(self.files(files={"a": "one\n", "b": ""})["names"], ["b"])
        self.assertEqual(os.listdir(self.path("d")), ["a"])

    def test_all_or_nothing(self):
        self.files(files={"a": "one\n"})
        check = ["grep", "-q", "one", self.path("d/a")]
        self.files(files={"b": "two\n"}, validate=check)
        result = self.files(files={"a": "bad\n", "b": "", "c": "three\n"}, validate=check, expect=1)
        self.assertIn("as they were", result["msg"])
        self.assertEqual(sorted(os.listdir(self.path("d"))), ["a", "b"])
        self.assertEqual(self.read("d/a") + self.read("d/b"), "one\ntwo\n")

    def test_what_is_shown(self):
        """As by doveconf, where the admin's own files say otherwise, or lose their effect."""
        self.files(files={"a": "one\n"})
        shown = [{"command": ["echo", "x = two-a three"], "words": ["three", "x"]}, {"command": ["false"], "words": []}]
        self.assertTrue(self.files(files={"b": "two\n"}, shown=shown)["changed"])
        for words, out in ((["two"], "two-a three"), (["two"], "two = no")):
            result = self.files(files={"a": "bad\n"}, shown=[{"command": ["echo", out], "words": words}], expect=1)
            self.assertIn(f"does not show two with {self.path('d/a')}", result["msg"])
        # The one who comes first has the word.
        shown = [{"command": ["sh", "-c", f"cat {self.path('d')}/* | head -n 1; echo ours"], "words": ["ours"]}]
        self.files(files={"c": "his\n", "a": "", "b": ""})
        self.assertIn("does not show his with", self.files(files={"a": "one\n"}, shown=shown, expect=1)["msg"])
        self.assertEqual(os.listdir(self.path("d")), ["c"])
        self.files(files={"a": "one\n"})
        self.assertTrue(self.files(files={"a": ""}, shown=shown)["changed"], "its own words may go")

    def test_what_cannot_be_written_changes_nothing_and_a_killed_run_leaves_nothing(self):
        self.files(files={"a": "one\n"})
        os.mkdir(self.path("d/b"))
        self.assertEqual(self.files(files={"a": "two\n", "b": "two\n"}, expect=1)["msg"], self.path("d/b") + ": Is a directory")
        self.write("d/a.new", "half")
        self.files(files={"a": "one\n"}, check=True)
        self.assertEqual(sorted(os.listdir(self.path("d"))), ["a", "a.new", "b"])
        self.assertFalse(self.files(files={"a": "one\n"})["changed"])
        self.assertEqual((sorted(os.listdir(self.path("d"))), self.read("d/a")), (["a", "b"], "one\n"))

    def test_a_folder_of_ours_alone(self):
        self.files(files={"a": "one\n", "b": "two\n"})
        self.assertEqual(self.files(files={"a": "one\n"}, exclusive=True)["names"], ["b"])
        self.assertTrue(self.files(exclusive=True)["changed"])
        self.assertFalse(os.path.exists(self.path("d")))
        self.assertFalse(self.files(exclusive=True)["changed"])

    def test_what_would_go_is_known_before(self):
        self.assertFalse(self.files(files={"a": "one\n"})["others"])
        self.assertFalse(self.files(files={"a": "one\n"})["others"])
        self.assertTrue(self.files()["others"])
        self.files(files={"b": "two\n"})
        self.assertTrue(self.files(files={"a": "one\n"})["others"])
        self.assertEqual(sorted(os.listdir(self.path("d"))), ["a", "b"])


class Paths(InFolder):
    def paths(self, *wanted, **arguments):
        me = {"owner": str(os.getuid()), "group": str(os.getgid())}
        return self.run_module("shoveler_paths.py", paths=[{**me, **path, "path": self.path(path["path"])} for path in wanted], **arguments)

    def mode(self, name):
        return os.stat(self.path(name)).st_mode & 0o7777

    def test_made_once(self):
        wanted = [{"path": "d/e", "mode": "0750"}, {"path": "d/e/f", "mode": "0640", "content": "x\n"}, {"path": "no", "mode": "0700", "when": False}]
        self.assertEqual(self.paths(*wanted)["names"], [self.path("d/e"), self.path("d/e/f")])
        self.assertEqual((self.mode("d/e"), self.mode("d/e/f"), self.read("d/e/f")), (0o750, 0o640, "x\n"))
        self.assertEqual((self.paths(*wanted)["changed"], os.listdir(self.directory)), (False, ["d"]))
        os.chmod(self.path("d/e/f"), 0o644)
        result = self.paths(*wanted)
        self.assertEqual((result["names"], result["diff"][0]["before"], result["diff"][0]["after"]), ([self.path("d/e/f")], "mode 0644\n", "mode 0640\n"))
        self.assertEqual(self.mode("d/e/f"), 0o640)

    def test_links_stay(self):
        os.mkdir(self.path("elsewhere"), 0o755)
        os.symlink("elsewhere", self.path("d"))
        self.assertTrue(self.paths({"path": "d", "mode": "0700"})["changed"])
        self.assertEqual((self.mode("elsewhere"), os.readlink(self.path("d"))), (0o700, "elsewhere"))
        self.assertFalse(self.paths({"path": "d", "mode": "0700"})["changed"])

    def test_what_cannot_be_made_is_told(self):
        self.write("d", "a file\n")
        self.assertEqual(self.paths({"path": "d", "mode": "0700"}, expect=1)["msg"], self.path("d") + ": File exists")

    def test_content(self):
        self.write("f", "mine\n")
        keep = {"path": "f", "mode": "0644", "content": "other\n", "keep": True}
        self.assertEqual((self.paths(keep)["changed"], self.read("f")), (False, "mine\n"))
        result = self.paths({**keep, "keep": False}, check=True)
        self.assertEqual((result["diff"][0]["before"], result["diff"][0]["after"], self.read("f")), ("mine\n", "other\n", "mine\n"))
        self.assertTrue(self.paths({**keep, "keep": False})["changed"])
        self.assertEqual(self.read("f"), "other\n")

    def test_a_mark_is_no_change(self):
        self.assertFalse(self.paths({"path": "mark", "mode": "0644", "content": "", "passing": True})["changed"])
        self.assertTrue(os.path.exists(self.path("mark")))

    def test_check_mode_makes_nothing_and_needs_no_user(self):
        wanted = [{"path": "d", "mode": "0750", "owner": "nobody-at-all"}, {"path": "d/f", "mode": "0640", "content": "x\n", "group": "nobody-at-all"}]
        self.assertEqual(self.paths(*wanted, check=True)["names"], [self.path("d"), self.path("d/f")])
        self.assertEqual(os.listdir(self.directory), [])
        self.write("d/f", "x\n")
        self.assertTrue(self.paths(*wanted, check=True)["changed"])
        self.assertIn("nobody-at-all", self.paths(*wanted, expect=1)["msg"])

    def test_absent(self):
        self.write("d/e/f", "x\n")
        self.write("g", "x\n")
        os.symlink(self.path("g"), self.path("link"))
        absent = [self.path(name) for name in ("d", "link", "none")]
        self.assertEqual(self.paths(absent=absent, check=True)["names"], absent[:2])
        self.assertEqual(self.paths(absent=absent)["names"], absent[:2])
        self.assertEqual(os.listdir(self.directory), ["g"])


class Host(InFolder):
    def host(self, **arguments):
        return self.run_module("shoveler_host.py", check=True, **arguments)

    def test_paths_and_signatures(self):
        for name in ("main.cvd", "own.ndb", "freshclam.dat"):
            self.write(name, "")
        result = self.host(paths=[self.path("own.ndb"), self.path("none")], signatures=self.directory)
        self.assertEqual((result["there"], result["signatures"]), ([self.path("own.ndb")], 2))
        self.assertEqual(self.host(signatures=self.path("none"))["signatures"], 0)

    def test_programs(self):
        self.write("postconf", "#!/bin/sh\n[ \"$*\" = '-c /p -x -h recipient_delimiter' ] && echo +-\n", 0o755)
        self.write("dovecot", "#!/bin/sh\necho '2.4.1-4 (7d8c0e5759)'\n", 0o755)
        self.write("dpkg-query", "#!/bin/sh\nprintf 'ii  a_1\\nrc  b_2\\nhi  c_3\\n'\n", 0o755)
        result = self.host(postfix="/p", dovecot=True, packages=True)
        self.assertEqual((result["recipient_delimiter"], result["dovecot"], result["packages"]), ("+-", "2.4", ["a_1", "c_3"]))

    def test_packages_as_apt_takes_their_names(self):
        self.write("dpkg-query", "#!/bin/sh\nprintf 'ii  a_1:2.0-1+b~3\\nrc  b_2\\nhi  c.d_3\\n'\n", 0o755)
        there = ["a", "a=1:2.0-1+b~3", "a=1:2.0-*", "a/bookworm", "a:amd64", "c.d=3"]
        missing = ["b", "b=2", "a=1:2.0-1", "a=1:2.0-2*", "cxd", "d"]
        self.assertEqual(self.host(packages=True, missing=there + missing)["missing"], missing)

    def test_what_must_be_there(self):
        self.assertEqual(self.host(lacking=["user root", "group nobody-at-all", "group daemon"])["lacking"], ["group nobody-at-all"])

    def test_what_dovecot_reads(self):
        def reads(*lines, wanted="conf.d/90-x.conf"):
            self.write("dovecot.conf", "\n".join(lines) + "\n")
            return self.host(includes=[self.path("dovecot.conf"), self.path(wanted)])["includes"]

        self.write("own.conf", "!include conf.d/*.conf\n")
        self.write("loop.conf", "!include loop.conf\n")
        for line in ("!include conf.d/*.conf", "  !include_try conf.d/*.conf  # all", f"!include {self.directory}/conf.d/*.conf", "!include o*.conf"):
            self.assertTrue(reads("protocols = imap", line), line)
        for line in ("", "#!include conf.d/*.conf", "!include conf.d/10-*.conf", "!include local.conf", "!include conf.d/*.conf.ext", "!include loop.conf"):
            self.assertFalse(reads("protocols = imap", line), line)

    def test_accounts(self):
        result = self.host(accounts=True)
        self.assertIn("root", result["users"])
        self.assertIn("daemon", result["groups"])
        self.assertTrue(all(":" in member for member in result["members"]))


class Settings(InFolder):
    known = ["spam_traps", "dictionary_groups", "virus_scan", "dns_budget"]

    def settings(self, settings, **arguments):
        os.makedirs(self.path("main.cf.d"), exist_ok=True)
        arguments = {"known": self.known, "program": SHOVELER or "/nonexistent", **arguments}
        return self.run_module("shoveler_settings.py", directory=self.directory, settings=settings, **arguments)

    def test_every_kind_of_value(self):
        groups = "family: alice@example.org bob@example.org\n\n  desk: info@example.org carol@example.org\n"
        wanted = {"dictionary_groups": groups, "spam_traps": ["trap@example.org", "@old.example.org"], "virus_scan": False, "dns_budget": 3}
        self.assertTrue(self.settings(wanted)["changed"])
        self.assertEqual(
            self.read("main.cf.d/50-ansible.cf"),
            "# Made by Ansible.\ndictionary_groups =\n\tfamily: alice@example.org bob@example.org\n\tdesk: info@example.org carol@example.org\n"
            "spam_traps =\n\ttrap@example.org\n\t@old.example.org\nvirus_scan = no\ndns_budget = 3\n",
        )
        self.assertFalse(self.settings(wanted)["changed"])
        if SHOVELER:
            self.write("main.cf", "")
            shown = subprocess.run([SHOVELER, "-c", self.directory, "conf", "spam_traps"], capture_output=True, text=True, check=True)
            self.assertEqual(shown.stdout.split(), ["trap@example.org", "@old.example.org"])

    def test_check_mode_shows_the_file(self):
        result = self.settings({"virus_scan": True}, check=True)
        self.assertEqual(result["diff"]["after"], "# Made by Ansible.\nvirus_scan = yes\n")
        self.assertEqual(os.listdir(self.path("main.cf.d")), [])

    def test_unknown_names_have_file_and_line(self):
        result = self.settings({"virus_scan": "no", "spam_trap": "x"}, program="/nonexistent", expect=1)
        self.assertIn(f'{self.path("main.cf.d/50-ansible.cf")}, line 3: unknown setting "spam_trap"; did you mean "spam_traps"?', result["msg"])
        self.assertEqual(os.listdir(self.path("main.cf.d")), [])

    @unittest.skipUnless(SHOVELER or len(sys.argv) > 1, "no shoveler")
    def test_values_are_for_the_program_to_judge(self):
        self.write("main.cf", "lda_parallel = 0\n")
        result = self.settings({"virus_scan": "no"}, expect=1)
        self.assertIn(self.path("main.cf") + ", line 1", result["msg"])
        self.write("main.cf", "")
        result = self.settings({"virus_scan": "maybe"}, expect=1)
        self.assertIn(self.path("main.cf.d/50-ansible.cf") + ", line 2", result["msg"])
        self.assertEqual(os.listdir(self.path("main.cf.d")), [])

    def test_a_daemon_that_objects(self):
        self.write("daemon", "#!/bin/sh\necho \"$2/main.cf.d: no\" >&2; exit 78\n", 0o755)
        result = self.settings({"virus_scan": "no"}, daemons=[self.path("daemon"), "/nonexistent"], expect=1)
        self.assertIn(f"{self.directory}/main.cf.d: no", result["msg"])
        self.assertEqual(os.listdir(self.path("main.cf.d")), [])


class Units(InFolder):
    def setUp(self):
        super().setUp()
        self.write("systemctl", SYSTEMCTL, 0o755)

    def units(self, **arguments):
        return self.run_module("shoveler_units.py", **arguments)

    def log(self):
        return self.read("log").splitlines() if os.path.exists(self.path("log")) else []

    def test_only_what_is_not_so_yet(self):
        self.write("a.service", "unit")
        self.write("b.service", "unit enabled")
        self.write("c.timer", "unit enabled active")
        result = self.units(wanted=["a.service", "b.service", "c.timer"])
        self.assertEqual(result["running"], ["c.timer"])
        self.assertEqual(self.log(), ["daemon-reload", "enable a.service", "start a.service b.service"])

    def test_what_is_not_wanted(self):
        self.write("a.service", "unit active")
        self.write("b.timer", "unit enabled")
        self.write("c.service", "unit")
        self.assertTrue(self.units(unwanted=["a.service", "b.timer", "c.service", "none.path"])["changed"])
        self.assertEqual(self.log(), ["stop a.service a*.socket", "disable b.timer"])

    def test_what_runs_is_reloaded_and_nothing_else_started(self):
        self.write("a.service", "unit active")
        self.write("b.service", "unit")
        self.units(reload=["a.service", "b.service"], restart=["b.service"])
        self.assertEqual(self.log(), ["reload a.service"])

    def test_sockets_are_made_anew_with_the_service(self):
        self.write("a.service", "unit active")
        self.units(restart=["a.service"])
        self.assertEqual(self.log(), ["daemon-reload", "stop a*.socket", "restart a.service"])

    def test_asked_before_anything_is_told(self):
        self.write("a.service", "unit active")
        no = ["sh", "-c", "echo it is wrong >&2; exit 78"]
        self.assertIn("it is wrong", self.units(ask=[["true"], no], restart=["a.service"], expect=1)["msg"])
        self.assertEqual(self.log(), [])
        self.assertTrue(self.units(ask=[no], restart=["a.service"], check=True)["changed"])
        self.units(ask=[["true"]], restart=["a.service"])
        self.assertIn("restart a.service", self.log())

    def test_what_is_to_go_later(self):
        for name, words in (("a.service", "unit active"), ("b.timer", "unit enabled"), ("c.timer", "unit")):
            self.write(name, words)
        result = self.units(later=["a.service", "b.timer", "c.timer", "none.path"])
        self.assertEqual((result["later"], result["changed"], self.log()), (["a.service", "b.timer"], False, []))
        self.assertEqual(result["running"], [], "they are not to be restarted")

    def test_check_mode(self):
        self.write("a.service", "unit")
        result = self.units(wanted=["a.service", "b.service"], check=True)
        self.assertEqual((result["changed"], result["missing"]), (True, ["b.service"]))
        self.assertIn("start a.service\n", result["diff"]["after"])
        self.assertEqual(self.log(), [])
        self.assertIn("b.service", self.units(wanted=["b.service"], expect=1)["msg"])


class Variables(InFolder):
    def complaints(self, *names, expect=1, **arguments):
        known, former = list(load("defaults/main.yml")), load("vars/main.yml")["shoveler_former_variables"]
        return self.run_module("shoveler_variables.py", unknown=names, known=known, former=former, check=True, expect=expect, **arguments).get("msg")

    def test_unknown_names_have_the_nearest_one(self):
        self.assertIn("The role has no variable shoveler_antiviurs; did you mean shoveler_antivirus?", self.complaints("shoveler_antiviurs"))
        self.assertIsNone(self.complaints(expect=0))

    def test_lists_are_no_texts(self):
        self.assertIn("""shoveler_packages is a text, not a list or dictionary; as an option it is -e '{"shoveler_packages": ...}'.""", self.complaints(texts=["shoveler_packages"]))

    def test_former_names_have_what_took_their_place(self):
        self.assertIn("no variable shoveler_milter any more; its place took shoveler_antivirus and shoveler_scoring.", self.complaints("shoveler_milter"))
        former = load("vars/main.yml")["shoveler_former_variables"]
        with open(os.path.join(HERE, "../CHANGELOG.md"), encoding="utf-8") as file:
            told = re.findall(r"^- Role: `(shoveler_\w+)` became", file.read(), re.MULTILINE)
        self.assertEqual(sorted(former), sorted(told))
        self.assertEqual(set(former) & (set(load("defaults/main.yml")) | set(load("vars/main.yml"))), set())

    def test_all_that_is_made_is_known_to_be(self):
        made = set(load("vars/settings.yml"))
        for name in os.listdir(os.path.join(ROLE, "tasks")):
            with open(os.path.join(ROLE, "tasks", name), encoding="utf-8") as file:
                text = file.read()
            made.update(re.findall(r"register: (\w+)", text))
            self.assertNotIn("set_fact", text)
        self.assertEqual(set(load("vars/main.yml")["shoveler_made_variables"]), made)


class Documentation(unittest.TestCase):
    def setUp(self):
        self.options = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]

    def test_defaults_are_those_of_the_specification(self):
        self.assertEqual(load("defaults/main.yml"), {name: option["default"] for name, option in self.options.items()})

    def test_types(self):
        types = {"str": str, "path": str, "bool": bool, "list": list, "dict": dict}
        for name, option in self.options.items():
            self.assertTrue(option["description"], name)
            self.assertIs(type(option["default"]), types[option["type"]], name)
            self.assertIn(option["default"], option.get("choices", [option["default"]]), name)
            self.assertEqual("elements" in option, option["type"] == "list", name)

    def test_the_manual_has_them_all(self):
        with open(os.path.join(HERE, "../docs/ansible.md"), encoding="utf-8") as file:
            lines = [line for line in file.read().splitlines() if line.startswith("| `shoveler_")]
        self.assertEqual(lines, table(), "what role_test.py --table prints belongs into docs/ansible.md")

    def test_nothing_is_used_that_is_not_there(self):
        """A variable of the role in a task is an option, one of vars/main.yml, or made in the tasks."""
        text = ""
        for folder, _, names in os.walk(ROLE):
            for name in names:
                if name.endswith((".yml", ".j2")) and not folder.endswith(("/meta", "/defaults")):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        text += re.sub(r"^ *#.*$", "", file.read(), flags=re.MULTILINE)
        made = set(re.findall(r"^ *(shoveler_\w+):", text, re.MULTILINE)) | set(re.findall(r"register: (\w+)", text))
        modules = {name[:-3] for name in os.listdir(os.path.join(ROLE, "library"))}
        used = set(re.findall(r"\bshoveler_\w+", re.sub(r"^ *shoveler_\w+:", "", text, flags=re.MULTILINE)))
        plugins = {"shoveler_retrain"}
        self.assertEqual(used - set(self.options) - made - modules - plugins, set())
        self.assertEqual(set(self.options) - used, set())

    def test_the_source_of_apt(self):
        given = {"shoveler_repository": "https://example.org/debian", "shoveler_repository_suite": "trixie", "shoveler_repository_files": ["/key"]}
        self.assertEqual(
            render("shoveler_repository_source", shoveler_repository_components=["main", "extra"], shoveler_repository_key="key.asc", **given),
            "# Made by Ansible.\nTypes: deb\nURIs: https://example.org/debian\nSuites: trixie\nComponents: main extra\nSigned-By: /key\n",
        )
        self.assertEqual(
            render("shoveler_repository_source", **given), "# Made by Ansible.\nTypes: deb\nURIs: https://example.org/debian\nSuites: trixie\n"
        )

    @unittest.skipUnless(len(sys.argv) > 1, "no shoveler")
    def test_the_names_of_all_settings(self):
        shown = subprocess.run([SHOVELER, "conf", "-d"], capture_output=True, text=True, check=True).stdout
        names = re.findall(r"^([a-z0-9_]+) =", shown, re.MULTILINE)
        self.assertEqual(load("vars/settings.yml")["shoveler_known_settings"], names, "in vars/settings.yml: shoveler conf -d | sed 's/ =.*//; s/^/  - /'")

    def test_the_drop_ins_of_dovecot_come_with_the_role(self):
        for release in ("2.3", "2.4"):
            for part in ("retrain", "sharing"):
                self.assertTrue(os.path.exists(os.path.join(ROLE, "files", f"90-shoveler-{part}-{release}.conf")))


if __name__ == "__main__":
    try:
        import ansible.module_utils.basic  # noqa: F401
    except ImportError:
        print("skipped: no ansible-core for this Python")
        sys.exit(77)
    if sys.argv[1:] == ["--table"]:
        print("\n".join(table()))
        sys.exit()
    SHOVELER = sys.argv.pop() if len(sys.argv) > 1 else ""
    unittest.main()

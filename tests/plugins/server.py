"""A private Dovecot for tests: own folder, own base_dir, IMAP on a free loopback port.

It runs the machine's Dovecot with the configuration of an ordinary host, plus exactly the snippet
that dropping in Shoveler means (dovecot-plugins/conf). The plugins come from $SHOVELER_MODULES, or
from build/debug unless they are older than their source; if they were built with AddressSanitizer
its library is preloaded, and every report fails the test.
"""

import glob
import imaplib
import itertools
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
import unittest

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
MODULES = os.environ.get("SHOVELER_MODULES", os.path.join(SOURCE, "build/debug/dovecot-plugins/modules"))
COMMAND = os.environ.get("SHOVELER_COMMAND", os.path.join(MODULES, "../../admin/shoveler"))
STOCK_MODULES = "/usr/lib/dovecot/modules"
MAIL_USER = "mail"  # stands for vmail; every Debian has it
MAIL_UID = pwd.getpwnam(MAIL_USER).pw_uid
MAIL_GID = pwd.getpwnam(MAIL_USER).pw_gid
PASSWORD = "secret"
PATIENCE = int(os.environ.get("STORY_PATIENCE", "1"))  # how many times as long a busy machine may take

CONFIG = """
protocols = imap lmtp
listen = 127.0.0.1
base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/dovecot.log
ssl = no
default_internal_user = {internal}
default_login_user = {login}
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = {uid}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    auto = subscribe
    special_use = \\Junk
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
!include {snippet}
"""

CONFIG_23 = """
disable_plaintext_auth = no
default_vsz_limit = 0
import_environment = $import_environment {environment}
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = {top}/users
}}
userdb {{
  driver = passwd-file
  args = {top}/users
  default_fields = uid={uid} gid={gid} home={top}/home/%u
}}
"""

CONFIG_24 = """
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
auth_allow_cleartext = yes
default_vsz_limit = unlimited
import_environment {{
  {environment_24}
}}
mail_driver = maildir
mail_path = ~/Maildir
passdb passwd-file {{
  passwd_file_path = {top}/users
  default_password_scheme = PLAIN
}}
userdb passwd-file {{
  passwd_file_path = {top}/users
  fields {{
    uid:default = {uid}
    gid:default = {gid}
    home = {top}/home/%{{user}}
  }}
}}
"""


def version():
    """(2, 3) or (2, 4)"""
    text = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, text.split(".")[:2]))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


ports = set()


def free_port():
    """Each test program has its own few, and none is one that the kernel gives to clients meanwhile."""
    for port in itertools.count(10000 + os.getpid() * 4 % 20000):
        if port in ports:
            continue
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.add(port)
        return port


def needs_asan():
    module = glob.glob(os.path.join(MODULES, "lib*_plugin.so"))[0]
    linked = subprocess.run(["ldd", module], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(libasan\.so\.\d+) => (\S+)", linked)
    return os.path.realpath(found.group(2)) if found else None


class Dovecot:
    """start() .. stop(); folders: top, top/etc (main.cf), top/state_directory, top/spool."""

    def __init__(self, users, settings="", extra=""):
        self.top = tempfile.mkdtemp(prefix="shoveler-plugins.")
        os.chmod(self.top, 0o755)
        self.port = free_port()
        self.users = users
        self.process = None
        self.spool = os.path.join(self.top, "spool")
        self.state = os.path.join(self.top, "shoveler")
        self.log_path = os.path.join(self.top, "dovecot.log")
        self.environment = {"SHOVELER_CONFIG_DIR": os.path.join(self.top, "etc")}
        self.asan = needs_asan()
        if self.asan:
            self.environment["LD_PRELOAD"] = self.asan
            self.environment["ASAN_OPTIONS"] = f"detect_leaks=0:log_path={self.top}/asan/report"
            self.environment["UBSAN_OPTIONS"] = f"print_stacktrace=1:log_path={self.top}/asan/report"
        self.make_folders()
        self.make_modules()
        self.write("users", "".join(f"{user}:{{PLAIN}}{PASSWORD}::::::\n" for user in users))
        self.write("etc/main.cf", f"mail_user = {MAIL_USER}\npolicy_group = nogroup\nstate_directory = {self.state}\nruntime_directory = {self.top}/run-shoveler\n"
                   f"retrain_spool = {self.spool}\n" + settings)
        self.write_config(extra)

    def path(self, *names):
        return os.path.join(self.top, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def make_folders(self):
        for name, mode in (("run", 0o755), ("state", 0o755), ("home", 0o777), ("etc", 0o755), ("asan", 0o777),
                           ("run-shoveler", 0o755), ("shoveler", 0o755), ("modules", 0o755),
                           ("shoveler/sharing", 0o777), ("spool", 0o777), ("spool/tmp", 0o777), ("spool/new", 0o777), ("spool/bad", 0o777)):
            os.mkdir(self.path(name))
            os.chmod(self.path(name), mode)

    def make_modules(self):
        """The stock modules and ours in one folder, as on a host."""
        for root in (STOCK_MODULES, MODULES):
            for folder, _, files in os.walk(root):
                target = os.path.join(self.path("modules"), os.path.relpath(folder, root))
                os.makedirs(target, exist_ok=True)
                for name in files:
                    if ".so" in name:
                        shutil.copy2(os.path.join(folder, name), os.path.join(target, name), follow_symlinks=False)

    def command(self, *words):
        """doveadm finds its plugins in one place only: put ours there, for this command alone."""
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                f'mount --bind {self.top}/modules {STOCK_MODULES} && exec "$@"', "sh", *words]

    def write_config(self, extra):
        two = version()
        snippet = self.write_snippet(f"dovecot-plugins/conf/90-shoveler-{part}-{two[0]}.{two[1]}.conf" for part in ("sharing", "retrain"))
        template = (CONFIG_24 if two >= (2, 4) else CONFIG_23) + CONFIG
        self.write("dovecot.conf", template.format(
            top=self.top, port=self.port, uid=MAIL_UID, gid=MAIL_GID, internal="dovecot", login="dovenull", snippet=snippet,
            environment=" ".join(f"{name}={value}" for name, value in self.environment.items()),
            environment_24="\n  ".join(f"{name} = {value}" for name, value in self.environment.items())) + extra)

    def write_snippet(self, names):
        """The shipped files, with a group that exists; their folders are those of main.cf."""
        text = ""
        for name in names:
            with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                text += file.read()
        self.write("90-shoveler.conf", text.replace("shoveler-policy", "nogroup"))
        return self.path("90-shoveler.conf")

    def start(self):
        with open(self.path("out"), "w", encoding="utf-8") as out:
            self.process = subprocess.Popen(self.command("dovecot", "-F", "-c", self.path("dovecot.conf")),
                                            stdout=out, stderr=subprocess.STDOUT)
        deadline = time.time() + 20 * PATIENCE
        while time.time() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError("dovecot did not start: " + read(self.path("out")) + self.log())

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    def remove(self):
        shutil.rmtree(self.top, ignore_errors=True)

    def log(self):
        return read(self.log_path) if os.path.exists(self.log_path) else ""

    def sanitizer_reports(self):
        return "".join(read(name) for name in sorted(glob.glob(self.path("asan/*"))))

    def imap(self, user, password=PASSWORD):
        client = Imap("127.0.0.1", self.port, timeout=60)
        client.login(user, password)
        return client

    def shoveler(self, *words):
        return subprocess.run([COMMAND, "-c", self.path("etc"), *words], check=True, capture_output=True, text=True)

    def lmtp(self):
        client = smtplib.LMTP(self.path("run/lmtp"))
        client.local_hostname = "test"
        return client

    def doveadm(self, *words, check=True, stdin=b""):
        result = subprocess.run(self.doveadm_command(*words), env=dict(os.environ, **self.environment),
                                input=stdin.decode(), capture_output=True, text=True, timeout=120, check=False)
        if check and result.returncode != 0:
            raise RuntimeError(f"doveadm {words}: {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def doveadm_command(self, *words):
        return self.command("doveadm", "-c", self.path("dovecot.conf"), *words)

    def doveadm_start(self, *words):
        """It goes on while the test does."""
        return subprocess.Popen(self.doveadm_command(*words), env=dict(os.environ, **self.environment), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def corrections(self):
        """What waits in the spool: a list of (attributes, message)."""
        found = []
        for name in sorted(os.listdir(self.path("spool/new"))):
            with open(self.path("spool/new", name), "rb") as file:
                head, _, message = file.read().partition(b"\n\n")
            found.append((dict(line.split("=", 1) for line in head.decode().split("\n")), message))
        return found

    def clear_corrections(self):
        for name in os.listdir(self.path("spool/new")):
            os.unlink(self.path("spool/new", name))


class Imap(imaplib.IMAP4):
    """imaplib with quoting, and with replies that are checked."""

    def do(self, name, *words):
        """One command. Returns its untagged answers by name; raises imaplib.IMAP4.error unless OK."""
        imaplib.Commands.setdefault(name, ("AUTH", "SELECTED"))
        self.untagged_responses.clear()
        status, data = self._simple_command(name, *words)
        if status != "OK":
            raise imaplib.IMAP4.error(f"{status} {b' '.join(part or b'' for part in data).decode()}")
        return self.untagged_responses

    def put(self, folder, message):
        status, data = self.append(quote(folder), None, None, message)
        if status != "OK":
            raise imaplib.IMAP4.error(data[0].decode())

    def open(self, host="", port=143, timeout=None):
        super().open(host, port, timeout)

    def enter(self, folder):
        answers = self.do("SELECT", quote(folder))
        self.state = "SELECTED"
        return answers

    def folders(self, pattern="*", command="LIST"):
        lines = self.do(command, '""', quote(pattern)).get(command, [])
        return sorted(folder_name(line) for line in lines if line)

    def transfer(self, command, source, target, uids="1:*"):
        self.enter(source)
        return self.do("UID", command, uids, quote(target))

    def subjects(self, folder):
        self.enter(folder)
        lines = self.do("UID", "FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])").get("FETCH", [])
        return [part[1].decode().partition(":")[2].strip() for part in lines if isinstance(part, tuple)]


def folder_name(line):
    text = line.decode() if isinstance(line, bytes) else b" ".join(line).decode()
    return re.sub(r'^\(.*?\) (?:"."|NIL) ', "", text).strip('"')


def quote(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def message(subject, *fields, body="Hello\r\n"):
    head = [f"Subject: {subject}", "From: someone@client.test", *fields]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


class PluginTest(unittest.TestCase):
    """One server a class; after each test nothing may have crashed."""

    users = ["alice@example.test", "bob@example.test"]
    settings = ""
    extra = ""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or shutil.which("dovecot") is None:
            raise unittest.SkipTest("needs root and Dovecot")
        cls.server = Dovecot(cls.users, cls.settings, cls.extra)
        cls.addClassCleanup(cls.finish)
        cls.server.start()

    @classmethod
    def finish(cls):
        cls.server.stop()
        if os.environ.get("KEEP"):
            print("kept", cls.server.top)
        else:
            cls.server.remove()

    def tearDown(self):
        log = self.server.log()
        reports = self.server.sanitizer_reports()
        self.assertFalse(reports, "\n".join(reports.splitlines()[:40]))
        for line in log.splitlines():
            self.assertNotRegex(line, r"Panic:|killed with signal|Fatal: (?!master)")

    def wait_for(self, condition, seconds=30):
        deadline = time.time() + seconds * PATIENCE
        while not condition():
            if time.time() > deadline:
                self.fail("waited in vain; log:\n" + self.server.log())
            time.sleep(0.05)


def is_outdated(modules):
    """Built before a source was changed: what such plugins do says nothing, least of all beside a newer policy store."""
    sources = [name for suffix in "ch" for name in glob.glob(os.path.join(SOURCE, f"dovecot-plugins/**/*.{suffix}"), recursive=True)
               if not name.endswith("_test.c")]
    built = glob.glob(os.path.join(modules, "*.so"))
    return not built or max(map(os.path.getmtime, built)) < max(map(os.path.getmtime, sources))


def main():
    """Exit code 77 when all was skipped, as ctest and automake know it."""
    if "SHOVELER_MODULES" not in os.environ and is_outdated(MODULES):
        raise SystemExit(f"{MODULES} is older than its source: build it, or name another folder in SHOVELER_MODULES")
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        raise SystemExit(1)
    raise SystemExit(77 if result.testsRun == 0 or len(result.skipped) == result.testsRun else 0)

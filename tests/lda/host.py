"""A private Dovecot with LMTP and a shoveler-lda in front of it, in a scratch folder.

Dovecot runs as root, its mail as uid 5000; shoveler-lda as nobody. Everything goes away at stop().
"""

import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("SHOVELER_BUILD", os.path.join(SOURCE, "build/debug"))
MAIL_UID = 5000
LDA_USER, LDA_GROUP = "nobody", "nogroup"
STARTUP_SECONDS = 90

GENERAL = """protocols = lmtp
base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/dovecot.log
ssl = no
default_internal_user = nobody
default_login_user = nobody
"""
SERVICES = """service lmtp {{
  process_limit = 300
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
  client_limit = 1000
}}
service auth {{
  client_limit = 2000
}}
"""

DOVECOT_23 = "\n" + GENERAL + """mail_location = maildir:~/Maildir
mail_uid = {uid}
mail_gid = {uid}
first_valid_uid = {uid}
recipient_delimiter = +
mail_plugins = $mail_plugins quota
plugin {{
  quota = maildir:User
  quota_rule = *:storage={quota}
}}
passdb {{
  driver = passwd-file
  args = username_format=%u {top}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {top}/users
  default_fields = uid={uid} gid={uid} home={top}/home/%u
}}
""" + SERVICES

DOVECOT_24 = """
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
""" + GENERAL + """mail_driver = maildir
mail_path = ~/Maildir
mail_uid = {uid}
mail_gid = {uid}
first_valid_uid = {uid}
recipient_delimiter = +
mail_plugins {{
  quota = yes
}}
quota User {{
  driver = maildir
  storage_size = {quota}
  storage_grace = 0
}}
passdb passwd-file {{
  passwd_file_path = {top}/users
  default_password_scheme = PLAIN
}}
userdb passwd-file {{
  passwd_file_path = {top}/users
  fields {{
    uid = {uid}
    gid = {uid}
    home = {top}/home/%{{user}}
  }}
}}
""" + SERVICES


def dovecot_version():
    text = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, text.split(".")[:2]))


def wait_for(condition, what, seconds=STARTUP_SECONDS):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


def answers(path):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
        return True
    except OSError:
        return False


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


class Host:
    def __init__(self, users, settings="", quota="100M"):
        self.top = tempfile.mkdtemp(prefix="shoveler-lda.")
        os.chmod(self.top, 0o755)
        self.users = users
        self.dovecot = self.lda = None
        self.socket = self.path("lda.sock")
        self.metrics = self.path("metrics.sock")
        for name, owner in (("state", LDA_USER), ("home", MAIL_UID), ("run", 0), ("etc", 0), ("shoveler", LDA_USER)):
            os.makedirs(self.path(name))
            uid = pwd.getpwnam(owner).pw_uid if isinstance(owner, str) else owner
            os.chown(self.path(name), uid, -1)
        self.write("users", "".join(f"{user}:{{PLAIN}}secret::::::\n" for user in users))
        config = DOVECOT_23 if dovecot_version() < (2, 4) else DOVECOT_24
        self.write("dovecot.conf", config.format(top=self.top, uid=MAIL_UID, quota=quota))
        self.write("etc/main.cf", f"""
state_directory = {self.top}/shoveler
runtime_directory = {self.top}
lda_listen = unix:{self.socket}
lda_listen_group =
lda_user = {LDA_USER}
lda_nexthop = unix:{self.top}/run/lmtp
lda_metrics_listen = unix:{self.metrics}
log_destination = {self.top}/lda.log
{settings.format(top=self.top)}""")

    def path(self, *names):
        return os.path.join(self.top, *names)

    def program(self, name):
        """A copy that every user may start: root's own folder, where the build may be, is closed to them."""
        copy = self.path(os.path.basename(name))
        if not os.path.exists(copy):
            shutil.copy(os.path.join(BUILD, name), copy)
        return copy

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def start(self):
        self.start_dovecot()
        self.start_lda()
        return self

    def start_dovecot(self):
        self.dovecot = subprocess.Popen(["dovecot", "-F", "-c", self.path("dovecot.conf")], stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        wait_for(lambda: answers(self.path("run/lmtp")), "Dovecot's start")

    def start_lda(self):
        environment = dict(os.environ, ASAN_OPTIONS=f"log_path={self.top}/shoveler/report",
                           UBSAN_OPTIONS=f"print_stacktrace=1:log_path={self.top}/shoveler/report")
        self.lda = subprocess.Popen([os.path.join(BUILD, "lda/shoveler-lda"), "-c", self.path("etc")], env=environment)
        wait_for(lambda: answers(self.socket), "the start of shoveler-lda")

    def stop_dovecot(self):
        if self.dovecot:
            self.dovecot.terminate()
            self.dovecot.wait(20)
            wait_for(lambda: not answers(self.path("run/lmtp")), "Dovecot's end")
        self.dovecot = None

    def kill_dovecot(self):
        """At the end of a test: a second less than it takes Dovecot to say goodbye."""
        if self.dovecot:
            os.killpg(self.dovecot.pid, signal.SIGKILL)
            self.dovecot.wait()
        self.dovecot = None

    def replace_dovecot(self):
        """The socket on which it listened, for somebody who does so instead; or who accepts and never says a word."""
        self.stop_dovecot()
        if os.path.exists(self.path("run/lmtp")):
            os.unlink(self.path("run/lmtp"))
        hung = socket.socket(socket.AF_UNIX)
        hung.bind(self.path("run/lmtp"))
        os.chmod(self.path("run/lmtp"), 0o666)
        hung.listen(100)
        return hung

    def stop_lda(self, number=signal.SIGTERM):
        code = None
        if self.lda:
            self.lda.send_signal(number)
            code = self.lda.wait(40)
        self.lda = None
        return code

    def stop(self):
        """The sanitizers' reports: none is good."""
        self.stop_lda()
        self.kill_dovecot()
        reports = [self.read(f"shoveler/{name}") for name in os.listdir(self.path("shoveler")) if name.startswith("report")]
        shutil.rmtree(self.top)
        return reports

    def spamtrain(self, *arguments, check=True):
        """What the command prints. Not by way of root: the leak checker cannot look into a process that changed its user."""
        result = subprocess.run([self.program("spamtrain/spamtrain"), "-c", self.path("etc"), *arguments],
                                user=LDA_USER, group=LDA_GROUP, extra_groups=[],
                                capture_output=True, text=True, check=False)
        if check and result.returncode != 0:
            raise AssertionError(f"spamtrain {' '.join(arguments)}: {result.stdout}{result.stderr}")
        return result.stdout

    def lmtp(self):
        return smtplib.LMTP(self.socket, local_hostname="test")

    def deliver(self, recipients, message, sender="sender@client.test"):
        """One transaction; a list of (code, text), one a recipient."""
        with self.lmtp() as client:
            client.ehlo_or_helo_if_needed()
            return transaction(client, recipients, message, sender)

    def messages(self, user, folder="new"):
        """The bytes of the messages in INBOX, oldest first."""
        path = self.path("home", user, "Maildir", folder)
        if not os.path.isdir(path):
            return []
        names = sorted(os.listdir(path), key=lambda name: os.stat(os.path.join(path, name)).st_mtime_ns)
        return [read_bytes(os.path.join(path, name)) for name in names]


def transaction(client, recipients, message, sender="sender@client.test"):
    code, text = client.mail(sender)
    assert code == 250, (code, text)
    replies = [client.rcpt(recipient) for recipient in recipients]
    accepted = [reply for reply in replies if reply[0] == 250]
    if accepted:
        client.putcmd("data")
        code, text = client.getreply()
        assert code == 354, (code, text)
        stuffed = message.replace(b"\r\n.", b"\r\n..")
        client.send((b"." if stuffed.startswith(b".") else b"") + stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        accepted = [client.getreply() for _ in accepted]
    else:
        client.rset()
    return [accepted.pop(0) if reply[0] == 250 else reply for reply in replies]

"""A spamtraind beside the private Dovecot and shoveler-lda of tests/lda/host.py."""

import hashlib
import hmac
import json
import os
import pwd
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lda"))

from host import BUILD, LDA_USER, Host, answers, wait_for  # noqa: E402

MAIL_USER = "mail"
SECRET = b"0123456789abcdef0123456789abcdef"
SPAM, HAM = "dc-spam@example.test", "dc-ham@example.test"


def escape(value):
    return "".join(c if " " <= c != "%" and c != "\x7f" else f"%{ord(c):02X}" for c in value)


def unescape(value):
    return re.sub("%(..)", lambda match: chr(int(match[1], 16)), value)


def attributes(**named):
    return "".join(f"{name}={escape(str(value))}\n" for name, value in named.items()).encode()


def submitter(login, now=None, secret=SECRET):
    """The field by which the milter vouches for a sender (lib/submitter.h)."""
    epoch = int(time.time() if now is None else now)
    mac = hmac.new(secret, f"v1;{login};4QUEUE;{epoch}".encode(), hashlib.sha256).hexdigest()
    return f"X-Shoveler-Submitter: v1; user={login}; id=4QUEUE; time={epoch}; mac={mac}\r\n".encode()


class Service(Host):
    def __init__(self, users, settings="", quota="100M"):
        super().__init__(users, f"""
mail_user = {MAIL_USER}
submitter_secret_file = {{top}}/etc/secret
spamtraind_listen = unix:{{top}}/spamtraind.sock
training_listen = unix:{{top}}/training.sock
spamtraind_metrics_listen = unix:{{top}}/spamtraind-metrics.sock
training_spam_addresses = {SPAM}
training_innocent_addresses = {HAM}
{settings}""", quota)
        self.write("etc/main.cf", self.read("etc/main.cf").replace("{top}", self.top))
        with open(self.path("etc/secret"), "wb") as file:
            file.write(SECRET)
        os.chmod(self.path("etc/secret"), 0o600)
        self.trainer = None
        self.sequence = 0
        self.spool = self.path("shoveler/spool/retrain")

    def start(self):
        super().start()
        self.start_trainer()
        return self

    def start_trainer(self):
        report = f"log_path={self.top}/shoveler/report"
        environment = dict(os.environ, ASAN_OPTIONS=report, UBSAN_OPTIONS=f"print_stacktrace=1:{report}")
        self.trainer = subprocess.Popen([os.path.join(BUILD, "spamtrain/spamtraind"), "-c", self.path("etc")],
                                        env=environment)
        wait_for(lambda: answers(self.path("training.sock")) or self.trainer.poll() is not None,
                 "the start of spamtraind")
        assert self.trainer.poll() is None, self.trainer.returncode

    def stop_trainer(self, number=signal.SIGTERM):
        code = None
        if self.trainer:
            self.trainer.send_signal(number)
            code = self.trainer.wait(40)
        self.trainer = None
        return code

    def stop(self):
        self.stop_trainer()
        return super().stop()

    # ---- the spool ----

    def put(self, user, kind, signature="", message=b"", raw=None):
        """What the Dovecot plugin does: tmp, then rename into new."""
        content = raw
        if content is None:
            content = attributes(user=user, **{"class": kind}, signature=signature, source="imap", mailbox="Junk",
                                 size=str(len(message))) + b"\n" + message
        name = f"{time.time_ns() // 1000:016d}.{os.getpid()}.{self.sequence}"
        self.sequence += 1
        with open(os.path.join(self.spool, "tmp", name), "wb") as file:
            file.write(content)
        os.rename(os.path.join(self.spool, "tmp", name), os.path.join(self.spool, "new", name))
        return name

    def waiting(self, folder="new"):
        return sorted(os.listdir(os.path.join(self.spool, folder)))

    def outbox(self):
        return self.waiting("outbox/new")

    def drained(self, seconds=30):
        wait_for(lambda: not self.waiting() and not self.outbox(), "the end of spool and outbox", seconds)

    # ---- the socket ----

    def connect(self):
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        peer.settimeout(60)
        peer.connect(self.path("spamtraind.sock"))
        return peer

    def ask(self, message=None, peer=None, **request):
        """The reply as a dictionary."""
        own = peer or self.connect()
        if message is None:
            own.send(attributes(**request))
        else:
            fd = os.memfd_create("message")
            os.write(fd, message)
            socket.send_fds(own, [attributes(**request)], [fd])
            os.close(fd)
        data, fds, _, _ = socket.recv_fds(own, 65536, 1)
        if peer is None:
            own.close()
        reply = {name: unescape(value) for name, value in (line.split("=", 1) for line in data.decode().splitlines())}
        for fd in fds:
            with open(fd, "rb") as file:
                content = file.read()
            assert len(content) == int(reply["size"]), reply
            reply["content"] = json.loads(content) if reply["content"] == "json" else content
        return reply

    # ---- the training addresses ----

    def train(self, address, message, login=None, sender=None, accepted=None):
        """Sends it as Postfix would after the milter vouched for login, when it took the message: (code, text)."""
        with smtplib.LMTP(self.path("training.sock"), local_hostname="test") as client:
            client.ehlo_or_helo_if_needed()
            client.mail(sender if sender is not None else login or "stranger@bad.test")
            code, text = client.rcpt(address)
            if code != 250:
                return code, text.decode()
            client.putcmd("data")
            assert client.getreply()[0] == 354
            client.send((submitter(login, accepted) if login else b"") + message.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
            code, text = client.getreply()
            return code, text.decode()

    # ---- what became of it ----

    def store(self, user):
        local, domain = user.split("@")
        return self.path("shoveler/users", domain, local, "store.sqlite")

    def metric(self, name):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path("spamtraind-metrics.sock"))
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            page = b""
            while chunk := s.recv(65536):
                page += chunk
        for line in page.decode().splitlines():
            if line.startswith(name + " "):
                return int(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no metric {name}")


def lda_uid():
    return pwd.getpwnam(LDA_USER).pw_uid

#!/usr/bin/python3
"""What the sharing plugins cost: the same Dovecot with stock acl and hand-written namespaces, and with them.

200 users, 50 groups, 2,000 shared folders with two grants each. Both servers run at the same time and are asked in turns.
Prints milliseconds (medians) and ratios, of time and of the mail process's CPU time; the latter is judged, since the machine may be
busy with other things: exit code 1 when LIST or SELECT take more than 1.3 times as much, or login 5 ms more.
tests/bench/sharing.sh sets SHOVELER_MODULES and SHOVELER_COMMAND.
"""

import os
import random
import re
import statistics
import sys
import time

from server import MAIL_GID, MAIL_UID, Dovecot, quote, version

USERS = [f"u{number}@example.test" for number in range(200)]
GROUPS = [f"g{number}" for number in range(50)]
FOLDERS = 10
STOCK_23 = """
protocol imap {
  mail_plugins = $mail_plugins acl imap_acl
}
plugin {
  acl = vfile
  acl_shared_dict = file:STATE/sharing/index
  acl_groups = GROUPS
}
namespace shared {
  type = shared
  prefix = "#Shared/%%u/"
  separator = /
  list = children
  subscriptions = no
  location = maildir:%%h/Maildir:INDEXPVT=~/.shoveler/shared/%%u
}
"""


STOCK_24 = """
mail_plugins {
  acl = yes
}
protocol imap {
  mail_plugins {
    imap_acl = yes
  }
}
acl_driver = vfile
acl_sharing_map {
  dict file {
    path = STATE/sharing/index
  }
}
acl_groups = GROUPS
namespace shared {
  type = shared
  prefix = "#Shared/$user/"
  separator = /
  list = children
  subscriptions = no
  mail_path = %{owner_home}/Maildir
  mail_index_private_path = ~/.shoveler/shared/%{owner_user}
}
"""
MAX_RATIO, MAX_LOGIN_MS = 1.3, 5


class StockDovecot(Dovecot):
    def write_snippet(self, name):
        new = version() >= (2, 4)
        groups = (" " if new else ",").join(my_groups())
        self.write("stock.conf", (STOCK_24 if new else STOCK_23).replace("STATE", self.state).replace("GROUPS", groups))
        return self.path("stock.conf")


def my_groups():
    return GROUPS[:4]


def fill(server):
    """Folders and grants as SETACL would have left them."""
    chance, index = random.Random(1), set()
    for user in USERS:
        maildir = server.path("home", user, "Maildir")
        listed = []
        for number in range(FOLDERS):
            folder = os.path.join(maildir, f".F{number}")
            for part in ("cur", "new", "tmp"):
                os.makedirs(os.path.join(folder, part))
            reader, group = chance.choice(USERS), chance.choice(GROUPS)
            with open(os.path.join(folder, "dovecot-acl"), "w", encoding="ascii") as file:
                file.write(f"group={group} lr\nuser={reader} lr\n")
            listed.append(f"{int(os.stat(os.path.join(folder, 'dovecot-acl')).st_mtime)} F{number}\n")
            index.update((f"user/{reader}/{user}", f"group/{group}/{user}"))
        with open(os.path.join(maildir, "dovecot-acl-list"), "w", encoding="ascii") as file:
            file.writelines(listed)
    with open(server.path("shoveler/sharing/index"), "w", encoding="ascii") as file:
        file.writelines(f"shared/shared-boxes/{key}\n1\n" for key in sorted(index))
    for root, folders, files in os.walk(server.path("home")):
        for name in folders + files:
            os.chown(os.path.join(root, name), MAIL_UID, MAIL_GID)
    os.chown(server.path("shoveler/sharing/index"), MAIL_UID, MAIL_GID)


class Session:
    """A client, and the process that serves it."""

    def __init__(self, server, times):
        self.times = times
        start = time.perf_counter()
        self.client = server.imap(USERS[0])
        elapsed = (time.perf_counter() - start) * 1000
        self.client.do("NOOP")
        self.stat = f"/proc/{self.pid(server)}/schedstat"
        times["login"].append((elapsed, self.cpu()))

    def pid(self, server):
        """The log is written by another process, perhaps later."""
        logins = len(self.times["login"]) + 1
        while len(pids := re.findall(r"mpid=(\d+)", server.log())) < logins:
            time.sleep(0.05)
        return pids[-1]

    def cpu(self):
        with open(self.stat, encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e6

    def timed(self, name, function, count=1):
        """Per call."""
        start, cpu = time.perf_counter(), self.cpu()
        for _ in range(count):
            result = function()
        self.times[name].append(((time.perf_counter() - start) * 1000 / count, (self.cpu() - cpu) / count))
        return result


def measure(server, times):
    """One session. Returns the number of shared folders that it sees."""
    session = Session(server, times)
    client = session.client
    folders = session.timed("first LIST", lambda: client.folders("#Shared/*"))
    session.timed("later LIST", lambda: client.folders("#Shared/*"), 5)
    shared = [folder for folder in folders if "/F" in folder]
    for folder in shared[:8]:
        session.timed("SELECT", lambda folder=folder: client.do("SELECT", quote(folder)), 3)
    client.shutdown()
    return len(shared)


def prepare(kind):
    server = kind(USERS)
    fill(server)
    if kind is Dovecot:
        for number, group in enumerate(GROUPS):
            members = USERS[1 + number::len(GROUPS)] + (USERS[:1] if group in my_groups() else [])
            server.shoveler("group", "add", group, *members)
    return server.start()


def medians(times):
    """{name: (time, CPU time)}"""
    return {name: tuple(map(statistics.median, zip(*values))) for name, values in times.items()}


def report(stock, ours):
    good = True
    print(f"{'':12} {'stock':>8} {'ours':>8} {'ratio':>6}   {'CPU':>8} {'ours':>8} {'ratio':>6}")
    for name, (elapsed, cpu) in stock.items():
        elapsed_ours, cpu_ours = ours[name]
        print(f"{name:12} {elapsed:8.2f} {elapsed_ours:8.2f} {elapsed_ours / elapsed:6.2f}   {cpu:8.2f} {cpu_ours:8.2f} {cpu_ours / cpu:6.2f}")
        good = good and (cpu_ours - cpu <= MAX_LOGIN_MS if name == "login" else cpu_ours / cpu <= MAX_RATIO)
    return good


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    servers, times, visible = [], [], set()
    try:
        for kind in (StockDovecot, Dovecot):
            servers.append(prepare(kind))
            times.append({"login": [], "first LIST": [], "later LIST": [], "SELECT": []})
        for _ in range(rounds):
            visible.add(tuple(measure(server, mine) for server, mine in zip(servers, times)))
            time.sleep(0.2)
    finally:
        for server in servers:
            server.stop()
            server.remove()
    print("visible shared folders with stock Dovecot and with the plugins:", *visible)
    good = report(*map(medians, times))
    raise SystemExit(0 if good and all(len(set(both)) == 1 for both in visible) else 1)


if __name__ == "__main__":
    main()

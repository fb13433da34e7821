#!/usr/bin/python3
"""What the sharing plugins cost: the same Dovecot with stock acl and hand-written namespaces, and with them.

200 users, 50 groups, 2,000 shared folders with two grants each. Prints milliseconds (medians) and ratios.
Build with the release preset, and set SHOVELER_MODULES and SHOVELER_COMMAND; Dovecot 2.3 only.
"""

import os
import random
import statistics
import time

from server import MAIL_GID, MAIL_UID, Dovecot, quote

USERS = [f"u{number}@example.test" for number in range(200)]
GROUPS = [f"g{number}" for number in range(50)]
FOLDERS = 10
STOCK = """
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


class StockDovecot(Dovecot):
    def write_snippet(self, name):
        self.write("stock.conf", STOCK.replace("STATE", self.state).replace("GROUPS", ",".join(my_groups())))
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


def timed(function):
    start = time.perf_counter()
    result = function()
    return (time.perf_counter() - start) * 1000, result


def measure(server):
    me, times = USERS[0], {"login": [], "first LIST": [], "later LIST": [], "EXAMINE": []}
    for _ in range(15):
        cost, client = timed(lambda: server.imap(me))
        times["login"].append(cost)
        cost, folders = timed(lambda: client.folders("#Shared/*"))
        times["first LIST"].append(cost)
        time.sleep(0.2)
        for _ in range(5):
            times["later LIST"].append(timed(lambda: client.folders("#Shared/*"))[0])
        shared = [folder for folder in folders if "/F" in folder]
        for folder in shared[:5]:
            times["EXAMINE"].append(timed(lambda: client.do("EXAMINE", quote(folder)))[0])
        client.shutdown()
    return len(shared), {name: statistics.median(values) for name, values in times.items()}


def run(kind):
    server = kind(USERS)
    try:
        fill(server)
        if kind is Dovecot:
            for number, group in enumerate(GROUPS):
                members = USERS[1 + number::len(GROUPS)] + (USERS[:1] if group in my_groups() else [])
                server.shoveler("group", "add", group, *members)
        server.start()
        return measure(server)
    finally:
        server.stop()
        server.remove()


def main():
    stock_folders, stock = run(StockDovecot)
    folders, ours = run(Dovecot)
    print(f"{stock_folders} visible shared folders with stock Dovecot, {folders} with the plugins")
    print(f"{'':12} {'stock':>8} {'ours':>8} {'ratio':>6}")
    for name in stock:
        print(f"{name:12} {stock[name]:8.2f} {ours[name]:8.2f} {ours[name] / stock[name]:6.2f}")


if __name__ == "__main__":
    main()

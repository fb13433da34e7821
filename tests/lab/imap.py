#!/usr/bin/python3
"""A mail client for tests: one IMAP session (over TLS, certificate verified), one or more commands.

usage: imap.py [--server NAME] [--ca FILE] USER[:PASSWORD] COMMAND [ARGUMENT...] [, COMMAND ...]

    list [PATTERN]            names of folders       lsub [PATTERN]            subscribed ones
    count FOLDER              number of messages     search FOLDER KEY...      uids, one a line
    find SUBJECT [FIELD]      the folders that hold a message with this subject, and the field's value: "INBOX: Spam, Junk: -", or "nowhere"
    match FOLDER FIELD FILE...  the messages of these files (by Message-ID): one line each, "UID value"; folder * is every folder
    header FOLDER FIELD       one line a message: "UID value" (unfolded; "-" where the field is missing)
    fetch FOLDER UID          the whole message
    move FROM TO UIDS         by IMAP MOVE; UIDS as in IMAP (3,5:9), or "all"
    copy FROM TO UIDS         by IMAP COPY
    append FOLDER             standard input
    fill FOLDER FLAGS DAYS FILE...  append files with these flags ("" for none), the first DAYS days old, each some hours older
    flag FOLDER UIDS FLAGS    STORE (+\\Deleted or -$Junk ...)
    expunge FOLDER
    create FOLDER, delete FOLDER, rename FROM TO, subscribe FOLDER, unsubscribe FOLDER
    setacl FOLDER WHO RIGHTS, deleteacl FOLDER WHO, getacl FOLDER, myrights FOLDER
    raw WORD...               any other command, its untagged answers printed
Exit code 1 and the server's words on standard error if it says NO or BAD.
"""

import argparse
import email
import imaplib
import pathlib
import re
import ssl
import sys
import time


class Refused(Exception):
    pass


class Client:
    def __init__(self, options):
        context = ssl.create_default_context(cafile=options.ca)
        user, _, password = options.user.partition(":")
        self.imap = imaplib.IMAP4_SSL(options.server, ssl_context=context, timeout=30)
        self.imap.login(user, password or "secret")

    def ok(self, reply):
        status, data = reply
        if status != "OK":
            raise Refused(b" ".join(part or b"" for part in data).decode(errors="replace"))
        return data

    def select(self, folder):
        self.ok(self.imap.select(quote(folder)))

    def ask(self, name, *words):
        """A command that imaplib does not know; its untagged answers."""
        if name not in imaplib.Commands:
            imaplib.Commands[name] = ("AUTH", "SELECTED")
        self.imap.untagged_responses.clear()
        self.ok(self.imap._simple_command(name, *words))
        return self.imap.untagged_responses

    def folders(self):
        return sorted(names(self.ok(self.imap.list('""', quote("*")))))

    def do_list(self, pattern="*"):
        print(*names(self.ok(self.imap.list('""', quote(pattern)))), sep="\n")

    def do_lsub(self, pattern="*"):
        print(*names(self.ok(self.imap.lsub('""', quote(pattern)))), sep="\n")

    def do_count(self, folder):
        data = self.ok(self.imap.status(quote(folder), "(MESSAGES)"))
        print(re.search(rb"MESSAGES (\d+)", data[0]).group(1).decode())

    def do_search(self, folder, *keys):
        self.select(folder)
        for uid in self.ok(self.imap.uid("SEARCH", *keys))[0].split():
            print(uid.decode())

    def heads(self, fields):
        """(uid, header) of every message of the selected folder."""
        if not self.ok(self.imap.uid("SEARCH", "ALL"))[0]:
            return
        for part in self.ok(self.imap.uid("FETCH", "1:*", f"(UID BODY.PEEK[HEADER.FIELDS ({' '.join(fields)})])")):
            if isinstance(part, tuple):
                uid = re.search(rb"UID (\d+)", part[0]).group(1).decode()
                yield uid, email.message_from_bytes(part[1])

    def do_header(self, folder, field):
        self.select(folder)
        for uid, head in self.heads([field]):
            print(uid, *map(unfold, head.get_all(field) or ["-"]))

    def do_find(self, subject, field=None):
        found = []
        for folder in self.folders():
            try:
                self.select(folder)
            except Refused:
                continue
            for _, head in self.heads(["Subject", field or "Date"]):
                if unfold(head["Subject"] or "") == subject:
                    found.append(f"{folder}: {unfold(head[field] or '-')}" if field else folder)
        print(", ".join(found) or "nowhere")

    def do_match(self, folder, field, *files):
        wanted = {message_id(email.message_from_bytes(pathlib.Path(name).read_bytes())) for name in files}
        folders = self.folders() if folder == "*" else [folder]
        for name in folders:
            self.select(name)
            for uid, head in self.heads(["Message-ID", field]):
                if message_id(head) in wanted:
                    print(uid, unfold(head[field] or "-"))

    def do_fetch(self, folder, uid):
        self.select(folder)
        for part in self.ok(self.imap.uid("FETCH", uid, "(BODY.PEEK[])")):
            if isinstance(part, tuple):
                sys.stdout.buffer.write(part[1])

    def transfer(self, command, source, target, uids):
        self.select(source)
        self.ok(self.imap.uid(command, "1:*" if uids == "all" else uids, quote(target)))

    def do_move(self, source, target, uids):
        self.transfer("MOVE", source, target, uids)

    def do_copy(self, source, target, uids):
        self.transfer("COPY", source, target, uids)

    def do_append(self, folder):
        message = re.sub(rb"\r?\n", b"\r\n", sys.stdin.buffer.read())
        self.ok(self.imap.append(quote(folder), None, None, message))

    def do_fill(self, folder, flags, days, *files):
        for number, name in enumerate(files):
            message = re.sub(rb"\r?\n", b"\r\n", pathlib.Path(name).read_bytes())
            date = imaplib.Time2Internaldate(time.time() - float(days) * 86400 - number * 3600 * 7)
            self.ok(self.imap.append(quote(folder), f"({flags})", date, message))

    def do_flag(self, folder, uids, flags):
        self.select(folder)
        self.ok(self.imap.uid("STORE", "1:*" if uids == "all" else uids, flags[0] + "FLAGS", f"({flags[1:]})"))

    def do_expunge(self, folder):
        self.select(folder)
        self.ok(self.imap.expunge())

    def do_create(self, folder):
        self.ok(self.imap.create(quote(folder)))

    def do_delete(self, folder):
        self.ok(self.imap.delete(quote(folder)))

    def do_rename(self, folder, name):
        self.ok(self.imap.rename(quote(folder), quote(name)))

    def do_subscribe(self, folder):
        self.ok(self.imap.subscribe(quote(folder)))

    def do_unsubscribe(self, folder):
        self.ok(self.imap.unsubscribe(quote(folder)))

    def do_setacl(self, folder, who, rights):
        self.ok(self.imap.setacl(quote(folder), quote(who), rights))

    def do_deleteacl(self, folder, who):
        self.ok(self.imap.deleteacl(quote(folder), quote(who)))

    def do_getacl(self, folder):
        self.answers(self.imap.getacl(quote(folder)))

    def do_myrights(self, folder):
        self.answers(self.imap.myrights(quote(folder)))

    def answers(self, reply):
        for line in self.ok(reply):
            print(line.decode())

    def do_raw(self, name, *words):
        for kind, lines in self.ask(name.upper(), *words).items():
            for line in lines:
                print(kind, (line or b"").decode(errors="replace"))


def names(lines):
    """Folder names in the answers to LIST and LSUB."""
    for line in filter(None, lines):
        text = line if isinstance(line, bytes) else b" ".join(line)
        yield re.sub(r'^\(.*?\) (?:"."|NIL) ', "", text.decode()).strip('"')


def message_id(head):
    return unfold(head["Message-ID"] or "").strip()


def unfold(value):
    return re.sub(r"\r?\n", "", str(value))


def quote(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def commands(words):
    """Split the command line at lone commas."""
    command = []
    for word in words + [","]:
        if word != ",":
            command.append(word)
        elif command:
            yield command
            command = []


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--server", default="mx1.example.test")
    parser.add_argument("--ca", default="/etc/ssl/lab-ca.crt")
    parser.add_argument("user")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    client = Client(options)
    for name, *arguments in commands(options.words):
        getattr(client, "do_" + name)(*arguments)
    client.imap.logout()


try:
    main()
except (Refused, imaplib.IMAP4.error, OSError) as problem:
    print("imap:", problem, file=sys.stderr)
    sys.exit(1)

#!/usr/bin/python3
"""Ansible module: change parameters and services of an existing Postfix, and give back what was there."""

DOCUMENTATION = r"""
module: postfix_configuration
short_description: Change Postfix's main.cf and master.cf with postconf, and restore them later
description:
  - Every change is made by C(postconf -e), C(-X), C(-Me) and C(-MX) in a copy of the configuration, starting from what was there before
    us. C(postfix check) must be content with the copy; then it takes the place of the files. So they never are half changed, and what
    is no longer wanted leaves nothing behind.
  - What was there before is kept in O(record). With O(state=absent) it is restored byte for byte, with the lines that others changed
    meanwhile as these left them; where they changed what is ours parameter by parameter, leaving alone what is theirs.
options:
  config_directory:
    description: Folder of main.cf.
    type: path
    default: /etc/postfix
  record:
    description: File in which the former values are kept.
    type: path
    required: true
  state:
    description: Change, or restore.
    type: str
    choices: [present, absent]
    default: present
  set:
    description: Parameters and their values.
    type: dict
    default: {}
  add:
    description: Parameters that are lists, and the items to append to them; no items, no change.
    type: dict
    default: {}
  services:
    description: Services of master.cf, as C(name/type) and the whole line.
    type: dict
    default: {}
author: Shoveler
"""

EXAMPLES = r"""
- postfix_configuration:
    record: /etc/shoveler/ansible/postfix.json
    set:
      milter_default_action: tempfail
    add:
      smtpd_milters: ["inet:127.0.0.1:8895"]
"""

RETURN = r"""
left_alone:
  description: Parameters that somebody else changed since, so that they were not restored; there is a warning for each.
  type: list
  returned: always
"""

import copy
import difflib
import hashlib
import json
import os
import re
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule

FILES = ("main.cf", "master.cf")
KINDS = ("parameters", "services")


class Postfix:
    """A copy of the configuration, through postconf."""

    def __init__(self, module, texts):
        self.module = module
        self.directory = tempfile.mkdtemp(prefix="shoveler-")
        module.add_cleanup_file(self.directory)
        os.chmod(self.directory, 0o755)
        for name, text in texts.items():
            self.write(name, text)

    def write(self, name, text):
        write_text(os.path.join(self.directory, name), text)
        os.utime(os.path.join(self.directory, name), (0, 0))

    def settle(self):
        """Postfix waits up to two seconds before it reads a file that was just written."""
        for name in FILES:
            os.utime(os.path.join(self.directory, name), (0, 0))

    def postconf(self, *arguments):
        out = self.module.run_command(["postconf", "-c", self.directory, *arguments], check_rc=True)[1]
        self.settle()
        return out

    def check(self):
        code, out, errors = self.module.run_command(["postfix", "-c", self.directory, "check"])
        if code != 0:
            self.module.fail_json(msg=f"postfix check: {(errors or out).strip()}\nNothing was changed.")

    def texts(self):
        return {name: read_text(os.path.join(self.directory, name)) for name in FILES}

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def explicit(self):
        """What main.cf itself sets."""
        lines = (line.partition("=") for line in self.postconf("-n").split("\n"))
        return {name.strip(): value.strip() for name, equals, value in lines if equals}

    def effective(self, name):
        return self.postconf("-h", name).strip()

    def service(self, name):
        """The line of a service, white space normalised; None if there is none."""
        code, out, _ = self.module.run_command(["postconf", "-c", self.directory, "-M", name])
        return " ".join(out.split()) or None if code == 0 else None

    def has(self, kind, former):
        """Whether all of these parameters, or services, are so."""
        explicit = self.explicit()
        return all((explicit.get(name) if kind == "parameters" else self.service(name)) == value for name, value in former.items())


def read_text(path):
    """Byte for byte: other encodings and ends of lines are kept."""
    with open(path, "r", encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()


def write_text(path, text):
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)


def printable(text):
    """ansible-core 2.19 takes nothing that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def fresh_name(path):
    """Beside the file itself, if the path is a link to it."""
    return os.path.realpath(path) + ".shoveler"


def replace(module, path, text):
    fresh = fresh_name(path)
    write_text(fresh, text)
    status = os.stat(path)
    os.chown(fresh, status.st_uid, status.st_gid)
    shutil.copystat(path, fresh)
    os.utime(fresh)
    module.atomic_move(fresh, os.path.realpath(path))


def digest(text):
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def find_item(value, item):
    """Where it is in a list, alone or with settings of its own: { ITEM, NAME=VALUE }."""
    words = r"\s+".join(re.escape(word) for word in item.split())
    return re.search(r"(?:^|(?<=[,\s]))(?:\{\s*%s[,\s][^{}]*\}|%s)(?=[,\s]|$)" % (words, words), value)


def with_items(value, items):
    missing = [item for item in items if not find_item(value, item)]
    return ", ".join(([value] if value else []) + missing) if missing else value


def without_items(value, items):
    for item in items:
        found = find_item(value, item)
        while found:
            left, right = value[: found.start()].rstrip(", \t"), value[found.end() :]
            value = left + right if left and right.strip(", \t") else left + right.strip(", \t")
            found = find_item(value, item)
    return value


def logical_lines(text):
    """Each with the lines that continue it: those that begin with blanks, also behind comments."""
    return re.findall(r"(?:[^\n]*\n(?=(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]+[^\s#]))*(?:[^\n]*\n|[^\n]+)", text)


def merge(ours, theirs, base):
    """base, with what others have changed in ours; None if they changed lines in which these two differ."""
    ours, theirs, base = (logical_lines(text) for text in (ours, theirs, base))
    place = {}
    for i, j, count in difflib.SequenceMatcher(None, ours, theirs, False).get_matching_blocks():
        place.update((i + n, j + n) for n in range(count))
    # After the last line, and before the first.
    place.update({len(ours): len(theirs), -1: -1})
    lines, done = [], 0
    for tag, i, end, j, base_end in difflib.SequenceMatcher(None, ours, base, False).get_opcodes():
        if tag == "equal":
            continue
        places = [place.get(n) for n in (range(i, end) if i < end else [i - 1])]
        if None in places or places != list(range(places[0], places[0] + len(places))):
            return None
        start = places[0] if i < end else places[0] + 1
        if start < done:
            return None
        lines += theirs[done:start] + base[j:base_end]
        done = start + end - i
    lines += theirs[done:]
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines[:-1]) + "".join(lines[-1:])


class Change:
    """Commands to run, and the record as it will be."""

    def __init__(self, postfix, record):
        self.postfix = postfix
        self.explicit = postfix.explicit()
        # For postconf: one call each, since it puts several into an order of chance.
        self.commands = []
        self.left_alone = {}
        self.record = record

    def command(self, option, argument):
        self.commands.append((option, argument))

    def parameter(self, name, value):
        """value None: as if main.cf never had it."""
        before = self.explicit.get(name)
        if before == value:
            return
        self.command(*(("-X", name) if value is None else ("-e", f"{name}={value}")))

    def service(self, name, line):
        before = self.postfix.service(name)
        if before == line:
            return
        self.command(*(("-MX", name) if line is None else ("-Me", f"{name}={line}")))

    def want_parameter(self, name, value, items=()):
        current = self.explicit.get(name)
        entry = self.record["parameters"].setdefault(name, {"former": current})
        if items and current != entry.get("ours", current):
            # A list that somebody else changed since: his items stay, when ours go.
            entry["former"] = without_items(current or "", [*items, *entry["items"]]) or None
        entry.update(ours=value, items=list(items))
        self.parameter(name, value)

    def want_service(self, name, line):
        line = " ".join(line.split())
        if name not in self.record["services"]:
            self.record["services"][name] = {"former": self.postfix.service(name)}
        self.record["services"][name]["ours"] = line
        self.service(name, line)

    def restore_parameter(self, name):
        entry = self.record["parameters"].pop(name)
        current = self.explicit.get(name)
        if current == entry["ours"]:
            self.parameter(name, entry["former"])
        elif current is not None and any(find_item(current, item) for item in entry["items"]):
            self.parameter(name, without_items(current, entry["items"]))
        else:
            self.leave(name, current, entry["former"])

    def restore_service(self, name):
        entry = self.record["services"].pop(name)
        if self.postfix.service(name) == entry["ours"]:
            self.service(name, entry["former"])
        else:
            self.leave(name, self.postfix.service(name), entry["former"])

    def leave(self, name, current, former):
        """Somebody else has changed it since: what he wants is not ours to say."""
        words = "is not set" if current is None else f'is "{current}"'
        before = "it was not there" if former is None else f'it was "{former}"'
        self.left_alone[name] = f"{name} {words} since somebody else changed it, and stays so. Before Shoveler {before}."

    def run(self):
        for command in self.commands:
            self.postfix.postconf(*command)

    def want(self, params):
        lists = {name: [items] if isinstance(items, str) else items for name, items in params["add"].items() if items}
        wanted = set(params["set"]) | set(lists)
        for name in [name for name in self.record["parameters"] if name not in wanted]:
            self.restore_parameter(name)
        for name in [name for name in self.record["services"] if name not in params["services"]]:
            self.restore_service(name)
        for name, value in params["set"].items():
            self.want_parameter(name, str(value))
        for name, items in lists.items():
            former = [item for item in self.record["parameters"].get(name, {}).get("items", []) if item not in items]
            self.want_parameter(name, with_items(without_items(self.postfix.effective(name), former), items), items)
        for name, line in params["services"].items():
            self.want_service(name, line)

    def restore(self):
        for name in list(self.record["parameters"]):
            self.restore_parameter(name)
        for name in list(self.record["services"]):
            self.restore_service(name)


def load_record(path):
    try:
        with open(path, "r", encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"parameters": {}, "services": {}, "files": {}}


def save_record(module, path, record):
    fresh = path + ".new"
    with open(fresh, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1, sort_keys=True)
    os.chmod(fresh, 0o600)
    module.atomic_move(fresh, path)


def is_ours(entry, text):
    """Whether nobody but us wrote the file since we first came."""
    return entry["before"] is not None and digest(text) in [*entry["ours"], digest(entry["before"])]


def starting_point(record, live):
    """The files as they were before us; those that others changed since as they are, and with them what we know of their contents."""
    start = {}
    for name, kind in zip(FILES, KINDS):
        entry = record["files"].setdefault(name, {"before": live[name], "ours": []})
        if is_ours(entry, live[name]):
            start[name] = entry["before"]
            record[kind] = {}
        else:
            start[name] = live[name]
            base, result = entry.get("base"), entry.get("result")
            entry.update(before=None, base=None if None in (base, result) else merge(result, live[name], base))
    return start


def tell_apart(postfix, record, live):
    """Files that others changed become what they were without us, where all that was there before is in them then."""
    for name, kind in zip(FILES, KINDS):
        entry = record["files"][name]
        if entry["before"] is not None or entry["base"] is None:
            continue
        postfix.write(name, entry["base"])
        if postfix.has(kind, {key: value["former"] for key, value in record[kind].items()}):
            record[kind] = {}
            entry.update(before=entry["base"], ours=[])
        else:
            postfix.write(name, live[name])


def note_files(record, live, result):
    """Both are ours if we are killed in the middle."""
    for name in FILES:
        entry = record["files"][name]
        entry["ours"] = sorted({digest(result[name])} | ({digest(live[name])} & set(entry["ours"])))


def note_result(record, result):
    """What was written, and what it would be without us."""
    for name in FILES:
        entry = record["files"][name]
        entry["result"] = result[name]
        if entry["before"] is not None:
            entry["base"] = entry["before"]


def remove_if_there(path):
    if os.path.lexists(path):
        os.unlink(path)


def put(module, record, live, result):
    path, known = module.params["record"], module.params["state"] == "present"
    if known:
        save_record(module, path, record)
    for name in FILES:
        live_path = os.path.join(module.params["config_directory"], name)
        # Of a run that was killed.
        remove_if_there(fresh_name(live_path))
        if result[name] != live[name]:
            replace(module, live_path, result[name])
    if known:
        note_result(record, result)
        save_record(module, path, record)
    else:
        remove_if_there(path)


def attempt(module, record, live, apart):
    """What the files would be, and what cannot be restored; whether that is all that can be done."""
    postfix = Postfix(module, starting_point(record, live))
    try:
        others = any(record["files"][name]["before"] is None for name in FILES)
        if apart:
            tell_apart(postfix, record, live)
        change = Change(postfix, record)
        if module.params["state"] == "absent":
            change.restore()
        else:
            change.want(module.params)
        change.run()
        result = postfix.texts()
        done = apart or not others or result == live
        if done and result != live and not module.check_mode:
            postfix.check()
    finally:
        postfix.remove()
    return result, change.left_alone, done


def plan(module, record, live):
    """What the files will be, what cannot be restored, and the record then. Files that others changed stay if nothing needs to be done."""
    for apart in [True] if module.params["state"] == "absent" else [False, True]:
        then = copy.deepcopy(record)
        result, left_alone, done = attempt(module, then, live, apart)
        if done:
            break
    return result, left_alone, then


def apply(module):
    directory = module.params["config_directory"]
    for name in FILES:
        if not os.path.exists(os.path.join(directory, name)):
            module.fail_json(msg=f"There is no {name} in {directory}: this adds to a Postfix that works already.")
    live = {name: read_text(os.path.join(directory, name)) for name in FILES}
    record = load_record(module.params["record"])
    known = json.dumps(record, sort_keys=True)
    result, left_alone, record = plan(module, record, live)
    for sentence in left_alone.values():
        module.warn(printable(sentence))
    changed = [name for name in FILES if result[name] != live[name]]
    note_files(record, live, result)
    if not module.check_mode and (changed or module.params["state"] == "absent" or json.dumps(record, sort_keys=True) != known):
        put(module, record, live, result)
    module.exit_json(
        changed=bool(changed),
        left_alone=list(left_alone),
        diff=[
            {
                "before_header": os.path.join(directory, name),
                "after_header": os.path.join(directory, name),
                "before": printable(live[name]),
                "after": printable(result[name]),
            }
            for name in changed
        ],
    )


def main():
    module = AnsibleModule(
        argument_spec={
            "config_directory": {"type": "path", "default": "/etc/postfix"},
            "record": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "set": {"type": "dict", "default": {}},
            "add": {"type": "dict", "default": {}},
            "services": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        apply(module)
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")


if __name__ == "__main__":
    main()

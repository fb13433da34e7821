#!/usr/bin/python3
"""Ansible module: change parameters and services of an existing Postfix, and give back what was there."""

DOCUMENTATION = r"""
module: postfix_configuration
short_description: Change Postfix's main.cf and master.cf with postconf, and restore them later
description:
  - Every change is made by C(postconf -e), C(-X), C(-Me) and C(-MX); the files are never rewritten.
  - What was there before is kept in O(record). With O(state=absent) it is restored - byte for byte if
    nobody else changed the file meanwhile, else parameter by parameter, leaving alone what others changed.
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
  description: Parameters that somebody else changed since, so that they were not restored.
  type: list
  returned: always
"""

import hashlib
import json
import os

from ansible.module_utils.basic import AnsibleModule

FILES = ("main.cf", "master.cf")


class Postfix:
    """One configuration folder, through postconf."""

    def __init__(self, module, directory):
        self.module = module
        self.directory = directory

    def postconf(self, *arguments):
        return self.module.run_command(["postconf", "-c", self.directory, *arguments], check_rc=True)[1]

    def read(self, name):
        with open(os.path.join(self.directory, name), "r", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        fresh = path + ".shoveler"
        with open(fresh, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        status = os.stat(path)
        os.chmod(fresh, status.st_mode & 0o7777)
        os.chown(fresh, status.st_uid, status.st_gid)
        self.module.atomic_move(fresh, path)

    def explicit(self):
        """What main.cf itself sets."""
        lines = (line.partition("=") for line in self.postconf("-n").splitlines())
        return {name.strip(): value.strip() for name, _, value in lines}

    def effective(self, name):
        return self.postconf("-h", name).strip()

    def service(self, name):
        """The line of a service, white space normalised; None if there is none."""
        code, out, _ = self.module.run_command(["postconf", "-c", self.directory, "-M", name])
        return " ".join(out.split()) or None if code == 0 else None


def digest(text):
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def split_list(value):
    return [part.strip() for part in value.split(",") if part.strip()]


def has_item(value, item):
    return item in split_list(value) or item in value.split()


def with_items(value, items):
    missing = [item for item in items if not has_item(value, item)]
    return ", ".join(([value] if value else []) + missing) if missing else value


def without_items(value, items):
    return ", ".join(part for part in split_list(value) if part not in items)


class Change:
    """Commands to run, and the record as it will be."""

    def __init__(self, postfix, record):
        self.postfix = postfix
        self.explicit = postfix.explicit()
        # Arguments by option of postconf: one call each.
        self.commands = {}
        self.differences = []
        self.left_alone = []
        self.record = record

    def command(self, option, argument):
        self.commands.setdefault(option, []).append(argument)

    def parameter(self, name, value):
        """value None: as if main.cf never had it."""
        before = self.explicit.get(name)
        if before == value:
            return
        self.command(*(("-X", name) if value is None else ("-e", f"{name}={value}")))
        self.differences.append((name, before, value))

    def service(self, name, line):
        before = self.postfix.service(name)
        if before == line:
            return
        self.command(*(("-MX", name) if line is None else ("-Me", f"{name}={line}")))
        self.differences.append((name, before, line))

    def want_parameter(self, name, value, items=()):
        if name not in self.record["parameters"]:
            self.record["parameters"][name] = {"former": self.explicit.get(name)}
        self.record["parameters"][name].update(ours=value, items=list(items))
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
        elif current is not None and any(has_item(current, item) for item in entry["items"]):
            self.parameter(name, without_items(current, entry["items"]))
        else:
            self.left_alone.append(name)

    def restore_service(self, name):
        entry = self.record["services"].pop(name)
        if self.postfix.service(name) == entry["ours"]:
            self.service(name, entry["former"])
        else:
            self.left_alone.append(name)

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
            self.want_parameter(name, with_items(self.postfix.effective(name), items), items)
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


def note_files(record, before, after):
    """A file that others changed since our last change can no longer be given back as a whole."""
    for name in FILES:
        entry = record["files"].setdefault(name, {"before": before[name], "ours": digest(before[name])})
        if entry["ours"] != digest(before[name]):
            entry["before"] = None
        entry["ours"] = digest(after[name])


def whole_files(record, before):
    """The files that can be given back byte for byte."""
    return {
        name: record["files"][name]["before"]
        for name in FILES
        if name in record["files"]
        and record["files"][name]["before"] is not None
        and record["files"][name]["ours"] == digest(before[name])
    }


def show(differences, side):
    return "".join(f"{entry[0]} = {entry[side]}\n" for entry in differences if entry[side] is not None)


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
    params = module.params
    postfix = Postfix(module, params["config_directory"])
    before = {name: postfix.read(name) for name in FILES}
    record = load_record(params["record"])
    known = json.dumps(record, sort_keys=True)
    change = Change(postfix, record)
    whole = {}
    if params["state"] == "present":
        change.want(params)
    else:
        whole = whole_files(record, before)
        change.restore()
    if not module.check_mode:
        for option, arguments in change.commands.items():
            postfix.postconf(option, *arguments)
        for name, text in whole.items():
            if postfix.read(name) != text:
                postfix.write(name, text)
        if params["state"] == "absent":
            if os.path.exists(params["record"]):
                os.unlink(params["record"])
        else:
            note_files(record, before, {name: postfix.read(name) for name in FILES})
            if json.dumps(record, sort_keys=True) != known:
                save_record(module, params["record"], record)
    module.exit_json(
        changed=bool(change.commands),
        left_alone=change.left_alone,
        diff={"before": show(change.differences, 1), "after": show(change.differences, 2)},
    )


if __name__ == "__main__":
    main()

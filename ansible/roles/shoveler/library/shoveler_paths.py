#!/usr/bin/python3
"""Ansible module: folders and small files with their owners, or their absence, many at once."""

DOCUMENTATION = r"""
module: shoveler_paths
short_description: Make folders and small files of ours, or remove them, in one go
options:
  paths:
    description: They are made in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where.
        type: path
        required: true
      owner:
        description: User.
        type: str
        default: root
      group:
        description: Group.
        type: str
        default: root
      mode:
        description: Mode, as "0755".
        type: str
        required: true
      content:
        description: Of a file. Without it this is a folder.
        type: str
      keep:
        description: A file that is there keeps its content.
        type: bool
        default: false
      when:
        description: False leaves it out.
        type: bool
        default: true
      passing:
        description: Made for the time of a run only, so that it is no change.
        type: bool
        default: false
  absent:
    description: Files and whole folders to remove.
    type: list
    elements: path
    default: []
author: Shoveler
"""

EXAMPLES = r"""
- shoveler_paths:
    paths:
      - {path: /etc/shoveler, mode: "0755"}
      - {path: /etc/shoveler/main.cf, mode: "0644", content: "", keep: true}
    absent: [/run/shoveler]
"""

RETURN = r"""
names:
  description: Paths that were changed, or would be.
  type: list
  returned: always
"""

import grp
import os
import pwd
import shutil

from ansible.module_utils.basic import AnsibleModule

PATH = {
    "path": {"type": "path", "required": True},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "required": True},
    "content": {"type": "str"},
    "keep": {"type": "bool", "default": False},
    "when": {"type": "bool", "default": True},
    "passing": {"type": "bool", "default": False},
}


def read(path):
    try:
        with open(path, "r", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None


def printable(text):
    """ansible-core 2.19 takes nothing that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def accounts_exist(wanted):
    try:
        return bool(pwd.getpwnam(wanted["owner"]) and grp.getgrnam(wanted["group"]))
    except KeyError:
        return False


def set_attributes(module, wanted, path):
    """What changes: owner, group or mode before and after; None if nothing does. Of a link, those of what it leads to."""
    if module.check_mode and not accounts_exist(wanted):
        return ("", f"owner {wanted['owner']}, group {wanted['group']}\n")
    diff = {}
    arguments = module.load_file_common_arguments({**wanted, "path": os.path.realpath(path)})
    if not module.set_fs_attributes_if_different(arguments, False, diff):
        return None
    before, after = ("".join(f"{name} {value}\n" for name, value in diff[side].items() if name != "path") for side in ("before", "after"))
    return (before, after)


def write(module, wanted):
    """Nobody sees the content before the owner and the mode are right."""
    fresh = wanted["path"] + ".new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(wanted["content"])
    set_attributes(module, wanted, fresh)
    os.rename(fresh, wanted["path"])


def make(module, wanted):
    """What changes: text, or owner and mode, before and after; None if nothing does."""
    path, content = wanted["path"], wanted["content"]
    is_folder = content is None
    before = "" if is_folder else read(path)
    is_there = os.path.isdir(path) if is_folder else before is not None
    if is_there and (is_folder or wanted["keep"] or before == content):
        return set_attributes(module, wanted, path)
    if not module.check_mode:
        if is_folder:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.mkdir(path, 0o700)
            set_attributes(module, wanted, path)
        else:
            write(module, wanted)
    return (before or "", "a folder\n" if is_folder else content)


def remove(module, path):
    if not os.path.lexists(path):
        return None
    if not module.check_mode:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    return ("there\n", "")


def apply(module):
    """What changes, by path."""
    changes = {}
    for wanted in module.params["paths"]:
        change = make(module, wanted) if wanted["when"] else None
        if change and not wanted["passing"]:
            changes[wanted["path"]] = change
    for path in module.params["absent"]:
        change = remove(module, path)
        if change:
            changes[path] = change
    return changes


def main():
    module = AnsibleModule(
        argument_spec={
            "paths": {"type": "list", "elements": "dict", "options": PATH, "default": []},
            "absent": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        changes = apply(module)
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")
    module.exit_json(
        changed=bool(changes),
        names=list(changes),
        diff=[{"before_header": path, "after_header": path, "before": printable(before), "after": after} for path, (before, after) in changes.items()],
    )


if __name__ == "__main__":
    main()

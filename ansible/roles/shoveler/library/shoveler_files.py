#!/usr/bin/python3
"""Ansible module: a few files of ours in a folder, in place together or not at all."""

DOCUMENTATION = r"""
module: shoveler_files
short_description: Put files into a folder, ask a program what it thinks of them, and take them back if it objects
description:
  - All files are written before O(validate) is run; if that fails, or what must be O(shown) is not, each of them is as it was, and the task
    has failed.
options:
  directory:
    description: Folder of the files. It is made if there is something to write.
    type: path
    required: true
  files:
    description: Name and content. No content, no file.
    type: dict
    default: {}
  exclusive:
    description: The folder is ours alone; other files in it go, and so does a folder that is empty then.
    type: bool
    default: false
  validate:
    description: Command that says by its exit code whether the host's configuration is valid with these files.
    type: list
    elements: str
    default: []
  shown:
    description:
      - Commands, and the words that must be in what each prints then. What it printed before must be there too, but for words of what the
        files were.
    type: list
    elements: dict
    default: []
    suboptions:
      command:
        description: The command.
        type: list
        elements: str
        required: true
      words:
        description: The words.
        type: list
        elements: str
        required: true
author: Shoveler
"""

EXAMPLES = r"""
- shoveler_files:
    directory: /etc/dovecot/conf.d
    files:
      90-shoveler-retrain.conf: "{{ lookup('ansible.builtin.file', '90-shoveler-retrain-2.4.conf') }}\n"
      90-shoveler-sharing.conf: ""
    validate: [doveconf, -n]
"""

RETURN = r"""
names:
  description: Files that were changed, or would be.
  type: list
  returned: always
others:
  description: Whether there is something that O(exclusive) would remove.
  type: bool
  returned: always
"""

import os
import re

from ansible.module_utils.basic import AnsibleModule

SHOWN = {"command": {"type": "list", "elements": "str", "required": True}, "words": {"type": "list", "elements": "str", "required": True}}


def read(path):
    try:
        with open(path, "r", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def printable(text):
    """ansible-core 2.19 takes nothing that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def remove_if_there(path):
    if os.path.lexists(path):
        os.unlink(path)


def write(module, path, text):
    """Empty: no file."""
    fresh = path + ".new"
    if text == "":
        remove_if_there(path)
        return
    with open(fresh, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.chmod(fresh, 0o644)
    module.atomic_move(fresh, path)


def wanted_files(params):
    directory = params["directory"]
    wanted = {name: text or "" for name, text in params["files"].items()}
    if params["exclusive"] and os.path.isdir(directory):
        for name in os.listdir(directory):
            wanted.setdefault(name, "")
    return {os.path.join(directory, name): text for name, text in sorted(wanted.items())}


def make_directory(module, path):
    if not os.path.isdir(path):
        os.makedirs(path)
        os.chmod(path, 0o755)


def has_others(params):
    directory, names = params["directory"], {name for name, text in params["files"].items() if text}
    return os.path.isdir(directory) and (not names or bool(set(os.listdir(directory)) - names))


def ask(module):
    """What the commands of O(shown) print."""
    return [module.run_command(shown["command"])[1] for shown in module.params["shown"] if shown["words"]]


def objection(module, told, before):
    """What the host says against it; None if nothing. told: what it said before."""
    command = module.params["validate"]
    if command:
        code, out, errors = module.run_command(command)
        if code != 0:
            return f"{' '.join(command)}: {(errors or out).strip()}."
    ours = {word for text in before.values() for word in text.split()}
    for shown, then, now in zip((shown for shown in module.params["shown"] if shown["words"]), told, ask(module)):
        missing = [word for word in shown["words"] if not re.search(rf"(^|\s){re.escape(word)}(\s(?!= no)|$)", now)]
        missing += sorted(set(then.split()) - set(now.split()) - ours)
        if missing:
            return (
                f"{' '.join(shown['command'])} does not show {' and '.join(missing)} with {' and '.join(before)}: is it set in a file that is read after these?"
                f" It shows {' '.join(now.split())}."
            )
    return None


def apply(module, before, wanted):
    params = module.params
    told = ask(module)
    try:
        if any(wanted.values()):
            make_directory(module, params["directory"])
        for path, text in wanted.items():
            write(module, path, text)
        problem = objection(module, told, before)
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}."
    if problem is None:
        return
    for path, text in before.items():
        if read(path) != text:
            write(module, path, text)
    module.fail_json(msg=f"{problem} All files are as they were.")


def put(module):
    directory = module.params["directory"]
    others = has_others(module.params)
    wanted = wanted_files(module.params)
    before = {path: read(path) for path in wanted}
    wanted = {path: text for path, text in wanted.items() if before[path] != text}
    before = {path: before[path] for path in wanted}
    empty = module.params["exclusive"] and os.path.isdir(directory) and not any(module.params["files"].values())
    if not module.check_mode:
        # Of a run that was killed.
        for name in module.params["files"]:
            remove_if_there(os.path.join(directory, name) + ".new")
        if wanted:
            apply(module, before, wanted)
        if empty:
            os.rmdir(directory)
    module.exit_json(
        changed=bool(wanted) or empty,
        others=others,
        names=[os.path.basename(path) for path in wanted],
        diff=[{"before_header": path, "after_header": path, "before": printable(before[path]), "after": wanted[path]} for path in wanted],
    )


def main():
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "files": {"type": "dict", "default": {}},
            "exclusive": {"type": "bool", "default": False},
            "validate": {"type": "list", "elements": "str", "default": []},
            "shown": {"type": "list", "elements": "dict", "options": SHOWN, "default": []},
        },
        supports_check_mode=True,
    )
    try:
        put(module)
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")


if __name__ == "__main__":
    main()

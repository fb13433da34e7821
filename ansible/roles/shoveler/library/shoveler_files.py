#!/usr/bin/python3
"""Ansible module: a few files of ours in a folder, in place together or not at all."""

DOCUMENTATION = r"""
module: shoveler_files
short_description: Put files into a folder, ask a program what it thinks of them, and take them back if it objects
description:
  - All files are written before O(validate) is run; if that fails each of them is as it was, and the task has failed.
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

from ansible.module_utils.basic import AnsibleModule


def read(path):
    try:
        with open(path, "r", encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(module, path, text):
    """Empty: no file."""
    if text == "":
        if os.path.lexists(path):
            os.unlink(path)
        return
    fresh = path + ".new"
    with open(fresh, "w", encoding="utf-8") as file:
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


def apply(module, before, wanted):
    params = module.params
    if any(wanted.values()):
        make_directory(module, params["directory"])
    for path, text in wanted.items():
        write(module, path, text)
    if params["validate"]:
        code, out, errors = module.run_command(params["validate"])
        if code != 0:
            for path, text in before.items():
                write(module, path, text)
            module.fail_json(msg=f"{' '.join(params['validate'])}: {(errors or out).strip()}. All files are as they were.")


def main():
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "files": {"type": "dict", "default": {}},
            "exclusive": {"type": "bool", "default": False},
            "validate": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    directory = module.params["directory"]
    others = has_others(module.params)
    wanted = wanted_files(module.params)
    before = {path: read(path) for path in wanted}
    wanted = {path: text for path, text in wanted.items() if before[path] != text}
    before = {path: before[path] for path in wanted}
    empty = module.params["exclusive"] and os.path.isdir(directory) and not any(module.params["files"].values())
    if not module.check_mode:
        if wanted:
            apply(module, before, wanted)
        if empty:
            os.rmdir(directory)
    module.exit_json(
        changed=bool(wanted) or empty,
        others=others,
        names=[os.path.basename(path) for path in wanted],
        diff=[{"before_header": path, "after_header": path, "before": before[path], "after": wanted[path]} for path in wanted],
    )


if __name__ == "__main__":
    main()

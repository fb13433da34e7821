#!/usr/bin/python3
"""Ansible module: our drop-in of main.cf, refused with file and line before it is in place."""

DOCUMENTATION = r"""
module: shoveler_settings
short_description: Write a drop-in of Shoveler's main.cf that every program accepts
description:
  - A copy of the configuration with the new drop-in is made in a folder of its own, and the programs are asked about that. Only if
    none of them objects does the drop-in take its place.
options:
  directory:
    description: Folder of main.cf.
    type: path
    required: true
  name:
    description: Name of the drop-in in main.cf.d.
    type: str
    default: 50-ansible.cf
  settings:
    description:
      - Name and value. A value may have several lines, be a list (one item a line), a number or a boolean (yes, no).
    type: dict
    required: true
  known:
    description: All names that there are; it is for hosts that do not have the programs yet.
    type: list
    elements: str
    required: true
  program:
    description: The command shoveler; it is asked if it is there.
    type: path
    required: true
  daemons:
    description: Programs that are asked by --check, if they are there.
    type: list
    elements: path
    default: []
  write:
    description: False asks only.
    type: bool
    default: true
author: Shoveler
"""

EXAMPLES = r"""
- shoveler_settings:
    directory: /etc/shoveler
    settings:
      dnsbl_sites: zen.spamhaus.org*5
      dictionary_groups: |
        family: alice@example.org bob@example.org
    known: [dnsbl_sites, dictionary_groups]
    program: /usr/sbin/shoveler
"""

RETURN = r"""
asked:
  description: Programs that were asked.
  type: list
  returned: always
"""

import difflib
import os
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule

HEAD = "# Made by Ansible.\n"


def value_lines(value):
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, (list, tuple)):
        return [str(item) for item in value]
    return [line.strip() for line in str("" if value is None else value).split("\n") if line.strip()]


def render(settings):
    text = HEAD
    for name, value in settings.items():
        lines = value_lines(value)
        if len(lines) > 1:
            text += f"{name} =\n" + "".join(f"\t{line}\n" for line in lines)
        else:
            text += f"{name} = {lines[0] if lines else ''}".rstrip() + "\n"
    return text


def unknown_names(path, text, known):
    """As lib/conf.c says it."""
    problems = []
    for number, line in enumerate(text.split("\n"), 1):
        name = line.partition("=")[0].strip()
        if not name or line[0] in "#\t" or name in known:
            continue
        near = difflib.get_close_matches(name, known, 1)
        advice = f'did you mean "{near[0]}"?' if near else "`shoveler conf -d` lists all"
        problems.append(f'{path}, line {number}: unknown setting "{name}"; {advice}')
    return problems


def read(path):
    try:
        with open(path, "r", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def printable(text):
    """ansible-core 2.19 takes nothing that is not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def make_stage(module, text):
    """The configuration as it will be. The daemons ask as other users: they must be able to read it."""
    directory, stage = module.params["directory"], tempfile.mkdtemp(prefix="shoveler-")
    module.add_cleanup_file(stage)
    os.chmod(stage, 0o755)
    with open(stage + "/main.cf", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(read(os.path.join(directory, "main.cf")))
    drop_ins = os.path.join(directory, "main.cf.d")
    os.mkdir(stage + "/main.cf.d")
    for name in os.listdir(drop_ins) if os.path.isdir(drop_ins) else []:
        if name.endswith(".cf"):
            shutil.copyfile(os.path.join(drop_ins, name), f"{stage}/main.cf.d/{name}")
    with open(f"{stage}/main.cf.d/{module.params['name']}", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    return stage


def ask(module, stage, command):
    code, out, errors = module.run_command(command)
    if code != 0:
        message = (errors or out).strip().replace(stage, module.params["directory"])
        module.fail_json(msg=f"{message}\nNothing was changed.")


def ask_programs(module, text):
    params = module.params
    asked = [path for path in [params["program"], *params["daemons"]] if os.access(path, os.X_OK)]
    if not asked:
        return asked
    stage = make_stage(module, text)
    try:
        for path in asked:
            words = ["conf", "-n"] if path == params["program"] else ["--check"]
            ask(module, stage, [path, "-c", stage, *words])
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return asked


def write(module, path, text):
    fresh = path + ".new"
    with open(fresh, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.chmod(fresh, 0o644)
    module.atomic_move(fresh, path)


def put(module):
    params = module.params
    path = os.path.join(params["directory"], "main.cf.d", params["name"])
    text = render(params["settings"])
    asked = ask_programs(module, text)
    problems = [] if asked else unknown_names(path, text, params["known"])
    if problems:
        module.fail_json(msg="\n".join(problems) + "\nNothing was changed.")
    before = read(path)
    changed = params["write"] and before != text
    if changed and not module.check_mode:
        write(module, path, text)
    diff = {"before_header": path, "after_header": path, "before": printable(before), "after": text} if changed else {}
    module.exit_json(changed=changed, asked=asked, diff=diff)


def main():
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "name": {"type": "str", "default": "50-ansible.cf"},
            "settings": {"type": "dict", "required": True},
            "known": {"type": "list", "elements": "str", "required": True},
            "program": {"type": "path", "required": True},
            "daemons": {"type": "list", "elements": "path", "default": []},
            "write": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        put(module)
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")


if __name__ == "__main__":
    main()

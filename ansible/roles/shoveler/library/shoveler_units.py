#!/usr/bin/python3
"""Ansible module: which of our systemd units run, and which do not, in one go."""

DOCUMENTATION = r"""
module: shoveler_units
short_description: Enable and start some units of systemd, stop and disable others
description:
  - Units that are as they shall be are not touched.
  - The sockets of a service come from a generator, which reads main.cf when systemd does. They are named as the service is, start with it,
    and must be stopped with it.
options:
  wanted:
    description: Units that shall be enabled and run.
    type: list
    elements: str
    default: []
  unwanted:
    description: Units that shall neither be enabled nor run, if they exist.
    type: list
    elements: str
    default: []
  restart:
    description: Units to restart, those of them that run.
    type: list
    elements: str
    default: []
  reload:
    description: Units to reload, those of them that run.
    type: list
    elements: str
    default: []
  ask:
    description:
      - Commands that must succeed, before anything is told. A daemon that would not like its configuration keeps running with the one it
        has. Check mode does not run them.
    type: list
    elements: list
    default: []
  later:
    description: Units that shall neither be enabled nor run once others know; which of them do is only told.
    type: list
    elements: str
    default: []
  read_again:
    description: Let systemd read its units again at the end, where files of some have gone.
    type: bool
    default: false
author: Shoveler
"""

EXAMPLES = r"""
- shoveler_units:
    wanted: [shoveler-milter.service]
    unwanted: [shoveler-lda.service, spamtraind.service]
"""

RETURN = r"""
missing:
  description: Wanted units that do not exist yet; only in check mode.
  type: list
  returned: always
running:
  description: Those that ran before, but for O(later).
  type: list
  returned: always
later:
  description: Those of O(later) that are enabled or run.
  type: list
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

PROPERTIES = ("Id", "LoadState", "ActiveState", "UnitFileState")
RUNNING = ("active", "activating", "reloading")


def sockets(names):
    """Patterns for systemctl: a.service has a.socket and a-WORD.socket."""
    return [name.replace(".service", "*.socket") for name in names if name.endswith(".service")]


class Systemd:
    def __init__(self, module):
        self.module = module
        self.lines = []

    def ask(self, names):
        """Their properties, by name; units that do not exist are left out."""
        if not names:
            return {}
        options = [f"--property={name}" for name in PROPERTIES]
        out = self.module.run_command(["systemctl", "show", *options, "--", *names], check_rc=True)[1]
        blocks = (dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in out.split("\n\n"))
        return {unit["Id"]: unit for unit in blocks if unit.get("LoadState") == "loaded"}

    def tell(self, verb, names, more=()):
        """more: units that are told too, and not worth a word."""
        if not names:
            return
        self.lines.extend(f"{verb} {name}\n" for name in names)
        if not self.module.check_mode:
            self.run(verb, *names, *more)

    def run(self, *words):
        code, out, errors = self.module.run_command(["systemctl", *words])
        if code != 0:
            self.module.fail_json(msg=f"systemctl {' '.join(words)}: {(errors or out).strip()}")


def is_running(unit):
    return unit["ActiveState"] in RUNNING


def is_enabled(unit):
    return unit["UnitFileState"] == "enabled"


def ask_all(module):
    for command in module.params["ask"] if not module.check_mode else []:
        code, out, errors = module.run_command(command)
        if code != 0:
            module.fail_json(msg=f"{' '.join(command)}: {(errors or out).strip()}\nIt was not told of this.")


def main():
    module = AnsibleModule(
        argument_spec={
            "wanted": {"type": "list", "elements": "str", "default": []},
            "unwanted": {"type": "list", "elements": "str", "default": []},
            "restart": {"type": "list", "elements": "str", "default": []},
            "reload": {"type": "list", "elements": "str", "default": []},
            "ask": {"type": "list", "elements": "list", "default": []},
            "later": {"type": "list", "elements": "str", "default": []},
            "read_again": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    ask_all(module)
    systemd = Systemd(module)
    units = systemd.ask([name for part in ("wanted", "unwanted", "restart", "reload", "later") for name in params[part]])
    missing = [name for name in params["wanted"] if name not in units]
    if missing and not module.check_mode:
        module.fail_json(msg=f"There is no {', '.join(missing)}: are the programs installed?")
    wanted = [name for name in params["wanted"] if name in units]
    running = [name for name in units if is_running(units[name])]
    enable = [name for name in wanted if not is_enabled(units[name])]
    start = [name for name in wanted if name not in running]
    restart = [name for name in params["restart"] if name in running]
    stop = [name for name in params["unwanted"] if name in running]
    disable = [name for name in params["unwanted"] if name in units and is_enabled(units[name])]
    if (enable or start or restart) and not module.check_mode:
        systemd.run("daemon-reload")
    systemd.tell("enable", enable)
    systemd.tell("start", start)
    if restart and not module.check_mode:
        systemd.run("stop", *sockets(restart))
    systemd.tell("restart", restart)
    systemd.tell("reload", [name for name in params["reload"] if name in running])
    systemd.tell("stop", stop, sockets(stop))
    systemd.tell("disable", disable)
    if params["read_again"] and not module.check_mode:
        systemd.run("daemon-reload")
    module.exit_json(
        changed=bool(systemd.lines),
        missing=missing,
        running=[name for name in running if name not in params["later"]],
        later=[name for name in params["later"] if name in units and (name in running or is_enabled(units[name]))],
        diff={"before": "", "after": "".join(systemd.lines)} if systemd.lines else {},
    )


if __name__ == "__main__":
    main()

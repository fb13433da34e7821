#!/usr/bin/python3
"""Ansible module: which of our systemd units run, and which do not, in one go."""

DOCUMENTATION = r"""
module: shoveler_units
short_description: Enable and start some units of systemd, stop and disable others
description:
  - Units that are as they shall be are not touched. The socket of a service is treated as the service is, if there is one.
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
  description: Those that ran before.
  type: list
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

PROPERTIES = ("Id", "LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload")
RUNNING = ("active", "activating", "reloading")


def with_sockets(names):
    sockets = [name.replace(".service", ".socket") for name in names if name.endswith(".service")]
    return [*sockets, *names]


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

    def tell(self, words, names):
        if not names:
            return
        self.lines.extend(f"{' '.join(words)} {name}\n" for name in names)
        if self.module.check_mode:
            return
        code, out, errors = self.module.run_command(["systemctl", *words, *names])
        if code != 0:
            self.module.fail_json(msg=f"systemctl {' '.join([*words, *names])}: {(errors or out).strip()}")


def is_running(unit):
    return unit["ActiveState"] in RUNNING


def is_enabled(unit):
    return unit["UnitFileState"] == "enabled"


def main():
    module = AnsibleModule(
        argument_spec={
            "wanted": {"type": "list", "elements": "str", "default": []},
            "unwanted": {"type": "list", "elements": "str", "default": []},
            "restart": {"type": "list", "elements": "str", "default": []},
            "reload": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    systemd = Systemd(module)
    wanted, unwanted = with_sockets(params["wanted"]), with_sockets(params["unwanted"])
    units = systemd.ask([*wanted, *unwanted, *params["restart"], *params["reload"]])
    missing = [name for name in params["wanted"] if name not in units]
    if missing and not module.check_mode:
        module.fail_json(msg=f"There is no {', '.join(missing)}: are the programs installed?")
    if not module.check_mode and any(unit["NeedDaemonReload"] == "yes" for unit in units.values()):
        module.run_command(["systemctl", "daemon-reload"], check_rc=True)
    present = [name for name in wanted if name in units]
    systemd.tell(["enable"], [name for name in present if not is_enabled(units[name])])
    systemd.tell(["start"], [name for name in present if not is_running(units[name])])
    for verb in ("restart", "reload"):
        systemd.tell([verb], [name for name in params[verb] if name in units and is_running(units[name])])
    systemd.tell(
        ["disable", "--now"],
        [name for name in unwanted if name in units and (is_running(units[name]) or is_enabled(units[name]))],
    )
    module.exit_json(
        changed=bool(systemd.lines),
        missing=missing,
        running=[name for name in units if is_running(units[name])],
        diff={"before": "", "after": "".join(systemd.lines)} if systemd.lines else {},
    )


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Ansible module: what the role must know of a host, asked in one go."""

DOCUMENTATION = r"""
module: shoveler_host
short_description: Ask a host what it has, and change nothing
options:
  paths:
    description: Files and folders that may be there.
    type: list
    elements: path
    default: []
  signatures:
    description: Folder of ClamAV's signatures; those are counted.
    type: path
  postfix:
    description: Folder of Postfix's main.cf; it is asked for its recipient_delimiter.
    type: path
  dovecot:
    description: Ask Dovecot for its version.
    type: bool
    default: false
  packages:
    description: Ask dpkg what is installed.
    type: bool
    default: false
  accounts:
    description: Read all users and groups.
    type: bool
    default: false
author: Shoveler
"""

EXAMPLES = r"""
- shoveler_host:
    paths: [/etc/shoveler/main.cf]
    accounts: true
  register: shoveler_host
"""

RETURN = r"""
there:
  description: Those of O(paths) that exist.
  type: list
  returned: always
signatures:
  description: How many files of signatures there are.
  type: int
  returned: with O(signatures)
recipient_delimiter:
  description: That of Postfix.
  type: str
  returned: with O(postfix)
dovecot:
  description: Version of Dovecot, as 2.3.
  type: str
  returned: with O(dovecot)
packages:
  description: Name and version of each installed package, NAME_VERSION.
  type: list
  returned: with O(packages)
users:
  description: Names of all users.
  type: list
  returned: with O(accounts)
groups:
  description: Names of all groups.
  type: list
  returned: with O(accounts)
members:
  description: Who is in which group, USER:GROUP.
  type: list
  returned: with O(accounts)
"""

import grp
import os
import pwd
import re

from ansible.module_utils.basic import AnsibleModule

SIGNATURES = (".cvd", ".cld", ".cud", ".hdb", ".hsb", ".ndb", ".ldb")


def count_signatures(path):
    return sum(name.endswith(SIGNATURES) for name in os.listdir(path)) if os.path.isdir(path) else 0


def ask(module, *command):
    return module.run_command(list(command), check_rc=True)[1]


def dovecot_version(module):
    found = re.match(r"[0-9]+\.[0-9]+", ask(module, "dovecot", "--version"))
    return found.group() if found else ""


def packages(module):
    lines = ask(module, "dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${Package}_${Version}\\n").splitlines()
    # The second letter: it is. The first: what is wanted, as "h" of those that are held.
    return [line.split()[-1] for line in lines if line[1:2] == "i"]


def accounts():
    groups = grp.getgrall()
    return {
        "users": sorted({entry.pw_name for entry in pwd.getpwall()}),
        "groups": sorted({entry.gr_name for entry in groups}),
        "members": sorted({f"{user}:{entry.gr_name}" for entry in groups for user in entry.gr_mem}),
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "paths": {"type": "list", "elements": "path", "default": []},
            "signatures": {"type": "path"},
            "postfix": {"type": "path"},
            "dovecot": {"type": "bool", "default": False},
            "packages": {"type": "bool", "default": False},
            "accounts": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    found = {"there": [path for path in params["paths"] if os.path.exists(path)]}
    if params["signatures"]:
        found["signatures"] = count_signatures(params["signatures"])
    if params["postfix"]:
        found["recipient_delimiter"] = ask(module, "postconf", "-c", params["postfix"], "-x", "-h", "recipient_delimiter").strip()
    if params["dovecot"]:
        found["dovecot"] = dovecot_version(module)
    if params["packages"]:
        found["packages"] = packages(module)
    if params["accounts"]:
        found.update(accounts())
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()

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
  missing:
    description: Packages as apt-get takes them, NAME, NAME=VERSION, NAME/SUITE, NAME:ARCHITECTURE; dpkg is asked which are not installed.
    type: list
    elements: str
    default: []
  accounts:
    description: Read all users and groups.
    type: bool
    default: false
  lacking:
    description: Users and groups that must be there, as C(user NAME) and C(group NAME).
    type: list
    elements: str
    default: []
  includes:
    description: A configuration file of Dovecot, and a file that it must include.
    type: list
    elements: path
    default: []
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
missing:
  description: Those of O(missing) that are not installed, or not in that version.
  type: list
  returned: with O(packages)
lacking:
  description: Those of O(lacking) that are not there.
  type: list
  returned: always
includes:
  description: Whether Dovecot would read the second file of O(includes).
  type: bool
  returned: with O(includes)
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

import fnmatch
import glob
import grp
import os
import pwd
import re

from ansible.module_utils.basic import AnsibleModule

SIGNATURES = (".cvd", ".cld", ".cud", ".hdb", ".hsb", ".ndb", ".ldb")


def count_signatures(path):
    return sum(name.endswith(SIGNATURES) for name in os.listdir(path)) if os.path.isdir(path) else 0


def ask(module, *command):
    if not module.get_bin_path(command[0]):
        module.fail_json(msg=f"There is no {command[0]} on this host: Shoveler adds to a mail host that works already. Nothing was changed.")
    return module.run_command(list(command), check_rc=True)[1]


def dovecot_version(module):
    found = re.match(r"[0-9]+\.[0-9]+", ask(module, "dovecot", "--version"))
    return found.group() if found else ""


def packages(module):
    lines = ask(module, "dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${Package}_${Version}\\n").splitlines()
    # The second letter: it is. The first: what is wanted, as "h" of those that are held.
    return [line.split()[-1] for line in lines if line[1:2] == "i"]


def is_installed(wanted, installed):
    """installed: NAME_VERSION. As for apt, * in a version is anything."""
    name, _, version = wanted.partition("=")
    name = re.split("[/:]", name)[0]
    return any(fnmatch.fnmatchcase(one, f"{name}_{version or '*'}") for one in installed)


def is_there(account):
    kind, _, name = account.partition(" ")
    try:
        return bool(pwd.getpwnam(name) if kind == "user" else grp.getgrnam(name))
    except KeyError:
        return False


def includes(path, wanted, depth=0):
    """Whether this configuration of Dovecot reads the other file, there or not."""
    try:
        with open(path, "r", encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError:
        return False
    patterns = re.findall(r"^[ \t]*!include(?:_try)?[ \t]+(\S+)[ \t\r]*(?:#.*)?$", text, re.MULTILINE)
    patterns = [os.path.normpath(os.path.join(os.path.dirname(path), pattern.strip("\"'"))) for pattern in patterns]
    if any(fnmatch.fnmatchcase(os.path.normpath(wanted), pattern) for pattern in patterns):
        return True
    return depth < 10 and any(includes(found, wanted, depth + 1) for pattern in patterns for found in glob.glob(pattern))


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
            "missing": {"type": "list", "elements": "str", "default": []},
            "lacking": {"type": "list", "elements": "str", "default": []},
            "includes": {"type": "list", "elements": "path", "default": []},
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
        found["missing"] = [name for name in params["missing"] if not is_installed(name, found["packages"])]
    found["lacking"] = [account for account in params["lacking"] if not is_there(account)]
    if params["includes"]:
        found["includes"] = includes(*params["includes"])
    if params["accounts"]:
        found.update(accounts())
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Ansible module: says what is wrong with variables that the role does not have."""

DOCUMENTATION = r"""
module: shoveler_variables
short_description: Refuse variables that the role does not have, and texts in place of lists
description:
  - The role gives it those that look as if they were its own. It fails if there are any, and says of each which one was meant.
  - Ansible takes a text for a list, as C(-e NAME=WORD) gives it, and then each letter of it for an item.
options:
  unknown:
    description: Names that nobody knows.
    type: list
    elements: str
    required: true
  texts:
    description: Names of lists and dictionaries that are given as a text.
    type: list
    elements: str
    default: []
  known:
    description: Names of the role's variables.
    type: list
    elements: str
    required: true
  former:
    description: Names of variables that the role had once, and what took their place.
    type: dict
    default: {}
author: Shoveler
"""

EXAMPLES = r"""
- shoveler_variables:
    unknown: [shoveler_milter]
    known: [shoveler_antivirus, shoveler_scoring]
    former:
      shoveler_milter: shoveler_antivirus and shoveler_scoring
"""

RETURN = r""" # """

import difflib

from ansible.module_utils.basic import AnsibleModule


def complaint(name, known, former):
    if name in former:
        return f"The role has no variable {name} any more; its place took {former[name]}."
    near = difflib.get_close_matches(name, sorted(known), 1, 0)
    return f"The role has no variable {name}; did you mean {near[0]}?"


def main():
    module = AnsibleModule(
        argument_spec={
            "unknown": {"type": "list", "elements": "str", "required": True},
            "texts": {"type": "list", "elements": "str", "default": []},
            "known": {"type": "list", "elements": "str", "required": True},
            "former": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params = module.params
    complaints = [complaint(name, params["known"], params["former"]) for name in params["unknown"]]
    complaints += [f"{name} is a text, not a list or dictionary; as an option it is -e '{{\"{name}\": ...}}'." for name in params["texts"]]
    if complaints:
        module.fail_json(msg=" ".join(complaints) + " docs/ansible.md has them all. Nothing was changed.")
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()

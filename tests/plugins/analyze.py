#!/usr/bin/python3
"""Static analysis of the plugins: clang's analyzer over each of their files, with the flags they are built with. No finding is let pass.

usage: analyze.py BUILD-FOLDER
Exit code 77 without clang. Prints TAP.
"""

import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

# What calls no function that is told to be safe: C11's Annex K, which glibc does not have.
CHECKS = ["-Xclang", "-analyzer-output=text", "-Xclang", "-analyzer-disable-checker=security.insecureAPI.DeprecatedOrUnsafeBufferHandling"]


def sources(build):
    """One entry a file, though some are in several modules."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        found = {entry["file"]: entry for entry in json.load(file)
                 if "/dovecot-plugins/" in entry["file"] and not entry["file"].endswith("_test.c")}
    return [found[name] for name in sorted(found)]


def analyze(entry):
    words = shlex.split(entry["command"])
    flags = [word for word in words if re.match(r"-[DI]|-std=", word)]
    for number, word in enumerate(words):
        if word == "-isystem":
            flags += words[number:number + 2]
    result = subprocess.run(["clang", "--analyze", "-Werror", *CHECKS, *flags, "-o", "/dev/null", entry["file"]],
                            cwd=entry["directory"], capture_output=True, text=True, check=False)
    return entry["file"], result.returncode, result.stderr


def main():
    if shutil.which("clang") is None:
        print("1..0 # SKIP no clang")
        return 77
    failed = 0
    entries = sources(sys.argv[1])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for number, (name, code, said) in enumerate(pool.map(analyze, entries), 1):
            name = os.path.basename(name)
            if code == 0 and "warning:" not in said:
                print(f"ok {number} - nothing to find in {name}")
                continue
            failed += 1
            print(f"not ok {number} - nothing to find in {name}")
            print("\n".join("# " + line for line in said.splitlines()))
    print(f"1..{len(entries)}")
    return 1 if failed or not entries else 0


sys.exit(main())

"""Runs a command and prints what it cost: {"code", "ms" of CPU, "mb" at the peak, "out"}.

A process of its own, since a child's peak begins with its parent's size.
"""

import json
import os
import sys


def main():
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writer, 1)
        os.execv(sys.argv[1], sys.argv[1:])
    os.close(writer)
    with os.fdopen(reader, "rb") as out:
        said = out.read().decode(errors="replace")
    _, status, usage = os.wait4(pid, 0)
    print(json.dumps({"code": os.waitstatus_to_exitcode(status), "ms": (usage.ru_utime + usage.ru_stime) * 1000,
                      "mb": usage.ru_maxrss / 1024, "out": said}))


main()

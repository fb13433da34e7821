#!/bin/bash
# What the sharing plugins cost: 200 users, 50 groups, 2,000 shared folders with two grants each, stock acl plugin with hand-written
# namespaces against ours, in turns on the same machine. Login, first and later LIST, SELECT; medians in milliseconds, and ratios.
# usage: tests/bench/sharing.sh [ROUNDS]     LAB_BUILD: a build of the release preset (default build/release)
cd "$(dirname "$0")/../.." || exit 1
build=${LAB_BUILD:-$PWD/build/release}
[ -e "$build/dovecot-plugins/modules" ] || { echo "no plugins in $build: cmake --preset release -B $build && cmake --build $build" >&2; exit 1; }
SHOVELER_MODULES=$build/dovecot-plugins/modules SHOVELER_COMMAND=$build/admin/shoveler exec python3 tests/plugins/bench_sharing.py "$@"

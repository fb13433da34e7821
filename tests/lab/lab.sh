#!/bin/bash
# The lab: a small internet of real servers in network namespaces, for demo.sh, the integration tests and the benchmarks.
#
#   tests/lab/lab.sh up [--base]   start it (--base: the mail hosts as they were before Shoveler)
#   tests/lab/lab.sh down          end it and leave nothing behind
#   tests/lab/lab.sh status        which servers run
#   tests/lab/lab.sh enter HOST [COMMAND...]   a shell (or a command) inside a host
#   tests/lab/lab.sh drop-in       put Shoveler into a base lab
#
# LAB_NAME  (default: lab)                     several labs can run side by side
# LAB_DIR   (default: /run/shoveler-lab/NAME)  one folder a host: its /etc, /usr (only what differs from the machine's), /var, /run
# LAB_BUILD (default: build/release)           where Shoveler's programs come from
# LAB_PATIENCE (default: $STORY_PATIENCE or 1)   how many times as long to wait for something as on a quiet machine
#
# Each host is a set of namespaces (network, mounts, processes, host name) whose first process is host.sh. Nothing outside LAB_DIR is
# written: /etc and /usr inside are overlays, /var and /run are the host's own. Read them from outside; to change something in /etc or
# /usr go inside (lab_in), as an overlay does not see what is written beneath it. Sourced, this file only defines the functions.

LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB_NAME=${LAB_NAME:-lab}
LAB_DIR=${LAB_DIR:-/run/shoveler-lab/$LAB_NAME}
LAB_BUILD=${LAB_BUILD:-$LAB_ROOT/build/release}
LAB_FILES=$LAB_ROOT/tests/lab
LAB_HOSTS="dns client bad mx1 mx2 third"
LAB_TIMEOUT=${LAB_TIMEOUT:-20}
LAB_PATIENCE=${LAB_PATIENCE:-${STORY_PATIENCE:-1}}
export LAB_NAME LAB_DIR LAB_BUILD

for lab_part in hosts servers mail shoveler web webmail logs; do
	. "$LAB_FILES/$lab_part.sh"
done
unset lab_part

lab_up() {
	lab_check
	if [ -e "$LAB_DIR/net.pid" ]; then
		lab_say "lab $LAB_NAME is already up, or was not ended cleanly: tests/lab/lab.sh down"
		return 1
	fi
	lab_hosts_up || return 1
	lab_servers_up || return 1
	[ "${1-}" = --base ] || lab_drop_in
}

lab_down() {
	lab_hosts_down
}

lab_main() {
	local command=${1-}
	[ $# -gt 0 ] && shift
	case $command in
	up | down | status) "lab_$command" "$@" ;;
	drop-in) lab_drop_in ;;
	enter) lab_enter "$@" ;;
	*) sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; return 64 ;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	lab_main "$@"
fi

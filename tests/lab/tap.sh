# shellcheck shell=bash
# Tests that are commands, told in TAP. Sourced; $log: a file for what the command of the moment says.
failed=0

# usage: check NAME COMMAND...   fails also where COMMAND fails
check() {
	local name=$1
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok - $name"
		return
	fi
	sed 's/^/# /' "$log" | tail -n 40
	echo "not ok - $name"
	failed=1
	false
}

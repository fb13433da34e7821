#!/bin/bash
# CPU of bogofilter's bulk mode, one process: learn all of an index, then judge all of it. usage: cost-bogofilter.sh INDEX
set -eu
command -v bogofilter >/dev/null || { echo "bogofilter: SKIPPED, it is not installed"; exit 0; }
work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/bogofilter.XXXXXX")
trap 'rm -rf "$work"' EXIT
count=$(wc -l <"$1")
sed -n 's/^ham\t//p' "$1" >"$work/ham"
sed -n 's/^spam\t//p' "$1" >"$work/spam"
cut -f2 "$1" >"$work/all"

# usage: cpu NAME COMMAND...      milliseconds of CPU, user and system, a message
cpu() {
	local name=$1 TIMEFORMAT='%U %S'
	shift
	{ time "$@" >/dev/null 2>&1; } 2>"$work/time" || true
	awk -v n="$count" -v name="$name" '{ printf "%-23s %.3f ms CPU\n", name, ($1 + $2) * 1000 / n }' "$work/time"
}
cpu "bogofilter, learn" sh -c "bogofilter -d '$work' -bn <'$work/ham' && bogofilter -d '$work' -bs <'$work/spam'"
cpu "bogofilter, classify" sh -c "bogofilter -d '$work' -b <'$work/all'"

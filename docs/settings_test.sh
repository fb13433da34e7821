#!/bin/bash
# A setting without a sentence, or that nobody uses, does not compile. Prints TAP.
# usage: settings_test.sh SOURCE-FOLDER COMPILER
set -u
source=$1 compiler=$2 count=0 failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# usage: compiles ROW   (of params.h)
compiles() {
	cp "$source"/lib/*.h "$source/lib/conf.c" "$dir"
	awk -v row="$1" '{ print } /^#define SHOVELER_PARAMS[(]/ { print "\tPARAM(NEW_ONE, \"new_one\", " row ") \\" }' \
		"$source/lib/params.h" >"$dir/params.h"
	"$compiler" -std=c11 -D_GNU_SOURCE -I"$dir" -fsyntax-only "$dir/conf.c" 2>"$dir/errors"
}

# usage: check NAME COMMAND...
check() {
	count=$((count + 1))
	"${@:2}" && echo "ok $count - $1" && return
	cat "$dir/errors"
	echo "not ok $count - $1"
	failed=1
}
refused() { ! compiles "$1" && grep -q 'new_one needs programs and a description' "$dir/errors"; }

echo 1..3
check "a setting with a sentence compiles" compiles 'BOOL, "no", 0, 0, "all", "Whether the sun shines"'
check "without a sentence it does not" refused 'BOOL, "no", 0, 0, "all", ""'
check "without programs it does not" refused 'BOOL, "no", 0, 0, "", "Whether the sun shines"'
exit $failed

#!/bin/bash
# A setting without a sentence, or that nobody uses, does not compile; none holds a secret; every program tells a mistake with file, line and
# the nearest name. Prints TAP.
# usage: settings_test.sh SOURCE-FOLDER COMPILER SHOVELER PROGRAM...
set -u
source=$1 compiler=$2 shoveler=$3 count=0 failed=0
programs=("${@:4}")
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

# Its name would say so; a file, or where one is listed, is what a setting may name.
no_secrets() { ! "$shoveler" conf -d | sed 's/ =.*//' | grep -E 'secret|passw|token|(^|_)key(_|$)' | grep -vE '_file$|^tokens_limit$' >"$dir/errors"; }

# usage: told PROGRAM LINE EXPECTED   main.cf has this line behind a comment and a line that goes on
told() {
	printf '# of the test\njunk_folders = Junk,\n Spam\n%s\n' "$2" >"$dir/main.cf"
	"$1" -c "$dir" --check >/dev/null 2>"$dir/errors"
	[ $? = 78 ] && grep -qF "$dir/main.cf, line 4: $3" "$dir/errors"
}

echo 1..$((4 + 3 * ${#programs[@]}))
check "a setting with a sentence compiles" compiles 'BOOL, "no", 0, 0, "all", "Whether the sun shines"'
check "without a sentence it does not" refused 'BOOL, "no", 0, 0, "all", ""'
check "without programs it does not" refused 'BOOL, "no", 0, 0, "", "Whether the sun shines"'
check "no setting holds a secret" no_secrets
for program in "${programs[@]}"; do
	name=${program##*/}
	check "$name: an unknown name" told "$program" "lda_nexthopp = x" 'unknown setting "lda_nexthopp"; did you mean "lda_nexthop"?'
	check "$name: a value out of its range" told "$program" "digest_hour = 24" 'digest_hour = 24'
	check "$name: a line that is none" told "$program" "digest_hour" 'expected "name = value"'
done
exit $failed

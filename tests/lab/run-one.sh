#!/bin/bash
# Run one integration test for test.sh: its output goes to DIR/NAME.tap (and build/test-logs), one line to the screen.
# "demo" is demo.sh itself, so that what a newcomer sees first cannot break unnoticed.
# usage: run-one.sh NAME DIR
name=$1 tap=$2/$1.tap
started=$SECONDS
demo() {
	LAB_NAME=demo-$$ DEMO_PRESET=debug STORY_RESULTS=$1.tsv ./demo.sh >"$1.out" 2>&1
	local code=$?
	awk -F '\t' '{ printf "%sok %d - %s: %s: %s\n", $5 == "FAILED" ? "not " : "", NR, $1, $2, $5 == "skipped" ? "# SKIP " $4 : $3 }
		$5 == "FAILED" { print "#   found: " $4 }' "$1.tsv"
	[ $code = 0 ] || tail -n 20 "$1.out" | sed 's/^/# /'
	return $code
}
if [ "$name" = demo ]; then demo "$2/demo"; else "tests/integration/$name.sh"; fi >"$tap" 2>&1
code=$?
if [ $code != 0 ] && ! grep -q '^not ok' "$tap"; then
	echo "not ok - $name ended with exit code $code" >>"$tap"
fi
mkdir -p build/test-logs
cp "$tap" "build/test-logs/$name.tap"
printf '   %-28s %3s passed %3s failed %4s s\n' "$name" "$(grep -c '^ok' "$tap")" "$(grep -c '^not ok' "$tap")" $((SECONDS - started))
grep -E -A3 '^not ok|^# (logs|ended|not taken)' "$tap" | grep -vE '^(ok|--)' | sed 's/^/      /'
exit 0

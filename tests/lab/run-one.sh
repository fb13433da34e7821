#!/bin/bash
# Run one integration test for test.sh: its output goes to DIR/NAME.tap (and build/test-logs), one line to the screen, and of what failed
# all that it says: elsewhere, nothing but the screen may be left of it.
# "demo" is demo.sh itself, so that what a newcomer sees first cannot break unnoticed.
# usage: run-one.sh NAME DIR
name=$1 tap=$2/$1.tap logs=${TEST_LOGS:-build/test-logs}
started=$SECONDS
demo() {
	LAB_NAME=demo-$$ DEMO_PRESET=debug STORY_RESULTS=$1.tsv STORY_DETAILS=$1.details timeout -k 120 "${STORY_TIMEOUT:-2400}" ./demo.sh >"$1.out" 2>&1
	local code=$?
	awk -F '\t' '{ printf "%sok %d - %s: %s: %s\n", $5 == "FAILED" ? "not " : "", NR, $1, $2, $5 == "skipped" ? "# SKIP " $4 : $3
		if ($5 == "FAILED") print "#   found: " $4 }' "$1.tsv"
	[ $code = 0 ] || { grep '^#' "$1.details"; tail -n 20 "$1.out" | sed 's/^/#   | /'; } 2>/dev/null
	return $code
}
# One that hangs must not hang the others: it ends, as if by Control-C, and tells where it was.
if [ "$name" = demo ]; then demo "$2/demo"; else timeout -k 120 "${STORY_TIMEOUT:-2400}" "tests/integration/$name.sh"; fi >"$tap" 2>&1
code=$?
if [ $code != 0 ] && ! grep -q '^not ok' "$tap"; then
	sed 's/^/#   | /' "$tap" | grep -vE '^#   \| (ok|#)' | tail -n 20 >"$tap.end"
	{ echo "not ok - $name ended with exit code $code"; cat "$tap.end"; } >>"$tap"
	rm "$tap.end"
fi
mkdir -p "$logs"
cp "$tap" "$logs/$name.tap"
printf '   %-28s %3s passed %3s failed %4s s\n' "$name" "$(grep -c '^ok' "$tap")" "$(grep -c '^not ok' "$tap")" $((SECONDS - started))
# Each failure with its details, and what was said before it that is no result (the words of a program that failed).
awk '
	/^not ok/ { for (line = said > 6 ? said - 6 : 0; line < said; line++) print words[line]; said = 0; print; next }
	/^#   / || /^# (logs|ended|not taken)/ { print; next }
	/^(ok|#|1\.\.)/ { said = 0; next }
	{ words[said++] = $0 }
' "$tap" | sed 's/^/      /'
exit 0

#!/bin/bash
# Run one integration test for test.sh: its output goes to DIR/NAME.tap (and build/test-logs), one line to the screen.
# usage: run-one.sh NAME DIR
name=$1 tap=$2/$1.tap
started=$SECONDS
"tests/integration/$name.sh" >"$tap" 2>&1
code=$?
if [ $code != 0 ] && ! grep -q '^not ok' "$tap"; then
	echo "not ok - $name ended with exit code $code" >>"$tap"
fi
mkdir -p build/test-logs
cp "$tap" "build/test-logs/$name.tap"
printf '   %-28s %3s passed %3s failed %4s s\n' "$name" "$(grep -c '^ok' "$tap")" "$(grep -c '^not ok' "$tap")" $((SECONDS - started))
grep -E -A3 '^not ok|^# (logs|ended|not taken)' "$tap" | grep -vE '^(ok|--)' | sed 's/^/      /'
exit 0

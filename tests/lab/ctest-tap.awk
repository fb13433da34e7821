# Turns the output of `ctest -V` into one TAP line a test: programs that print TAP, and Python's unittest ("Ran 12 tests", "skipped=1").
# A program with neither counts as one test. A program that fails (a crash, a sanitizer's report) without saying "not ok" counts as
# one failure; what it printed comes before it.
function many(count, line) {
	while (count-- > 0)
		print line
}
/^[0-9]+: / {
	number = $1 + 0
	line = substr($0, index($0, ":") + 2)
	output[number] = output[number] "# " line "\n"
	if (line ~ /^ok [0-9]/) {
		passed[number]++
		print line
	} else if (line ~ /^not ok [0-9]/) {
		failed[number]++
		print line
	} else if (line ~ /^Ran [0-9]+ tests? in /) {
		ran[number] = $3
	} else if (match(line, /skipped=[0-9]+/)) {
		skipped[number] = substr(line, RSTART + 8, RLENGTH - 8)
	}
	next
}
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+:/ {
	number = substr($0, index($0, "#") + 1) + 0
	name = $0
	sub(/.*#[0-9]+: /, "", name)
	sub(/ .*/, "", name)
	if ($0 ~ /\*\*\*Skipped /) {
		print "ok - " name " # SKIP it cannot run here"
	} else if ($0 !~ / Passed /) {
		printf "%s", output[number]
		if (!failed[number])
			print "not ok - " name " failed"
	} else if (ran[number]) {
		many(ran[number] - skipped[number], "ok - one of " name)
		many(skipped[number], "ok - one of " name " # SKIP it says so")
	} else if (!passed[number] && !failed[number])
		print "ok - " name
}

# Turns the output of `ctest -V` into one TAP line a test: programs that print TAP, and Python's unittest ("Ran 12 tests", "skipped=1").
# A program with neither counts as one test. A program that fails (a crash, a sanitizer's report) without saying "not ok" counts as
# one failure. What a program that failed printed (but for what passed) comes before its failures, in one piece; of very much the beginning,
# where a sanitizer tells what it found, and the end.
function many(count, line) {
	while (count-- > 0)
		print line
}
function show(number, i) {
	for (i = 0; i < lines[number]; i++)
		if (lines[number] <= 70 || i < 30 || i >= lines[number] - 40)
			print "#   | " output[number, i]
		else if (i == 30)
			print "#   | ... (" lines[number] - 70 " lines)"
}
/^[0-9]+: / {
	number = $1 + 0
	line = substr($0, index($0, ":") + 2)
	if (line ~ /^ok [0-9]/) {
		passed[number]++
		print line
		next
	}
	output[number, lines[number]++] = line
	if (line ~ /^not ok [0-9]/)
		failures[number] = failures[number] line "\n"
	else if (line ~ /^Ran [0-9]+ tests? in /)
		ran[number] = $3
	else if (match(line, /skipped=[0-9]+/))
		skipped[number] = substr(line, RSTART + 8, RLENGTH - 8)
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
		how = $0
		sub(/.*\*\*\*/, "", how)
		print "#   " name ": " how
		show(number)
		if (failures[number] != "")
			printf "%s", failures[number]
		else
			print "not ok - " name " failed: " how
	} else if (failures[number] != "") {
		printf "%s", failures[number]
	} else if (ran[number]) {
		many(ran[number] - skipped[number], "ok - one of " name)
		many(skipped[number], "ok - one of " name " # SKIP it says so")
	} else if (!passed[number]) {
		print "ok - " name
	}
}

# Turns the output of `ctest -V`, whose programs print TAP, into one TAP line a test. A program without TAP counts as one test, and a
# program that fails (a crash, a sanitizer's report) without saying "not ok" as one failure; what it printed comes before it.
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
	}
	next
}
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+:/ {
	number = substr($0, index($0, "#") + 1) + 0
	name = $0
	sub(/.*#[0-9]+: /, "", name)
	sub(/ .*/, "", name)
	if ($0 !~ / Passed /) {
		printf "%s", output[number]
		if (!failed[number])
			print "not ok - " name " failed"
	} else if (!passed[number] && !failed[number])
		print "ok - " name
}

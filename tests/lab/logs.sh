# shellcheck shell=bash
# What a lab's logs say when a test has failed: part of lab.sh. Of a test that failed elsewhere nothing may be left but what was printed.

# All lines of all logs in order of time: "05:47:33 mx1/mail.log: postfix/smtpd[49]: connect from ...".
lab_logs() {
	(cd "$LAB_DIR" && find ./*/var/log -type f -size +0 \( -name '*.log' -o -name '*.out' \) -exec awk '
		FNR == 1 { time = "00:00:00"; file = FILENAME; sub(/^\.\//, "", file); sub(/var\/log\//, "", file) }
		{
			line = $0
			if (match(line, /^([A-Z][a-z][a-z] +[0-9]+|[0-9]+[-\/][0-9]+[-\/][0-9]+)[ T][0-9][0-9]:[0-9][0-9]:[0-9][0-9](\.[0-9]+)? /)) {
				stamp = substr(line, 1, RLENGTH)
				line = substr(line, RLENGTH + 1)
				sub(/\.[0-9]+ $/, " ", stamp)
				time = substr(stamp, length(stamp) - 8, 8)
			}
			print time " " file ": " substr(line, 1, 400)
		}' {} + 2>/dev/null) | grep -vE 'postfix/anvil\[|disconnected before auth was ready' | sort -s -k1,1
}

# The lines that tell of trouble: ours, then those of the other servers, the last of each.
lab_troubles() {
	local trouble=': (warning|error|fatal|panic): |(Warning|Error|Fatal|Panic): |action=worker-died|Assertion|terminate called'
	local ours='/(shoveler-[a-z]+|spamtraind)\.out: '
	lab_logs | grep -E -- "$trouble" | grep -E -- "$ours" | tail -n 20
	lab_logs | grep -E -- "$trouble" | grep -vE -- "$ours" | tail -n 10
}

# What sanitizers wrote: the beginning of the first two reports.
lab_reports() {
	local file
	for file in $(grep -rlE 'ERROR: |runtime error:' "$LAB_DIR"/*/var/log/sanitizer 2>/dev/null | head -n 2); do
		echo "$file:"
		head -n 25 "$file"
	done
}

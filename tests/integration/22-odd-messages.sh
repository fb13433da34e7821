#!/bin/bash
# Bad input: messages that nobody would write. All arrive; what cannot be read is delivered unmarked, and never altered.
. "$(dirname "$0")/story.sh"
row 22 "Odd messages"

# usage: nested SUBJECT LEVELS
nested() {
	local level
	lab_message "$1" "" "MIME-Version: 1.0" "Content-Type: multipart/mixed; boundary=0"
	for level in $(seq 1 "$2"); do
		printf -- '--%s\nContent-Type: multipart/mixed; boundary=%s\n\n' $((level - 1)) "$level"
	done
}
nested "Nested parts" 12 | deliver alice@example.test
expect_like 30 "12 parts within each other, none closed" "arrives" '^INBOX' mailbox alice "Nested parts"
nested "Deep nesting" 3000 >"$LAB_DIR/deep"
expect_like 0 "3,000 of them: more than the virus scanner looks into" "refused, says why" '^data 554 .*cannot be scanned' \
	lab_send alice@example.test <"$LAB_DIR/deep"
lab_message "Behind it" | deliver alice@example.test
expect 30 "mail behind it" "INBOX: Innocent" mailbox alice "Behind it"

{ lab_message "No body" | sed '/^$/,$d'; } | deliver alice@example.test
expect_like 20 "a message without a body" "arrives" '^INBOX' mailbox alice "No body"
printf '\n\nOnly a body.\n' | deliver alice@example.test
expect_like 20 "a message without a header" "arrives" '^[1-9]' sh -c "grep -rl 'Only a body' '$LAB_DIR/mx1/var/vmail/example.test/alice' | wc -l"
{ lab_message "Zeros and eights" "x"; head -c 20000 /dev/urandom | tr '\n\r\0' 'xyz' | fold -b -w 900; } | deliver alice@example.test
expect_like 20 "20 KB of noise" "arrives" '^INBOX' mailbox alice "Zeros and eights"
{ lab_message "Broken base64" "====" "MIME-Version: 1.0" "Content-Type: text/html; charset=no-such-charset" "Content-Transfer-Encoding: base64"; } |
	deliver alice@example.test
expect_like 20 "broken base64 in an unknown charset" "arrives" '^INBOX' mailbox alice "Broken base64"
{
	printf 'Subject: Long lines\nFrom: a@client.test\n'
	for n in $(seq 1 2000); do printf 'X-Field-%s: %0800d\n' "$n" "$n"; done
	printf '\nbody\n'
} | deliver alice@example.test
expect_like 30 "2,000 header fields, 1.6 MB" "arrives" '^INBOX' mailbox alice "Long lines"
{ lab_message "Eight megabytes"; head -c 6000000 /dev/urandom | base64; } | deliver alice@example.test
expect_like 60 "8 MB" "arrives" '^INBOX' mailbox alice "Eight megabytes"

dead() { for server in $LAB_DAEMONS; do lab_runs "$server" || echo "$server"; done; }
expect 0 "daemons that died of it" "" dead

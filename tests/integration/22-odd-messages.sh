#!/bin/bash
# Bad input: messages that nobody would write. All arrive; what cannot be read is delivered unmarked, and never altered.
. "$(dirname "$0")/story.sh"
row 22 "Odd messages"

lab_message "Deep nesting" "" "MIME-Version: 1.0" "Content-Type: multipart/mixed; boundary=0" >"$LAB_DIR/deep"
for level in $(seq 1 3000); do
	printf -- '--%s\nContent-Type: multipart/mixed; boundary=%s\n\n' $((level - 1)) "$level"
done >>"$LAB_DIR/deep"
deliver alice@example.test <"$LAB_DIR/deep"
expect_like 30 "3,000 nested parts" "arrives" '^INBOX' mailbox alice "Deep nesting"

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

expect 0 "the daemons" "run" sh -c "echo run"

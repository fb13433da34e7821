#!/bin/bash
# Bad input: a mistake in the configuration is named with file, line and the nearest key, and nothing starts half.
. "$(dirname "$0")/story.sh"
row 20 "Mistakes in the configuration"

lab_in mx1 sh -c "mkdir -p /etc/shoveler/main.cf.d; printf '# a comment\nlda_nexthopp = unix:/run/dovecot/lmtp\n' >/etc/shoveler/main.cf.d/50-mistake.cf"
for daemon in shoveler-milter shoveler-lda spamtraind; do
	expect_like 0 "$daemon --check with lda_nexthopp" "file, line, nearest key" '/etc/shoveler/main.cf.d/50-mistake.cf.*2.*lda_nexthop\b' lab_in mx1 "$daemon" --check
	code() { lab_in mx1 "$daemon" --check >/dev/null 2>&1; echo $?; }
	expect 0 "its exit code" "78" code
done
expect_like 0 "shoveler conf -n" "the same words" '/etc/shoveler/main.cf.d/50-mistake.cf.*2.*lda_nexthop\b' lab_shoveler conf -n

lab_socket mx1 /var/spool/postfix/shoveler/lda || story_result "before: it listens" "yes" "no" FAILED
lab_stop mx1/shoveler-lda
start() { lab_in mx1 timeout 60 shoveler-lda 2>&1; echo "exit code $?"; }
expect_like 0 "shoveler-lda, started" "says why" 'lda_nexthop\b' start
expect_like 0 "and ends with" "exit code 78" '^exit code 78$' start
listens() { lab_socket mx1 /var/spool/postfix/shoveler/lda && echo one || echo none; }
expect 0 "who listens at its socket" "none" listens

# The milter is running: a reload with the mistake keeps the old configuration and says so.
lab_reload mx1/shoveler-milter
expect_like 10 "the running milter, told to reload" "says why" 'lda_nexthop\b' cat "$LAB_DIR/mx1/var/log/shoveler-milter.out"
runs() { lab_runs mx1/shoveler-milter && echo runs; }
expect 10 "and with the old configuration it" "runs" runs

lab_in mx1 rm /etc/shoveler/main.cf.d/50-mistake.cf
lab_message "After the mistake" | deliver alice@example.test
lab_start mx1/shoveler-lda
expect 30 "the mistake mended, mail" "INBOX: Innocent" mailbox alice "After the mistake"

#!/bin/bash
# Row 10: the weekly re-scan removes what was delivered before its signature was known.
. "$(dirname "$0")/story.sh"
row 10 "The weekly re-scan"

rescan() { lab_doveadm shoveler rescan "$@" >"$LAB_DIR/rescan" 2>&1; echo "exit code $?"; }
report() { cat "$LAB_DIR/rescan"; }
# How many messages were kept for the admin that hold the virus. usage: kept USER
kept() { grep -l LAB-TEST-VIRUS-OF-TODAY "$LAB_DIR/mx1/var/lib/shoveler/rescan/$1%40example.test/"*.eml 2>/dev/null | wc -l; }

lab_message "Zero day" "LAB-TEST-VIRUS-OF-TODAY" | deliver alice@example.test bob@example.test
lab_message "Harmless" "nothing of that kind" | deliver alice@example.test
expect 20 "a virus without a signature yet" "INBOX: Innocent" mailbox alice "Zero day"
expect 20 "the same to bob" "INBOX: Innocent" mailbox bob "Zero day"
expect 20 "a harmless one" "INBOX: Innocent" mailbox alice "Harmless"
expect 0 "re-scan: nothing is known yet" "exit code 0" rescan -u alice@example.test
expect_like 0 "its report" "nothing infected" 'infected=0 removed=0 unscanned=0 errors=0' report

lab_signature Lab.Today LAB-TEST-VIRUS-OF-TODAY
sent_again() { lab_message "Zero day $RANDOM" "LAB-TEST-VIRUS-OF-TODAY" | deliver carol@example.test; lab_log mx1 'Lab.Today' | wc -l; }
expect_like 20 "the signature comes" "the scanner knows it" '^[1-9]' sent_again
expect 0 "re-scan of alice's mailbox" "exit code 0" rescan -u alice@example.test
expect_like 0 "its report" "one removed" 'infected=1 removed=1 unscanned=0 errors=0' report
expect_like 0 "and names" "the virus" 'is infected: Lab.Today' report
expect 0 "alice's virus" "nowhere" folder alice "Zero day"
expect 0 "the harmless one" "INBOX" folder alice "Harmless"
expect 0 "kept for the admin" "1" kept alice
expect 0 "bob's mailbox was not asked for" "INBOX" folder bob "Zero day"
history() { lab_spamtrain --json history "$1@example.test" 50 | python3 -c '
import json, sys
print(*[row["outcome"] + " " + row["virus"] for row in json.load(sys.stdin) if row["subject"] == sys.argv[1]])' "$2"; }
expect 10 "alice's history" "virus Lab.Today.UNOFFICIAL" history alice "Zero day"
expect 0 "of the harmless one" "delivered " history alice "Harmless"
expect 0 "once more" "exit code 0" rescan -u alice@example.test
expect_like 0 "its report" "skipped what these signatures saw" 'scanned=0 skipped=[1-9][0-9]* infected=0' report
lab_in mx1 sh -c 'mkdir -p /etc/shoveler/main.cf.d; echo "rescan_report_to = carol@example.test" >/etc/shoveler/main.cf.d/60-rescan.cf'
expect 0 "the weekly re-scan of all" "exit code 0" rescan -A
expect 0 "bob's virus" "nowhere" folder bob "Zero day"
expect 0 "kept for the admin" "1" kept bob
expect_like 20 "the report by mail" "with what came of it" '\[shoveler\] re-scan on mx1.example.test: [1-9][0-9]* infected, 0 not scanned$' \
	lab_imap carol header INBOX Subject
expect_like 0 "as metrics" "what was removed" '^shoveler_rescan_removed [1-9]' cat "$LAB_DIR/mx1/var/lib/shoveler/rescan.prom"
give_back() { lab_doveadm save -u bob@example.test -m INBOX "/var/lib/shoveler/rescan/bob%40example.test/$(basename "$LAB_DIR/mx1/var/lib/shoveler/rescan/bob%40example.test/"*.eml)"; }
give_back
expect 10 "bob's, given back" "INBOX" folder bob "Zero day"

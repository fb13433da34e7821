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
expect 0 "the weekly re-scan of all" "exit code 0" rescan -A
expect 0 "bob's virus" "nowhere" folder bob "Zero day"
expect 0 "kept for the admin" "1" kept bob

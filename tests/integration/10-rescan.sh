#!/bin/bash
# Row 10: the weekly re-scan removes what was delivered before its signature was known.
. "$(dirname "$0")/story.sh"
row 10 "The weekly re-scan"

lab_message "Zero day" "LAB-TEST-VIRUS-OF-TODAY" | deliver alice@example.test
lab_message "Harmless" "nothing of that kind" | deliver alice@example.test
expect 20 "a virus without a signature yet" "INBOX: Innocent" mailbox alice "Zero day"
expect 20 "a harmless one" "INBOX: Innocent" mailbox alice "Harmless"
lab_signature Lab.Today LAB-TEST-VIRUS-OF-TODAY
sent_again() { lab_message "Zero day $RANDOM" "LAB-TEST-VIRUS-OF-TODAY" | deliver bob@example.test; lab_log mx1 'Lab.Today' | wc -l; }
expect_like 20 "the signature comes" "the scanner knows it" '^[1-9]' sent_again
lab_doveadm shoveler rescan -u alice@example.test >"$LAB_DIR/rescan" 2>&1
expect 5 "the re-scan of alice's mailbox" "nowhere" folder alice "Zero day"
expect 1 "and the harmless one" "INBOX" folder alice "Harmless"
expect_like 1 "the report names" "the virus" 'Lab.Today' sh -c "cat '$LAB_DIR/rescan' '$LAB_DIR'/mx1/var/log/*"

#!/bin/bash
# Row 1 of the story: ham from a decent client.
. "$(dirname "$0")/story.sh"
row 1 "Ham from a decent client"

lab_sieve alice main <<'END'
require ["fileinto", "mailbox"];
if header :contains "subject" "Minutes" { fileinto :create "Minutes"; stop; }
if allof (header :is "X-DSPAM-Result" "Innocent", header :contains "list-id" "hikers") { fileinto :create "Hikers"; }
END

lab_message "Lunch on Friday?" "Shall we meet at the bridge at noon?" | deliver alice@example.test
expect 20 "ham to alice" "INBOX: Innocent" mailbox alice "Lunch on Friday?"
expect_like 10 "the same" "a signature" '^[0-9a-f]{24}$' lab_field alice INBOX "Lunch on Friday?" X-DSPAM-Signature

lab_message "Minutes of Tuesday" "Decided: nothing." | deliver alice@example.test
expect 20 "ham that alice's Sieve script files by Subject" "Minutes: Innocent" mailbox alice "Minutes of Tuesday"
lab_message "Photos" "See you on the hill." "List-Id: <hikers.client.test>" | deliver alice@example.test
expect 20 "ham that it files by our X-DSPAM-Result" "Hikers: Innocent" mailbox alice "Photos"

lab_message "Trust me" "Really." "X-DSPAM-Result: Whitelisted" "X-DSPAM-Signature: 0123456789abcdef01234567" | deliver alice@example.test
expect 20 "ham with forged X-DSPAM fields" "INBOX: Innocent" mailbox alice "Trust me"
expect_like 10 "the same" "one signature, ours" '^[0-9a-f]{24}$' lab_field alice INBOX "Trust me" X-DSPAM-Signature
forged() { grep -rl 0123456789abcdef01234567 "$LAB_DIR/mx1/var/vmail/example.test/alice" | wc -l; }
expect 0 "copies with the forged signature" "0" forged

#!/bin/bash
# Row 2: one message, two recipients: a verdict for each, and headers of his own where they differ.
. "$(dirname "$0")/story.sh"
row 2 "One message to alice and bob"

lab_message "To both of you" "The tomatoes should be planted out after the last frost." | deliver alice@example.test bob@example.test
expect 20 "the copy of alice" "INBOX: Innocent" mailbox alice "To both of you"
expect 20 "the copy of bob" "INBOX: Innocent" mailbox bob "To both of you"
# Equal copies are one for Dovecot, so the signature is the same; what it is good for is each one's own.
signature=$(lab_field alice INBOX "To both of you" X-DSPAM-Signature)
expect 10 "bob's signature" "$signature" lab_field bob INBOX "To both of you" X-DSPAM-Signature
lab_spamtrain retrain alice@example.test spam "$signature" >/dev/null
corrected() { lab_spamtrain --json history "$1" 1 | grep -o '"corrected": "[a-z]*"'; }
expect 10 "alice calls it spam" '"corrected": "spam"' corrected alice@example.test
expect 10 "bob has said nothing" '"corrected": "none"' corrected bob@example.test
lab_spamtrain retrain alice@example.test innocent "$signature" >/dev/null
lab_message "To the other two" "They have no Sieve script." | deliver bob@example.test carol@example.test
expect 20 "bob" "INBOX: Innocent" mailbox bob "To the other two"
expect 20 "carol" "INBOX: Innocent" mailbox carol "To the other two"
copies() { grep -rlZ "To the other two" "$LAB_DIR"/mx1/var/vmail/example.test/{bob,carol}/Maildir/{new,cur} | xargs -0 stat -c %i | sort -u | wc -l; }
expect 10 "files in their mailboxes" "1" copies
lab_spamtrain preference set bob@example.test showFactors on >/dev/null
lab_message "And once more" "The tomatoes did well this year." | deliver alice@example.test bob@example.test
expect 20 "alice" "INBOX: Innocent" mailbox alice "And once more"
expect 20 "bob" "INBOX: Innocent" mailbox bob "And once more"
expect_like 10 "bob wants to know why" "told" '^[0-9]' lab_field bob INBOX "And once more" X-DSPAM-Factors
expect 10 "alice does not" "-" lab_field alice INBOX "And once more" X-DSPAM-Factors

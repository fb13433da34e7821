#!/bin/bash
# Row 2: one message, two recipients, a header of its own for each.
. "$(dirname "$0")/story.sh"
row 2 "One message to alice and bob"

lab_message "To both of you" "The tomatoes should be planted out after the last frost." | deliver alice@example.test bob@example.test
expect 20 "the copy of alice" "INBOX: Innocent" mailbox alice "To both of you"
expect 20 "the copy of bob" "INBOX: Innocent" mailbox bob "To both of you"
hers=$(lab_field alice INBOX "To both of you" X-DSPAM-Signature)
his=$(lab_field bob INBOX "To both of you" X-DSPAM-Signature)
both_differ() { [ -n "$hers" ] && [ -n "$his" ] && [ "$hers" != "$his" ] && echo different || echo "alice: $hers, bob: $his"; }
expect 1 "their signatures" "different" both_differ

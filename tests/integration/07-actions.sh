#!/bin/bash
# Row 7: what happens to alice's spam is hers to choose: tagged, or held back and released.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
row 7 "Tag and quarantine"
teach_alice

# This row is about actions: her filter shall be eager.
lab_spamtrain preference set alice@example.test statisticalSedation 0
lab_spamtrain preference set alice@example.test spamAction tag
known_spam 1 "Tagme" | deliver alice@example.test bob@example.test
expect 20 "spamAction tag, a spam: alice" "INBOX: Spam" mailbox alice "[SPAM] Tagme"
expect 20 "the same, bob" "INBOX: Innocent" mailbox bob "Tagme"

lab_spamtrain preference set alice@example.test spamAction quarantine
known_spam 2 "Holdme" | deliver alice@example.test bob@example.test
expect 20 "spamAction quarantine, a spam: bob" "INBOX: Innocent" mailbox bob "Holdme"
settle
expect 5 "the same, alice" "nowhere" folder alice "Holdme"
expect_like 5 "her quarantine" "has it" 'Holdme' lab_spamtrain quarantine list alice@example.test

signature=$(lab_spamtrain quarantine list alice@example.test | grep Holdme | grep -oE '\b[0-9a-f]{24}\b')
lab_spamtrain retrain alice@example.test innocent "$signature" >/dev/null
expect 20 "retrained as ham" "INBOX" folder alice "Holdme"
expect 5 "her quarantine" "" lab_spamtrain quarantine list alice@example.test
lab_spamtrain retrain alice@example.test innocent "$signature" >/dev/null
sleep 1
expect 1 "the same once more" "INBOX" folder alice "Holdme"
lab_spamtrain preference set alice@example.test spamAction deliver
lab_spamtrain preference set alice@example.test statisticalSedation

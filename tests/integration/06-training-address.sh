#!/bin/bash
# Row 6: alice resends a spam to the training address, signed in: learned. A stranger does the same: refused.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
row 6 "The training addresses"

# What a mail program's "resend" does: the message as it is, with Resent fields in front.
resent() {
	printf 'Resent-From: %s\nResent-To: %s\nResent-Date: %s\nResent-Message-ID: <%s@client.test>\n' "$1" "$2" "$(date -R)" "$RANDOM$RANDOM"
	lab_imap "$1" fetch INBOX "$(lab_uid "$1" INBOX "$3")"
}
submit() { lab_send --server mx1.example.test:587 --auth "$1:secret" --from "$1" "$2"; }

before=$(teach_lessons alice)
lab_message "Pills for nothing" "Buy pills at http://pills.test/ today" | deliver alice@example.test bob@example.test
expect 20 "a spam to alice" "INBOX: Innocent" mailbox alice "Pills for nothing"
expect 20 "and to bob" "INBOX: Innocent" mailbox bob "Pills for nothing"
resent alice@example.test dc-spam@example.test "Pills for nothing" >"$LAB_DIR/resent"

expect_like 0 "alice resends it to dc-spam@, signed in" "taken" '^data 250 ' submit alice@example.test dc-spam@example.test <"$LAB_DIR/resent"
expect 20 "her lessons" "$((before + 1))" teach_lessons alice
deliver --server mx1.example.test:587 --auth alice@example.test:secret --from alice@example.test dc-spam@example.test <"$LAB_DIR/resent"
settle
expect 1 "she resends it once more: her lessons" "$((before + 1))" teach_lessons alice

expect_like 0 "a stranger resends it" "refused" '^rcpt dc-spam@example.test 550 5.7.1' \
	lab_send --server mx1.example.test --from alice@example.test dc-spam@example.test <"$LAB_DIR/resent"
bobs=$(teach_lessons bob)
deliver --server mx1.example.test:587 --auth bob@example.test:secret --from bob@example.test dc-spam@example.test <"$LAB_DIR/resent"
settle
expect 1 "bob resends alice's copy: her lessons" "$((before + 1))" teach_lessons alice
expect 20 "the same: his own filter learns the message" "$((bobs + 1))" teach_lessons bob

expect_like 0 "alice resends it to dc-ham@" "taken" '^data 250 ' submit alice@example.test dc-ham@example.test <"$LAB_DIR/resent"
expect 20 "her lessons" "$before" teach_lessons alice
expect 1 "neither address has a mailbox" "no such mailbox" \
	sh -c "ls '$LAB_DIR'/mx1/var/vmail/example.test/dc-* 2>/dev/null || echo no such mailbox"

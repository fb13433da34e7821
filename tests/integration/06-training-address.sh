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
expect 10 "she resends it once more: her lessons" "$((before + 1))" teach_lessons alice

expect_like 0 "a stranger resends it" "refused" '^rcpt dc-spam@example.test 550 5.7.1' \
	lab_send --server mx1.example.test --from alice@example.test dc-spam@example.test <"$LAB_DIR/resent"
bobs=$(teach_lessons bob)
deliver --server mx1.example.test:587 --auth bob@example.test:secret --from bob@example.test dc-spam@example.test <"$LAB_DIR/resent"
settle
expect 10 "bob resends alice's copy: her lessons" "$((before + 1))" teach_lessons alice
expect 20 "the same: his own filter learns the message" "$((bobs + 1))" teach_lessons bob

expect_like 0 "alice resends it to dc-ham@" "taken" '^data 250 ' submit alice@example.test dc-ham@example.test <"$LAB_DIR/resent"
expect 20 "her lessons" "$before" teach_lessons alice
expect 10 "neither address has a mailbox" "no such mailbox" \
	sh -c "ls '$LAB_DIR'/mx1/var/vmail/example.test/dc-* 2>/dev/null || echo no such mailbox"

# Forwards, as mail programs write them, through submission, Postfix and the milter.
# usage: forward attached|inline SUBJECT-OF-ORIGINAL... >MESSAGE
forward() {
	local subject uids=()
	for subject in "${@:2}"; do
		lab_imap alice fetch INBOX "$(lab_uid alice INBOX "$subject")" >"$LAB_DIR/original.${#uids[@]}"
		uids+=("$LAB_DIR/original.${#uids[@]}")
	done
	/usr/bin/python3 - "$1" "${uids[@]}" <<'END'
import email, email.policy, sys
from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

originals = [email.message_from_binary_file(open(name, "rb"), policy=email.policy.compat32) for name in sys.argv[2:]]
if sys.argv[1] == "attached":
    mail = MIMEMultipart()
    mail.attach(MIMEText("See what I got.\n"))
    for original in originals:
        mail.attach(MIMEMessage(original))
    mail["Subject"] = "Fwd: %d messages" % len(originals)
else:
    original = originals[0]
    mail = EmailMessage()
    mail.set_content("Is this spam?\n\n-------- Forwarded Message --------\nSubject: %s\nDate: %s\nFrom: %s\nTo: %s\n\n%s" % (
        original["Subject"], original["Date"], original["From"], original["To"], original.get_payload()))
    mail["Subject"] = "Fwd: " + original["Subject"]
mail["From"], mail["To"], mail["Message-ID"] = "Alice <alice@example.test>", "dc-spam@example.test", "<fwd.%d@client.test>" % id(mail)
sys.stdout.buffer.write(mail.as_bytes())
END
}
# What alice's filter holds of these: "spam spam none". usage: taught SUBJECT...
taught() {
	lab_spamtrain --json history alice@example.test 10000 | /usr/bin/python3 -c '
import json, sys
rows = {row["subject"]: row for row in json.load(sys.stdin)}
print(*(rows.get(subject, {}).get("corrected", "unknown") for subject in sys.argv[1:]))' "$@"
}
for subject in "Forward me" "One of three" "Two of three" "Three of three" "Inline me"; do
	lab_message "$subject" "Buy $subject at http://pills.test/" | deliver alice@example.test
done
for subject in "Forward me" "One of three" "Two of three" "Three of three" "Inline me"; do
	expect 20 "\"$subject\" to alice" "INBOX: Innocent" mailbox alice "$subject"
done
before=$(teach_lessons alice)
rows() { lab_spamtrain --json history alice@example.test 10000 | grep -c '"signature"'; }
known=$(rows)
forward attached "Forward me" >"$LAB_DIR/forward"
expect_like 0 "she forwards one as an attachment" "taken" '^data 250 ' submit alice@example.test dc-spam@example.test <"$LAB_DIR/forward"
expect 20 "it is spam; another is not" "spam none" taught "Forward me" "Inline me"
forward attached "One of three" "Two of three" "Three of three" >"$LAB_DIR/forward"
expect_like 0 "she forwards three as attachments" "taken" '^data 250 ' submit alice@example.test dc-spam@example.test <"$LAB_DIR/forward"
expect 20 "each is spam" "spam spam spam" taught "One of three" "Two of three" "Three of three"
expect 10 "her lessons: four more" "$((before + 4))" teach_lessons alice
forward inline "Inline me" >"$LAB_DIR/forward"
expect_like 0 "she forwards one inline, subject and sender quoted" "taken" '^data 250 ' submit alice@example.test dc-spam@example.test <"$LAB_DIR/forward"
expect 20 "the original is spam" "spam" taught "Inline me"
sed -i 's/^Subject: .*/Subject: Fwd: Something else/; s/^Subject: Inline me/Subject: nobody knows/' "$LAB_DIR/forward"
expect_like 0 "she forwards inline what nobody can find" "taken" '^data 250 ' submit alice@example.test dc-spam@example.test <"$LAB_DIR/forward"
explained() { lab_imap alice header INBOX Auto-Submitted | grep -c 'auto-replied'; }
expect 20 "she is told how" "1" explained
expect 10 "her lessons: the one more" "$((before + 5))" teach_lessons alice
expect 10 "nothing that she wrote is in her filter: messages it knows" "$known" rows
forward attached "Forward me" | sed 's/^To: dc-spam/To: dc-ham/' >"$LAB_DIR/forward"
expect_like 0 "she sends the first to dc-ham@" "taken" '^data 250 ' submit alice@example.test dc-ham@example.test <"$LAB_DIR/forward"
expect 20 "it is none any more" "none" taught "Forward me"

# The last word counts: a move that waits because spamtraind is down, and mail that comes meanwhile; and the other way round.
waiting() { lab_in mx1 sh -c 'ls /var/lib/shoveler/spool/retrain/new | wc -l'; }
lab_stop mx1/spamtraind
lab_imap alice move INBOX Junk "$(lab_uid alice INBOX "Forward me")"
sleep 1.5
submit alice@example.test dc-ham@example.test <"$LAB_DIR/forward" >/dev/null
lab_start mx1/spamtraind
settle 30
expect 20 "what waited" "0" waiting
expect 10 "a move to Junk, then mail to dc-ham@, while spamtraind is down" "none" taught "Forward me"
lab_imap alice move Junk INBOX "$(lab_uid alice Junk "Forward me")"
sleep 1.5
lab_imap alice move INBOX Junk "$(lab_uid alice INBOX "Forward me")"
expect 20 "and then moves: to Junk at last" "spam" taught "Forward me"
lab_stop mx1/spamtraind
submit alice@example.test dc-spam@example.test <"$LAB_DIR/forward" >/dev/null
sleep 1.5
lab_imap alice move Junk INBOX "$(lab_uid alice Junk "Forward me")"
lab_start mx1/spamtraind
settle 30
expect 20 "what waited" "0" waiting
expect 10 "mail to dc-spam@, then a move out of Junk, while spamtraind is down" "none" taught "Forward me"

#!/bin/bash
# Row 5: a new account lets spam through; alice teaches her filter by moving messages, bob does not.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
row 5 "Alice teaches her filter by moving messages"

teach_send ham 1 30 "Taught ham"
teach_send spam 1 $TEACH_COUNT "Taught spam"
expect 60 "$TEACH_COUNT spams to new accounts: alice" "$TEACH_COUNT Innocent" teach_verdicts alice "Taught spam" INBOX
expect 60 "the same, bob" "$TEACH_COUNT Innocent" teach_verdicts bob "Taught spam" INBOX

teach_move alice INBOX Junk "Taught spam"
expect 30 "alice moves them to Junk by IMAP MOVE: lessons" "$TEACH_COUNT" teach_lessons alice
expect 10 "bob has moved nothing: lessons" "0" teach_lessons bob
touch "$LAB_DIR/alice-was-taught"

teach_send spam $((TEACH_COUNT + 1)) 10 "Next spam"
expect_like 60 "the next 10 spams: alice" "nearly all Spam" '^(10|9|8|7) Spam' teach_verdicts alice "Next spam"
expect 60 "the same, bob" "10 Innocent" teach_verdicts bob "Next spam"

teach_send ham 31 1 "A ham"
expect 30 "a ham to alice" "1 Innocent" teach_verdicts alice "A ham" INBOX
teach_move alice INBOX Junk "A ham"
expect 30 "she moves it to Junk by mistake: lessons" "$((TEACH_COUNT + 1))" teach_lessons alice
teach_move alice Junk INBOX "A ham"
expect 30 "and back to INBOX: lessons" "$TEACH_COUNT" teach_lessons alice
teach_send_again "A ham" "A ham again"
expect 30 "the same ham sent again" "1 Innocent" teach_verdicts alice "A ham again" INBOX

# It cannot die silently.
doctor() { lab_tool dovecot shoveler doctor mail; }
lab_in mx1 sh -c 'mkdir -p /etc/shoveler/main.cf.d; echo "doctor_user = carol@example.test" >/etc/shoveler/main.cf.d/60-doctor.cf'
inbox=$(lab_imap carol count INBOX)
expect_like 0 "shoveler doctor moves a message of carol's to Junk and back" "learned, and unlearned" \
	'carol@example.test that is moved to Junk is learned \([0-9]+ ms\), and unlearned' doctor
expect 0 "and leaves nothing" "$inbox" lab_imap carol count INBOX
expect 0 "nor in Junk" "0" lab_imap carol count Junk
lab_in mx1 sed -i.kept 's/shoveler_retrain.*//' /etc/dovecot/conf.d/90-shoveler-retrain.conf
lab_doveadm reload
expect_like 10 "without the plugin" "the doctor says so" 'error +mail +moving mail of carol@example.test to Junk and back teaches nothing' doctor
expect 0 "and leaves nothing" "$inbox" lab_imap carol count INBOX
lab_in mx1 mv /etc/dovecot/conf.d/90-shoveler-retrain.conf.kept /etc/dovecot/conf.d/90-shoveler-retrain.conf
lab_doveadm reload
expect_like 10 "and with it again" "learned, and unlearned" 'is moved to Junk is learned \([0-9]+ ms\), and unlearned' doctor

#!/bin/bash
# Row 11: kill -9 of each daemon: mail defers, nothing is lost, all of it arrives after the restart.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
row 11 "kill -9"

# A mail host that tries again until its message is taken. usage: send_until_taken SUBJECT
send_until_taken() {
	lab_message "$1" >"$LAB_DIR/$1.eml"
	lab_wait 40 sent "$1"
}
sent() { lab_send alice@example.test <"$LAB_DIR/$1.eml" >/dev/null; }

lab_kill mx1/shoveler-milter
lab_message "Without the milter" >"$LAB_DIR/message"
expect_like 0 "the milter killed" "mail is deferred" '(rcpt alice@example.test|mail|helo|data|connect) 4[25]1' lab_send --server mx1.example.test alice@example.test <"$LAB_DIR/message"
send_until_taken "Sent again" &
sender=$!
lab_start mx1/shoveler-milter
wait $sender
expect 30 "the milter is back" "INBOX: Innocent" mailbox alice "Sent again"
expect 10 "what it had not seen" "nowhere" folder alice "Without the milter"

lab_kill mx1/shoveler-lda
lab_message "Without the delivery agent" | deliver alice@example.test bob@example.test
expect_like 10 "the delivery agent killed" "mail waits" '"delay_reason": "connect to mx1.example.test.shoveler/lda.: [^"]*' lab_queue mx1
lab_start mx1/shoveler-lda
expect 30 "it is back: alice" "INBOX: Innocent" mailbox alice "Without the delivery agent"
expect 30 "bob" "INBOX: Innocent" mailbox bob "Without the delivery agent"

lab_message "To be learned" "Buy pills at http://pills.test/ today" | deliver alice@example.test
expect 20 "a spam to alice" "INBOX: Innocent" mailbox alice "To be learned"
before=$(teach_lessons alice)
lab_kill mx1/spamtraind
lab_imap alice move INBOX Junk "$(lab_uid alice INBOX "To be learned")"
lab_message "Without the training service" | deliver alice@example.test
expect 20 "the training service killed, mail" "INBOX: Innocent" mailbox alice "Without the training service"
expect 10 "and a move to Junk: lessons" "$before" teach_lessons alice
lab_start mx1/spamtraind
expect 30 "it is back: lessons" "$((before + 1))" teach_lessons alice

# All three at once, while mail comes in.
for number in 1 2 3 4 5 6; do
	send_until_taken "In the storm $number" &
done
lab_kill mx1/shoveler-milter mx1/shoveler-lda mx1/spamtraind
lab_start mx1/shoveler-milter mx1/shoveler-lda mx1/spamtraind
wait
storm() { lab_imap alice header INBOX Subject | grep -o 'In the storm [0-9]*'; }
everything() { storm | sort -u | wc -l; }
expect 60 "all killed while six mails come in" "6" everything
settle
# Once the reply is lost Postfix cannot know, and sends again: it says so.
twice() { echo $(($(storm | wc -l) - 6)); }
excused() { lab_log mx1 'may be sent more than once' | wc -l; }
none_twice() { [ "$(twice)" -le "$(excused)" ] && echo none || echo "$(twice), of which Postfix excuses $(excused)"; }
expect 0 "twice, though Postfix was told that it was taken" "none" none_twice

#!/bin/bash
# The base host, as an ordinary admin has it before Shoveler: everything that Shoveler must not break works.
STORY_BASE=yes
. "$(dirname "$0")/story.sh"
row 0 "The base host, before Shoveler"

lab_message "Hello" | deliver alice@example.test bob@example.test friend@example.test
expect 20 "mail to alice, bob and a redirect: alice" "INBOX: -" mailbox alice "Hello"
expect 20 "the same, bob" "INBOX: -" mailbox bob "Hello"
expect 20 "the same, the third party" "1" sh -c "ls '$LAB_DIR/third/var/vmail/friend/new' | wc -l"

lab_message "Who?" >"$LAB_DIR/message"
expect_like 0 "mail to an unknown user" "refused" '^rcpt nobody@example.test 550 5.1.1' \
	lab_send nobody@example.test <"$LAB_DIR/message"
expect_like 0 "mail through us to elsewhere" "refused" '^rcpt friend@third.test 554 5.7.1' \
	lab_send --server mx1.example.test friend@third.test <"$LAB_DIR/message"

lab_message "Signed in" | deliver --server mx1.example.test:587 --auth alice@example.test:secret --from alice@example.test \
	bob@example.test friend@third.test
expect 20 "submission by alice: bob" "INBOX: -" mailbox bob "Signed in"
lab_third_arrives friend "Signed in"
expect 10 "submission by alice: third party" "1" sh -c "grep -rlx 'Subject: Signed in' '$LAB_DIR/third/var/vmail/friend' | wc -l"
expect_like 0 "submission with a wrong password" "refused" 'broken.*535' \
	lab_send --server mx1.example.test:587 --auth alice@example.test:wrong bob@example.test </dev/null
expect 10 "POP3" "Hello
Signed in" lab_pop3 bob

lab_sieve alice main <<'END'
require ["fileinto", "mailbox"];
if header :contains "subject" "list" { fileinto :create "Lists"; }
END
lab_message "From a list" | deliver alice@example.test
expect 20 "ManageSieve, and Sieve at delivery" "Lists: -" mailbox alice "From a list"

lab_message "Through mx2" | deliver --server mx2.example.test bob@example.test
expect 20 "mail through mx2" "INBOX: -" mailbox bob "Through mx2"
expect_like 10 "mx2 to mx1" "TLS, certificate verified" 'Verified TLS connection established to mx1.example.test' lab_log mx2 Verified

lab_use_certificate wrong
lab_message "Held at mx2" | deliver --server mx2.example.test bob@example.test
expect_like 10 "mx1 with a wrong certificate" "waits at mx2" 'Server certificate not verified' lab_queue mx2
lab_use_certificate mx1
expect 20 "the right certificate again" "INBOX: -" mailbox bob "Held at mx2"

lab_cable mx1 down
lab_message "mx1 was away" | deliver bob@example.test
expect_like 10 "mx1's cable pulled" "waits at mx2" bob@example.test lab_queue mx2
lab_cable mx1 up
expect 30 "the cable is back" "INBOX: -" mailbox bob "mx1 was away"

expect 10 "203.0.113.66 is not on the DNSBL" "" lab_in mx1 dig +short 66.113.0.203.dnsbl.test A
lab_dnsbl_list 203.0.113.66
expect 10 "203.0.113.66 is on the DNSBL" "127.0.0.2" lab_in mx1 dig +short 66.113.0.203.dnsbl.test A
lab_dnsbl_unlist 203.0.113.66
expect 10 "203.0.113.66 is off it again" "" lab_in mx1 dig +short 66.113.0.203.dnsbl.test A

#!/bin/bash
# Row 8: mx1 goes down; mail for its domain waits at mx2, unscanned; with a wrong certificate it still waits.
. "$(dirname "$0")/story.sh"
row 8 "The fallback MX"

lab_mx2_add partner.test primary=mx tls=secure match=mx1.example.test recipients=all retention=14d
expect_like 0 "before: mx2 relays for nobody else" "refused" '^rcpt pat@elsewhere.test 55[04]' \
	lab_send --server mx2.example.test pat@elsewhere.test </dev/null

lab_cable mx1 down
lab_message "While mx1 was down" >"$LAB_DIR/ham"
lab_message "A virus meanwhile" "$(lab_eicar)" >"$LAB_DIR/virus"
deliver --connect-timeout 2 --file "$LAB_DIR/ham" --file "$LAB_DIR/virus" pat@partner.test
expect_like 20 "mx1 down, mail to pat@partner.test" "waits at mx2" pat@partner.test lab_queue mx2
waiting() { lab_queue mx2 | wc -l; }
expect 10 "and a virus to pat: in mx2's queue" "2" waiting

lab_use_certificate wrong
lab_cable mx1 up
expect_like 30 "mx1 back, with a wrong certificate" "still waits" 'Server certificate not verified' lab_queue mx2
expect 10 "pat" "nowhere" folder pat@partner.test "While mx1 was down"

lab_use_certificate mx1
expect 30 "the right certificate: pat" "INBOX: Innocent" mailbox pat@partner.test "While mx1 was down"
expect_like 10 "from mx2 to mx1" "TLS, certificate verified" 'Verified TLS connection established to mx1.example.test' lab_log mx2 Verified
queue() { lab_queue_empty "$1" && echo empty || lab_queue "$1"; }
expect 20 "mx2's queue" "empty" queue mx2
expect_like 20 "the virus" "thrown away by mx1" 'to=<pat@partner.test>.*action=discard, scan=infected.*Eicar.*' lab_log mx1 'action=discard.*Eicar'
expect 20 "mx1's queue" "empty" queue mx1
expect 0 "pat" "nowhere" folder pat@partner.test "A virus meanwhile"

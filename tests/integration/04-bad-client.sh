#!/bin/bash
# Row 4: a client with a bad HELO, no PTR, and on the DNSBL.
. "$(dirname "$0")/story.sh"
row 4 "A bad client"

lab_message "Buy now" >"$LAB_DIR/message"
lab_dnsbl_list "$(lab_address bad)"
lab_send bad --server mx1.example.test --helo "[1.2.3.4]" alice@example.test <"$LAB_DIR/message" >"$LAB_DIR/answers"

expect_like 0 "a bad HELO, no PTR, on the DNSBL" "refused" '^(helo|mail|rcpt alice@example.test|data) 5[0-9][0-9] .*' cat "$LAB_DIR/answers"
expect_like 0 "the refusal names" "HELO, PTR and the DNSBL" 'helo_[a-z_]+ .*no_ptr .*dnsbl.test.*' cat "$LAB_DIR/answers"
expect_like 10 "so does the log, and" "client and score" "client=.$(lab_address bad).*, action=reject, reason=score.*dnsbl.test.*" \
	lab_log mx1 "$(lab_address bad)"
expect 10 "her INBOX" "nowhere" folder alice "Buy now"

lab_message "Decent while listed others" | deliver alice@example.test
expect 20 "a decent client meanwhile" "INBOX: Innocent" mailbox alice "Decent while listed others"

# A HELO that is only another host's name: too much together with the DNSBL, not without it.
listed() { lab_message "$1" | lab_send bad --server mx1.example.test --helo mail.client.test alice@example.test | grep -E '^(rcpt|data)' | tail -n 1; }
expect_like 0 "another HELO, no PTR, on the DNSBL" "refused" '^rcpt alice@example.test 550 .*dnsbl.test.*' listed "Listed"
lab_stop dns/rbldnsd
sleep 2 # as long as its last answer lives
# An answer may still be in the cache for its TTL, a second.
expect_like 10 "DNSBL down, the same client" "is taken" '^data 250' listed "Listed, but who knows"
expect 20 "it" "INBOX: Innocent" mailbox alice "Listed, but who knows"
lab_message "DNSBL is down" | deliver alice@example.test
expect 30 "DNSBL down, a decent client" "INBOX: Innocent" mailbox alice "DNSBL is down"
no_list() { listed "No list" >/dev/null; lab_log mx1 'DNS list dnsbl.test: action=mute'; }
expect_like 20 "and soon shoveler-milter" "asks it no more, and says why" 'action=mute, reason=does not answer' no_list
lab_start dns/rbldnsd
lab_dnsbl_unlist "$(lab_address bad)"

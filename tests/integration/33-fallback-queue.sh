#!/bin/bash
# What waits at mx2: seen, expired at its domain's time, saved by a longer one, flushed when the primary is back, not bounced when it is refused.
. "$(dirname "$0")/story.sh"
row 33 "The queue of the fallback MX"

tool() { lab_in mx2 env ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 "$@"; }
mx2() { tool shoveler mx2 "$@"; }
# `shoveler mx2 tend` as it will run then. usage: tend_at "+3 days"
tend_at() { tool faketime -f "$1" shoveler mx2 tend; }
send() { lab_message "$1" | deliver --server mx2.example.test --from "$2" "${@:3}"; }
queue_field() { mx2 queue --json partner.test | python3 -c "import json, sys; print(json.load(sys.stdin)[0]['$1'])"; }
bounced() { grep -rlE "^Final-Recipient: rfc822; *$1" "$LAB_DIR/third/var/vmail/bounces/new" 2>/dev/null | wc -l; }

lab_mx2_add partner.test primary=mx1.example.test tls=secure recipients=all retention=2d contact=friend@third.test
# Postfix itself would not try again for an hour.
lab_postconf mx2 "minimal_backoff_time = 1h" "maximal_backoff_time = 2h" && lab_signal HUP mx2/postfix

expect_like 10 "mx2 relays for partner.test" "taken" '^rcpt pat@partner.test 250' lab_send --server mx2.example.test --from s@client.test pat@partner.test </dev/null

expect 10 "nothing waits" "partner.test: nothing waits" mx2 queue partner.test
expect_like 0 "is all ready?" "TLS is verified" '^ok +tls +mx1.example.test: TLS is Verified' mx2 check partner.test
expect_like 0 "and the certificate" "its days are counted" '^ok +tls +mx1.example.test: the certificate is good for [0-9]+ days' mx2 check partner.test
expect_like 0 "and the recipients" "all of them: a warning" '^warning +recipients +all recipients are taken' mx2 check partner.test

lab_cable mx1 down
send "Waits for three days" s@client.test --connect-timeout 2 pat@partner.test
waiting() { queue_field messages; }
expect 10 "mx1 down, a message to pat: waiting" "1" waiting
expect_like 10 "and why" "could not connect" 'connect to mx1.example.test|Host is unreachable|No route|timed out' queue_field last_error
expect_like 0 "a check says so" "not reachable" '^warning +reach +mx1.example.test' mx2 check partner.test
expect 0 "an hour later" "" tend_at "+1h"
expect_like 0 "five hours later" "the contact is told" 'domain=partner.test, messages=1, action=tell, contact=<friend@third.test>' tend_at "+5h"
told() { lab_third friend "1 message for partner.test waits on mx2.example.test" | wc -l; }
expect 20 "mails to friend@third.test" "1" told
expect 0 "six hours later, told already" "" tend_at "+6h"

mx2 set partner.test retention=5d
expect 0 "kept for longer in time; after three days it is only told again" \
	"domain=partner.test, messages=1, action=tell, contact=<friend@third.test>" tend_at "+3d"
mx2 set partner.test retention=2d
expect_like 0 "back to two days; after three" "it expires" 'from=<s@client.test>, to=<pat@partner.test>.*action=expire' tend_at "+3d"
lab_flush mx2
expect 20 "bounces to its sender" "1" bounced pat@partner.test
expect 10 "then waiting" "0" waiting

send "Waits for mx1" s@client.test --connect-timeout 2 pat@partner.test
expect_like 20 "another message" "waits, as mx1 is down" 'connect to mx1.example.test' queue_field last_error
lab_cable mx1 up
expect_like 30 "mx1 is back" "tried at once" 'domain=partner.test, messages=1, primary=back, action=flush' mx2 tend
expect 30 "pat" "INBOX: Innocent" mailbox pat@partner.test "Waits for mx1"

send "Refused by mx1" forged@client.test nobody@partner.test
expect_like 20 "mx1 refuses nobody@" "not bounced" 'said: 550' queue_field last_error
expect_like 0 "the next minute" "held" 'to=<nobody@partner.test>.*action=hold' mx2 tend
expect 0 "held" "1" queue_field held
expect 0 "and the minute after" "" mx2 tend
expect_like 0 "when it is too old" "thrown away, no bounce" 'to=<nobody@partner.test>.*action=discard' tend_at "+3d"
expect 0 "waiting" "0" waiting
expect 0 "bounces to its sender" "0" bounced nobody@partner.test

lab_use_certificate wrong
expect_like 0 "a wrong certificate: a check" "says what to do" '^error +tls +mx1.example.test: TLS is .*not enough for tls=secure' mx2 check partner.test
lab_use_certificate mx1

#!/bin/bash
# What waits at mx2: seen, expired at its domain's time, saved by a longer one, flushed when the primary is back, not bounced when it is refused.
. "$(dirname "$0")/story.sh"
row 33 "The queue of the fallback MX"

tool() { lab_in mx2 env ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 "$@"; }
mx2() { tool shoveler mx2 "$@"; }
# `shoveler mx2 tend` as it will run then. usage: tend_at "+3 days"
tend_at() { tool faketime -f "$1" shoveler mx2 tend; }
# What it would do then, and what of it is to a message.
would() { tool faketime -f "$1" shoveler mx2 tend --dry-run; }
fate() { would "$1" | grep -o 'action=\(expire\|hold\|discard\)' || echo kept; }
send() { lab_message "$1" | deliver --server mx2.example.test --from "$2" "${@:3}"; }
queue_field() { mx2 queue --json partner.test | python3 -c "import json, sys; print(json.load(sys.stdin)[0]['$1'])"; }
bounced() { grep -rlE "^Final-Recipient: rfc822; *$1" "$LAB_DIR/third/var/vmail/bounces/new" 2>/dev/null | wc -l; }

lab_mx2_add partner.test primary=mx1.example.test tls=secure recipients=all retention=2d contact=friend@third.test
# Postfix itself would not try again for an hour.
lab_postconf mx2 "minimal_backoff_time = 1h" "maximal_backoff_time = 2h" && lab_reload mx2/postfix

expect_like 10 "mx2 relays for partner.test" "taken" '^rcpt pat@partner.test 250' lab_send --server mx2.example.test --from s@client.test pat@partner.test </dev/null

expect 10 "nothing waits" "partner.test: nothing waits" mx2 queue partner.test
expect_like 0 "is all ready?" "TLS is verified" '^ok +tls +mx1.example.test: TLS is Verified' mx2 check partner.test
expect_like 0 "and the certificate" "its days are counted" '^ok +tls +mx1.example.test: the certificate is good for [0-9]+ days' mx2 check partner.test
expect_like 0 "and the recipients" "all of them: a warning" '^warning +recipients +all recipients are taken' mx2 check partner.test

lab_stop mx1/postfix
send "Waits for three days" s@client.test --connect-timeout 2 pat@partner.test
waiting() { queue_field messages; }
expect 10 "mx1 down, a message to pat: waiting" "1" waiting
expect_like 10 "and why" "could not connect" 'connect to mx1.example.test|Host is unreachable|No route|timed out' queue_field last_error
expect_like 0 "a check says so" "not reachable" '^warning +reach +mx1.example.test' mx2 check partner.test
mx2 set partner.test retention=1h
expect 0 "kept for an hour: after 20 minutes" "" would "+20m"
expect_like 0 "after 40, before it expires" "the contact is told" 'messages=1, action=tell, contact=<friend@third.test>' would "+40m"
expect 0 "and the message" "kept" fate "+40m"
expect 0 "after two hours" "action=expire" fate "+2h"
mx2 set partner.test retention=2d
expect 0 "kept for two days: an hour later" "" tend_at "+1h"
expect_like 0 "five hours later" "the contact is told" 'domain=partner.test, messages=1, action=tell, contact=<friend@third.test>' tend_at "+5h"
expect_like 0 "a date in the past" "refused" 'until: .*is past' mx2 set partner.test until=2020-01-31
mx2 set partner.test "until=$(date -d '+9 days' +%F)"
expect 0 "until a date: three days later" "kept" fate "+3d"
expect 0 "eleven days later" "action=expire" fate "+11d"
mx2 set partner.test until=none
expect 0 "no date any more: three days later" "action=expire" fate "+3d"
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
lab_start mx1/postfix
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

# sendmail that does not take mail for one contact.
lab_in mx2 bash -c 'cp /usr/sbin/sendmail /usr/lib/sendmail.real && rm /usr/sbin/sendmail
	printf "#!/bin/sh\ncase \"\$*\" in *nobody@broken.test*) echo no room; exit 75 ;; esac\nexec /usr/lib/sendmail.real \"\$@\"\n" >/usr/sbin/sendmail && chmod 755 /usr/sbin/sendmail'
mx2 add broken.test primary=mx1.example.test tls=secure contact=nobody@broken.test
lab_stop mx1/postfix
send "For a contact that is not reached" s@client.test --connect-timeout 2 sam@broken.test
send "For one that is" s@client.test --connect-timeout 2 pat@partner.test
both() { mx2 queue --json | python3 -c "import json, sys; print(*(d['messages'] for d in json.load(sys.stdin)))"; }
expect 20 "two domains wait" "1 1" both
tend_both() { tend_at "+5h" 2>/dev/null; echo "exit code $?"; }
expect 0 "one contact's mail cannot be handed over: the other's is, and the run has failed" \
	"domain=broken.test, messages=1, action=tell, contact=<nobody@broken.test>
domain=partner.test, messages=1, action=tell, contact=<friend@third.test>
exit code 75" tend_both
expect 0 "the next run tries that one again" "shoveler: sendmail: no room
domain=broken.test, messages=1, action=tell, contact=<nobody@broken.test>" tend_at "+5h"
lab_in mx2 postsuper -d ALL 2>/dev/null
lab_start mx1/postfix

lab_use_certificate wrong
expect_like 0 "a wrong certificate: a check" "says what to do" '^error +tls +mx1.example.test: TLS is .*not enough for tls=secure' mx2 check partner.test
lab_use_certificate mx1

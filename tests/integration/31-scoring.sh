#!/bin/bash
# Scores: who is refused and who is not; DNS lists that list the world, block us or are dead; DNS that never answers.
. "$(dirname "$0")/story.sh"
row 31 "Scores"

milter_settings() { # "name = value"...
	lab_in mx1 sh -c 'mkdir -p /etc/shoveler/main.cf.d; printf "%s\n" "$@" >/etc/shoveler/main.cf.d/90-test.cf' sh "$@"
	lab_restart mx1/shoveler-milter
}
milter_log() { grep -E -- "$1" "$LAB_DIR/mx1/var/log/shoveler-milter.out"; }
# usage: from HOST HELO SENDER RECIPIENT...
from() { lab_send "$1" --server mx1.example.test --helo "$2" --from "$3" "${@:4}" <"$LAB_DIR/message"; }
# What a zone of the DNSBL answers with; the rest of the file stays. usage: list_entry LINE
list_entry() {
	# shellcheck disable=SC2016
	lab_in dns bash -c 'time=$(stat -c %Y "$0"); printf "%s\n" "$1" >>"$0"; touch -d "@$((time + 2))" "$0"' /etc/rbldns/dnsbl.test "$1"
	lab_signal HUP dns/rbldnsd
}
lab_message "Scored" >"$LAB_DIR/message"

expect_like 0 "our own name as HELO, no PTR" "refused, and why" '^rcpt alice@example.test 550 .*helo_ours' from bad mx1.example.test s@client.test alice@example.test
expect_like 0 "to postmaster" "taken" '^data 250' from bad mx1.example.test s@client.test postmaster@example.test
expect_like 0 "no PTR alone" "taken" '^data 250' from bad mail.client.test s@client.test bob@example.test
expect_like 20 "bob sees" "the score" '^[0-9]+ \(.*no_ptr \+3' lab_field bob INBOX Scored X-Shoveler-Score
expect_like 0 "a sender domain that does not exist" "counts" 'sender_unknown \+5' from bad mail.client.test s@nowhere.test alice@example.test
expect_like 0 "the same from a decent client" "taken" '^data 250' from client mail.client.test s@nowhere.test alice@example.test
expect_like 0 "a decent client" "taken, score 0" '^data 250' from client mail.client.test s@client.test carol@example.test
expect 20 "carol sees" "-" lab_field carol INBOX Scored X-Shoveler-Score
signed_in() { lab_send bad --server mx1.example.test:587 --helo "[1.2.3.4]" --auth alice@example.test:secret --from alice@example.test bob@example.test <"$LAB_DIR/message"; }
expect_like 0 "a user of ours on a bad line, signed in" "taken" '^data 250' signed_in
doubtful() { from bad "[1.2.3.4]" s@client.test alice@example.test; }
expect_like 0 "a doubtful client, for the first time" "has to come again" '^rcpt alice@example.test 451 .*greylisted' doubtful
milter_settings "greylist_delay = 1s"
doubtful >/dev/null
sleep 2
expect_like 0 "and after a while" "taken" '^data 250' doubtful
expect_like 0 "who is known" "need not wait" '^data 250' doubtful

lab_dnsbl_list "$(lab_address bad)"
expect_like 0 "on the DNSBL, to mx2 with a bad HELO" "refused there too" '^rcpt alice@example.test 550 .*dnsbl.test' \
	lab_send bad --server mx2.example.test --helo "[1.2.3.4]" alice@example.test <"$LAB_DIR/message"

# Answers that say "you are blocked".
list_entry ":127.255.255.254:Blocked"
list_entry "203.0.113.66/32:127.255.255.254:Blocked"
lab_dnsbl_unlist "$(lab_address bad)"
milter_settings "score_greylist = 1000"
blocked() { lab_in mx1 dig +short 66.113.0.203.dnsbl.test A; }
expect 10 "the list says" "127.255.255.254" blocked
expect_like 0 "who is blocked by the list is" "not refused for it" '^data 250' from bad "[1.2.3.4]" s@client.test alice@example.test

# A list that lists the world.
list_entry "127.0.0.0/8"
expect 10 "the list lists" "127.0.0.1 too" sh -c "'$LAB_FILES/lab.sh' enter mx1 dig +short 1.0.0.127.dnsbl.test A | grep -q 127 && echo '127.0.0.1 too'"
milter_settings
expect_like 5 "the milter" "mutes it" 'action=mute.*everything' milter_log 'action=mute'
expect_like 0 "a decent client" "taken" '^data 250' from client mail.client.test s@client.test alice@example.test

# DNS that never answers.
milter_settings "dns_budget = 2s"
lab_postconf mx1 smtpd_peername_lookup=no && lab_signal HUP mx1/postfix
lab_cable dns down
begin=$(date +%s)
expect_like 0 "no DNS at all, a client with a bad HELO" "taken" '^data 250' lab_send bad --server "$(lab_address mx1)" --helo "[1.2.3.4]" alice@example.test <"$LAB_DIR/message"
seconds=$(($(date +%s) - begin))
expect 0 "within the budget" "yes" sh -c "[ $seconds -lt 8 ] && echo yes || echo $seconds seconds"
lab_cable dns up

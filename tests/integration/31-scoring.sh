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

# What each check says, without mail, from real DNS.
milter_settings "dnsbl_sites = dnsbl.test*5, dnswl.test=127.0.[0..255].[1..3]*-3, dnswl.test=127.0.[0..255].0*-1" \
	"rhsbl_sites = rhsbl.test=127.0.0.[2..3]*2, rhsbl.test=127.0.0.4*6" "score_limits = relayed=-/-/12, redirect=-/3/7"
# The names of what hits, and the sum. usage: score ARGUMENT...
score() { lab_shoveler score "$@" | sed -nE 's/^ *(-?[0-9]+)  in all$/=\1/p; s/^ *([-+][0-9]+)  ([^ ]+)  .*/\2\1/p' | paste -sd ' '; }
decent="--client 203.0.113.10 --helo mail.client.test"
# shellcheck disable=SC2086
score_of_sender() { score $decent --from "$1"; }
expect 10 "a decent client" "=0" score_of_sender s@client.test
expect 10 "a sender domain that takes no mail (null MX)" "sender_null_mx+7 =7" score_of_sender s@null.test
expect 10 "a sender domain whose MX is at home" "sender_bogus_mx+4 =4" score_of_sender s@bogus.test
expect 10 "one of whose MX is at home" "=0" score_of_sender s@half-bogus.test
expect 10 "a sender domain with a text only" "sender_unknown+5 =5" score_of_sender s@text.test
expect 10 "that does not exist" "sender_unknown+5 =5" score_of_sender s@nothing.test
expect 10 "with an address only" "=0" score_of_sender s@address.test
expect 10 "a bounce" "=0" score_of_sender ""
expect 10 "a sender domain on the RHSBL" "rhsbl.test+2 =2" score_of_sender s@doubtful.test
expect 10 "with a code that weighs more" "rhsbl.test+6 =6" score_of_sender s@spammer.test
expect 10 "a HELO name on the RHSBL" "helo_unknown+2 rhsbl.test+6 =8" score --client 203.0.113.10 --helo mx.spammer.test --from s@client.test
expect 10 "a client on the DNSWL" "dnswl.test-3 =-3" score --client 203.0.113.30 --helo mail.third.test --from s@third.test
expect 10 "a dial-up line, which the DNSWL knows as decent" "helo_generic+2 helo_unknown+2 ptr_unconfirmed+2 ptr_generic+1 dnswl.test-1 =6" \
	score --client 203.0.113.77 --helo pool-77.dsl.client.test --from s@client.test
score_of_helo() { score --client 203.0.113.10 --helo "$1" --from s@client.test; }
expect 10 "HELO: another's address" "helo_literal_mismatch+4 =4" score_of_helo "[1.2.3.4]"
expect 10 "its own address" "helo_literal+1 =1" score_of_helo "[203.0.113.10]"
expect 10 "without brackets" "helo_bare_address+4 =4" score_of_helo 203.0.113.10
expect 10 "one word" "helo_not_fqdn+3 =3" score_of_helo localhost
expect 10 "no name" "helo_syntax+4 =4" score_of_helo 'a_b!c'
expect 10 "a name of another host" "helo_mismatch+1 =1" score_of_helo mail.third.test
expect 10 "our name" "helo_ours+7 =7" score_of_helo MX1.example.test
expect 10 "no such name" "helo_unknown+2 =2" score_of_helo mail.nothing.test
expect 10 "none at all" "helo_missing+3 =3" score --client 203.0.113.10
expect 10 "a decent client by IPv6" "=0" score --client 2001:db8::10 --helo v6.client.test --from s@client.test
expect 10 "its literal" "helo_literal+1 =1" score --client 2001:db8::10 --helo "[IPv6:2001:db8::10]" --from s@client.test
expect 10 "one on the DNSBL" "helo_mismatch+1 no_ptr+3 dnsbl.test+5 =9" score --client 2001:db8::66 --helo v6.client.test --from s@client.test
expect_like 10 "it is refused by a mailbox" "and may reach a relayed domain" 'a relayed domain: taken' lab_shoveler score --client 2001:db8::66 --helo v6.client.test --from s@client.test
expect_like 10 "a literal of another" "has to come again for a redirect" 'a redirect: has to try again' lab_shoveler score --client 203.0.113.10 --helo "[1.2.3.4]"

# Limits of a class count in mail; who is refused is told where to read on.
milter_settings "score_limits = redirect=-/-/4" "score_url = https://mx1.example.test/refused?ip="
expect_like 10 "no PTR and a foreign literal, to a redirect" "refused, and told where to read on" \
	'^rcpt friend@example.test 550 .*; see https://mx1.example.test/refused\?ip=203.0.113.66' from bad "[1.2.3.4]" s@client.test friend@example.test
expect_like 10 "null MX alone, to a redirect" "refused" '^rcpt friend@example.test 550 .*sender_null_mx' from client mail.client.test s@null.test friend@example.test
expect_like 0 "the same to a mailbox" "greylisted" '^rcpt alice@example.test 451 .*greylisted' from client mail.client.test s@null.test alice@example.test
expect_like 0 "a bounce" "taken" '^data 250' from client mail.client.test "" carol@example.test
expect_like 10 "a bounce to two" "counts" '^rcpt friend@example.test 550 .*bounce_to_many \+4' from client mail.client.test "" carol@example.test friend@example.test
milter_settings

expect_like 10 "our own name as HELO, no PTR" "refused, and why" '^rcpt alice@example.test 550 .*helo_ours' from bad mx1.example.test s@client.test alice@example.test
expect_like 0 "to postmaster" "taken" '^data 250' from bad mx1.example.test s@client.test postmaster@example.test
expect_like 0 "no PTR alone" "taken" '^data 250' from bad mail.client.test s@client.test bob@example.test
expect_like 20 "bob sees" "the score" '^[0-9]+ \(.*no_ptr \+3' lab_field bob INBOX Scored X-Shoveler-Score
expect_like 10 "a sender domain that does not exist" "counts" 'sender_unknown \+5' from bad mail.client.test s@nowhere.test alice@example.test
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

# That outlives the milter, however it ends.
lab_signal KILL mx1/shoveler-milter
milter_settings "greylist_delay = 1h"
expect_like 0 "the milter killed and started again: who is known" "need not wait" '^data 250' doubtful
milter_settings
lab_message "Forged score" "x" "X-Shoveler-Score: -20 (dnswl.test -20)" >"$LAB_DIR/forged"
expect_like 0 "a score that the sender wrote" "taken" '^data 250' lab_send client --server mx1.example.test --helo mail.client.test carol@example.test <"$LAB_DIR/forged"
expect 20 "carol sees" "-" lab_field carol INBOX "Forged score" X-Shoveler-Score

lab_dnsbl_list "$(lab_address bad)"
expect_like 10 "on the DNSBL, to mx2 with a bad HELO" "refused there too" '^rcpt alice@example.test 550 .*dnsbl.test' \
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
list_entry ":127.0.0.2:Listed"
list_entry "127.0.0.0/8"
expect 10 "the list lists" "127.0.0.1 too" sh -c "'$LAB_FILES/lab.sh' enter mx1 dig +short 1.0.0.127.dnsbl.test A | grep -q 127 && echo '127.0.0.1 too'"
milter_settings
expect_like 10 "the milter" "mutes it" 'action=mute.*everything' milter_log 'action=mute'
expect_like 0 "a decent client" "taken" '^data 250' from client mail.client.test s@client.test alice@example.test

# DNS that never answers.
milter_settings "dns_budget = 2s"
lab_postconf mx1 smtpd_peername_lookup=no && lab_reload mx1/postfix
lab_cable dns down
begin=$(date +%s)
expect_like 0 "no DNS at all, a client with a bad HELO" "taken" '^data 250' lab_send bad --server "$(lab_address mx1)" --helo "[1.2.3.4]" alice@example.test <"$LAB_DIR/message"
seconds=$(($(date +%s) - begin))
# Far beyond the budget, and far below what a resolver waits: a busy machine takes its time.
expect 0 "within the budget" "yes" sh -c "[ $seconds -lt $((8 * STORY_PATIENCE)) ] && echo yes || echo $seconds seconds"
lab_cable dns up

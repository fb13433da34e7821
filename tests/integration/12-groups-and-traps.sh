#!/bin/bash
# What users share: a group's dictionary, spam traps, a site dictionary to start from; and what they do not.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
row 12 "Groups, traps, a site dictionary"

settings() { lab_in mx1 sh -c 'mkdir -p /etc/shoveler/main.cf.d; printf "%s\n" "$@" >/etc/shoveler/main.cf.d/90-test.cf' sh "$@"; }
learned() { lab_spamtrain stats "$1@example.test" | sed -n 's/^learned *\([0-9]* spam\).*/\1/p'; }

# Mistakes are told before anything is changed.
settings "dictionary_groups = family: alice@example.test bob@example.test desk: bob@example.test carol@example.test"
expect_like 0 "bob in two groups" "said" 'bob@example.test is in two groups, "family" and "desk"' lab_in mx1 shoveler-lda --check
settings "dictionary_groups = family: alice@example.test bob" "spam_traps = trap"
expect_like 0 "a member without domain" "said" '"bob" in group "family" is not a' lab_in mx1 spamtraind --check

settings "dictionary_groups =" "  family: alice@example.test bob@example.test" "spam_traps = trap@example.test, @old.example.test" \
	"site_dictionary = yes" "training_login_domain = example.test"
lab_in mx1 sh -c 'echo "trap@example.test lmtp:unix:shoveler/training" >>/etc/postfix/shoveler/training_addresses'
lab_restart mx1/shoveler-lda mx1/spamtraind mx1/shoveler-milter
lab_reload mx1/postfix
expect_like 0 "spamtrain stats" "the group" 'group +family: alice@example.test bob@example.test' lab_spamtrain stats
expect_like 0 "the same" "the traps" 'trap +trap@example.test' lab_spamtrain stats

# Alice teaches, and bob's filter knows; carol's does not.
# By turns, as mail comes. usage: train USER FIRST COUNT
train() {
	local first files
	for ((first = $2; first < $2 + $3; first += 10)); do
		mapfile -t files < <(teach_corpus ham "$first" 10)
		lab_spamtrain train "$1@example.test" ham "${files[@]}" >/dev/null 2>&1
		mapfile -t files < <(teach_corpus spam "$first" 10)
		lab_spamtrain train "$1@example.test" spam "${files[@]}" >/dev/null 2>&1
	done
}
train alice 1 30
spams=$(teach_corpus spam 1 1)
teach_files[Sent]=$LAB_DIR/sent.eml
sed "0,/^Message-I[dD]:/s/^\(Message-I[dD]: *\)</\1<once.more./" "$spams" >"${teach_files[Sent]}"
deliver --file "${teach_files[Sent]}" alice@example.test bob@example.test carol@example.test
expect 20 "alice taught 30 spams; one like them comes to bob, of her group" "1 Spam" teach_verdicts bob Sent
expect 20 "and to carol, who is not" "1 Innocent" teach_verdicts carol Sent
expect_like 0 "bob's stats" "his group" 'judged by his own lessons, those of the 1 other members of group family' lab_spamtrain stats bob@example.test

# Walls: the signature of bob's mail is bob's, and so is his history. (Of mail to both it would be one of hers, too.)
lab_message "For bob alone" | deliver bob@example.test
expect_like 20 "mail to bob alone" "arrives" 'INBOX: ' mailbox bob@example.test "For bob alone"
signature() { lab_spamtrain --json history "$1@example.test" 1 | grep -o '"signature": "[0-9a-f]*"' | cut -d'"' -f4; }
expect_like 0 "alice retrains by the signature of bob's mail" "unknown" 'given no such signature' lab_spamtrain retrain alice@example.test innocent "$(signature bob)"
before=$(learned alice)
expect 0 "bob's lessons are not in alice's store" "$before" learned alice
teach_move bob INBOX Junk Sent
settle
expect 10 "bob says the same of his copy as his filter did: his own lessons" "1 spam" learned bob

# Traps: taken from whom everybody else refuses, learned once a message, in nobody's mailbox, whatever is in it.
lab_dnsbl_list 203.0.113.66
trap_log() { grep -c "trap: .*outcome=$1" "$LAB_DIR/mx1/var/log/spamtraind.out"; }
to_trap() { lab_send bad --server mx1.example.test --helo pills.client.test --from s@client.test trap@example.test <"$1"; }
lab_message "Trapped" "Pills, pills, pills" >"$LAB_DIR/trapped"
refused() { lab_send bad --server mx1.example.test --helo pills.client.test --from s@client.test alice@example.test <"$LAB_DIR/trapped"; }
expect_like 0 "a listed client, to alice" "refused" '^rcpt alice@example.test 550' refused
expect_like 0 "the same to the trap" "taken" '^data 250' to_trap "$LAB_DIR/trapped"
expect 20 "the trap" "1" trap_log learned
expect_like 0 "once more" "taken" '^data 250' to_trap "$LAB_DIR/trapped"
expect 20 "the trap has it" "1" trap_log already
lab_message "Trapped virus" "$(lab_eicar)" >"$LAB_DIR/trapped"
expect_like 0 "a virus to the trap" "taken" '^data 250' to_trap "$LAB_DIR/trapped"
expect 20 "learned, not held" "2" trap_log learned
expect 20 "waits anywhere" "" lab_queue mx1
expect_like 10 "spamtrain stats" "2 in the traps" 'trapped +2 messages' lab_spamtrain stats
expect 10 "mailboxes of the trap" "none" sh -c "ls -d '$LAB_DIR'/mx1/var/vmail/example.test/trap 2>/dev/null || echo none"

# A site dictionary, made of what six users taught, and a user whose mail it has never seen.
caught() { # of ten messages
	local file n=0
	for file in $(teach_corpus "$2" 161 10); do
		[ "$(lab_spamtrain --json classify "$1@example.test" "$file" 2>/dev/null | grep -c '"result": "Spam"')" = 0 ] || n=$((n + 1))
	done
	echo "$n of 10"
}
for number in 0 1; do
	train "user$number" $((number * 20 + 1)) 20
done
lab_spamtrain forget alice@example.test
expect_like 0 "a dictionary of two users and a trap" "not used" 'used +not yet' lab_spamtrain site rebuild
lab_spamtrain preference set dave@example.test showFactors on # he has a store, and nothing in it
expect 0 "spam for dave, who is new" "0 of 10" caught dave spam
for number in 2 3 4 5 6; do
	train "user$number" $((number * 20 + 1)) 20
done
expect_like 0 "a dictionary of seven users" "used" 'used +yes' lab_spamtrain site rebuild
expect_like 0 "spam for dave now" "5 of 10 or more" '^([5-9]|10) of 10' caught dave spam
expect 0 "innocent mail for him" "0 of 10" caught dave ham
expect_like 0 "his stats" "from the site" 'the site dictionary \(worth 64 messages' lab_spamtrain stats dave@example.test
lab_spamtrain preference set dave@example.test siteDictionary off
expect 0 "he does without it" "0 of 10" caught dave spam
settings "site_dictionary = yes" "purge_interval = 1s"
lab_in mx1 rm /var/lib/shoveler/users/.site/dictionary
lab_reload mx1/spamtraind
lab_restart mx1/spamtraind
expect_like 20 "spamtraind makes it from time to time" "used" 'used +yes' lab_spamtrain stats

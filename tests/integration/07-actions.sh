#!/bin/bash
# Row 7: what happens to alice's spam is hers to choose: tagged, or held back and released.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
row 7 "Tag and quarantine"
teach_alice

# This row is about actions: her filter shall be eager.
lab_spamtrain preference set alice@example.test statisticalSedation 0
lab_spamtrain preference set alice@example.test spamAction tag
known_spam 1 "Tagme" | deliver alice@example.test bob@example.test
expect 20 "spamAction tag, a spam: alice" "INBOX: Spam" mailbox alice "[SPAM] Tagme"
expect 20 "the same, bob" "INBOX: Innocent" mailbox bob "Tagme"

lab_spamtrain preference set alice@example.test spamAction quarantine
known_spam 2 "Holdme" | deliver alice@example.test bob@example.test
expect 20 "spamAction quarantine, a spam: bob" "INBOX: Innocent" mailbox bob "Holdme"
settle
expect 10 "the same, alice" "nowhere" folder alice "Holdme"
expect_like 10 "her quarantine" "has it" 'Holdme' lab_spamtrain quarantine list alice@example.test

# A release teaches ham, once: from a verdict of the filter itself, and the next one like it is judged by that.
# usage: row_of USER SUBJECT KEY...
row_of() {
	lab_spamtrain --json history "$1@example.test" 10000 | /usr/bin/python3 -c '
import json, sys
print(*(row[key] for row in json.load(sys.stdin) if row["subject"] == sys.argv[2] for key in sys.argv[3:]))' "$@"
}
# The least sensitivity at which that score is spam: thresholds of spamtrain/engine/engine.c.
sedation() { awk -v score="$1" 'BEGIN { n = split("0.4 0.8 1.2 1.6 2.0 2.35 2.7 3.1 3.6 4.1 4.6", t); while (n > 1 && t[n] >= score) n--; print n - 1 }'; }
corrections() { lab_spamtrain --json history alice@example.test 10000 | grep -c '"corrected": "innocent"'; }
copies() { lab_imap alice header INBOX Subject | grep -c " $1\$"; }
is_less() { awk -v a="$1" -v b="$2" 'BEGIN { print (a < b) ? "less" : a " >= " b }'; }
expect 10 "its verdict, and what she said of it" "Spam none" row_of alice "Holdme" result corrected
before=$(corrections)
signature=$(lab_spamtrain quarantine list alice@example.test | grep Holdme | grep -oE '\b[0-9a-f]{24}\b')
lab_spamtrain retrain alice@example.test innocent "$signature" >/dev/null
expect 20 "retrained as ham" "INBOX" folder alice "Holdme"
expect 10 "her quarantine" "" lab_spamtrain quarantine list alice@example.test
lab_spamtrain retrain alice@example.test innocent "$signature" >/dev/null
sleep 1
expect 10 "the same once more" "INBOX" folder alice "Holdme"
expect 10 "copies of it" "1" copies "Holdme"
expect 10 "messages that she called innocent: one more" "$((before + 1))" corrections
lab_spamtrain preference set alice@example.test statisticalSedation "$(sedation "$(row_of alice Holdme score)")"
known_spam 2 "Like Holdme" | deliver alice@example.test
expect 20 "another one like it, at a sensitivity at which the first was spam" "INBOX: Innocent" mailbox alice "Like Holdme"
expect 10 "its score" "less" is_less "$(row_of alice "Like Holdme" score)" "$(row_of alice Holdme score)"
echo "# scores: $(row_of alice Holdme score) before the release, $(row_of alice 'Like Holdme' score) after"
lab_spamtrain preference set alice@example.test spamAction deliver
lab_spamtrain preference set alice@example.test statisticalSedation

# Who is filtered: a default of the domain, each user's own word, and sites where nobody is who did not ask.
settings() {
	lab_in mx1 sh -c 'mkdir -p /etc/shoveler/main.cf.d; printf "%s\n" "$@" >/etc/shoveler/main.cf.d/90-test.cf' sh "$@"
	lab_restart mx1/shoveler-lda mx1/spamtraind
}
lab_in mx1 sh -c 'echo "@partner.test optOut=on" >/etc/shoveler/domains'
settings "preference_maps = texthash:/etc/shoveler/domains"
lab_spamtrain preference set bob@example.test optOut on
lab_message "Domain default" | deliver pat@partner.test alice@example.test bob@example.test
expect 20 "a domain that opted out: pat" "INBOX: -" mailbox pat@partner.test "Domain default"
expect 20 "in the other: alice" "INBOX: Innocent" mailbox alice "Domain default"
expect 20 "bob opted out himself" "INBOX: -" mailbox bob "Domain default"
lab_spamtrain preference set pat@partner.test optOut off
lab_spamtrain preference set bob@example.test optOut
lab_message "Own word" | deliver pat@partner.test bob+box@example.test
expect 20 "pat wants the filter all the same" "INBOX: Innocent" mailbox pat@partner.test "Own word"
expect 20 "bob takes it back" "INBOX: Innocent" mailbox bob "Own word"
settings "lda_opt_in = yes"
lab_spamtrain preference set alice@example.test optIn on
lab_message "Opt-in" | deliver pat@partner.test alice@example.test bob@example.test
expect 20 "lda_opt_in: alice, who asked for it" "INBOX: Innocent" mailbox alice "Opt-in"
expect 20 "bob, who did not" "INBOX: -" mailbox bob "Opt-in"
expect 20 "pat, who only did not opt out" "INBOX: -" mailbox pat@partner.test "Opt-in"
lab_spamtrain preference set alice@example.test optIn
lab_spamtrain preference set pat@partner.test optOut

# A mailbox that is full: Dovecot refuses for good, the sender hears of it, and we keep nothing.
case $(dovecot --version) in
2.3*) quota='protocol lmtp {
  mail_plugins = $mail_plugins quota
}
plugin {
  quota = maildir:User
  quota_rule = *:storage=3M
}' ;;
*) quota='protocol lmtp {
  mail_plugins {
    quota = yes
  }
}
quota User {
  driver = maildir
  storage_size = 3M
  storage_grace = 0
}' ;;
esac
settings "lda_opt_in = no"
lab_in mx1 sh -c 'echo "$1" >/etc/dovecot/conf.d/95-quota.conf' sh "$quota"
lab_restart mx1/dovecot
lab_message "Too much" "$(yes 'a line of a long message, of which there are many' | head -n 80000)" >"$LAB_DIR/large"
lab_message "Small" >"$LAB_DIR/small"
expect_like 0 "4 MB to carol, whose mailbox holds 3" "Postfix takes it" '^data 250' \
	lab_send --from bounces@client.test carol@example.test <"$LAB_DIR/large"
deliver --from bounces@client.test carol@example.test <"$LAB_DIR/small"
bounce() { lab_in third sh -c 'cat /var/vmail/bounces/new/* 2>/dev/null'; }
expect_like 20 "the sender" "is told" '^Diagnostic-Code: smtp; 55[0-9] 5\.2\.2' bounce
expect_like 10 "the recipient named in it" "carol" '^Final-Recipient: rfc822; carol@example.test' bounce
expect 20 "a small one fits" "INBOX: Innocent" mailbox carol "Small"
expect 10 "the large one" "nowhere" folder carol "Too much"
expect 10 "Postfix's queue" "" lab_queue mx1
expect 10 "her history says" "refused" row_of carol "Too much" outcome
kept() { lab_in mx1 sh -c 'find /var/lib/shoveler /var/tmp /run/shoveler -type f -size +1000k -exec grep -lF "a line of a long message" {} + | wc -l'; }
expect 10 "files of ours that hold it" "0" kept
lab_in mx1 rm /etc/dovecot/conf.d/95-quota.conf /etc/shoveler/main.cf.d/90-test.cf
lab_restart mx1/dovecot mx1/shoveler-lda mx1/spamtraind

#!/bin/bash
# Row 13: the quarantine of a user who reads his mail by POP: the daily digest, and every way out of the quarantine.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
. "$(dirname "$0")/web.sh"
row 13 "Quarantine and daily digest"

# usage: settings LINE...
settings() {
	lab_in mx1 sh -c 'mkdir -p /etc/shoveler/main.cf.d; printf "%s\n" "$@" >/etc/shoveler/main.cf.d/90-test.cf' sh "$@"
	lab_restart mx1/spamtraind
}
# What spamtraind answers to a user of spamtraind_clients. usage: ask NAME=VALUE...
ask() {
	lab_in mx1 /usr/bin/python3 -c '
import os, socket, sys
os.setuid(int(sys.argv[1]))
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.connect("/run/shoveler/spamtraind.sock")
peer.send("".join(f"{line}\n" for line in sys.argv[2:]).encode())
data, fds, _, _ = socket.recv_fds(peer, 65536, 1)
print(data.decode(), end="")' "$(lab_in mx1 id -u nobody)" "$@"
}
held() { lab_spamtrain quarantine list alice@example.test | wc -l; }
signature() { lab_spamtrain quarantine list alice@example.test | grep "$1" | cut -d' ' -f1; }
# usage: hold NUMBER SUBJECT
hold() { known_spam "$1" "$2" | deliver alice@example.test; }
# How many tell of the message of that subject: another day has another digest, but only of what is new.
digests() {
	local uid
	for uid in $(lab_imap alice header INBOX Subject | sed -n 's/ Your spam quarantine: .*//p'); do
		lab_imap alice fetch INBOX "$uid"
	done | tr -d '\r' | grep -c "^  \* Subject: $1\$"
}
digest() { lab_imap alice fetch INBOX "$(lab_uid alice INBOX "Your spam quarantine: $1 new")" | tr -d '\r'; }
# The link behind these words in the newest digest, for the message of that subject. usage: link WORDS SUBJECT
link() { digest "$links_of" | sed -n "/Subject: $2/,/^  \*/p" | grep -m1 -A1 "$1" | sed -n 's/.*link?t=//p'; }

teach_alice
lab_spamtrain preference set alice@example.test statisticalSedation 0
lab_spamtrain preference set alice@example.test spamAction quarantine
for number in 1 2 3 4 5; do hold $number "Held $number"; done
settle
expect 20 "five spams to alice: her quarantine" "5" held
lab_web_up || exit 1
# While nobody sends one: earlier today's would be done, with nothing to tell, and at digest_hour's default it would have no links.
lab_stop mx1/spamtraind
lab_spamtrain preference set alice@example.test dailyQuarantineSummary on
settings "digest_hour = 0" "web_url = https://mx1.example.test/shoveler" "spamtraind_clients = nobody, shoveler-web"
expect 30 "the digest" "INBOX" folder alice "Your spam quarantine: 5 new"
expect_like 0 "it was written by a machine" "auto-generated" '^Auto-Submitted: auto-generated' digest 5
expect_like 0 "it tells when they go" "deleted on" 'will be deleted on [0-9]+ [A-Z]' digest 5
lab_kill mx1/spamtraind && lab_start mx1/spamtraind
links_of=5
release=$(link "Not spam: release" "Held 1")
expect_like 0 "a mail scanner follows its link" "nothing happens" '^action=release' ask request=link-show "token=$release"
expect 0 "her quarantine" "5" held
expect_like 0 "she follows it and confirms" "released" '^released=yes' ask request=link-use "token=$release"
expect 10 "the message" "INBOX: Innocent" mailbox alice "Held 1"
expect_like 0 "the same link once more" "used" '^outcome=used' ask request=link-use "token=$release"
expect_like 0 "a link for another message" "refused" '^outcome=invalid' ask request=link-use "token=${release/r./s.}"
expect_like 0 "spam indeed" "ok" '^status=ok' ask request=link-use "token=$(link "Spam: delete" "Held 2")"
expect 0 "her quarantine" "3" held

# The link as it stands in the mail that was delivered, opened from the internet, without signing in.
address=$(digest "$links_of" | sed -n '/Subject: Held 5/,/^  \*/p' | grep -oE 'https://[^ ]*/link\?t=[^ ]*' | head -n 1)
expect_like 0 "the link in her mail" "leads to the web page" "^${url}link.t=" echo "$address"
for what in "a mail scanner opens it" "and again" "she opens it"; do
	expect_like 0 "$what" "a page that asks" '<form method="post" action="link">' web "$address"
done
jar=$LAB_DIR/link.jar
token=$(web -c "$jar" "$address" | field)
confirm() { status -b "$jar" -d "token=$token" -d "t=${address#*t=}" "${url}link"; }
expect 0 "a form without the page's token" "403" status -d "t=${address#*t=}" "${url}link"
expect 0 "a scanner asks for the head only" "200" status -I "$address"
expect 0 "her quarantine" "3" held
expect 0 "the message" "nowhere" folder alice "Held 5"
expect 0 "she confirms" "200" confirm
expect 20 "the message" "INBOX: Innocent" mailbox alice "Held 5"
expect 10 "her quarantine" "2" held
expect 0 "she confirms once more" "410" confirm
expect 0 "and opens it again" "410" status "$address"
held_5() { lab_imap alice header INBOX Subject | grep -c 'Held 5$'; }
expect 10 "copies of the message" "1" held_5

sent=$(signature "Held 3")
{
	printf 'From: alice@example.test\nTo: dc-ham@example.test\nSubject: Re: Your spam quarantine\nMessage-ID: <reply@client.test>\n\n'
	printf '> X-DSPAM-Signature: %s\n' "$sent"
} >"$LAB_DIR/reply"
expect_like 0 "bob sends her signature to dc-ham@" "taken" '^data 250' \
	lab_send --server mx1.example.test:587 --auth bob@example.test:secret --from bob@example.test dc-ham@example.test <"$LAB_DIR/reply"
settle
expect 10 "her quarantine" "2" held
expect_like 0 "she sends it herself" "taken" '^data 250' \
	lab_send --server mx1.example.test:587 --auth alice@example.test:secret --from alice@example.test dc-ham@example.test <"$LAB_DIR/reply"
expect 20 "the message" "INBOX: Innocent" mailbox alice "Held 3"
expect_like 0 "spamtrain quarantine show" "the message" '^Subject: Held 4' lab_spamtrain quarantine show alice@example.test "$(signature "Held 4")"
expect 0 "spamtrain quarantine delete" "deleted 1" lab_spamtrain quarantine delete alice@example.test "$(signature "Held 4")"
hold 6 "Held 6"
expect 20 "one more" "1" held
expect 0 "spamtrain quarantine flush" "deleted 1" lab_spamtrain quarantine flush alice@example.test
expect 0 "spamtraind was killed meanwhile: digests" "1" digests "Held 4"
expect_like 0 "a stranger asks the socket" "nothing" '^0$' lab_in mx1 /usr/bin/python3 -c '
import os, socket
os.setuid(65533)
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.connect("/run/shoveler/spamtraind.sock")
try:
    peer.send(b"request=quarantine\nuser=alice@example.test\n")
    print(len(peer.recv(65536)))
except OSError:
    print(0)'

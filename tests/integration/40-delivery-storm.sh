#!/bin/bash
# Promise 1 under load: the delivery agent and the training service are killed with -9 again and again, and Dovecot is stopped in the
# middle. Every message sent is found afterwards, one by one and whole, in the mailbox or in the quarantine; twice only where Postfix
# itself says that it may be; no store is damaged, nothing is learned twice, and every correction that was accepted is there.
# How many: 360 in ./test.sh; STORM_MESSAGES=5000 ./test.sh integration 40-delivery-storm is thorough, and takes some minutes.
. "$(dirname "$0")/story.sh"
row 1 "Delivery in a storm"
messages=$(((${STORM_MESSAGES:-360} + 11) / 12 * 12))

storm=$LAB_ROOT/tests/integration/storm.py

# What Postfix took is noted, a line for each recipient. usage: storm_send NAME COUNT KIND USER...
storm_send() {
	local recipients=("${@:4}") user
	lab_in mx1 "$storm" send 127.0.0.1:25 "$1" "$2" "$3" "${recipients[@]/%/@example.test}" | while read -r ident; do
		for user in "${recipients[@]}"; do echo "$user $ident"; done
	done >"$LAB_DIR/sent.$1"
}

# Three more users, who get each message together, and two who have spam held back: their filters know what it looks like.
crew=$((messages / 12))
lab_in mx1 sh -c 'for name in crew 2crew 3crew hold 2hold; do
	echo "$name@example.test:{PLAIN}secret::::::" >>/etc/dovecot/users
	echo "$name@example.test yes" >>/etc/postfix/mailboxes
done'
for kind in pills news; do
	lab_in mx1 "$storm" write "/var/lib/shoveler/lessons/$kind" $kind 40 $kind
done
for user in hold 2hold; do
	lab_spamtrain train $user@example.test spam /var/lib/shoveler/lessons/pills >/dev/null
	lab_spamtrain train $user@example.test ham /var/lib/shoveler/lessons/news >/dev/null
	lab_spamtrain preference set $user@example.test spamAction quarantine
	lab_spamtrain preference set $user@example.test trainingMode NOTRAIN
	lab_spamtrain preference set $user@example.test statisticalSedation 0
done
lab_postconf mx1 smtpd_milters= && lab_reload mx1/postfix
senders=()
for user in alice bob carol; do
	storm_send $user $((messages / 3)) news $user &
	senders+=($!)
done
storm_send crew $crew news crew 2crew 3crew &
senders+=($!)
storm_send hold $((messages / 6)) both hold 2hold &
senders+=($!)
kills=0
storm_kill() {
	sleep "0.$((RANDOM % 8 + 1))"
	lab_kill mx1/shoveler-lda mx1/spamtraind && lab_start mx1/shoveler-lda mx1/spamtraind && kills=$((kills + 1))
}
# What has arrived at alice is spam, she says, as long as the storm lasts; what was accepted is noted.
storm_correct() {
	local signature
	while [ ! -e "$LAB_DIR/calm" ]; do
		for signature in $(lab_spamtrain history alice@example.test 10 2>/dev/null | grep -oE '^[0-9a-f]{24}'); do
			lab_spamtrain retrain alice@example.test spam "$signature" >/dev/null 2>&1 && echo "$signature"
		done
		sleep 0.2
	done | sort -u >"$LAB_DIR/accepted"
}
storm_correct &
corrector=$!
for _ in 1 2 3 4 5; do storm_kill; done
lab_stop mx1/dovecot
storm_kill
sleep 2
lab_start mx1/dovecot
for _ in 1 2 3; do storm_kill; done
lab_join "${senders[@]}"
# As long as mail is under way: a small number of messages must not mean a calm sea.
while ! lab_queue_empty mx1 && [ $kills -lt $((messages / 20)) ]; do storm_kill; done
settle 120
touch "$LAB_DIR/calm"
wait $corrector

cat "$LAB_DIR"/sent.* >"$LAB_DIR/sent"
copies=$((messages + 3 * crew + 2 * (messages / 6)))
# The two with a quarantine have some of theirs there, about half.
account() { "$storm" account "$LAB_DIR/sent" "$LAB_DIR/mx1/var/vmail/example.test" "$LAB_DIR/mx1/var/lib/shoveler/users/example.test"; }
expect_like 30 "$copies copies in mailboxes and quarantines, shoveler-lda killed $kills times, Dovecot stopped once: one by one" \
	"none is missing, cut or strange" "^sent $copies, wrong 0, quarantined [1-9][0-9]+," account
account | sed 's/^/# /'
twice=$(account | grep -oE 'twice [0-9]+' | cut -d' ' -f2)
# Of shoveler-lda, or shoveler-lda that of Dovecot.
lost='(lost connection|conversation).*may be sent more than once|host .* said: 451 4\.4\.2 .* after the end of the message'
may_be_twice=$(lab_log mx1 "status=deferred \\(($lost)" | wc -l)
echo "# $twice arrived twice; the reply was lost to $may_be_twice"
no_more_than() { [ "$1" -le "$2" ] && echo yes || echo "$1 > $2"; }
expect 0 "no more twice than replies were lost" "yes" no_more_than "$twice" "$may_be_twice"

stores() {
	/usr/bin/python3 - "$LAB_DIR"/mx1/var/lib/shoveler/users/example.test/{alice,bob,carol,crew,2crew,3crew,hold,2hold}/store.sqlite <<'END'
import sqlite3, sys
for path in sys.argv[1:]:
    store = sqlite3.connect(path)
    print(store.execute("PRAGMA integrity_check").fetchone()[0], store.execute("SELECT count(*), count(DISTINCT digest) FROM message").fetchone())
END
}
each=$((messages / 3))
expect 5 "the stores" "$(for _ in 1 2 3; do echo "ok ($each, $each)"; done; for _ in 1 2 3; do echo "ok ($crew, $crew)"; done; for _ in 1 2; do echo "ok ($((80 + messages / 6)), $((80 + messages / 6)))"; done)" stores
echo "# $(wc -l <"$LAB_DIR/accepted") corrections were accepted in the storm"
expect_like 0 "corrections in the storm" "some were accepted" '^[1-9]' wc -l "$LAB_DIR/accepted"
waiting() { lab_in mx1 find /var/lib/shoveler/spool/retrain -type f ! -name last | wc -l; }
expect 30 "corrections that still wait in the spool" "0" waiting
not_spam() { lab_spamtrain --json history alice@example.test 10000 | "$storm" not-spam "$LAB_DIR/accepted"; }
expect 30 "accepted corrections that are not in the store" "none" not_spam
# What became of those, by the log.
not_spam | grep -oE "^[0-9a-f]{24}" | while read -r signature; do lab_log mx1 "$signature" | sed 's/^/#   /'; done

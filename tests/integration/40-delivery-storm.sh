#!/bin/bash
# Promise 1 under load: the delivery agent and the training service are killed with -9 again and again, and Dovecot is stopped in the
# middle. Every message sent is found afterwards; twice only where Postfix itself says that it may be; no store is damaged, nothing is
# learned twice, and every correction that was accepted is there.
# STORM_MESSAGES: how many (default 600, 5000 to be thorough).
. "$(dirname "$0")/story.sh"
row 1 "Delivery in a storm"
messages=$((${STORM_MESSAGES:-600} / 3 * 3))

# usage: storm_send USER
storm_send() { lab_in mx1 smtp-source -d -s 2 -m $((messages / 3)) -l 3000 -f sender@client.test -t "$1@example.test" 127.0.0.1:25; }

# Three more users, who get each message together.
crew=$((messages / 12))
lab_in mx1 sh -c 'for number in "" 2 3; do
	echo "${number}crew@example.test:{PLAIN}secret::::::" >>/etc/dovecot/users
	echo "${number}crew@example.test yes" >>/etc/postfix/mailboxes
done'
lab_postconf mx1 smtpd_milters= && lab_signal HUP mx1/postfix
senders=()
for user in alice bob carol; do
	storm_send $user &
	senders+=($!)
done
lab_in mx1 smtp-source -d -s 1 -m $crew -l 3000 -r 3 -f sender@client.test -t crew@example.test 127.0.0.1:25 &
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

# A line for each copy: user and Message-ID.
copies() {
	find "$LAB_DIR"/mx1/var/vmail/example.test -path '*/Maildir/*/*' -type f -path '*/new/*' -exec grep -Hm1 -i '^message-id:' {} + |
		sed 's#^.*/\([^/]*\)/Maildir/[^:]*:#\1 #'
}
found() { copies | sort -u | wc -l; }
expect 30 "$messages messages, and $crew to three at once, shoveler-lda killed $kills times, Dovecot stopped once: arrived" "$((messages + 3 * crew))" found
twice=$(copies | sort | uniq -d | wc -l)
may_be_twice=$(lab_log mx1 'status=deferred \((lost connection|conversation).*may be sent more than once' | wc -l)
echo "# $twice arrived twice; Postfix lost the reply to $may_be_twice"
no_more_than() { [ "$1" -le "$2" ] && echo yes || echo "$1 > $2"; }
expect 0 "no more twice than Postfix lost replies" "yes" no_more_than "$twice" "$may_be_twice"

stores() {
	/usr/bin/python3 - "$LAB_DIR"/mx1/var/lib/shoveler/users/example.test/{alice,bob,carol,crew,2crew,3crew}/store.sqlite <<'END'
import sqlite3, sys
for path in sys.argv[1:]:
    store = sqlite3.connect(path)
    print(store.execute("PRAGMA integrity_check").fetchone()[0], store.execute("SELECT count(*), count(DISTINCT digest) FROM message").fetchone())
END
}
each=$((messages / 3))
expect 5 "the stores" "$(for _ in 1 2 3; do echo "ok ($each, $each)"; done; for _ in 1 2 3; do echo "ok ($crew, $crew)"; done)" stores
corrected() {
	lab_spamtrain --json history alice@example.test 10000 | /usr/bin/python3 -c '
import json, sys
rows = json.load(sys.stdin)
print("\n".join(sorted(row["signature"] for row in rows if row["corrected"] == "spam")))' | comm -13 - "$LAB_DIR/accepted" | wc -l
}
echo "# $(wc -l <"$LAB_DIR/accepted") corrections were accepted in the storm"
expect_like 0 "corrections in the storm" "some were accepted" '^[1-9]' wc -l "$LAB_DIR/accepted"
expect 30 "accepted corrections that are not in the store" "0" corrected

#!/bin/bash
# Ways to and from the delivery agent: by command from Postfix's pipe(8), with notifications asked for, and what is learned of sent mail.
. "$(dirname "$0")/story.sh"
row 4 "Ways of delivery"

setting() { lab_in mx1 sh -c "echo '$1' >>/etc/shoveler/main.cf"; }
submit() { lab_send --server mx1.example.test:587 --auth alice@example.test:secret --from alice@example.test "$@"; }
correspondents() {
	/usr/bin/python3 - "$LAB_DIR/mx1/var/lib/shoveler/users/example.test/alice/store.sqlite" <<'END'
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM correspondent").fetchone()[0])
END
}

# A delivery status notification: Dovecot knows none, so Postfix has to answer for itself.
notified() { lab_in third sh -c "cat /var/vmail/bounces/new/* 2>/dev/null" | grep -cE "^(Original-Recipient: rfc822;a=?b@client.test|Action: relayed|Original-Envelope-Id: env1)"; }
lab_in client /usr/bin/python3 - <<'END'
import smtplib
with smtplib.SMTP("mx1.example.test", local_hostname="mail.client.test") as smtp:
    smtp.sendmail("bounces@client.test", ["alice@example.test"],
                  "From: a@client.test\r\nSubject: Notify me\r\nMessage-ID: <notify@client.test>\r\n\r\nx\r\n",
                  ["RET=HDRS", "ENVID=env1"], ["NOTIFY=SUCCESS", "ORCPT=rfc822;ab@client.test"])
END
expect 20 "mail with NOTIFY, ORCPT, RET and ENVID" "INBOX: Innocent" mailbox alice "Notify me"
expect 20 "its notification: recipient, action, envelope id" "3" notified

# learn_sent_recipients
lab_message "Sent before" | submit friend@third.test >/dev/null
settle
expect 0 "alice writes to a friend: noted" "0" correspondents
setting "learn_sent_recipients = yes"
lab_reload mx1/shoveler-milter
expect_like 10 "learn_sent_recipients, reload" "done" 'reloaded' lab_log mx1 'shoveler-milter.*reloaded'
lab_message "Sent after" | submit friend@third.test bob@example.test alice@example.test >/dev/null
expect 10 "she writes to a friend, to bob and to herself: noted" "2" correspondents
lab_message "From outside" | deliver --from alice@example.test alice@example.test carol@example.test
settle
expect 10 "a stranger writes in her name: noted" "2" correspondents

# Delivery by command: pipe(8), dovecot-lda, and its exit codes. With a sanitizer build Dovecot's commands want its library first.
if lab_sanitized; then
	preload="LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0"
	setting "lda_pipe_command = /usr/bin/env $preload /usr/lib/dovecot/dovecot-lda -e"
	setting "lda_pipe_lookup = /usr/bin/env $preload doveadm user"
fi
lab_in mx1 sh -c 'echo "ghost@example.test x" >>/etc/postfix/mailboxes; touch -d "1 minute ago" /etc/postfix/mailboxes'
lab_in mx1 chmod 666 /var/log/dovecot.log # dovecot-lda writes it as vmail
lab_in mx1 postconf -M 'shoveler/unix=shoveler unix - n n - 20 pipe flags=Rhu user=vmail null_sender= argv=/usr/sbin/shoveler-lda -f ${sender} -d ${user}@${domain} -- -a ${original_recipient}'
lab_postconf mx1 virtual_transport=shoveler: shoveler_destination_recipient_limit=1
lab_reload mx1/postfix
lab_message "By command" $'.\n..dots\nFrom here' >"$LAB_DIR/command.eml"
sent() { lab_send alice@example.test bob+box@example.test <"$LAB_DIR/command.eml"; }
expect_like 20 "Postfix delivers by command" "taken" '^data 250' sent
expect 20 "alice" "INBOX: Innocent" mailbox alice "By command"
expect 20 "bob, at his sub-address" "INBOX: Innocent" mailbox bob "By command"
body() { lab_imap alice fetch INBOX "$(lab_uid alice INBOX "By command")" | tr -d '\r' | tail -n 4; }
expect 10 "its text" $'.\n..dots\nFrom here' body
expect_like 10 "dovecot-lda did it" "logged" 'lda\(alice@example.test\).*saved mail' lab_log mx1 'lda\(alice@example.test\)'
expect_like 10 "shoveler-lda knows the end of it" "sent" 'action=deliver.*relay=command, status=sent' lab_log mx1 'shoveler-lda.*user=<alice@example.test>.*relay=command'
lab_message "To nobody" | deliver --from bounces@client.test ghost@example.test
expect_like 20 "a mailbox that Dovecot does not know" "bounced" 'status=bounced \(user unknown.*' lab_log mx1 'to=<ghost@example.test>'
known() { [ -e "$LAB_DIR/mx1/var/lib/shoveler/users/example.test/ghost" ] && echo yes || echo no; }
expect 10 "it got no store" "no" known
lab_spamtrain preference set alice@example.test optOut on >/dev/null
lab_message "Unfiltered" | deliver alice@example.test
expect 20 "alice opted out" "INBOX: -" mailbox alice "Unfiltered"
lab_spamtrain preference set alice@example.test optOut off >/dev/null
lab_stop mx1/dovecot
lab_message "While Dovecot is down" | deliver alice@example.test
expect_like 20 "Dovecot is down: dovecot-lda says 75" "deferred" 'status=deferred \(temporary failure' lab_log mx1 'relay=shoveler'
lab_start mx1/dovecot
expect 30 "it is back" "INBOX: Innocent" mailbox alice "While Dovecot is down"
lab_stop mx1/shoveler-lda
lab_message "While it is down" | deliver alice@example.test
deferrals() { lab_log mx1 'relay=shoveler.*status=deferred \(temporary failure.*lda-pipe' | grep -c .; }
expect_like 20 "the delivery agent is down" "deferred" '^[1-9]' deferrals
lab_start mx1/shoveler-lda
expect 30 "it is back" "INBOX: Innocent" mailbox alice "While it is down"

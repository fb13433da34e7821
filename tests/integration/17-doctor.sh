#!/bin/bash
# `shoveler doctor` on a host where all is well, and then on one where each thing in turn is not.
. "$(dirname "$0")/story.sh"
row 17 "shoveler doctor"

lab_web_up

# usage: doctor [OPTION...] [CHECK...]   findings, then the exit code
doctor() {
	lab_tool dovecot shoveler doctor "$@"
	echo "exit code $?"
}
# In a container nobody sets the clock, and the machine's may be right or not.
in_container() {
	# shellcheck disable=SC2016
	lab_in mx1 setpriv --bounding-set=-sys_time env LAB_SERVICE=dovecot bash -c '[ ! -r /etc/lab.environment ] || . /etc/lab.environment
		shoveler doctor --all; echo "exit code $?"'
}
settings() { lab_in mx1 sh -c 'printf "%s\n" "$@" >/etc/shoveler/main.cf.d/90-test.cf' sh "$@"; }
# A finding and its advice, by one check. usage: finds "what was done" SEVERITY "what is found" CHECK
finds() { expect_like 0 "$1" "$2" "^$2 +$4 +.*$3" doctor "$4"; }
# usage: with SETTING "what was done" SEVERITY "what is found" CHECK     (a setting of ours)
with() {
	settings "$1"
	finds "${@:2}"
	settings
}
# Postfix's programs wait before they read what was just written.
written() { lab_in mx1 touch -d '1 minute ago' /etc/postfix/main.cf /etc/postfix/master.cf; }
# The same with one of Postfix's.
with_postfix() {
	local name=${1%% *} old
	old=$(lab_in mx1 postconf -hn "$name" 2>/dev/null)
	lab_postconf mx1 "$1"
	finds "$1" "${@:2}"
	if [ -n "$old" ]; then lab_in mx1 postconf -e "$name = $old"; else lab_in mx1 postconf -X "$name"; fi
	written
}
with_service() { # a setting of master.cf: "submission/inet/NAME=VALUE"
	lab_in mx1 postconf -P "$1"
	written
	finds "master.cf: $1" "${@:2}"
	lab_in mx1 postconf -PX "${1%%=*}"
	written
}

# What was found, of several things that are broken at once; then all advice is followed as it stands, up to where it gives reasons or another
# way: nothing may be left. What has no command is the admin's to think about. usage: mends "CHECK..." <<LINES: SEVERITY CHECK WHAT-IS-FOUND
mends() {
	local severity check found
	# shellcheck disable=SC2086
	doctor $1 >"$LAB_DIR/found"
	while read -r severity check found; do
		expect_like 0 "$found" "$severity" "^$severity +$check +.*$found" cat "$LAB_DIR/found"
	done
	# shellcheck disable=SC2086
	expect 10 "all advice is followed: what is left" "" follow $1
	rm "$LAB_DIR/advice"
}
# Once; what is found then may come with another. Postfix is reloaded once for all.
follow() {
	advice "$LAB_DIR/found" | awk '!seen[$0]++' >"$LAB_DIR/advice.new"
	if ! cmp -s "$LAB_DIR/advice.new" "$LAB_DIR/advice"; then
		mv "$LAB_DIR/advice.new" "$LAB_DIR/advice"
		{
			echo 'postfix() { wanted=$*; }'
			cat "$LAB_DIR/advice"
			# shellcheck disable=SC2016
			echo '[ -z "$wanted" ] || command postfix $wanted'
		} >"$LAB_DIR/mx1/var/tmp/advice"
		lab_in mx1 bash /var/tmp/advice >"$LAB_DIR/followed" 2>&1
		written
	fi
	doctor "$@" >"$LAB_DIR/found"
	grep -E '^(error|warning)' "$LAB_DIR/found" | grep -vE ' (summary|clock +the clock is not)'
}
advice() {
	sed -nE "s/^ +-> //p" "$1" | sed -E "s/^.*(says why|it is right now|different versions\?\))(: |; then |, then )//
		s/(; (or|where|if|once) |, and your own|: | \().*//" | grep -E '^(postconf|chmod|chown|chgrp|rm|touch|echo|systemctl|adduser|\(umask)'
}
# What is still found by checks; after an advice that has no command, done as an admin would do it: nothing.
left() { doctor "$@" | grep -E '^(error|warning)' | grep -v ' summary'; }
ends() { expect 10 "$1: what is left" "" left "$2"; } # usage: ends "what was done" CHECK
keep_postfix() { lab_in mx1 sh -c 'cp /etc/postfix/main.cf /etc/postfix/master.cf /var/tmp'; }
restore_postfix() {
	lab_in mx1 sh -c 'cp /var/tmp/main.cf /var/tmp/master.cf /etc/postfix'
	written
	lab_reload mx1/postfix
}

# All is well.
lab_in mx1 sh -c 'printf "%s\n" "doctor_user = carol@example.test" "services = shoveler-milter, shoveler-lda, spamtraind, shoveler-web" \
		>/etc/shoveler/main.cf.d/60-doctor.cf
	mkdir -p /etc/systemd/system/timers.target.wants && cd /etc/systemd/system/timers.target.wants &&
	for timer in rescan sharing report; do ln -s /usr/lib/systemd/system/shoveler-$timer.timer; done'
lab_shoveler report
# What an earlier run left is swept; what only speaks of it is somebody's mail.
earlier() { printf 'From: a@client.test\nTo: carol@example.test\nSubject: %s\nMessage-ID: <%s@mx1.example.test>\n\nHello.\n' "$@" | deliver carol@example.test; }
earlier shoveler-doctor-1-1 shoveler-doctor-1-1
earlier "Fwd: shoveler-doctor-1-1" other
lab_arrives carol INBOX "Fwd: shoveler-doctor-1-1"
lab_arrives carol INBOX "shoveler-doctor-1-1"
in_container >"$LAB_DIR/well"
expect 0 "a host where all is well" "exit code 0" sed '/^ok/d' "$LAB_DIR/well"
expect_like 0 "a mail with EICAR" "found" '^ok +mail +EICAR is found, and discarded' cat "$LAB_DIR/well"
expect_like 0 "mail by SMTP" "arrives" '^ok +mail +mail for carol@example.test is in INBOX' cat "$LAB_DIR/well"
expect_like 0 "judged" "its signature" '^ok +mail +it has X-DSPAM-Signature' cat "$LAB_DIR/well"
expect_like 0 "moved by IMAP" "learned, and unlearned" '^ok +mail +a message of carol@example.test that is moved to Junk is learned \([0-9]+ ms\), and unlearned' \
	cat "$LAB_DIR/well"
subjects() { lab_imap carol header INBOX Subject | cut -d' ' -f2-; }
lessons() { lab_spamtrain --json history carol@example.test 100 | grep -c '"corrected": "\(spam\|innocent\)"'; }
expect 0 "nothing of it stays in INBOX, not even of an earlier run; other mail does" "Fwd: shoveler-doctor-1-1" subjects
lab_imap carol flag INBOX all '+\Deleted' , expunge INBOX
expect 0 "in Junk" "0" lab_imap carol count Junk
expect 0 "lessons" "0" lessons
expect 0 "copies of viruses" "" lab_shoveler virus list
expect 10 "Postfix's queue" "" lab_queue mx1
bounces() { lab_imap alice count INBOX; lab_imap carol header INBOX Subject; }
expect 0 "nobody else hears of it" "0" bounces
lost() { lab_log mx1 'lost connection after STARTTLS' | grep -c .; }
expect 0 "connections that the log calls lost" "0" lost
# Two at once wait for each other.
doctor mail >"$LAB_DIR/one" &
one=$!
expect_like 0 "another at the same time" "all well" 'exit code 0' doctor mail
wait $one
expect_like 0 "the one" "all well" 'exit code 0' cat "$LAB_DIR/one"

# Debian's Dovecot makes no Junk by itself; the user's mail program does.
make_junk() { lab_in mx1 sed -i "/mailbox Junk/,/}/ s/auto = .*/auto = $1/" /etc/dovecot/dovecot.conf && lab_doveadm reload; }
without_junk() {
	make_junk no
	lab_doveadm mailbox delete -u carol@example.test Junk
	doctor --all mail
	make_junk subscribe
}
expect_like 0 "no folder Junk yet" "made, and moves are learned" '^ok +mail +a message of carol@example.test that is moved to Junk is learned' without_junk

# For monitoring.
json() { lab_in mx1 env ASAN_OPTIONS=detect_leaks=0 shoveler doctor --json --quick | python3 -c '
import json, sys
findings = json.load(sys.stdin)
print(sorted({f["finding"] for f in findings} - {"warning"}), {"check", "finding", "text"} <= set(findings[0]), "mail" in {f["check"] for f in findings})'; }
expect 0 "--json --quick" "['ok'] True False" json
slow() { lab_tool dovecot shoveler doctor --slow --all | awk '{ print $2 }' | sort -u | tr '\n' ' '; }
expect 0 "--slow is the rest" "daemons dns mail stores summary " slow
expect_like 0 "a user who is none" "an error" '^error +mail +the mailbox of nobody@example.test does not open' doctor --user nobody@example.test mail
expect_like 0 "a check that is none" "usage" 'exit code 64' doctor mails
expect_like 0 "errors" "exit code 2" 'exit code 2' doctor --user nobody@example.test mail
expect_like 0 "no time" "usage" 'exit code 64' doctor --wait 0 mail

# Mail that does not flow takes its time to show: meanwhile other things are broken.
lab_stop mx1/shoveler-lda
lab_tool dovecot shoveler doctor --wait 8 mail >"$LAB_DIR/slow" 2>&1 &
waiting=$!
queued() { ! lab_queue_empty mx1; }
lab_wait 5 queued

finds "the delivery agent is down" error 'lda_listen = unix:/var/spool/postfix/shoveler/lda: ' sockets
finds "its metrics" warning 'shoveler-lda: ' metrics
with "web_imap_server = inet:127.0.0.1:144" "no IMAP server for the web page" error 'web_imap_server = inet:127.0.0.1:144' sockets
printf 'HTTP/1.0 200 OK\r\n\r\n\nshoveler_build_info{program="shoveler-lda",version="0.0.1"} 1\n' >"$LAB_DIR/mx1/var/old"
lab_in mx1 socat TCP-LISTEN:9999,reuseaddr,fork SYSTEM:'cat /var/old' 2>/dev/null &
old=$!
lab_wait 5 lab_in mx1 bash -c 'exec 3<>/dev/tcp/127.0.0.1/9999' 2>/dev/null
with "lda_metrics_listen = inet:127.0.0.1:9999" "a daemon that was not restarted" warning 'shoveler-lda runs as version 0.0.1, and ' metrics
with "milter_listen = inet:127.0.0.1:9999" "something else listens where the milter should" error \
	'milter_listen = inet:127.0.0.1:9999: no answer of a milter' sockets
kill "$old"

with "lda_user = nobody-at-all" "a daemon that would not start" error 'shoveler-lda --check: .*nobody-at-all' daemons

# The machine's own systemctl, where there is no systemd to ask.
lab_in mx1 mkdir -p /run/systemd/system
finds "systemctl fails" error 'systemctl: Failed to connect' units
lab_in mx1 rm -r /run/systemd
# systemd is not there, but somebody who starts and stops: the advice may ask for it.
lab_in mx1 sh -c 'cp "$0" /usr/bin/systemctl.lab; chmod 755 /usr/bin/systemctl.lab; cp /usr/bin/systemctl.lab /usr/bin/systemctl' "$LAB_ROOT/tests/integration/systemctl.sh"
lab_in mx1 chmod 700 /var/lib/shoveler
mends "permissions stores" <<-'END'
	error permissions shoveler-milter cannot reach /var/lib/shoveler/milter: /var/lib/shoveler has mode 0700
	error permissions shoveler cannot reach /var/lib/shoveler/users: /var/lib/shoveler has mode 0700
	error permissions vmail cannot reach /var/lib/shoveler/spool/retrain/tmp: /var/lib/shoveler has mode 0700
	error stores cannot read /var/lib/shoveler/users
END
lab_in mx1 sh -c 'chmod 700 /etc/shoveler /var/spool/postfix/shoveler; chgrp root /etc/shoveler/submitter.secret; chmod 600 /run/shoveler/spamtraind.sock
	chown root /var/lib/shoveler/infected'
mends permissions <<-'END'
	error permissions vmail cannot reach /etc/shoveler/main.cf: /etc/shoveler has mode 0700
	error permissions postfix cannot reach /var/spool/postfix/shoveler/(lda|training): /var/spool/postfix/shoveler has mode 0700
	error permissions infected belongs to uid 0
	error permissions shoveler-milter may not write to /var/lib/shoveler/infected
	error permissions shoveler-web may not write to /run/shoveler/spamtraind.sock
END
lab_in mx1 sh -c 'chmod 644 /etc/shoveler/link.secret; chown root /var/lib/shoveler/users; mv /etc/shoveler/submitter.secret /var/tmp
	chmod 777 /var/lib/shoveler; chown vmail /var/lib/shoveler; chmod o+w /var/lib/shoveler/spool/retrain/new'
mends permissions <<-'END'
	error permissions link.secret has mode 0644, too open
	error permissions users belongs to uid 0 and not to shoveler
	error permissions submitter.secret: No such file
	error permissions /var/lib/shoveler has mode 0777, too open
	error permissions /var/lib/shoveler belongs to uid 5000 and not to root
	error permissions retrain/new has mode
END
expect 0 "others' files in there are still theirs" "vmail" lab_in mx1 stat -c %U /var/lib/shoveler/sharing

milter=inet:127.0.0.1:8895
with_postfix "smtpd_milters = $milter, inet:localhost:11332, inet:localhost:8891" ok "smtpd_milters has $milter" milters
with_postfix "smtpd_milters = inet:localhost:8895" ok "smtpd_milters has $milter: inet:localhost:8895" milters
with_postfix "smtpd_milters = { $milter, default_action=accept }" error 'default_action=accept' milters
with_postfix "non_smtpd_milters = ${milter}1, $milter" ok 'non_smtpd_milters has' milters
with_postfix "virtual_mailbox_maps = texthash:/etc/postfix/nowhere" error 'virtual_mailbox_maps has texthash:/etc/postfix/nowhere: .*No such file' maps
with_postfix "recipient_delimiter = -" error 'recipient_delimiter = \+, but "-" in Postfix' postfix
with "milter_listen = unix:/run/shoveler/milter.sock" "a socket outside of Postfix's chroot" error \
	"Postfix's smtp/inet is locked into /var/spool/postfix" postfix
with "training_listen = unix:/run/shoveler/training.sock" "another" error "Postfix's lmtp/unix is locked into" postfix


keep_postfix
lab_postconf mx1 "smtpd_milters = inet:localhost:11332, unix:/run/clamav/clamav-milter.ctl, ${milter}0" "milter_default_action = accept" \
	"always_bcc = archive@example.test" "mynetworks = 127.0.0.0/8, 0.0.0.0/0" "soft_bounce = yes" "recipient_delimiter =" \
	"message_size_limit = 0" "milter_content_timeout = 1m" "milter_command_timeout = 5s" "lmtp_data_done_timeout = 120s" \
	"lmtp_destination_recipient_limit = 1" "transport_maps =" "receive_override_options = no_milters" "smtpd_milter_maps = inline:{ 192.0.2.1=DISABLE }"
lab_in mx1 postconf -P "submission/inet/smtpd_milters=" "submission/inet/milter_default_action=accept" "smtp/inet/receive_override_options=no_milters"
written
mends "milters postfix limits delivery" <<-END
	error milters smtpd_milters = .*0, without $milter
	warning milters inet:localhost:11332 comes before ours
	warning milters clamav-milter.ctl scans redirected
	error milters receive_override_options = no_milters: no mail
	warning milters smtpd_milter_maps = .*DISABLE
	error milters milter_default_action = accept, not tempfail
	error milters master.cf: submission/inet/smtpd_milters = , without
	error milters submission/inet/milter_default_action = accept
	warning milters what comes there is not scanned
	warning postfix always_bcc = archive@example.test: these copies
	error postfix everybody is trusted
	warning postfix soft_bounce = yes
	warning postfix recipient_delimiter = \\+, but none in Postfix
	error limits lda_message_size_limit = 1g is less than
	warning limits scanner_max_file_size = 100m is less than
	error limits milter_content_timeout = 60 s is not longer than scanner_timeout = 60 s
	error limits milter_command_timeout = 5 s is not longer
	error limits users get messages twice
	warning limits stored by Dovecot, 50 times
	error delivery transport_maps do not lead dc-spam@example.test
	error delivery transport_maps do not lead dc-ham@example.test
END
restore_postfix

lab_postconf mx1 "always_bcc = archive@example.test"
with "doctor_accept = copies-unscanned, soft-bounce" "a warning that is known" ok 'always_bcc = archive@example.test' postfix
lab_in mx1 postconf -X always_bcc
written
lab_in mx1 postconf -M '127.0.0.1:10025/inet=127.0.0.1:10025 inet n - n - - smtpd -o receive_override_options=no_milters'
written
finds "a port where a content filter gives mail back" ok '127.0.0.1:10025/inet/receive_override_options = no_milters, where only this host' milters
lab_in mx1 postconf -MX 127.0.0.1:10025/inet
written

conf=/etc/dovecot/conf.d/90-shoveler
lab_in mx1 sh -c "cp $conf-retrain.conf $conf-sharing.conf /var/tmp; sed -i 's/shoveler_retrain.*//' $conf-retrain.conf"
finds "IMAP without the plugin" warning 'IMAP sessions do not load shoveler_retrain' dovecot
if [ "$(lab_in mx1 dovecot --version | cut -d. -f1,2)" = 2.3 ]; then
	lab_in mx1 sed -i '/^protocol lmtp/,/^}/s/ shoveler_sharing//' $conf-sharing.conf
else
	lab_in mx1 sh -c "printf 'protocol lmtp {\n mail_plugins {\n  shoveler_sharing = no\n }\n}\n' >>$conf-sharing.conf"
fi
finds "LMTP without sharing" error 'protocol lmtp does not load shoveler_sharing.*mail for shared folders waits' dovecot
lab_in mx1 sh -c 'cp /var/tmp/90-shoveler-*.conf /etc/dovecot/conf.d/'
plugin=$(lab_in mx1 sh -c 'ls /usr/lib/dovecot/modules/*shoveler_retrain_plugin.so')
lab_in mx1 sh -c "cp $plugin /var/tmp/plugin.so; sed 's/\.ABIv\(.\)/.ABIv9/' /var/tmp/plugin.so >$plugin.new; mv $plugin.new $plugin"
finds "a plugin for another Dovecot" error 'shoveler_retrain_plugin.so is built for Dovecot 2.*ABIv9' dovecot
lab_in mx1 mv /var/tmp/plugin.so "$plugin"

lab_in mx1 sed -i '/^protocols = /s/ lmtp//' /etc/dovecot/dovecot.conf
lab_doveadm reload
expect_like 5 "no LMTP in Dovecot" "error" "^error +dovecot +Dovecot's protocols do not have lmtp, .* lda_nexthop = unix:/run/dovecot/lmtp" doctor dovecot
lab_in mx1 sed -i '/^protocols = /s/$/ lmtp/' /etc/dovecot/dovecot.conf
lab_doveadm reload
expect_like 10 "LMTP, again" "it answers" '^ok +sockets +lda_nexthop = ' doctor sockets

echo "garbage" >"$LAB_DIR/mx1/var/lib/shoveler/policy.sqlite"
finds "a policy store that is none" error 'policy.sqlite' policy
rm "$LAB_DIR/mx1/var/lib/shoveler/policy.sqlite"

lab_stop mx1/spamtraind
spool=/var/lib/shoveler/spool/retrain
lab_in mx1 sh -c "touch -d '1 hour ago' $spool/new/0000000000000001.1.1 $spool/outbox/new/0000000000000001.1.1 $spool/bad/1; touch -d tomorrow /var/lib/shoveler/users"
mends "spool clock" <<-'END'
	warning spool 1 corrections wait, the oldest for (59|60) minutes
	warning spool 1 releases and answers wait
	warning spool retrain/bad has 1 files
	error clock users is from the future
END

# Disks of our own: the lab's has room.
lab_in mx1 sh -c 'mkdir -p /var/small && mount -t tmpfs -o size=1m,nr_inodes=400 small /var/small'
lab_in mx1 dd if=/dev/zero of=/var/small/zeros bs=1k count=980 status=none
with "temporary_directory = /var/small" "a disk that fills up" warning '/var/small: [1-4]% of the bytes are free' space
lab_in mx1 sh -c 'rm /var/small/zeros; mkdir -p /var/small/test/who; echo broken >/var/small/test/who/store.sqlite; for i in $(seq 398); do : >/var/small/$i; done'
with "temporary_directory = /var/small" "a disk without inodes" error '/var/small: 0% of the inodes are free' space
settings "users_directory = /var/small"
expect_like 0 "stores where there is no room" "are not called damaged" '-> make room: stores open again' doctor stores
settings
lab_in mx1 umount /var/small

# Nobody but the kernel says whether it is set, and it has one clock for all hosts: what it says to somebody else must be what is found.
synchronised=$(python3 -c '
import ctypes, struct
timex = ctypes.create_string_buffer(512)
state = ctypes.CDLL(None).adjtimex(timex)
status, = struct.unpack_from("i", timex, 5 * struct.calcsize("l"))
print("no" if state == 5 or status & 0x40 else "yes")')
if [ "$synchronised" = yes ]; then
	finds "somebody sets this machine's clock" ok 'the clock is synchronised' clock
else
	finds "nobody sets this machine's clock" warning 'the clock is not synchronised' clock
fi

lab_in mx1 touch -d '1 hour ago' /var/lib/shoveler/report/host.json
finds "nobody tells the web page" warning 'what the web page shows of the host is 60 minutes old' timers
no_backup() { doctor timers | grep -c backup; }
expect 0 "no nightly backup is wanted: findings of it" "0" no_backup
lab_in mx1 sh -c 'ln -s /usr/lib/systemd/system/shoveler-backup.timer /etc/systemd/system/timers.target.wants; mkdir -p /var/backups; shoveler backup /var/backups/shoveler >/dev/null'
finds "a backup" ok 'the last backup is of 20' timers
lab_in mx1 touch -d '3 days ago' /var/backups/shoveler/manifest
finds "none for three days" warning 'the last backup is of 20.*, and one is made each night' timers
wants=/etc/systemd/system/timers.target.wants
lab_in mx1 sh -c 'rm $0/shoveler-rescan.timer $0/shoveler-sharing.timer $0/shoveler-report.timer' $wants
lab_in mx1 touch /var/lib/shoveler/report/host.json
lab_in mx1 touch /var/backups/shoveler/manifest
lab_in mx1 shoveler mx2 add fallback.test retention=20d
lab_in mx1 shoveler mx2 tend
keep_postfix
mends "timers rescan mx2" <<-'END'
	warning rescan nothing runs the weekly re-scan
	warning timers nothing checks each night
	warning timers nothing tells the web page
	error mx2 maximal_queue_lifetime = 5 days: less than the retention of 20 days
END
restore_postfix
lab_in mx1 shoveler mx2 remove fallback.test

# As systemd would say it.
lab_in mx1 mkdir -p /run/systemd/system
lab_in mx1 sh -c 'cat >/usr/bin/systemctl.lab; chmod 755 /usr/bin/systemctl.lab; cp /usr/bin/systemctl.lab /usr/bin/systemctl' <<-'END'
	#!/bin/sh
	unit() { printf 'NRestarts=%s\nId=%s\nLoadState=loaded\nActiveState=%s\nUnitFileState=%s\nNeedDaemonReload=%s\n\n' "$2" "$1" "$3" "$4" "$5"; }
	unit shoveler-milter.service 0 failed enabled no
	unit shoveler-lda.service 0 inactive enabled no
	unit spamtraind.service 3 active enabled no
	unit shoveler-web.service 0 active disabled no
	unit dovecot.service 0 active enabled yes
	unit shoveler-rescan.service 0 inactive static no
	unit clamav-freshclam.service 0 inactive enabled no
END
lab_in mx1 sh -c 'command -v systemctl' >/dev/null && doctor units >"$LAB_DIR/units"
expect_like 0 "a unit that has failed" "error" '^error +units +shoveler-milter.service has failed' cat "$LAB_DIR/units"
expect_like 0 "one that does not run" "error" '^error +units +shoveler-lda.service is inactive' cat "$LAB_DIR/units"
expect_like 0 "one that comes and goes" "warning" '^warning +units +spamtraind.service had to be restarted 3 times' cat "$LAB_DIR/units"
expect_like 0 "one that is not enabled" "warning" '^warning +units +shoveler-web.service runs, and will not after the next boot' cat "$LAB_DIR/units"
expect_like 0 "a file that changed" "warning" '^warning +units +the file of dovecot.service has changed' cat "$LAB_DIR/units"
expect_like 0 "one that runs when it is time" "ok" '^ok +units +shoveler-rescan.service is inactive' cat "$LAB_DIR/units"
expect_like 0 "freshclam has stopped" "warning" '^warning +units +clamav-freshclam.service is enabled, and inactive' cat "$LAB_DIR/units"
lab_in mx1 rm -r /run/systemd

# DNS lists.
lab_dnsbl_list 127.0.0.1
finds "a list that lists the world" error 'dnsbl.test lists 127.0.0.1, so everything' dns
lab_dnsbl_unlist 127.0.0.1
lab_dnsbl_edit 's/^127.0.0.2$/127.0.0.2 :127.255.255.254:Open resolver/'
lab_wait 5 lab_not_listed 127.0.0.2
finds "one that refuses our resolver" error 'dnsbl.test answers 127.255.255.x, so it refuses' dns
lab_dnsbl_edit 's/^127.0.0.2 .*/127.0.0.2/'
lab_wait 5 lab_listed 127.0.0.2
ends "the list answers again" dns
with "dnsbl_sites = gone.test" "one that is dead" error 'gone.test (does not answer|does not list its own)' dns
lab_in mx1 sh -c 'echo "nameserver 9.9.9.9" >>/etc/resolv.conf'
finds "a public resolver" warning 'the name server 9.9.9.9 is a public one' dns
settings "dns_servers = 203.0.113.53"
ends "a resolver of our own is in dns_servers" dns
settings
lab_in mx1 sed -i '$d' /etc/resolv.conf

# The scanner cannot load what lies on the disk.
echo "damaged" >"$LAB_DIR/mx1/var/lib/clamav/damaged.ndb"
later() { lab_in mx1 env ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 faketime -f +20m shoveler doctor scanner; }
expect_like 20 "signatures that cannot be loaded" "error" '^error +scanner +the scanner has not loaded the newest virus signatures' later
rm "$LAB_DIR/mx1/var/lib/clamav/damaged.ndb"
later_left() { later | grep -E '^(error|warning)' | grep -v ' summary'; }
expect 20 "the damaged file is gone: what is left" "" later_left
lab_in mx1 sh -c 'touch -d "10 days ago" /var/lib/clamav/*'
finds "nobody fetches signatures" warning 'the newest virus signatures are 10 days old' scanner
lab_in mx1 sh -c 'touch /var/lib/clamav/*'
ends "they are fetched" scanner
lab_in mx1 sh -c 'mkdir /var/lib/clamav/away; mv /var/lib/clamav/*.?db /var/lib/clamav/away'
finds "there are none" error '/var/lib/clamav has no virus signatures' scanner
lab_in mx1 sh -c 'mv /var/lib/clamav/away/* /var/lib/clamav; rmdir /var/lib/clamav/away'
ends "they are back" scanner

# Certificates.
# usage: certificate NAME DAYS
certificate() {
	lab_in mx1 env FAKE="${3-+0d}" bash -c 'faketime -f "$FAKE" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$1" \
		-subj "/CN=$0" -addext "subjectAltName=DNS:$0" -keyout /etc/ssl/mx1.key -out /etc/ssl/mx1.crt' "$1" "$2" 2>/dev/null
	[ "${4-load}" = load ] || return 0
	lab_reload mx1/postfix
	lab_doveadm reload
	lab_signal HUP mx1/nginx
}
# What the advice has for who has renewed it.
renewed() {
	lab_in mx1 cp "$LAB_ROOT/tests/integration/systemctl.sh" /usr/bin/systemctl
	doctor certificates | sed -nE 's/^ +-> .*if that is done: ([^(]*).*/\1/p' | sort -u >"$LAB_DIR/mx1/var/tmp/advice"
	lab_in mx1 bash /var/tmp/advice >"$LAB_DIR/followed" 2>&1
	ends "the certificate is renewed, and loaded as the advice says" certificates
}
certificate other.test 5
expect_like 5 "a certificate that ends soon: Postfix" "warning" '^warning +certificates Postfix: the certificate expires in [45] days' doctor certificates
expect_like 5 "Dovecot" "warning" '^warning +certificates Dovecot: the certificate expires in [45] days' doctor certificates
expect_like 5 "the web page, which has another name" "error" '^error +certificates the web page: the certificate is not for mx1.example.test' doctor certificates
certificate mx1.example.test 5 -10d
expect_like 5 "one that has expired: Postfix" "error" '^error +certificates Postfix: the certificate has expired' doctor certificates
expect_like 5 "the web page" "error" '^error +certificates the web page: the certificate has expired' doctor certificates
certificate mx1.example.test 90 +0d only
renewed
lab_stop mx1/nginx
finds "no proxy" error 'the web page at inet:mx1.example.test:443: ' certificates
lab_postconf mx1 "smtpd_tls_security_level = none"
lab_reload mx1/postfix
expect_like 5 "Postfix without TLS" "warning" '^warning +certificates Postfix offers no TLS' doctor certificates
lab_postconf mx1 "smtpd_tls_security_level = may" "smtpd_milters = inet:localhost:11332"
lab_reload mx1/postfix
expect_like 5 "Postfix that puts off everything" "error" '^error +certificates Postfix at inet:127.0.0.1:25: 4[0-9][0-9] ' doctor certificates
lab_postconf mx1 "smtpd_milters = $milter"
lab_use_certificate mx1
lab_doveadm reload

wait $waiting
expect_like 0 "nobody delivers" "error" '^error +mail +mail for carol@example.test did not arrive within 8 s: .' cat "$LAB_DIR/slow"
expect 10 "nothing of it waits in the queue" "" lab_queue mx1
lab_start mx1/shoveler-lda
settle
lab_sieve carol main <<-'END'
	require ["fileinto", "mailbox"];
	fileinto :create "Filed";
END
doctor mail >"$LAB_DIR/late"
expect_like 0 "a Sieve script files it" "it is found there" '^ok +mail +mail for carol@example.test is in Filed' cat "$LAB_DIR/late"
expect_like 0 "it is moved" "learned" '^ok +mail +a message of carol' cat "$LAB_DIR/late"
expect 0 "and nothing stays there" "0" lab_imap carol count Filed
lab_sieve carol main </dev/null
expect 0 "INBOX" "0" lab_imap carol count INBOX

# What becomes of EICAR.
milter_settings() {
	settings "$@"
	lab_restart mx1/shoveler-milter
}
virus() { # SETTING SEVERITY FOUND
	milter_settings "$1"
	finds "$1" "$2" "$3" mail
}
virus "virus_action = reject" ok 'EICAR is refused: 554'
virus "virus_action = hold" ok 'EICAR is found, and held'
expect 10 "and nothing stays in the queue" "" lab_queue mx1
virus "virus_keep = 0" ok 'EICAR is found: it did not arrive'
virus "virus_exempt_networks = 127.0.0.1" error 'EICAR was delivered to carol'
expect_like 0 "the other message" "not scanned either" '^error +mail +it arrived without X-Virus-Scanned' doctor mail
expect 0 "and nothing stays in INBOX" "0" lab_imap carol count INBOX
milter_settings
with_postfix "virtual_transport = lmtp:unix:private/dovecot-lmtp" warning 'not to unix:/var/spool/postfix/shoveler/lda: is mail filtered' delivery
lab_postconf mx1 "virtual_transport = lmtp:unix:private/dovecot-lmtp"
lab_reload mx1/postfix
expect_like 10 "mail that passes the filter by" "error" '^error +mail +it arrived without X-DSPAM-Signature' doctor mail
lab_postconf mx1 "virtual_transport = lmtp:unix:shoveler/lda"
with "doctor_smtp_server = inet:127.0.0.1:26" "no Postfix" error 'doctor_smtp_server = inet:127.0.0.1:26: ' mail

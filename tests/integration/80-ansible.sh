#!/bin/bash
# The Ansible role puts Shoveler onto two hosts as an ordinary admin has them, switches its features on and off, and takes it off again: wrong
# settings, a run that is killed in the middle, secrets. The inventory is the example for such a pair.
STORY_BASE=yes
. "$(dirname "$0")/story.sh"
row "" "The Ansible role"

. "$(dirname "$0")/ansible.sh"

some_changes='^mx1 changed=[1-9][0-9]* failed=0 mx2 changed=[1-9][0-9]* failed=0$'
one_changes='^mx1 changed=[1-9][0-9]* failed=0$'
features="antivirus scoring classifier sharing mx2 web"
secret=00112233445566778899aabbccddeeff-from-the-controller

mx1() { example mx1-and-mx2.yml mx1 mx1.example.test -e shoveler_web_url=https://mx1.example.test/shoveler -e "shoveler_submitter_secret=$secret" "$@"; }
mx2() { example mx1-and-mx2.yml mx2 mx2.example.test "$@"; }
# usage: both OPTION...   on mx1, which has the web page, and mx2 at the same time
both() {
	mx1 -e shoveler_web=true "$@" >"$LAB_DIR/mx1.recap" &
	mx2 "$@" >"$LAB_DIR/mx2.recap"
	wait $!
	cat "$LAB_DIR/mx1.recap" "$LAB_DIR/mx2.recap" | paste -sd' '
}
# Only these features on mx1. usage: only FEATURE...
only() {
	local feature options=()
	for feature in $features; do
		[[ " $* " = *" $feature "* ]] && options+=(-e "shoveler_$feature=true") || options+=(-e "shoveler_$feature=false")
	done
	mx1 "${options[@]}"
}

# Lines of passwd and group that are not what they were before.
accounts() {
	local host
	for host in mx1 mx2; do
		lab_in $host cat /etc/passwd /etc/group | sort | diff "$LAB_DIR/$host.accounts" - | grep -c '^[<>]'
	done | paste -sd' '
}

# Signing in to the web page, past any proxy: "303 history". usage: web_sign_in USER PASSWORD
web_sign_in() {
	local jar=$LAB_DIR/web.jar page=http://localhost/sign-in token
	rm -f "$jar"
	token=$(lab_in mx1 curl -s --unix-socket /run/shoveler/web.sock -c "$jar" "$page" |
		sed -n 's/.*name="token" value="\([0-9a-f]*\)".*/\1/p' | head -n 1)
	lab_in mx1 curl -s --unix-socket /run/shoveler/web.sock -b "$jar" -o /dev/null -w '%{http_code} %header{location}\n' \
		--data-urlencode "login=$1" --data-urlencode "password=$2" -d "token=$token" "$page"
}

# What runs and answers.
answering() {
	for server in mx1/spamtraind mx1/shoveler-lda mx1/shoveler-milter mx1/shoveler-web mx2/shoveler-milter; do
		lab_wait 20 lab_ready "$server" && echo "$server"
	done | paste -sd' '
}

# What is not right, but for the proxy and the clock service, which there are none of in the lab.
doctor() {
	lab_in mx1 shoveler doctor | grep -E '^(ok|warning|error)' | grep -vE '^(ok|[a-z]+ +(summary|certificates.*web page|clock))'
}

# What differs on mx1 from the host as it was: names of Postfix's parameters and services, files of Dovecot, units.
left() {
	lab_in mx1 sh -c '
		cd /etc/postfix
		diff /run/before/main.cf main.cf | sed -nE "s/^> ([a-z]\w*) =.*/\1/p" | LC_ALL=C sort
		diff /run/before/master.cf master.cf | sed -nE "s/^> ([a-z]\S*).*/master:\1/p" | sort
		ls shoveler 2>/dev/null | sed "s/^/map:/"
		cd /etc/dovecot/conf.d && ls | sed -n "s/^\(9[01]-shoveler.*\).conf/dovecot:\1/p"
		cd /etc/systemd/system && ls *.wants | grep -E "^(shoveler|spamtrain)" | sort
		for unit in $(ls *.wants | grep -E "^(shoveler|spamtrain)"); do systemctl is-active $unit || echo "$unit is not active"; done
		ls /run/lab | sed -nE "s/^((shoveler|spamtrain).*).pid/\1/p" | while read -r name; do
			[ -e /etc/systemd/system/multi-user.target.wants/$name.service ] || ! systemctl is-active $name || echo "$name still runs"
		done' | paste -sd' '
}
# usage: feature WHAT LEFT FEATURE...
feature() {
	expect_like 0 "$1" "applied" "$one_changes" only "${@:3}"
	expect 0 "leaves" "$2" left
}
# And mail goes through, with that verdict. usage: alone WHAT VERDICT LEFT FEATURE...
alone() {
	local unit
	feature "$1, alone" "${@:3}"
	for unit in $3; do
		[[ $unit != *.service ]] || lab_wait $((20 * STORY_PATIENCE)) lab_ready "mx1/${unit%.service}"
	done
	lab_message "With $1" | deliver alice@example.test
	expect 0 "a second run" "mx1 changed=0 failed=0" only "${@:4}"
	awk '/^TASK/ { task = $0 } /^changed/ { print "# " task }' "$LAB_DIR/mx1.play"
	expect 20 "ham to alice" "INBOX: $2" mailbox alice "With $1"
}

# On mx2, before and after.
parameters_changed() { lab_in mx2 postconf -n | diff "$LAB_DIR/mx2.parameters" - | grep '^[<>]'; }
files_changed() { differs before after mx2 | sed -n 's/^> [0-9a-f]* *//p'; }

role_hosts mx1 mx2
former untouched mx1
expect_like 0 "without signatures of ClamAV" "the role says what to do" 'apt-get install clamav-freshclam' example one-host.yml mx1 mail.example.test
lab_signatures mx1
expect_like 0 "a value that is wrong" "refused with file and line" 'main.cf.d/50-ansible.cf, line [0-9]+: .*maybe' \
	example several-back-ends.yml mx1 imap2.example.test -e '{"shoveler_settings": {"virus_scan": "maybe"}}'
expect_like 0 "a variable that the role had once, one that it never had, and a list that is none" "refused by name, with what is meant" \
	'shoveler_antiviurs; did you mean shoveler_antivirus\?.*no variable shoveler_milter any more; its place took shoveler_antivirus and shoveler_scoring.*shoveler_milter_groups is a text' \
	example one-host.yml mx1 mail.example.test -e shoveler_milter=false -e shoveler_antiviurs=true -e shoveler_milter_groups=postfix
lab_in mx1 sed -i 's/^!include/#!include/' /etc/dovecot/dovecot.conf
expect_like 0 "a mail user that is not there, and a Dovecot that does not read conf.d" "refused, with what is missing" \
	'no user nobody-at-all on this host.*dovecot.conf does not read conf.d/\*.conf' example one-host.yml mx1 mail.example.test -e shoveler_mail_user=nobody-at-all
lab_in mx1 sed -i 's/^#!include/!include/' /etc/dovecot/dovecot.conf
former refused mx1
expect 0 "and nothing was changed" "" sh -c "diff '$LAB_DIR/mx1.untouched' '$LAB_DIR/mx1.refused' | grep -v /var/lib/clamav | grep '^[<>]'"
lab_in mx1 test ! -e /etc/shoveler || story_result "not even /etc/shoveler" "" "/etc/shoveler" FAILED

# As where passwords are in it: the milter must be put into the group.
lab_in mx1 sh -c 'chgrp postfix /etc/postfix/redirects* && chmod 640 /etc/postfix/redirects*'
lab_postconf mx1 "recipient_delimiter = +-"
# This one the role must make itself.
lab_in mx1 userdel shoveler-web
lab_in mx1 sh -c 'mkdir /run/before && cp /etc/postfix/main.cf /etc/postfix/master.cf /run/before'
former before mx1 mx2
lab_in mx2 postconf -n >"$LAB_DIR/mx2.parameters"

expect_like 0 "check run" "tells of changes" "$some_changes" both --check --diff
expect 1 "it shows the change of milter_default_action" "+milter_default_action = tempfail" \
	grep -Fx -- "+milter_default_action = tempfail" "$LAB_DIR/mx1.play"
expect 0 "and Postfix's own delimiter for Shoveler" "+recipient_delimiter = +-" grep -Fx -- "+recipient_delimiter = +-" "$LAB_DIR/mx1.play"
expect 0 "which mx2 has none of" "+recipient_delimiter =" grep -Fx -- "+recipient_delimiter =" "$LAB_DIR/mx2.play"
former checked mx1 mx2
expect 0 "and has changed nothing" "" differs before checked mx1 mx2

expect_like 0 "the role is applied" "changes" "$some_changes" both
[ "$story_failed" = 0 ] || exit 1
expect 0 "all is running" "mx1/spamtraind mx1/shoveler-lda mx1/shoveler-milter mx1/shoveler-web mx2/shoveler-milter" answering
expect 0 "the secret" "is the controller's" lab_in mx1 sh -c "grep -qx $secret /etc/shoveler/submitter.secret && echo \"is the controller's\""
told mx1 >/dev/null
expect 0 "a second run" "mx1 changed=0 failed=0 mx2 changed=0 failed=0" both
expect 0 "and tells nobody" "" told mx1
expect 10 "shoveler doctor on mx1 finds" "" doctor

expect 10 "alice signs in to the web page" "303 history" web_sign_in alice@example.test secret
lab_message "By the role" "Shall we meet at the bridge at noon?" | deliver alice@example.test
expect 20 "ham to alice" "INBOX: Innocent" mailbox alice "By the role"
lab_message "EICAR by the role" "$(lab_eicar)" | deliver alice@example.test
lab_message "Behind EICAR" | deliver alice@example.test
expect 20 "clean mail behind EICAR" "INBOX: Innocent" mailbox alice "Behind EICAR"
expect 1 "EICAR" "nowhere" folder alice "EICAR by the role"

lab_in mx2 shoveler mx2 add partner.test primary=mx1.example.test tls=secure recipients=list
lab_in mx2 shoveler mx2 allow partner.test pat@partner.test
lab_message "To a partner" | deliver --server mx2.example.test pat@partner.test
expect 20 "mx2 holds mail for partner.test, without any reload: pat" "INBOX: Innocent" mailbox pat@partner.test "To a partner"
expect_like 1 "mx2 to the primary" "certificate verified" 'Verified TLS.*mx1.example.test' lab_log mx2 Verified
lab_message "To nobody" >"$LAB_DIR/message"
expect_like 5 "an unknown recipient of partner.test at mx2" "refused" '^rcpt nobody@partner.test 550' \
	lab_send --server mx2.example.test nobody@partner.test <"$LAB_DIR/message"

# Each feature comes alone, while the one before it goes and the host is in use.
milter="milter_default_action smtpd_milters"
learning="transport_maps virtual_mailbox_maps virtual_transport master:shoveler map:training dovecot:90-shoveler-retrain"
alone antivirus - "$milter shoveler-milter.service" antivirus
lab_message "EICAR again" "$(lab_eicar)" | deliver alice@example.test
alone scoring - "$milter shoveler-milter.service" scoring
expect_like 0 "nothing is scanned" "no" '^virus_scan = no$' lab_in mx1 shoveler conf -n
expect 0 "EICAR, sent to the antivirus alone" "nowhere" folder alice "EICAR again"
alone classifier Innocent "$milter $learning shoveler-lda.service shoveler-milter.service spamtraind.service" classifier
alone sharing - "dovecot:90-shoveler-sharing shoveler-sharing.timer" sharing
alone "fallback MX" - "$(cat <<-END | paste -sd' '
	address_verify_negative_expire_time address_verify_positive_expire_time address_verify_positive_refresh_time bounce_queue_lifetime
	maximal_queue_lifetime relay_domains relay_recipient_maps smtp_tls_policy_maps smtpd_recipient_restrictions transport_maps
	unverified_recipient_defer_code unverified_recipient_reject_code virtual_alias_maps master:shoveler-accept master:shoveler-relay
	$(lab_in mx1 shoveler mx2 postfix | sed -n 's,^== /.*/,map:,p' | sort | paste -sd' ') shoveler-mx2.timer
	END
)" mx2

# Killed in the middle, with features that come and others that go: nobody was told yet. The web page needs the classifier.
told mx1 >/dev/null
rm "$LAB_DIR/mx1.play"
only classifier web >/dev/null &
killed=$!
lab_wait 120 grep -qs 'TASK \[shoveler : Add our files to Dovecot' "$LAB_DIR/mx1.play"
lab_in mx1 sh -c 'kill -9 "$(cat /run/ansible.pid)"'
wait $killed 2>/dev/null
expect 0 "a run is killed before Postfix and Dovecot were told" "" lab_in mx1 grep -E "^reload" /run/systemctl.log
alone "web page" Innocent "$milter $learning dovecot:91-shoveler-web shoveler-lda.service shoveler-milter.service shoveler-report.path shoveler-report.timer shoveler-web.service spamtraind.service" \
	classifier web
expect_like 0 "and who was not told" "is told" 'reload dovecot.service,reload postfix.service' told mx1
expect 10 "alice signs in to the web page" "303 history" web_sign_in alice@example.test secret

# Lines of the admin's, meanwhile.
lab_in mx1 sh -c 'for folder in /run/before /etc/postfix; do
	sed -i "s/^myhostname.*/# mine\n&/" $folder/main.cf && echo "mine unix - - n - - lmtp" >>$folder/master.cf || exit
done'
feature "all off" "" none
expect_like 0 "Postfix and Dovecot" "reloaded, not restarted" '^disable [^,]*,reload dovecot.service,reload postfix.service,stop [^,]*$' told mx1
expect 0 "main.cf and master.cf" "are what they were, byte for byte, but for the admin's lines" lab_in mx1 sh -c 'cd /run/before && for file in *; do cmp $file /etc/postfix/$file || exit; done; echo "are what they were, byte for byte, but for the admin'"'"'s lines"'
lab_in mx1 sh -c 'sed -i "/^# mine/d" /etc/postfix/main.cf && sed -i "/^mine unix/d" /etc/postfix/master.cf'

# A parameter that the admin of mx2 wants otherwise meanwhile.
lab_postconf mx2 "maximal_queue_lifetime = 9d"
# On the command line false is a string. What mx2 has goes at once.
told mx2 >/dev/null
both_absent() {
	mx1 -e shoveler_state=absent -e shoveler_purge=false >"$LAB_DIR/mx1.recap" &
	mx2 -e shoveler_state=absent -e shoveler_purge=true >"$LAB_DIR/mx2.recap"
	wait $!
	cat "$LAB_DIR/mx1.recap" "$LAB_DIR/mx2.recap" | paste -sd' '
}
expect_like 0 "shoveler_state=absent; on mx2 with shoveler_purge" "changes" "$some_changes" both_absent
expect 0 "users' stores" "store.sqlite" sh -c "cd '$LAB_DIR/mx1/var/lib/shoveler/users/example.test/alice' && ls store.sqlite"
expect_like 0 "Postfix of mx2" "reloaded, not restarted" '^disable [^,]*,reload postfix.service,stop [^,]*$' told mx2
expect 1 "what the admin of mx2 has changed" 'maximal_queue_lifetime is "9d" since somebody else changed it' \
	grep -oF 'maximal_queue_lifetime is "9d" since somebody else changed it' "$LAB_DIR/mx2.play"
expect 0 "and stays, all else is as it was" "> maximal_queue_lifetime = 9d" parameters_changed
former after mx1 mx2
expect 0 "files of mx1 are what they were, byte for byte" "" differs before after mx1
expect 0 "and those of mx2, but for that" "/etc/postfix/main.cf" files_changed
lab_message "Without Shoveler" | deliver alice@example.test
expect 20 "ham to alice, without Shoveler" "INBOX: -" mailbox alice "Without Shoveler"

expect_like 0 "mx1, shoveler_purge" "changes" "$one_changes" mx1 -e shoveler_state=absent -e shoveler_purge=true
expect 0 "accounts that differ from before" "0 0" accounts
expect 0 "settings and stores" "gone" sh -c "ls -d '$LAB_DIR'/mx?/var/lib/shoveler '$LAB_DIR'/mx?/etc/shoveler 2>/dev/null || echo gone"
expect 0 "no secret in what Ansible printed" "0" sh -c "cat '$LAB_DIR'/mx1.plays | grep -c 00112233445566778899"

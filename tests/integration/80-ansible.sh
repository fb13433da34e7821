#!/bin/bash
# The Ansible role puts Shoveler onto two hosts as an ordinary admin has them, and takes it off again.
STORY_BASE=yes
. "$(dirname "$0")/story.sh"
row "" "The Ansible role"

inventory=$LAB_DIR/hosts.yml
cat >"$inventory" <<END
shoveler:
  hosts:
    mx1:
      shoveler_training_spam_address: dc-spam@example.test
      shoveler_training_innocent_address: dc-ham@example.test
      shoveler_web: true
      shoveler_web_url: https://mx1.example.test/shoveler
    mx2:
      shoveler_classifier: false
      shoveler_mx2: true
      shoveler_settings:
        log_destination: stderr
        virus_scan: "no"
  vars:
    ansible_connection: local
    ansible_python_interpreter: /usr/bin/python3
    shoveler_build_directory: $LAB_BUILD
    shoveler_settings:
      log_destination: stderr
    # There is no systemd in the lab: daemons are started and told below.
    shoveler_manage_services: false
END

# usage: play HOST OPTION...   prints "HOST changed=N failed=N"
play() {
	local host=$1
	shift
	lab_in "$host" env HOME=/var/tmp LC_ALL=C.UTF-8 ANSIBLE_CONFIG="$LAB_ROOT/ansible/ansible.cfg" ANSIBLE_NOCOLOR=1 \
		ANSIBLE_PIPELINING=1 ANSIBLE_LOCAL_TEMP=/var/tmp/ansible ANSIBLE_REMOTE_TEMP=/var/tmp/ansible \
		ansible-playbook -i "$inventory" -l "$host" "$LAB_ROOT/ansible/shoveler.yml" "$@" >"$LAB_DIR/$host.play" 2>&1
	grep -E '^(fatal|failed):' "$LAB_DIR/$host.play"
	sed -nE 's/^(mx[12]) .*(changed=[0-9]+).*(failed=[0-9]+).*/\1 \2 \3/p' "$LAB_DIR/$host.play"
}
both() {
	play mx1 "$@" >"$LAB_DIR/mx1.recap" &
	play mx2 "$@" >"$LAB_DIR/mx2.recap"
	wait $!
	cat "$LAB_DIR/mx1.recap" "$LAB_DIR/mx2.recap" | paste -sd' '
}
some_changes='^mx1 changed=[1-9][0-9]* failed=0 mx2 changed=[1-9][0-9]* failed=0$'

# What the role must give back as it was: files, links and folders, with contents, owners and modes. Accounts stay: see accounts().
former() {
	local host
	for host in mx1 mx2; do
		# shellcheck disable=SC2016
		lab_in $host sh -c '
			set -- /etc/postfix /etc/dovecot /etc/systemd /etc/cron* /etc/logrotate.d /usr/bin /usr/sbin /usr/lib/dovecot \
				/usr/lib/systemd /usr/lib/sysusers.d /usr/lib/tmpfiles.d /usr/share/man /var/lib/clamav
			find "$@" -type f -exec md5sum {} +
			find "$@" /var/spool/postfix -path "/var/spool/postfix/*/*" -prune -o -printf "%p %y %u %g %m %l\n"' 2>/dev/null |
			sort >"$LAB_DIR/$host.$1"
	done
}
# usage: differs BEFORE AFTER
differs() { for host in mx1 mx2; do diff "$LAB_DIR/$host.$1" "$LAB_DIR/$host.$2"; done; }
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

# usage: tell_postfix HOST...
tell_postfix() {
	for host in "$@"; do
		lab_in "$host" touch -d "1 minute ago" /etc/postfix/main.cf /etc/postfix/master.cf
		lab_signal HUP "$host/postfix"
	done
}

# What is not right, and the exit code.
doctor() {
	local found code
	found=$(lab_in mx1 shoveler doctor)
	code=$?
	[ -n "$found" ] || echo "doctor says nothing"
	grep -v '^ok' <<<"$found"
	echo "exit code $code"
}

for host in mx1 mx2; do
	lab_sanitizers "$host"
done
expect_like 0 "without signatures of ClamAV" "the role says what to do" 'apt-get install clamav-freshclam' play mx1
lab_in mx1 test ! -e /etc/shoveler || story_result "and has changed nothing" "" "/etc/shoveler" FAILED
lab_signatures mx1
# As where passwords are in it: the milter must be put into the group.
lab_in mx1 sh -c 'chgrp postfix /etc/postfix/redirects* && chmod 640 /etc/postfix/redirects*'
# This one the role must make itself.
lab_in mx1 userdel shoveler-web
former before
for host in mx1 mx2; do
	# The lab has ours from the beginning, with numbers of its own.
	lab_in $host cat /etc/passwd /etc/group | sort | grep -v '^shoveler' >"$LAB_DIR/$host.accounts"
done

expect_like 0 "check run" "tells of changes" "$some_changes" both --check --diff
expect 1 "it shows the change of milter_default_action" "+milter_default_action = tempfail" \
	grep -Fx -- "+milter_default_action = tempfail" "$LAB_DIR/mx1.play"
former checked
expect 0 "and has changed nothing" "" differs before checked

expect_like 0 "the role is applied" "changes" "$some_changes" both
[ "$story_failed" = 0 ] || exit 1
lab_start mx1/spamtraind mx1/shoveler-lda mx1/shoveler-milter mx1/shoveler-web mx2/shoveler-milter
tell_postfix mx1 mx2
lab_restart mx1/dovecot
expect 0 "a second run" "mx1 changed=0 failed=0 mx2 changed=0 failed=0" both
# No systemd here, so the role could not enable it.
expect_like 10 "shoveler doctor on mx1" "misses the timers" '-> systemctl enable --now shoveler-rescan.timer' doctor
lab_in mx1 sh -c 'mkdir -p /etc/systemd/system/timers.target.wants &&
	cd /etc/systemd/system/timers.target.wants &&
	for timer in rescan sharing report; do ln -s /usr/lib/systemd/system/shoveler-$timer.timer; done'
expect 10 "and when they are enabled" "exit code 0" doctor
lab_in mx1 sh -c 'rm /etc/systemd/system/timers.target.wants/shoveler-*.timer'

expect 10 "alice signs in to the web page" "303 history" web_sign_in alice@example.test secret
expect_like 0 "shoveler_web=false, check run" "Dovecot and our settings would change" '^mx1 changed=2 failed=0$' \
	play mx1 --check -e shoveler_web=false

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

# On the command line false is a string.
expect_like 0 "shoveler_state=absent" "changes" "$some_changes" both -e shoveler_state=absent -e shoveler_purge=false
expect 0 "users' stores" "store.sqlite" sh -c "cd '$LAB_DIR/mx1/var/lib/shoveler/users/example.test/alice' && ls store.sqlite"
tell_postfix mx1 mx2
lab_restart mx1/dovecot
lab_stop mx1/spamtraind mx1/shoveler-lda mx1/shoveler-milter mx1/shoveler-web mx2/shoveler-milter
former after
expect 0 "files of both hosts are what they were, byte for byte" "" differs before after
lab_message "Without Shoveler" | deliver alice@example.test
expect 20 "ham to alice, without Shoveler" "INBOX: -" mailbox alice "Without Shoveler"

expect_like 0 "shoveler_state=absent, shoveler_purge" "changes" "$some_changes" both -e shoveler_state=absent -e shoveler_purge=true
expect 0 "accounts that differ from before" "0 0" accounts
expect 0 "settings and stores" "gone" sh -c "ls -d '$LAB_DIR'/mx?/var/lib/shoveler '$LAB_DIR'/mx?/etc/shoveler 2>/dev/null || echo gone"

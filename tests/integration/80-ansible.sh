#!/bin/bash
# The Ansible role puts Shoveler onto two hosts as an ordinary admin has them, and takes it off again.
STORY_BASE=yes
. "$(dirname "$0")/story.sh"
row "" "The Ansible role"

. "$(dirname "$0")/ansible.sh"
cat >"$inventory" <<END
shoveler:
  hosts:
    mx1:
      shoveler_training_spam_address: dc-spam@example.test
      shoveler_training_innocent_address: dc-ham@example.test
      shoveler_web: true
      shoveler_web_url: https://mx1.example.test/shoveler
    mx2:
      shoveler_antivirus: false
      shoveler_classifier: false
      shoveler_sharing: false
      shoveler_mx2: true
  vars:
    ansible_connection: local
    ansible_python_interpreter: /usr/bin/python3
    shoveler_build_directory: $LAB_BUILD
    shoveler_settings:
      log_destination: stderr
END

some_changes='^mx1 changed=[1-9][0-9]* failed=0 mx2 changed=[1-9][0-9]* failed=0$'

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

role_hosts mx1 mx2
expect_like 0 "without signatures of ClamAV" "the role says what to do" 'apt-get install clamav-freshclam' play mx1
lab_in mx1 test ! -e /etc/shoveler || story_result "and has changed nothing" "" "/etc/shoveler" FAILED
lab_signatures mx1
# As where passwords are in it: the milter must be put into the group.
lab_in mx1 sh -c 'chgrp postfix /etc/postfix/redirects* && chmod 640 /etc/postfix/redirects*'
# This one the role must make itself.
lab_in mx1 userdel shoveler-web
former before mx1 mx2

expect_like 0 "check run" "tells of changes" "$some_changes" both --check --diff
expect 1 "it shows the change of milter_default_action" "+milter_default_action = tempfail" \
	grep -Fx -- "+milter_default_action = tempfail" "$LAB_DIR/mx1.play"
former checked mx1 mx2
expect 0 "and has changed nothing" "" differs before checked mx1 mx2

expect_like 0 "the role is applied" "changes" "$some_changes" both
[ "$story_failed" = 0 ] || exit 1
expect 0 "all is running" "mx1/spamtraind mx1/shoveler-lda mx1/shoveler-milter mx1/shoveler-web mx2/shoveler-milter" answering
told mx1 >/dev/null
expect 0 "a second run" "mx1 changed=0 failed=0 mx2 changed=0 failed=0" both
expect 0 "and tells nobody" "" told mx1
expect 10 "shoveler doctor on mx1 finds" "" doctor

expect 10 "alice signs in to the web page" "303 history" web_sign_in alice@example.test secret
expect_like 0 "shoveler_web=false, check run" "Dovecot, our settings and units would change" '^mx1 changed=[1-9] failed=0$' \
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
expect_like 0 "Postfix and Dovecot" "reloaded, not restarted" '^disable [^,]*,reload dovecot.service,reload postfix.service,stop [^,]*$' told mx1
former after mx1 mx2
expect 0 "files of both hosts are what they were, byte for byte" "" differs before after mx1 mx2
lab_message "Without Shoveler" | deliver alice@example.test
expect 20 "ham to alice, without Shoveler" "INBOX: -" mailbox alice "Without Shoveler"

expect_like 0 "shoveler_state=absent, shoveler_purge" "changes" "$some_changes" both -e shoveler_state=absent -e shoveler_purge=true
expect 0 "accounts that differ from before" "0 0" accounts
expect 0 "settings and stores" "gone" sh -c "ls -d '$LAB_DIR'/mx?/var/lib/shoveler '$LAB_DIR'/mx?/etc/shoveler 2>/dev/null || echo gone"

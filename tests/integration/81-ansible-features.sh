#!/bin/bash
# Each feature of the Ansible role alone, and off again, on a host that is in use; wrong settings; a run that is killed in the middle; secrets.
STORY_BASE=yes
. "$(dirname "$0")/story.sh"
row "" "Features of the Ansible role"

. "$(dirname "$0")/ansible.sh"
cat >"$inventory" <<END
shoveler:
  hosts:
    mx1:
  vars:
    ansible_connection: local
    ansible_python_interpreter: /usr/bin/python3
    shoveler_build_directory: $LAB_BUILD
    shoveler_training_spam_address: dc-spam@example.test
    shoveler_training_innocent_address: dc-ham@example.test
    shoveler_web_url: https://mx1.example.test/shoveler
    shoveler_submitter_secret: 00112233445566778899aabbccddeeff-from-the-controller
END
features="antivirus scoring classifier sharing mx2 web"

# Only these features. usage: only FEATURE... [-- OPTION...]
only() {
	local feature options=()
	for feature in $features; do
		[[ " ${*%% -- *} " = *" $feature "* ]] && options+=(-e "shoveler_$feature=true") || options+=(-e "shoveler_$feature=false")
	done
	while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
	play mx1 "${options[@]}" "${@:2}"
}

# What differs from the host as it was: names of Postfix's parameters and services, files of Dovecot, units.
left() {
	lab_in mx1 sh -c '
		cd /etc/postfix
		diff /run/before/main.cf main.cf | sed -nE "s/^> ([a-z]\w*) =.*/\1/p" | sort
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
	expect_like 0 "$1" "applied" '^mx1 changed=[1-9][0-9]* failed=0$' only "${@:3}"
	expect 0 "leaves" "$2" left
}

role_hosts mx1
lab_signatures mx1
lab_in mx1 sh -c 'mkdir /run/before && cp /etc/postfix/main.cf /etc/postfix/master.cf /run/before'
former before mx1

expect_like 0 "a value that is wrong" "refused with file and line" 'main.cf.d/50-ansible.cf, line [0-9]+: .*maybe' \
	only antivirus -- -e '{"shoveler_settings": {"virus_scan": "maybe"}}'
former refused mx1
expect 0 "and nothing was changed" "" differs before refused mx1
lab_in mx1 test ! -e /etc/shoveler || story_result "not even /etc/shoveler" "" "/etc/shoveler" FAILED

milter="milter_default_action smtpd_milters"
feature "antivirus alone" "$milter shoveler-milter.service" antivirus
feature "scoring alone" "$milter shoveler-milter.service" scoring
expect_like 0 "nothing is scanned" "no" '^virus_scan = no$' lab_in mx1 shoveler conf -n
feature "classifier alone" \
	"$milter transport_maps virtual_mailbox_maps virtual_transport master:shoveler map:training dovecot:90-shoveler-retrain shoveler-lda.service shoveler-milter.service spamtraind.service" \
	classifier
expect 0 "the secret" "is the controller's" lab_in mx1 sh -c 'grep -qx 00112233445566778899aabbccddeeff-from-the-controller /etc/shoveler/submitter.secret && echo "is the controller'"'"'s"'
lab_message "Learning alone" | deliver alice@example.test
expect 20 "ham to alice, filtered" "INBOX: Innocent" mailbox alice "Learning alone"
feature "sharing alone" "dovecot:90-shoveler-sharing shoveler-sharing.timer" sharing
lab_message "Sharing alone" | deliver alice@example.test
expect 20 "ham to alice, not filtered" "INBOX: -" mailbox alice "Sharing alone"
feature "fallback MX alone" "$(cat <<-END | paste -sd' '
	address_verify_negative_expire_time address_verify_positive_expire_time address_verify_positive_refresh_time bounce_queue_lifetime
	maximal_queue_lifetime relay_domains relay_recipient_maps smtp_tls_policy_maps smtpd_recipient_restrictions transport_maps
	unverified_recipient_defer_code unverified_recipient_reject_code virtual_alias_maps master:shoveler-accept master:shoveler-relay
	$(lab_in mx1 shoveler mx2 postfix | sed -n 's,^== /.*/,map:,p' | sort | paste -sd' ') shoveler-mx2.timer
	END
)" mx2

# Killed in the middle, with a feature that comes and one that goes: nobody was told yet.
told mx1 >/dev/null
rm "$LAB_DIR/mx1.play"
only classifier web >/dev/null &
killed=$!
lab_wait 120 grep -qs 'TASK \[shoveler : Add our files to Dovecot' "$LAB_DIR/mx1.play"
lab_in mx1 sh -c 'kill -9 "$(cat /run/ansible.pid)"'
wait $killed 2>/dev/null
expect 0 "a run is killed before Postfix and Dovecot were told" "" lab_in mx1 grep -E "^reload" /run/systemctl.log
feature "classifier and web page, after it" \
	"$milter transport_maps virtual_mailbox_maps virtual_transport master:shoveler map:training dovecot:90-shoveler-retrain dovecot:91-shoveler-web shoveler-lda.service shoveler-milter.service shoveler-report.path shoveler-report.timer shoveler-web.service spamtraind.service" \
	classifier web
expect_like 0 "and who was not told" "is told" 'reload dovecot.service,reload postfix.service' told mx1

feature "all off" "" none
expect 0 "main.cf and master.cf" "are what they were, byte for byte" lab_in mx1 sh -c 'cd /run/before && for file in *; do cmp $file /etc/postfix/$file || exit; done; echo are what they were, byte for byte'
expect 0 "a second run" "mx1 changed=0 failed=0" only none
awk '/^TASK/ { task = $0 } /^changed/ { print "# " task }' "$LAB_DIR/mx1.play"
expect 0 "no secret in what Ansible printed" "0" sh -c "cat '$LAB_DIR'/mx1.plays | grep -c 00112233445566778899"

#!/bin/bash
# The machine's own Postfix and Dovecot, users, network and mounts are what they were, while the lab is up and after it is down.
STORY_BASE=nothing
. "$(dirname "$0")/story.sh"
row 90 "The machine is left as it was"

# Everything that a careless lab would change: contents, owners, modes and times of files.
snapshot() {
	find /etc /var/spool/postfix /var/lib/postfix /var/lib/dovecot /var/lib/clamav /var/lib/shoveler /var/vmail /var/mail \
		/var/log/mail* /run/dovecot /run/shoveler /usr/lib/dovecot /usr/sbin -printf '%p %u %g %m %s %T@\n' 2>/dev/null | sort
	# Others use these too, but not users who exist only in the lab.
	find /tmp /var/tmp /root /home -maxdepth 1 -nouser 2>/dev/null | sort
	md5sum /etc/passwd /etc/group /etc/shadow
	ip -o address | grep '203\.0\.113\.'
}
mounts() { grep -cF "$LAB_DIR" /proc/self/mountinfo; }
processes() { ps -eo args= | grep -cE '[l]ab/host.sh [a-z0-9]+ .*'"$LAB_DIR"; }

install -o 5000 /dev/null /tmp/untouched.$$.vmail
snapshot >/tmp/untouched.$$.before
rm /tmp/untouched.$$.vmail
expect_like 0 "a change is seen" "one" "^< /tmp/untouched.$$.vmail" diff /tmp/untouched.$$.before <(snapshot)
snapshot >/tmp/untouched.$$.before
lab_up || exit 1
# Another lab's file may lie in /tmp for a moment.
changed() { snapshot | diff /tmp/untouched.$$.before -; }
expect 20 "the lab is up: files, users and network of the machine" "" changed
expect_like 0 "its processes are seen" "some" '^[1-9]' processes
expect_like 0 "its mounts are seen" "some" '^[1-9]' mounts
lab_message "Untouched" | deliver alice@example.test
expect 20 "it works" "INBOX: Innocent" mailbox alice "Untouched"
story_down
expect 20 "the lab is down: files, users and network" "" changed
expect 20 "mounts left" "0" mounts
expect 20 "processes left" "0" processes
expect 0 "its folder" "gone" sh -c "[ -e '$LAB_DIR' ] && echo there || echo gone"
rm -f /tmp/untouched.$$.*

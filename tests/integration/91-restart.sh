#!/bin/bash
# Clean stop and start: each daemon ends on SIGTERM with exit code 0 and without a leak; what was learned and what is queued stays. A lab
# that was ended can be started again at once, and comes up in time.
STORY_BASE=nothing
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
row 91 "Stop and start"

# Others use this machine too: the best of three, and so many times as long as it is known to be slow, and as there are who want each processor.
for _ in 1 2 3; do
	[ ! -e "$LAB_DIR" ] || story_down
	started=$SECONDS
	lab_up || exit 1
	took=$((SECONDS - started))
	limit=$((10 * STORY_PATIENCE * (1 + $(cut -d. -f1 /proc/loadavg) / $(nproc))))
	[ $took -gt $limit ] || break
done
in_time() { [ $took -le $limit ] && echo "within $limit s" || echo "after $took s"; }
expect 0 "the lab is up" "within $limit s" in_time

lab_message "Learn this" "Buy pills at http://pills.test/ today" | deliver alice@example.test
expect 20 "a message" "INBOX: Innocent" mailbox alice "Learn this"
lab_imap alice move INBOX Junk "$(lab_uid alice INBOX "Learn this")"
expect 20 "moved to Junk: lessons" "1" teach_lessons alice

# usage: exit_code HOST/SERVICE (stops it)
exit_code() { lab_stop "$1" && echo "exit code $(lab_exit_code "$1")"; }
for server in $LAB_DAEMONS; do
	expect 0 "$server on SIGTERM" "exit code 0" exit_code "$server"
done
lab_message "While all was stopped" >"$LAB_DIR/message"
lab_in mx1 postconf -e "smtpd_milters ="
lab_in mx1 sendmail -f sender@client.test alice@example.test <"$LAB_DIR/message"
expect_like 20 "nothing runs, mail" "waits" 'alice@example.test.*delay_reason' lab_queue mx1
lab_start $LAB_DAEMONS
expect 30 "all started again" "INBOX: Innocent" mailbox alice "While all was stopped"
expect 10 "lessons" "1" teach_lessons alice

story_down
lab_up || exit 1
expect 10 "a new lab: nothing is left of the old one" "nowhere" folder alice "Learn this"

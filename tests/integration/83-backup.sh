#!/bin/bash
# Row 83: backup and restore on a host where mail comes in: a backup while users teach, restored on another host and compared; one user
# restored on the running host; kill -9 in the middle of both.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
row 83 "Backup and restore"

backups=/var/backups/shoveler
mkdir -p "$LAB_DIR/mx1/var/backups" "$LAB_DIR/mx2/var/backups"
in_mx2() { lab_in mx2 env ASAN_OPTIONS=detect_leaks=0 "$@"; }
backup() { lab_shoveler backup $backups; }
verify() { lab_shoveler backup --verify $backups; }

# ---- users whose filters know something, and a quarantine; carol's is on a small file system of its own ----
users=/var/lib/shoveler/users/example.test
lab_in mx1 sh -c "mkdir -p $users/carol && mount -t tmpfs -o size=16m,mode=700 small $users/carol && chown shoveler: $users $users/carol"
ham=$(teach_corpus ham 1 25) spam=$(teach_corpus spam 1 25)
for user in alice bob carol; do
	# shellcheck disable=SC2086
	lab_spamtrain train $user@example.test spam $spam >/dev/null
	# shellcheck disable=SC2086
	lab_spamtrain train $user@example.test ham $ham >/dev/null
done
lab_spamtrain preference set alice@example.test statisticalSedation 0 >/dev/null
lab_spamtrain preference set alice@example.test spamAction quarantine >/dev/null
lab_in mx1 shoveler public create '#Pond'
lab_in mx1 shoveler group add staff bob@example.test
for number in 3 4; do known_spam $number "Held $number" | deliver alice@example.test; done
held() { lab_spamtrain quarantine list alice@example.test | grep -c "Held"; }
expect 30 "spam to alice: her quarantine" "2" held

# ---- mail comes in, and users teach, while backups run one after the other ----
touch "$LAB_DIR/streaming"
stream() {
	local count=0
	while [ -e "$LAB_DIR/streaming" ]; do
		count=$((count + 1))
		lab_message "Stream $count" "The meeting number $count is at noon" | lab_send alice@example.test bob@example.test >>"$LAB_DIR/stream.log"
		echo $count >"$LAB_DIR/streamed"
	done
}
stream &
streaming=$!
disown $streaming
expect 20 "mail comes in" "INBOX: Innocent" mailbox alice "Stream 1"
lab_imap alice move INBOX Junk "$(lab_uid alice INBOX "Stream 1")"
for _ in 1 2 3; do backup >/dev/null 2>"$LAB_DIR/backup.err" || cat "$LAB_DIR/backup.err"; done
lab_spamtrain quarantine release alice@example.test "$(lab_spamtrain quarantine list alice@example.test | grep "Held 3" | cut -d' ' -f1)" >/dev/null
expect_like 0 "a backup while mail comes in" "all users" '[2-9] users .*[1-9][0-9]* messages in quarantine' backup
expect_like 0 "it" "is whole" 'whole, [0-9]+ entries' verify
lab_imap alice move INBOX Junk "$(lab_uid alice INBOX "Stream 2")"

# kill -9 at moments that differ: what is there is always a backup.
killed=0
for delay in 0.02 0.05 0.1 0.2 0.35; do
	lab_in mx1 bash -c '[ ! -r /etc/lab.environment ] || LAB_SERVICE=command . /etc/lab.environment; timeout -s KILL "$0" shoveler backup "$1"' $delay $backups >/dev/null 2>&1
	[ $? != 137 ] || killed=$((killed + 1))
	verify >"$LAB_DIR/verified" 2>&1 || { cat "$LAB_DIR/verified"; break; }
done
some_killed() { [ $killed -gt 0 ] && echo "some were"; }
expect 0 "five backups to be killed" "some were" some_killed
expect_like 0 "after each kill" "whole" 'whole, [0-9]+ entries' cat "$LAB_DIR/verified"

rm "$LAB_DIR/streaming"
lab_wait 20 eval '! kill -0 $streaming 2>/dev/null'
settle 30
streamed=$(<"$LAB_DIR/streamed")
all_there() { lab_imap "$1" header INBOX Subject | grep -c 'Stream'; }
expect 30 "every message of the stream is at bob's" "$streamed" all_there bob
taken() { grep -c '^data 250' "$LAB_DIR/stream.log"; }
expect 0 "none was put off" "$streamed" taken
# Seconds from Postfix to the delivery agent and Dovecot, the longest; others use this machine too.
slowest() { lab_log mx1 'status=sent.*Stream|to=<(alice|bob)@example.test>.*status=sent' | sed -n 's/.*delays=[0-9.]*\/[0-9.]*\/[0-9.]*\/\([0-9.]*\),.*/\1/p' | sort -n | tail -n 1; }
bounded() { awk -v s="$(slowest)" -v limit=$((5 * STORY_PATIENCE)) 'BEGIN { print s <= limit ? "bounded" : "slowest delivery " s " s" }'; }
expect 0 "deliveries during backups" "bounded" bounded
echo "# slowest delivery during backups: $(slowest) s"

expect 0 "one of alice's was released meanwhile: her quarantine" "1" held
# From here on mail alone teaches nothing: verdicts can be compared.
for user in alice bob; do lab_spamtrain preference set $user@example.test trainingMode NOTRAIN >/dev/null; done

# ---- restored on another host, where everything is the same ----
messages="$(teach_corpus spam 30 2) $(teach_corpus ham 30 2)"
# usage: everything COMMAND...  (how a command is run on that host)
everything() {
	local user file
	for user in alice bob; do
		for file in $messages; do "$@" spamtrain classify $user@example.test <"$file"; done
		"$@" spamtrain --json history $user@example.test 10000
		"$@" spamtrain preference list $user@example.test
		"$@" spamtrain quarantine list $user@example.test
	done
	"$@" shoveler public list
	"$@" shoveler group list
	"$@" sh -c 'cd /var/lib/shoveler/users && find . -path "*/quarantine/*" -type f -exec md5sum {} + | sort'
}
expect_like 0 "a last backup" "done" '[2-9] users' backup
expect_like 0 "and again: nothing has changed" "nothing is written" '\(0 had changed\)|wrote 0.0 MB' eval 'sleep 2.2; backup >/dev/null; backup'
strange() { backup 2>&1 >/dev/null | grep -c 'is no state'; }
expect 0 "in state_directory, all daemons having worked there: what is not backed up" "0" strange
lab_tool command true && everything lab_tool command >"$LAB_DIR/mx1.state" 2>&1
cp -a "$LAB_DIR/mx1$backups" "$LAB_DIR/mx2/var/backups/"
restore_mx2() { in_mx2 shoveler restore --only users --only policy.sqlite $backups; }
expect_like 0 "restored on mx2" "all users" 'restored [2-9] users' restore_mx2
everything in_mx2 >"$LAB_DIR/mx2.state" 2>&1
differences() { diff "$LAB_DIR/mx1.state" "$LAB_DIR/mx2.state" && echo none; }
expect 0 "verdicts, history, preferences, quarantine, policy: differences" "none" differences
owners() { lab_in mx2 sh -c 'find /var/lib/shoveler/users -mindepth 1 ! -user shoveler | wc -l'; }
expect 0 "files there that are not shoveler's" "0" owners

# ---- one user restored on the running host, with mail coming in ----
probe=$(teach_corpus spam 1 1)
probability() { lab_spamtrain classify "$1@example.test" <"$probe" | grep -o 'probability=[0-9.]*'; }
before=$(probability alice)
# shellcheck disable=SC2046,SC2086
lab_spamtrain train alice@example.test ham $spam $(teach_corpus spam 40 15) >/dev/null
spoilt=$(probability alice)
differs() { [ "$before" != "$spoilt" ] && echo "differs"; }
expect 0 "alice teaches nonsense: her verdict" "differs" differs
known_spam 5 "Let in" | deliver alice@example.test
expect 20 "spam" "INBOX: Innocent" mailbox alice "Let in"
bobs=$(probability bob)
touch "$LAB_DIR/streaming"
stream &
streaming=$!
disown $streaming
# Killed at moments that differ, it leaves the one or the other.
interrupted=0
for delay in 0.1 0.2 0.4; do
	lab_in mx1 bash -c '[ ! -r /etc/lab.environment ] || LAB_SERVICE=command . /etc/lab.environment; timeout -s KILL "$0" shoveler restore --user alice@example.test "$1"' $delay $backups >/dev/null 2>&1
	[ $? != 137 ] || interrupted=$((interrupted + 1))
	now=$(probability alice)
	[ "$now" = "$before" ] || [ "$now" = "$spoilt" ] || echo "# after a kill: $now, neither $before nor $spoilt"
done
old_or_new() { case $(probability alice) in "$before" | "$spoilt") echo "the one or the other" ;; *) probability alice ;; esac }
expect 0 "$interrupted restores killed: her verdict" "the one or the other" old_or_new
expect_like 0 "a restore of alice, mail coming in" "one user" 'restored 1 users and 0 files' lab_shoveler restore --user alice@example.test $backups
expect 0 "her verdict" "$before" probability alice
expect 0 "bob's" "$bobs" probability bob
# ---- one whose disk is full ----
# shellcheck disable=SC2046,SC2086
lab_spamtrain train carol@example.test ham $spam $(teach_corpus spam 40 15) >/dev/null
spoilt=$(probability carol)
# usage: leave KILOBYTES
leave() { lab_in mx1 sh -c "rm -f $users/carol/filler; dd if=/dev/zero of=$users/carol/filler bs=1k count=\$((\$(df --output=avail -k $users/carol | tail -n 1) - $1)) status=none"; }
restore_carol() { lab_shoveler restore --user carol@example.test $backups 2>&1; }
for kilobytes in 0 200; do
	leave $kilobytes
	expect_like 0 "a restore of carol with $kilobytes KB of room" "says so" 'all is as it was before' restore_carol
done
leave 0
lab_message "Store full" | deliver carol@example.test
expect_like 20 "mail to carol" "waits" 'carol@example.test.*delay_reason' lab_queue mx1
lab_in mx1 rm $users/carol/filler
expect 0 "room again: her verdict" "$spoilt" probability carol
kept() { lab_in mx1 ls /var/lib/shoveler | grep -c before-restore; }
expect 0 "what was kept of it" "0" kept
expect_like 0 "a restore of carol" "one user" 'restored 1 users and 0 files' restore_carol
expect 30 "the mail that waited" "INBOX: Innocent" mailbox carol "Store full"
rm "$LAB_DIR/streaming"
lab_wait 20 eval '! kill -0 $streaming 2>/dev/null'
settle 30
expect 0 "what came meanwhile was taken" "$((streamed + $(<"$LAB_DIR/streamed")))" taken
known_spam 6 "Held after" | deliver alice@example.test
expect 30 "the daemons, which were not restarted, hold spam again" "2" held
expect 10 "the message" "nowhere" folder alice "Held after"

# ---- stores of every former version, while the new programs open them, teach and deliver ----
lab_stop mx1/shoveler-lda mx1/spamtraind
newest=$(find "$LAB_ROOT/schema/migrations/user" -name '*.sql' | wc -l)
declare -A former=([bob]=20000)
for ((version = 2; version < newest; version++)); do former[old$version]=500; done
for user in "${!former[@]}"; do
	version=${user#old} folder=$LAB_DIR/mx1$users/$user
	[ "$user" != bob ] || version=1
	rm -rf "$folder" && mkdir -p "$folder/quarantine" && echo held >"$folder/quarantine/held.1"
	ASAN_OPTIONS=detect_leaks=0 "$LAB_BUILD/schema/old_store" "$version" "$folder" "${former[$user]}" || echo "# $user: no store of version $version"
	lab_in mx1 chown -R shoveler: "$users/$user"
done
backup_all() { for number in 1 2 3 4 5 6; do lab_shoveler backup "/var/backups/former.$number" || echo failed; done >"$LAB_DIR/former.log" 2>&1; }
backup_all &
backing=$!
lab_wait 20 test -e "$LAB_DIR/mx1/var/backups/former.1/manifest.next"
lab_start mx1/shoveler-lda mx1/spamtraind
for number in 1 2 3; do lab_message "Upgraded $number" "The meeting number $number" | deliver bob@example.test; done
# shellcheck disable=SC2086
for user in "${!former[@]}"; do [ "$user" = bob ] || lab_spamtrain train "$user@example.test" spam $probe >/dev/null 2>&1; done
wait $backing
bad_backups() { grep -cE 'failed|not backed up' "$LAB_DIR/former.log"; }
expect 0 "six backups meanwhile: those that said of something that it is not in it" "0" bad_backups
for number in 1 2 3; do expect 30 "message $number to bob" "INBOX" eval "mailbox bob 'Upgraded $number' | cut -d: -f1"; done
lab_shoveler backup /var/backups/former.7 >/dev/null
versions() { sed -n 's/^user \([0-9]*\) .*/\1/p' "$LAB_DIR"/mx1/var/backups/former."$1"/manifest | sort -un | paste -sd' '; }
some_old() { [ "$(versions 1)" != "$newest" ] && echo "some"; }
expect 0 "stores of a former version in the first" "some" some_old
expect 0 "versions in the last" "$newest" versions 7
echo "# versions in the backups: $(for number in 1 2 3 4 5 6 7; do echo "$(versions $number);"; done | paste -sd' ')"
# Each of them on the other host: stores of today, whole, with all that was made.
sound() {
	local number user
	for number in 1 2 3 4 5 6 7; do
		rm -rf "$LAB_DIR/mx2/var/backups/shoveler" "$LAB_DIR/mx2$users"/{bob,old*}
		cp -a "$LAB_DIR/mx1/var/backups/former.$number" "$LAB_DIR/mx2/var/backups/shoveler"
		in_mx2 shoveler restore --only users $backups >/dev/null || echo "backup $number: not restored"
		for user in "${!former[@]}"; do
			python3 - "$LAB_DIR/mx2$users/$user" "$newest" "${former[$user]}" <<-'END' || echo "backup $number: $user"
				import os, sqlite3, sys
				folder, newest, count = sys.argv[1:]
				db = sqlite3.connect(folder + "/store.sqlite")
				value = lambda sql: db.execute(sql).fetchone()[0]
				assert value("PRAGMA integrity_check") == "ok"
				assert value("PRAGMA user_version") == int(newest)
				assert value("SELECT count(*) FROM message WHERE subject LIKE 'Subject %'") == int(count)
				assert value("SELECT value FROM preference WHERE name = 'spamSubject'") == "[pourriel]"
				held = value("SELECT group_concat(file, '/') FROM quarantine")
				assert held == "held.1" and os.path.exists(folder + "/quarantine/held.1")
				assert all(os.path.exists(folder + "/" + name) for name in value("SELECT files FROM dictionary").split())
			END
		done
	done
}
expect 0 "restored on the other host: what is not sound" "" sound

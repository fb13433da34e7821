#!/bin/bash
# The scanner: dead, hung, crashed by a message, reloaded; archives; forged fields. Never does unscanned mail reach a mailbox, and
# never do other recipients wait for it longer than they must.
STORY_WORKERS_DIE=yes
. "$(dirname "$0")/story.sh"
row 30 "The scanner"

milter_settings() { # "name = value"...
	lab_in mx1 sh -c 'mkdir -p /etc/shoveler/main.cf.d; printf "%s\n" "$@" >/etc/shoveler/main.cf.d/90-test.cf' sh "$@"
	lab_restart mx1/shoveler-milter
}
scanner_pid() { lab_in mx1 pgrep -f -- '^shoveler-milter --scanner' | head -n 1; }
milter_log() { grep -E -- "$1" "$LAB_DIR/mx1/var/log/shoveler-milter.out"; }
held() { lab_in mx1 find /var/spool/postfix/hold -type f | wc -l; }
# A message with a file in it. usage: attach SUBJECT FILE
attach() {
	python3 - "$1" "$2" <<-'END'
		import email.message, email.utils, sys
		message = email.message.EmailMessage()
		message["From"], message["To"], message["Subject"] = "sender@client.test", "alice@example.test", sys.argv[1]
		message["Message-ID"], message["Date"] = email.utils.make_msgid(), email.utils.formatdate()
		message.set_content("See the attachment.\n")
		message.add_attachment(open(sys.argv[2], "rb").read(), maintype="application", subtype="zip", filename="a.zip")
		sys.stdout.buffer.write(message.as_bytes())
	END
}
# usage: zipped NAME SOURCE DEPTH
zipped() {
	python3 - "$@" <<-'END'
		import io, sys, zipfile
		data = open(sys.argv[2], "rb").read()
		for level in range(int(sys.argv[3])):
		    out = io.BytesIO()
		    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
		        archive.writestr("f%d" % level, data)
		    data = out.getvalue()
		open(sys.argv[1], "wb").write(data)
	END
}

# Archives.
lab_eicar >"$LAB_DIR/eicar"
zipped "$LAB_DIR/nested.zip" "$LAB_DIR/eicar" 3
attach "Nested" "$LAB_DIR/nested.zip" | deliver alice@example.test
expect_like 10 "EICAR three archives deep" "discarded" 'action=discard, scan=infected' milter_log 'action=discard'

# The copy that is kept, and its release: the signature was wrong.
kept() { lab_shoveler virus list | sed -n 's/ .*from=<sender@client.test> to=<alice@example.test>$//p'; }
expect_like 10 "the copy for the admin" "listed" 'Lab.Eicar.*to=<alice@example.test>' lab_shoveler virus list
lab_shoveler virus release "$(kept)"
expect 20 "released" "INBOX: Innocent" mailbox alice "Nested"
expect 0 "and not kept any more" "" lab_shoveler virus list

# No room for the copy: nothing is taken from anybody, and who may have it gets it. What comes when there is room again is taken.
infected=/var/lib/shoveler/infected
lab_in mx1 sh -c "mount -t tmpfs -o size=64k,mode=700 full $infected && chown --reference=/var/lib/shoveler/milter $infected && dd if=/dev/zero of=$infected/.filler bs=4k 2>/dev/null"
attach "Unkept" "$LAB_DIR/nested.zip" >"$LAB_DIR/message"
expect_like 0 "a virus of which no copy can be kept" "put off" '^data 451 4\.3\.0' lab_send alice@example.test <"$LAB_DIR/message"
expect_like 0 "the log" "says why" 'infected \(Lab\.Eicar[^)]*\), deferred until a copy can be kept: .*No space left' milter_log 'until a copy'
copies_failed() { lab_in mx1 curl -s http://127.0.0.1:9763/metrics | sed -n 's/^shoveler_milter_virus_copies_failed_total //p'; }
expect 5 "counted" "1" copies_failed
expect_like 0 "to a mailbox and a redirect" "taken apart" '^data 451 4\.3\.0' lab_send alice@example.test friend@example.test <"$LAB_DIR/message"
apart() { lab_send alice@example.test friend@example.test <"$LAB_DIR/message" | grep -E '^(rcpt|data)' | tail -n 1; }
expect_like 0 "again" "the redirect gets it" '^data 250' apart
expect 20 "at the third party" "it" sh -c "grep -rlx 'Subject: Unkept' '$LAB_DIR/third/var/vmail/friend/new' >/dev/null && echo it"
lab_in mx1 rm $infected/.filler
expect_like 0 "room again" "taken" '^data 250' lab_send alice@example.test <"$LAB_DIR/message"
expect_like 5 "the copy" "is kept" 'Lab.Eicar.*to=<alice@example.test>' lab_shoveler virus list
lab_in mx1 umount $infected

# Fields of ours that a stranger wrote.
lab_message "Forged" "Hello." "X-Virus-Scanned: by the sender" "X-Shoveler-Submitter: v1; user=alice" "X-VIRUS-Status: very clean" | deliver alice@example.test
expect 20 "forged fields: X-Virus-Scanned" "shoveler-milter" lab_field alice INBOX Forged X-Virus-Scanned
expect 10 "the others" "-" lab_field alice INBOX Forged X-Shoveler-Submitter
expect 10 "in any case" "Clean" lab_field alice INBOX Forged X-Virus-Status

mapfile -t forged < <(yes "X-Virus-Status: Clean" | head -n 101)
lab_message "Forged too often" "Hello." "${forged[@]}" >"$LAB_DIR/message"
expect_like 0 "more of them than we take out" "refused" '^data 554.*too many' lab_send alice@example.test <"$LAB_DIR/message"

# A signature that the admin ignores, by its name.
lab_signature Lab.Other "no such text 0"
lab_in mx1 sh -c 'echo Lab.Eicar >/var/lib/clamav/local.ign2'
lab_message "Ignored" "$(lab_eicar)" >"$LAB_DIR/message"
ignored() { lab_send carol@example.test <"$LAB_DIR/message" >/dev/null; lab_has carol INBOX Ignored; }
lab_wait 20 ignored
expect 10 "a signature that is ignored by name" "INBOX: Innocent" mailbox carol Ignored
lab_in mx1 rm /var/lib/clamav/local.ign2
found_again() { lab_send bob@example.test <"$LAB_DIR/message" >/dev/null; milter_log 'to=<bob@example.test>' | tail -n 1; }
expect_like 20 "and not any more" "found again" 'scan=infected' found_again
before=$(milter_log cause=new-signatures | wc -l)
loads() { echo $(($(milter_log cause=new-signatures | wc -l) - before)); }
loaded() { [ "$(loads)" -ge "$1" ]; }

# New signatures while mail flows.
storm() { local i; for i in $(seq 30); do lab_message "Flow $i" | lab_send bob@example.test | grep -E '^data' || echo "no reply"; done; }
storm >"$LAB_DIR/storm" 2>&1 &
storm=$!
for number in 1 2 3; do
	lab_signature "Lab.New$number" "no such text $number"
	lab_wait 20 loaded "$number"
done
wait $storm
expect 10 "new signatures while mail flows: loads" "3" loads
taken() { grep -c '^data 250 ' "$LAB_DIR/storm"; }
expect 0 "30 mails meanwhile: taken at once" "30" taken
arrived() { lab_imap bob header INBOX Subject | grep -c 'Flow'; }
expect 60 "at bob's" "30" arrived

# A database that cannot be loaded leaves the old one, for scans that are under way and for those that come.
touch "$LAB_DIR/go"
# Fewer than virus_brake.
attacks() { for _ in $(seq 50); do [ -e "$LAB_DIR/go" ] || break; lab_message "Attack" "$(lab_eicar)" | lab_send alice@example.test | grep -oE '^data [0-9]+' || echo "no reply"; done; }
attacks >"$LAB_DIR/attacks" &
attacks=$!
lab_wait 20 test -s "$LAB_DIR/attacks"
echo "damaged" >"$LAB_DIR/mx1/var/lib/clamav/damaged.ndb"
expect_like 20 "a damaged database while viruses come" "the old one stays" 'the old signatures stay in use' milter_log 'load-failed'
rm "$LAB_DIR/go" && wait $attacks
expect 0 "the viruses: each of them taken" "data 250" sort -u "$LAB_DIR/attacks"
discarded() { [ "$(milter_log 'to=<alice@example.test>.*action=discard.*Eicar' | wc -l)" -ge "$(wc -l <"$LAB_DIR/attacks")" ] && echo all; }
expect 10 "and found" "all" discarded
rm "$LAB_DIR/mx1/var/lib/clamav/damaged.ndb"

# kill -9 of a worker, then of the whole scanner.
lab_in mx1 sh -c "pkill -9 -o -P $(scanner_pid)"
again() { lab_send alice@example.test <"$LAB_DIR/again" >/dev/null; }
# Put off, when it was the one that had been given to that worker already.
lab_message "After a worker" >"$LAB_DIR/again"
lab_wait 20 again
expect 20 "a worker killed" "INBOX: Innocent" mailbox alice "After a worker"
lab_in mx1 kill -9 "$(scanner_pid)"
lab_message "After the scanner" >"$LAB_DIR/again"
lab_wait 20 again
expect 20 "the scanner killed" "INBOX: Innocent" mailbox alice "After the scanner"

# No scanner at all: only mailboxes wait.
mv "$LAB_DIR/mx1/var/lib/clamav" "$LAB_DIR/mx1/var/lib/clamav.away"
lab_in mx1 kill -9 "$(scanner_pid)"
lab_message "No scanner" >"$LAB_DIR/message"
expect_like 10 "no scanner: alice" "deferred" '^rcpt alice@example.test 451' lab_send alice@example.test friend@example.test <"$LAB_DIR/message"
expect 20 "the redirect" "delivered" sh -c "grep -rlx 'Subject: No scanner' '$LAB_DIR/third/var/vmail/friend/new' >/dev/null && echo delivered"
mv "$LAB_DIR/mx1/var/lib/clamav.away" "$LAB_DIR/mx1/var/lib/clamav"
lab_message "Scanner is back" >"$LAB_DIR/again"
lab_wait 20 again
expect 20 "it is back" "INBOX: Innocent" mailbox alice "Scanner is back"

# A message that a worker does not survive: deferred, taken apart from the others, and held in the end.
milter_settings "scanner_timeout = 1s" "scanner_max_time = 0" "scanner_crash_limit = 3" "scanner_max_file_size = 300m"
head -c 280000000 /dev/zero >"$LAB_DIR/zeros"
zipped "$LAB_DIR/bomb.zip" "$LAB_DIR/zeros" 1
rm "$LAB_DIR/zeros"
attach "Bomb" "$LAB_DIR/bomb.zip" >"$LAB_DIR/bomb"
expect_like 0 "a message that hangs the scanner, to alice and a redirect" "deferred" '^data 451' lab_send alice@example.test friend@example.test <"$LAB_DIR/bomb"
expect_like 0 "again: alice waits" "451" '^rcpt alice@example.test 451' lab_send alice@example.test friend@example.test <"$LAB_DIR/bomb"
expect 20 "the redirect has it" "delivered" sh -c "grep -rlx 'Subject: Bomb' '$LAB_DIR/third/var/vmail/friend/new' >/dev/null && echo delivered"
for number in 2 3; do
	expect_like 0 "alice alone, crash $number" "deferred" '^data 451' lab_send alice@example.test <"$LAB_DIR/bomb"
done
lab_restart mx1/shoveler-milter
expect_like 0 "after 3 crashes, and a restart" "taken" '^data 250' lab_send alice@example.test <"$LAB_DIR/bomb"
expect 10 "and held for the admin" "1" held
expect 10 "her INBOX" "nowhere" folder alice "Bomb"
# On a busy machine a second may be too short for a clean one, too: it comes again.
lab_message "After the bomb" >"$LAB_DIR/again"
lab_wait 20 again
expect 20 "other mail" "INBOX: Innocent" mailbox alice "After the bomb"

# A message beyond the limits is not called clean.
milter_settings "scanner_max_time = 1s" "scanner_max_file_size = 300m"
attach "Another bomb" "$LAB_DIR/bomb.zip" >"$LAB_DIR/bomb"
expect_like 0 "a message that takes too long" "refused" '^data 554.*cannot be scanned' lab_send alice@example.test <"$LAB_DIR/bomb"
attach "Mixed bomb" "$LAB_DIR/bomb.zip" >"$LAB_DIR/bomb"
expect_like 0 "one to alice and a redirect" "put off, to take it apart" '^data 451' lab_send alice@example.test friend@example.test <"$LAB_DIR/bomb"
lab_send alice@example.test friend@example.test <"$LAB_DIR/bomb" >"$LAB_DIR/answers"
expect_like 0 "again: alice waits" "451" '^rcpt alice@example.test 451' cat "$LAB_DIR/answers"
expect 20 "the redirect has it" "delivered" sh -c "grep -rlx 'Subject: Mixed bomb' '$LAB_DIR/third/var/vmail/friend/new' >/dev/null && echo delivered"
expect_like 0 "alice alone" "refused" '^data 554.*cannot be scanned' lab_send alice@example.test <"$LAB_DIR/bomb"

# Neither is one for which there is no room, nor one that needs more memory than a worker may have: both are put off.
lab_in mx1 sh -c 'mkdir -p /var/tmp/small && mount -t tmpfs -o size=64k small /var/tmp/small'
milter_settings "scanner_temp_directory = /var/tmp/small"
no_room() { milter_log 'action=defer, scan=error, result=temporary files cannot be written \(scanner_temp_directory\): No space left on device' | wc -l; }
number=0
for size in 100000 300000; do
	number=$((number + 1))
	{ head -c $size /dev/urandom; cat "$LAB_DIR/eicar"; } >"$LAB_DIR/large"
	attach "No room" "$LAB_DIR/large" >"$LAB_DIR/message"
	expect_like 0 "a virus of $size bytes, and no room for temporary files" "put off" '^data 451' lab_send alice@example.test <"$LAB_DIR/message"
	expect 10 "the log says so, in a line each" "$number" no_room
done
lab_in mx1 mount -o remount,size=10m /var/tmp/small
lab_send alice@example.test <"$LAB_DIR/message" >/dev/null
expect_like 10 "when there is room" "it is found" 'action=discard, scan=infected' sh -c "tail -n 1 '$LAB_DIR/mx1/var/log/shoveler-milter.out'"
milter_settings "scanner_max_memory = 200m" "scanner_max_time = 0" "scanner_max_file_size = 300m"
lab_in mx1 umount -l /var/tmp/small
attach "No memory" "$LAB_DIR/bomb.zip" >"$LAB_DIR/message"
expect_like 0 "a message of 280 MB for a worker of 200 MB" "put off" '^data 451' lab_send alice@example.test <"$LAB_DIR/message"
expect_like 10 "the log" "says why" 'worker-died.*not enough memory \(scanner_max_memory\)' milter_log 'worker-died'
expect 10 "her INBOX" "nowhere" folder alice "No memory"

# Other actions than to discard it.
milter_settings "virus_action = reject" "virus_exempt_networks = 203.0.113.30"
lab_message "Action" "$(lab_eicar)" >"$LAB_DIR/message"
expect_like 0 "virus_action = reject" "refused" '^data 554.*virus found: Lab.Eicar' lab_send alice@example.test <"$LAB_DIR/message"
lab_send third --server mx1.example.test carol@example.test <"$LAB_DIR/message" >/dev/null
expect 20 "from a network that is not scanned" "INBOX: Innocent" mailbox carol "Action"
milter_settings "virus_action = hold"
before=$(held)
lab_send alice@example.test <"$LAB_DIR/message" >/dev/null
expect 10 "virus_action = hold" "$((before + 1))" held

# What users of ours send, to whomever.
milter_settings "virus_scan_submitted = yes" "virus_brake = 2"
lab_message "Sent virus" "$(lab_eicar)" >"$LAB_DIR/message"
expect_like 0 "alice sends a virus to another host" "refused, and told so" '^data 554.*virus found' \
	lab_send --server mx1.example.test:587 --auth alice@example.test:secret --from alice@example.test friend@third.test <"$LAB_DIR/message"

# A signature that finds too much.
for number in 1 2; do
	lab_send alice@example.test <"$LAB_DIR/message" >/dev/null
done
expect 10 "the brake: more than 2 of a signature in an hour are held" "3" held
expect_like 10 "the admin is told" "a warning" 'found more than 2 times in an hour' milter_log 'more than 2'

# Mail that the admin does not want scanned.
milter_settings "virus_exempt_addresses = carol@example.test, @trusted.test"
lab_message "Samples" "$(lab_eicar)" >"$LAB_DIR/message"
lab_send alice@example.test carol@example.test <"$LAB_DIR/message" >/dev/null
expect 20 "a virus to alice and to carol, who is exempt: carol" "INBOX: Innocent" mailbox carol "Samples"
expect 10 "alice" "nowhere" folder alice "Samples"

# freshclam has stopped.
lab_in mx1 sh -c 'touch -d "10 days ago" /var/lib/clamav/*'
expect_like 10 "signatures of 10 days ago: the log" "warns" 'signatures are 10 days old' milter_log 'days old'
expect_like 10 "the metrics" "say so" 'database_stale 1' lab_in mx1 curl -s http://127.0.0.1:9763/metrics
expect_like 0 "shoveler doctor" "warns" '^warning +scanner +the newest virus signatures are 10 days old' lab_shoveler doctor

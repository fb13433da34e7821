#!/bin/bash
# `shoveler backup` and `shoveler restore` without daemons: what is copied, what is refused, what is undone.
# usage: backup_test.sh SHOVELER SPAMTRAIN        Exit code 77: not root.
set -u
shoveler=$1 spamtrain=$2
[ "$(id -u)" = 0 ] || { echo "skipped: not root"; exit 77; }
dir=$(mktemp -d)
mounted=
trap '[ -z "$mounted" ] || umount "$dir/small"; rm -rf "$dir"' EXIT
failed=0
umask 022
# Two programs that change their user, which LeakSanitizer cannot follow.
export ASAN_OPTIONS=detect_leaks=0
mkdir -p "$dir"/{conf/main.cf.d,state/users,state/web,state/spool/retrain/{tmp,new},state/recipients,state/infected,state/public,mail}
cat >"$dir/conf/main.cf" <<END
state_directory = $dir/state
runtime_directory = $dir/run
temporary_directory = $dir
postfix_config_directory = $dir/postfix
policy_group = root
mail_user = nobody
lda_user = daemon
submitter_secret_file = $dir/conf/submitter.secret
link_secret_file = $dir/elsewhere.secret
mx2_key_file = $dir/conf/mx2.key
log_destination = $dir/log
END
echo "virus_keep = 3d" >"$dir/conf/main.cf.d/10-virus.cf"
install -m 600 -o daemon /dev/null "$dir/elsewhere.secret"
echo link >"$dir/elsewhere.secret"
chmod 711 "$dir"
chown daemon "$dir/state/users" "$dir/state/infected"
chmod 700 "$dir/state/users"
for file in web/key spool/retrain/new/1700000000000000.1.1 recipients/partner.test infected/one domain-preferences rescan.last mx2.state; do
	echo "$file" >"$dir/state/$file"
done
chown nobody:daemon "$dir/state/web/key"
chmod 640 "$dir/state/web/key"

run() { "$shoveler" -c "$dir/conf" "$@" >"$dir/out" 2>"$dir/err"; }
train() { "$spamtrain" -c "$dir/conf" "$@"; }
complain() {
	echo "$*"
	failed=1
}
# usage: expect EXITCODE PATTERN COMMAND...  (PATTERN: in standard output or error; "-" for none)
expect() {
	local want=$1 pattern=$2 code
	shift 2
	run "$@"
	code=$?
	[ "$code" = "$want" ] || complain "shoveler $*: exit code $code, not $want: $(cat "$dir/err")"
	[ "$pattern" = - ] || grep -qE -- "$pattern" "$dir/out" "$dir/err" ||
		complain "shoveler $*: no \"$pattern\" in: $(cat "$dir/out" "$dir/err")"
}
# usage: same WHAT EXPECTED FOUND
same() { [ "$2" = "$3" ] || complain "$1: expected $2, found $3"; }

for number in 1 2 3 4 5 6; do
	printf 'Subject: cheap pills %s\nMessage-ID: <s%s@example.test>\n\nbuy the cheap pills number %s now\n' $number $number $number >"$dir/mail/spam$number"
	printf 'Subject: lunch %s\nMessage-ID: <h%s@example.test>\n\nshall we meet for lunch at noon on day %s\n' $number $number $number >"$dir/mail/ham$number"
done
teach() {
	train train "$1" spam "$dir"/mail/spam[1-5] && train train "$1" ham "$dir"/mail/ham[1-5]
}
for user in alice bob "o'hara"; do
	teach "$user@example.test" >"$dir/out" 2>&1 || complain "teaching failed: $(cat "$dir/out")"
done
train preference set alice@example.test spamSubject '[a]' >/dev/null
run group add staff alice@example.test
# A message in alice's quarantine, as the delivery agent leaves it.
alice=$dir/state/users/example.test/alice ohara=$dir/state/users/example.test/o%27hara
install -d -o daemon -m 700 "$alice/quarantine"
printf 'Subject: held\n\nheld\n' >"$alice/quarantine/303030303030303030303033.1.1.1"
chown daemon "$alice/quarantine"/*
sqlite() { python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2]); db.commit()' "$@"; }
sqlite "$alice/store.sqlite" "INSERT INTO quarantine VALUES (CAST('000000000003' AS BLOB), '303030303030303030303033.1.1.1', 's@x.test', 'alice@example.test', 1700000000, 20)"
chown daemon "$alice"/*

# What users would notice, as text.
verdict() { train classify "$1@example.test" "$dir/mail/spam6"; }
state() {
	verdict alice
	verdict bob
	train preference get alice@example.test spamSubject
	train quarantine list alice@example.test | sed 's/  .*//'
	train --json history alice@example.test 100 | md5sum
	run group list && cat "$dir/out"
	(cd "$dir" && find conf state/web state/spool state/recipients state/infected state/domain-preferences elsewhere.secret -printf '%p %m %u %g %s\n' | sort)
}
before=$(state 2>&1)

# ---- backup ----
b=$dir/backup
expect 64 "wants a FOLDER" backup --verify
expect 64 "wants a FOLDER" backup --nonsense
expect 0 '3 users \(3 had changed\), 1 messages in quarantine' backup "$b"
expect 0 'whole' backup --verify "$b"
same "rights of the backup" "700 600" "$(stat -c %a "$b") $(find "$b" -type f -printf '%m\n' | sort -u | paste -sd' ')"
cmp -s "$b/users/example.test/alice/quarantine/303030303030303030303033.1.1.1" "$alice/quarantine/303030303030303030303033.1.1.1" || complain "the held message is not in it"
[ -e "$b/link.secret" ] && [ ! -e "$b/submitter.secret" ] || complain "secrets: elsewhere, and not twice"
echo strange >"$dir/state/strange"
expect 0 'warning: .*/state/strange is no state' backup "$b"
rm "$dir/state/strange"
touch -d '1 minute ago' "$dir"/state/users/example.test/*/store.sqlite* "$dir/state/web/key" "$dir"/conf/*.* "$dir"/conf/main.cf.d/*
expect 0 - backup "$b"
sleep 2.1
expect 0 - backup "$b"
expect 0 '3 users \(0 had changed\).*wrote 0.0 MB' backup "$b"
train preference set bob@example.test spamSubject '[b]' >/dev/null
expect 0 '3 users \(1 had changed\)' backup "$b"
train preference set bob@example.test spamSubject '' >/dev/null
expect 64 "lies in .*, which is to be backed up" backup "$dir/state/web/backup"
rmdir "$dir/state/web/backup"
# Two runs that are killed, one after the other: what the first one noted is not lost.
twice() {
	local round
	for round in 1 2 3 4 5 6; do
		train preference set alice@example.test spamSubject "[$round]" >/dev/null
		train preference set bob@example.test spamSubject "[$round]" >/dev/null
		(timeout -s KILL 0.0$((RANDOM % 6 + 2)) "$shoveler" -c "$dir/conf" backup "$b"; true) >/dev/null 2>&1
		run backup --verify "$b" || { complain "after kill $round: $(cat "$dir/err")"; return; }
	done
}
twice
# The same without chance: as a kill just before the end leaves it, and then one as soon as more than 8 KiB are written.
half() {
	rm -rf "$dir/half" && cp -a "$b" "$dir/half" && cp "$dir/half/manifest" "$dir/former"
	train preference set alice@example.test spamSubject "[half]" >/dev/null
	expect 0 - backup "$dir/half"
	sed '$d' "$dir/half/manifest" >"$dir/half/manifest.next" && cp "$dir/former" "$dir/half/manifest"
	expect 0 whole backup --verify "$dir/half"
	train preference set alice@example.test spamSubject "[more]" >/dev/null
	(ulimit -f 8; "$shoveler" -c "$dir/conf" backup "$dir/half"; true) >/dev/null 2>&1
	[ -e "$dir/half/manifest.next" ] || complain "the backup was not killed"
	expect 0 whole backup --verify "$dir/half"
	rm -rf "$dir/half"
}
rm -rf "$b" && run backup "$b"
half
train preference set alice@example.test spamSubject '[a]' >/dev/null
train preference set bob@example.test spamSubject '' >/dev/null
# In a folder of somebody else's it could be exchanged while it is read.
install -d -o nobody -m 755 "$dir/nobodys"
expect 77 'a folder above it belongs to somebody else' backup "$dir/nobodys/backup"
rm -rf "$dir/nobodys/backup" && cp -a "$b" "$dir/nobodys/backup"
expect 77 'a folder above it belongs to somebody else' restore --dry-run "$dir/nobodys/backup"
chown root "$dir/nobodys" && chmod 777 "$dir/nobodys"
expect 77 'others may write it' restore --dry-run "$dir/nobodys/backup"
chmod 1777 "$dir/nobodys"
expect 0 'can be restored' restore --dry-run "$dir/nobodys/backup"
rm -rf "$dir/nobodys"
# Two restores share no "before-restore".
exec 9<"$dir/state" && flock -x 9
expect 75 'another restore is under way' restore --user alice@example.test "$b"
exec 9<&-
mkdir "$dir/full" && touch "$dir/full/mine"
expect 73 "not empty and no backup" backup "$dir/full"
[ -e "$dir/full/mine" ] || complain "a stranger's file went"
ln -s /etc/passwd "$dir/state/web/link"
expect 75 "web/link is not backed up" backup "$b"
[ ! -e "$b/web/link" ] || complain "a link was followed"
rm "$dir/state/web/link"

# A store that is damaged: it is named, and what the last backup had of it stays.
cp -a "$alice" "$dir/alice.kept"
printf 'garbage garbage garbage' | dd of="$alice/store.sqlite" conv=notrunc status=none
rm -f "$alice/store.sqlite-wal" "$alice/store.sqlite-shm"
expect 75 "alice@example.test is not backed up" backup "$b"
expect 0 whole backup --verify "$b"
# ... and it can be restored over it, also if nobody listens any more to what is said of that.
exec 9> >(:)
wait $!
"$shoveler" -c "$dir/conf" restore --user alice@example.test "$b" >"$dir/out" 2>&9 || complain "a restore to which nobody listens: exit code $?"
exec 9>&-
grep -q "restored 1 users" "$dir/out" || complain "a restore to which nobody listens: $(cat "$dir/out")"
same "alice's verdict" "$(grep -m1 probability <<<"$before")" "$(verdict alice)"
[ -n "$(ls "$alice"/damaged.*.store.sqlite 2>/dev/null)" ] || complain "the damaged store is gone"
rm -rf "$alice" && mv "$dir/alice.kept" "$alice"
same "all as before" "$before" "$(state 2>&1)"

# Every place is documented, and a place has one name.
run backup --list --json
names=$(python3 -c 'import json, sys; print(*[row["name"] for row in json.load(open(sys.argv[1]))])' "$dir/out")
for name in $names; do
	grep -qF "\`$name\`" "$(dirname "$0")/../docs/backup.md" || complain "docs/backup.md says nothing of $name"
done
same "names that are given twice" "" "$(tr ' ' '\n' <<<"$names" | sort | uniq -d)"

# ---- restore: everything ----
rm -rf "$b"
expect 0 - backup "$b"
expect 0 "can be restored; nothing was changed" restore --dry-run "$b"
spoil() {
	train train alice@example.test ham "$dir"/mail/spam[1-6] >/dev/null 2>&1
	rm -rf "$dir/state/users/example.test/bob" "$dir/state/web/key" "$dir/state/recipients" "$dir/elsewhere.secret" "$dir/conf/main.cf.d/10-virus.cf"
	echo other >"$dir/state/domain-preferences"
	run group remove staff alice@example.test
	rm -f "$alice/quarantine"/* && sqlite "$alice/store.sqlite" "DELETE FROM quarantine"
	chown daemon "$alice"/*
}
spoil
[ "$before" != "$(state 2>&1)" ] || complain "nothing was spoilt"
expect 0 "restored 3 users" restore "$b"
same "after the restore" "$before" "$(state 2>&1)"
[ ! -e "$dir/state/before-restore" ] || complain "what was there before is still there"
expect 0 "restored 3 users" restore "$b"
same "after the same restore again" "$before" "$(state 2>&1)"

# A step fails: what was done before it is undone.
groups() { run group list && cat "$dir/out"; }
spoil
spoilt=$(verdict alice; groups)
chown root "$dir/state/users/example.test" && chmod 755 "$dir/state/users/example.test"
expect 74 "what was there before was put back" restore "$b"
same "alice's verdict and groups, which come first, after a restore that failed" "$spoilt" "$(verdict alice; groups)"
same "domain-preferences" other "$(cat "$dir/state/domain-preferences")"
[ ! -e "$dir/state/before-restore" ] || complain "what was put back is still kept"
chown daemon "$dir/state/users/example.test" && chmod 700 "$dir/state/users/example.test"
expect 0 "restored 3 users" restore "$b"
same "after the restore that did not fail" "$before" "$(state 2>&1)"

# Who had no store, and held messages, before has none again; and so has the host no policy, and no file that came.
rm -rf "$alice" "$dir/state/users/example.test/bob" "$dir"/state/policy.sqlite* "$dir/state/web/key"
rm -rf "$ohara" && install -d -m 755 "$ohara"
expect 74 "what was there before was put back" restore "$b"
same "users who had no store before a restore that failed" "" "$(ls "$dir/state/users/example.test")"
[ -z "$(ls "$dir"/state/policy.sqlite* "$dir/state/web/key" "$dir/state/before-restore" 2>/dev/null)" ] || complain "what came with the restore that failed is there"
expect 0 "restored 3 users" restore "$b"
same "after the restore of who had none" "$before" "$(state 2>&1)"
# One that cannot be put back, since only its rows are ours, does not keep the others from it.
for user in alice bob; do
	sqlite "$dir/state/users/example.test/$user/store.sqlite" "CREATE TABLE another (x)"
	chown daemon "$dir/state/users/example.test/$user"/*
done
run group remove staff alice@example.test
rm -rf "$ohara" && install -d -m 755 "$ohara"
expect 74 "not all of what was there before could be put back; it is in $dir/state/before-restore" restore "$b"
for user in alice bob; do
	grep -q "before-restore/users/example.test/$user/store.sqlite: its tables are not those of Shoveler" "$dir/err" || complain "nothing of $user: $(cat "$dir/err")"
done
same "groups, which were put back" "" "$(groups)"
rm -rf "$dir/state/before-restore" "$dir/state/users/example.test"
expect 0 "restored 3 users" restore "$b"
same "after that" "$before" "$(state 2>&1)"

# As an archive, into another place.
"$shoveler" -c "$dir/conf" backup - >"$dir/archive.tar" 2>/dev/null || complain "no archive"
spoil
"$shoveler" -c "$dir/conf" restore - <"$dir/archive.tar" >"$dir/out" 2>&1 || complain "archive: $(cat "$dir/out")"
same "after the restore of an archive" "$before" "$(state 2>&1)"
head -c 20000 "$dir/archive.tar" | "$shoveler" -c "$dir/conf" restore - >"$dir/out" 2>&1 && complain "half an archive was taken"
same "folders of archives" "" "$(ls -d "$dir"/shoveler-backup.* 2>/dev/null)"

# Its tar goes on until its input ends, and then complains: not into a file that others read.
"$shoveler" -c "$dir/conf" restore - < <(sleep 2) >/dev/null 2>&1 &
sleep 0.3
kill $!
wait $!
same "folders of archives after SIGTERM" "" "$(ls -d "$dir"/shoveler-backup.* 2>/dev/null)"

# One user, one place.
spoil
train train bob@example.test ham "$dir"/mail/spam[1-6] >/dev/null 2>&1
others=$(verdict bob)
expect 0 "restored 1 users and 0 files" restore --user alice@example.test "$b"
same "alice's verdict" "$(sed -n 1p <<<"$before")" "$(verdict alice)"
same "bob's verdict" "$others" "$(verdict bob)"
same "domain-preferences" other "$(cat "$dir/state/domain-preferences")"
expect 0 "restored 0 users and 1 files" restore --only domain-preferences "$b"
same "domain-preferences" domain-preferences "$(cat "$dir/state/domain-preferences")"
expect 67 "has no store of nobody@example.test" restore --user nobody@example.test "$b"
expect 64 "no user's mail address|not a user's mail address" restore --user ../../etc "$b"
expect 64 "exclude each other" restore --user alice@example.test --only users "$b"
expect 64 'no "nonsense" in a backup' restore --only nonsense "$b"
expect 0 "restored 3 users" restore "$b"
same "all of it again" "$before" "$(state 2>&1)"

# What is held now stays held.
printf 'Subject: newer\n\nnewer\n' >"$alice/quarantine/303030303030303030303034.1.1.1"
sqlite "$alice/store.sqlite" "INSERT INTO quarantine VALUES (CAST('000000000004' AS BLOB), '303030303030303030303034.1.1.1', '', '', 1700000001, 16);
	CREATE TEMP TABLE row AS SELECT * FROM message LIMIT 1;
	UPDATE row SET id = 1000, signature = CAST('000000000004' AS BLOB), digest = CAST('0000000000000004' AS BLOB), subject = 'Newer', outcome = 3;
	INSERT INTO message SELECT * FROM row;"
chown daemon "$alice"/* "$alice"/quarantine/*
expect 0 - restore --user alice@example.test "$b"
same "held messages" 2 "$(train quarantine list alice@example.test | wc -l)"
grep -q newer "$alice/quarantine/303030303030303030303034.1.1.1" || complain "what came since the backup is gone"
train --json history alice@example.test 100 | grep -q '"subject": "Newer"' || complain "what is held is not in the history any more"
sqlite "$alice/store.sqlite" "DELETE FROM quarantine WHERE file LIKE '%34.1.1.1'; DELETE FROM message WHERE subject = 'Newer'"
chown daemon "$alice"/*
same "without it" "$before" "$(state 2>&1)"

# ---- backups that are damaged or hostile: one error, and nothing is changed ----
# usage: hostile PATTERN COMMAND  (COMMAND spoils $h; with "reseal" the manifest is made to fit)
h=$dir/hostile
reseal() {
	python3 - "$h" "$@" <<-'END'
		import ctypes, re, sys
		xxh = ctypes.CDLL("libxxhash.so.0")
		class Hash(ctypes.Structure):
		    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]
		xxh.XXH3_128bits.restype = Hash
		def digest(data):
		    h = xxh.XXH3_128bits(data, ctypes.c_size_t(len(data)))
		    return "%016x%016x" % (h.high, h.low)
		folder, edits = sys.argv[1], sys.argv[2:]
		lines = open(folder + "/manifest").read().splitlines()[:-1]
		out = []
		for line in lines:
		    for edit in edits:
		        line = re.sub(*edit.split("=>", 1), line)
		    f = line.split(" ")
		    if f[0] == "file":
		        try:
		            data = open(folder + "/" + re.sub("%([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), f[7]), "rb").read()
		            f[1], f[2] = str(len(data)), digest(data)
		        except OSError:
		            pass
		    out.append(" ".join(f))
		text = "\n".join(out) + "\n"
		open(folder + "/manifest", "w").write(text + "end %d %s\n" % (len(out), digest(text.encode())))
	END
}
files() { find "$dir/state" "$dir/conf" "$dir/elsewhere.secret" -type f ! -name '*-shm' -exec md5sum {} + | sort | md5sum; }
untouched=$(files)
hostile() {
	local pattern=$1
	shift
	rm -rf "$h" && cp -a "$b" "$h" && "$@"
	expect "${code:-65}" "$pattern" restore "$h"
	[ "$(files)" = "$untouched" ] || complain "$pattern: something was changed"
	[ ! -e "$dir/state/before-restore" ] || complain "$pattern: before-restore was made"
	[ -z "$(find "$dir" -name 'evil*' ! -path "$h/*")" ] || complain "$pattern: something was written elsewhere"
}
hostile 'damaged: it is not what the manifest says' truncate -s 8192 "$h/users/example.test/alice/store.sqlite"
hostile 'damaged: it is not what the manifest says' sh -c "echo x >>'$h'/conf* 2>/dev/null; echo x >>'$h/web/key'"
hostile 'damaged: it is not what the manifest says' sh -c "printf X | dd of='$h/web/key' conv=notrunc status=none"
hostile 'manifest: it is damaged or cut short' truncate -s 200 "$h/manifest"
hostile 'is no backup of Shoveler' rm "$h/manifest"
hostile 'No such file' rm "$h/web/key"
link() { rm "$h/web/key" && ln -s /etc/hostname "$h/web/key" && reseal; }
hostile 'a link or a special file' link
link_folder() { mv "$h/web" "$h/aside" && ln -s aside "$h/web" && reseal; }
hostile 'link|not a directory|Not a directory' link_folder
outside() { reseal ' web/key$=> web/../../../evil'; }
hostile 'manifest: line [0-9]+ is not valid' outside
absolute() { reseal ' web/key$=> /evil'; }
hostile 'manifest: line [0-9]+ is not valid' absolute
set_uid() { reseal '0640 nobody daemon web/key=>4755 root root web/key'; }
hostile 'mode 4755' set_uid
unknown() { reseal '0640 nobody daemon web/key=>0640 nosuchuser daemon web/key'; }
hostile 'nosuchuser:daemon, whom this system does not know' unknown
code=77 hostile 'must be root' chown nobody "$h"
hostile "is not root's alone" chmod o+w "$h/web"
hostile "is not root's alone" chown nobody "$h/users/example.test/bob/store.sqlite"
cut() { truncate -s 8192 "$h/users/example.test/bob/store.sqlite" && reseal; }
hostile 'store.sqlite: .*(malformed|not a database|damaged|tables are not|page)' cut
newer() { sqlite "$h/users/example.test/bob/store.sqlite" "PRAGMA user_version = 1000" && reseal; }
hostile 'newer Shoveler' newer
newer_policy() { sqlite "$h/policy.sqlite" "PRAGMA user_version = 1000" && reseal; }
hostile 'newer Shoveler' newer_policy
trigger() { sqlite "$h/users/example.test/bob/store.sqlite" "CREATE TRIGGER evil AFTER INSERT ON message BEGIN DELETE FROM preference; END" && reseal; }
hostile 'its tables are not those of Shoveler' trigger
names() { sqlite "$h/users/example.test/alice/store.sqlite" "UPDATE quarantine SET file = '../../evil'" && reseal; }
hostile 'is listed in the quarantine and missing' names
snapshots() { sqlite "$h/users/example.test/alice/store.sqlite" "UPDATE dictionary SET files = 'tokens.1/../../evil'" && reseal; }
hostile 'damaged list of snapshots' snapshots
python3 - "$dir/evil.tar" <<-'END'
	import io, sys, tarfile
	tar = tarfile.open(sys.argv[1], "w")
	for name, kind, link in (("web", tarfile.SYMTYPE, "/"), ("web/evil", tarfile.REGTYPE, ""), ("../evil2", tarfile.REGTYPE, ""), ("/evil3", tarfile.REGTYPE, "")):
	    info = tarfile.TarInfo(name)
	    info.type, info.linkname = kind, link
	    tar.addfile(info, io.BytesIO())
END
mv "$dir/evil.tar" "$dir/archive.tar"
"$shoveler" -c "$dir/conf" restore - <"$dir/archive.tar" >"$dir/out" 2>&1 && complain "a hostile archive was taken"
[ -z "$(ls /evil* "$dir"/evil* 2>/dev/null)" ] || complain "a hostile archive wrote elsewhere"
same "after all of that" "$before" "$(state 2>&1)"

# ---- full disks ----
# A journal that is there would become room, or not, while a restore goes on. usage: leave KILOBYTES  (in $dir/small)
leave() {
	local store
	rm -f "$dir/small/ballast"
	for store in "$dir"/small/users/example.test/*/store.sqlite; do
		sqlite "$store" "PRAGMA wal_checkpoint(TRUNCATE)"
		rm -f "$store"-*
	done
	dd if=/dev/zero of="$dir/small/ballast" bs=1k count=$(($(df --output=avail -k "$dir/small" | tail -n 1) - $1)) status=none
}
mkdir "$dir/small"
if mount -t tmpfs -o size=300k,mode=0711 none "$dir/small" 2>/dev/null; then
	mounted=yes
	expect 73 'cannot write' backup "$dir/small/backup"
	umount "$dir/small"
	mount -t tmpfs -o size=40m,mode=0711 none "$dir/small"
	cp -a "$dir/state/users" "$dir/small/users"
	echo "users_directory = $dir/small/users" >"$dir/conf/main.cf.d/20-small.cf"
	rm -rf "$b" && expect 0 - backup "$b"
	train train alice@example.test ham "$dir"/mail/spam[1-6] >/dev/null 2>&1
	spoilt=$(verdict alice)
	room() { df --output=avail -k "$dir/small" | tail -n 1; }
	# Whatever it ends with: all of it is done, or nothing, and then the disk has as much room as before. usage: all_or_nothing ARGUMENTS...
	all_or_nothing() {
		local room code used=80
		room=$(room)
		run restore "$@"
		code=$?
		case $code in
		0) same "restored, with $kilobytes KB: alice" "$(sed -n 1p <<<"$before")" "$(verdict alice)" ;;
		73 | 74 | 75)
			grep -qE 'full|No space|I/O error' "$dir/err" || complain "restore $* with $kilobytes KB: $(cat "$dir/err")"
			# Who looks at two stores makes an index of 32 KB for the log of each; one that was replaced and put back has free pages.
			! grep -q 'was put back' "$dir/err" || used=500
			[ "$(room)" -ge $((room - used)) ] || complain "restore $* with $kilobytes KB: of $room KB $(room) are left"
			rm -f "$dir/small/ballast"
			same "not restored, with $kilobytes KB: alice" "$spoilt" "$(verdict alice)"
			;;
		*) complain "restore $* with $kilobytes KB: exit code $code: $(cat "$dir/err")" ;;
		esac
		[ ! -e "$dir/state/before-restore" ] || complain "restore $* with $kilobytes KB: before-restore is there"
		codes="$codes $code"
		grep -q 'what was there before was put back' "$dir/err" && codes="$codes undone"
		if [ $code = 0 ]; then
			rm -f "$dir/small/ballast"
			train train alice@example.test ham "$dir"/mail/spam[1-6] >/dev/null 2>&1
		fi
	}
	# One user: the disk is full at several points of it.
	codes=
	for kilobytes in 0 40 80 120 160 240 400; do
		leave $kilobytes
		all_or_nothing --user alice@example.test "$b"
	done
	[[ $codes == *74*0 ]] || complain "a restore of alice on disks with more and more room: $codes"
	# All of them: hers is done when bob's, or then o'hara's, which are to be made anew, fails.
	codes=
	for kilobytes in 0 300 500 600 700 800 900 1000 1200 1600; do
		rm -rf "$dir"/small/users/example.test/{bob,o%27hara}
		leave $kilobytes
		all_or_nothing --only users "$b"
		[[ $codes == *0 ]] || same "users with a store, with $kilobytes KB" alice "$(ls "$dir/small/users/example.test")"
		grep -q "o%27hara.*\(full\|No space\|I/O error\)" "$dir/err" && codes="$codes (the last)"
	done
	[[ $codes == *73*74\ undone*0* ]] || complain "a restore of all on disks with more and more room: $codes"
	# Killed by the first write beyond so many KiB of a file: the one or the other, and it can be done again.
	killed=0
	for kilobytes in 1 33 66 99 132; do
		leave 4000
		(ulimit -f $kilobytes; "$shoveler" -c "$dir/conf" restore --user alice@example.test "$b"; [ $? -lt 128 ]) >/dev/null 2>&1 || killed=$((killed + 1))
		case $(verdict alice) in "$spoilt" | "$(sed -n 1p <<<"$before")") ;; *) complain "killed at $kilobytes KiB: $(verdict alice)" ;; esac
		expect 0 "restored 1 users" restore --user alice@example.test "$b"
		same "after the kill at $kilobytes KiB" "$(sed -n 1p <<<"$before")" "$(verdict alice)"
		train train alice@example.test ham "$dir"/mail/spam[1-6] >/dev/null 2>&1
	done
	[ $killed -gt 2 ] || complain "$killed restores were killed"
	# A damaged one that was set aside for a restore which failed has its name again.
	cp -a "$dir/state/users/example.test/bob" "$dir/small/users/example.test/bob.kept"
	rm -rf "$dir/small/users/example.test/bob" && mv "$dir/small/users/example.test/bob.kept" "$dir/small/users/example.test/bob"
	leave 60
	printf 'garbage garbage garbage' | dd of="$dir/small/users/example.test/bob/store.sqlite" conv=notrunc status=none
	expect 74 'bob/store.sqlite has its name again' restore --user bob@example.test "$b"
	grep -q 'garbage garbage' "$dir/small/users/example.test/bob/store.sqlite" || complain "the damaged store went with the restore that failed"
	same "names of damaged stores" "" "$(ls "$dir/small/users/example.test/bob" | grep damaged)"
	rm -f "$dir/small/ballast"
	expect 0 "restored 3 users" restore --only users "$b"
	rm "$dir/conf/main.cf.d/20-small.cf"
else
	echo "skipped: full disks; nothing can be mounted here"
fi
exit $failed

#!/bin/bash
# A host that has had mail for long gets Shoveler: the filters learn from the users' own folders, through Dovecot, beside live mail.
STORY_BASE=yes
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
row 82 "Learning from the users' own folders"

spamtrain() { lab_tool dovecot spamtrain "$@"; }
json() { python3 -c 'import json, sys; r = json.load(sys.stdin)["users"][0]; print(eval(sys.argv[1]))' "$1"; }
# Bob's mail is in another format.
mdbox="userdb_mail=mdbox:~/mdbox"
[ "$(dovecot --version | cut -d. -f1,2)" = 2.3 ] || mdbox="userdb_mail_driver=mdbox userdb_mail_path=~/mdbox"
lab_in mx1 sed -i "s#^bob@.*#&$mdbox#" /etc/dovecot/users

# Mail of the time before. Its Junk is Shoveler's to learn only once it is there.
ham=(x) spam=(x)
mapfile -t ham < <(teach_corpus ham 1 160)
mapfile -t spam < <(teach_corpus spam 1 120)
flagged=$LAB_DIR/flagged.eml
sed '1s/^/X-Spam-Flag: YES\n/' "${spam[111]}" >"$flagged"
sent=$LAB_DIR/sent.eml
printf 'From: alice@example.test\nTo: Pen <pen@client.test>, "A, B" <ab@client.test>\nSubject: Hello\nMessage-ID: <sent@example.test>\n\nHello.\n' >"$sent"
fill() {
	lab_imap "$1" create Archive , create Lists , create Lists/dev , fill INBOX '\Seen' 5 "${ham[@]:0:50}" , fill INBOX '' 5 "${ham[@]:50:5}" , \
		fill INBOX '\Seen' 1 "${ham[@]:55:4}" , fill Archive '\Seen' 20 "${ham[@]:60:60}" , fill Lists/dev '\Seen \Answered' 9 "${ham[@]:120:10}" , \
		fill INBOX '\Seen' 6 "$flagged" "${spam[@]:104:4}" , fill INBOX '\Seen $Junk' 6 "${spam[112]}" , \
		fill Junk '' 4 "${spam[@]:0:90}" , fill Junk '' 0 "${spam[@]:90:3}" , fill Trash '\Seen' 9 "${spam[@]:93:10}" , \
		fill Sent '\Seen' 5 "$sent"
}
fill alice &
filling=$!
fill bob && wait $filling || exit 1
lab_imap carol fill INBOX '\Seen' 9 "${ham[@]:0:9}" , fill Junk '' 9 "${spam[@]:0:9}"
flags() { lab_doveadm -f tab fetch -u "$1@example.test" 'mailbox uid flags guid date.received' ALL 2>/dev/null | sort; }
files() { (cd "$LAB_DIR/mx1/var/vmail/example.test/alice/Maildir" && find . -path '*/cur/*' -o -path '*/new/*' | sort); }
for user in alice bob; do
	flags $user >"$LAB_DIR/$user.before"
done
files >"$LAB_DIR/files.before"
lab_drop_in || exit 1
lab_in mx1 sh -c 'mkdir -p /etc/shoveler/main.cf.d && echo "learn_sent_recipients = yes" >/etc/shoveler/main.cf.d/90-test.cf'

dry=$(spamtrain --json learn-folders --dry-run alice@example.test 2>/dev/null)
expect 0 "a dry run of alice's folders" "90 spam, 125 innocent" json '"%d spam, %d innocent" % (r["chosen_spam"], r["chosen_innocent"])' <<<"$dry"
expect 0 "which folders are for what" "Archive innocent, INBOX innocent, Junk spam, Lists innocent, Lists/dev innocent, Sent sent, Trash left alone" \
	json '", ".join(sorted(f["name"] + " " + f["use"] for f in r["folders"]))' <<<"$dry"
expect 0 "and what is left out" "{'too new': 7, 'too old': 0, 'not read': 5, 'doubtful': 1, 'more than needed': 0}" json 'r["left_out"]' <<<"$dry"
expect_like 0 "no store was made" "none" 'has no store' lab_spamtrain stats alice@example.test

# Killed in the middle, and started again; mail comes meanwhile.
lessons() { lab_spamtrain --json history "$1@example.test" 10000 2>/dev/null | grep -c '"source": "folders"'; }
# However slowly we count, it does not come to its end meanwhile: it stands still, from the beginning.
# shellcheck disable=SC2016
lab_tool dovecot sh -c 'echo $$ >/run/learn.pid; kill -STOP $$; exec spamtrain learn-folders alice@example.test' >/dev/null 2>&1 &
learner=$!
lab_wait 20 test -s "$LAB_DIR/mx1/run/learn.pid"
lab_in mx1 /usr/bin/python3 - $((60 * STORY_PATIENCE)) <<'END'
import os, signal, sqlite3, sys, time
def lessons():
    try:
        with sqlite3.connect("file:/var/lib/shoveler/users/example.test/alice/store.sqlite?mode=ro", uri=True) as store:
            return store.execute("SELECT count(*) FROM message").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
with open("/run/learn.pid") as file:
    learner = int(file.read())
deadline = time.monotonic() + int(sys.argv[1])
while lessons() < 20 and time.monotonic() < deadline:
    os.kill(learner, signal.SIGCONT)
    time.sleep(0.05)
    os.kill(learner, signal.SIGSTOP)
END
lab_in mx1 sh -c 'kill -9 $(cat /run/learn.pid)'
pkill -CONT -P $learner # nsenter, which stands still with its child
wait $learner 2>/dev/null
killed=$(lessons alice)
expect_like 0 "killed with -9 after $killed lessons" "some, not all" '^([2-9][0-9]|1[0-9][0-9]|20[0-9]|21[0-3])$' echo "$killed"
spamtrain --json learn-folders alice@example.test bob@example.test >"$LAB_DIR/learned" 2>/dev/null &
learner=$!
for number in 1 2 3 4 5 6; do
	lab_message "Meanwhile $number" | deliver alice@example.test bob@example.test
done
wait $learner
expect 0 "started again" "0" echo $?
expect 0 "it goes on where it was" "$((214 - killed)) learned, $killed known already" \
	json '"%d learned, %d known already" % (r["learned_spam"] + r["learned_innocent"], r["already"])' <"$LAB_DIR/learned"
expect 0 "what another filter called spam, and alice only read" "1" json 'r["doubtful"]' <"$LAB_DIR/learned"
expect 0 "messages whose recipients are known from now on" "1" json 'r["sent"]' <"$LAB_DIR/learned"
expect_like 0 "spam that she opened and forgot in INBOX, 4 messages" "most found out" '^[3-9]$' json 'r["suspects"]' <"$LAB_DIR/learned"
expect_like 0 "the newest were recognized before they were learned" "most spam, little ham wrong" '^.True' \
	json 'r["estimate"]["caught"] * 10 >= r["estimate"]["spam"] * 6 and r["estimate"]["wrong"] <= 5, r["estimate"]' <"$LAB_DIR/learned"
expect 0 "alice: lessons, each once" "214" lessons alice
expect 0 "bob, whose mail is in mdbox" "214" lessons bob
delays() { lab_log mx1 'to=<(alice|bob)@example.test>.*relay=.*status=sent' | grep -oE ' delay=[0-9.]+' | cut -d= -f2 | sort -n | tail -n 1; }
arrived() { lab_doveadm search -u alice@example.test mailbox INBOX header Subject Meanwhile 2>/dev/null | wc -l; }
expect 20 "mail that came meanwhile arrived" "6" arrived
in_time() { awk -v s="$(delays)" -v limit=$((10 * STORY_PATIENCE)) 'BEGIN { print s != "" && s < limit ? "in time" : "slowest: " s " s" }'; }
expect 0 "the slowest of it, from client to mailbox, in less than 10 seconds" "in time" in_time
echo "# the slowest of it took $(delays) s"
expect 0 "a third run" "0 learned, 214 known already" json '"%d learned, %d known already" % (r["learned_spam"] + r["learned_innocent"], r["already"])' \
	< <(spamtrain --json learn-folders --settled 3 alice@example.test 2>/dev/null)

# Nothing of it shows in the mail.
changed() { flags "$1" | comm -23 "$LAB_DIR/$1.before" - | wc -l; }
expect 0 "alice's messages whose flags, folder, UID or date changed" "0" changed alice
expect 0 "bob's" "0" changed bob
expect 0 "files of alice's Maildir that were renamed" "0" sh -c 'wc -l' < <(files | comm -23 "$LAB_DIR/files.before" -)

# The user's own word stays.
lab_spamtrain train alice@example.test spam "${ham[3]}" >/dev/null 2>&1
spamtrain learn-folders alice@example.test >/dev/null 2>&1
said() { lab_spamtrain --json history alice@example.test 10000 | grep -c '"source": "cli"'; }
expect 0 "what alice called spam herself since, though she left it in INBOX" "1" said
lab_spamtrain train alice@example.test ham "${ham[3]}" >/dev/null 2>&1

# Verdicts.
teach_send spam 121 10 "New spam"
teach_send ham 161 10 "New ham"
expect_like 30 "10 new spams: alice" "nearly all Spam" '^(10|9|8|7) Spam' teach_verdicts alice "New spam"
expect_like 30 "the same, bob" "nearly all Spam" '^(10|9|8|7) Spam' teach_verdicts bob "New spam"
expect 30 "10 new ham: alice" "10 Innocent" teach_verdicts alice "New ham" INBOX

# Everybody; one who does not want it, and one whose mail cannot be read.
lab_spamtrain preference set carol@example.test optOut on
lab_in mx1 sh -c 'mkdir -p /var/vmail/partner.test/pat && echo >/var/vmail/partner.test/pat/Maildir'
all=$(spamtrain learn-folders --all 2>&1)
code=$?
expect_like 0 "all users: carol, who opted out" "is left alone" '^carol@example.test: is not filtered' echo "$all"
expect_like 0 "pat, whose mailbox is broken" "is told" '^spamtrain: pat@partner.test: ' echo "$all"
expect_like 0 "and stops nobody" "4 users, 1 failed" '^4 users, 1 of them failed' echo "$all"
expect 0 "exit status" "75" echo $code

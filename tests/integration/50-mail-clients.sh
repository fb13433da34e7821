#!/bin/bash
# Mail programs that we did not write: mutt, mbsync, and Roundcube with its plugins acl and markasjunk in a browser, teach and share.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/web.sh"
row 50 "Real mail clients"

url=http://mx1.example.test:8025/
home=$LAB_DIR/client/var/home
mkdir -p "$home"

# What the user said of the message with this subject: "spam", "innocent", "none". usage: said USER SUBJECT
said() {
	lab_spamtrain --json history "$1@example.test" 200 | python3 -c '
import json, sys
print(*[row["corrected"] for row in json.load(sys.stdin) if row["subject"] == sys.argv[1]])' "$2"
}
# usage: mails USER SUBJECT...
mails() {
	local user=$1 subject
	shift
	for subject; do
		lab_message "$subject" "Some words about $subject." | deliver "$user@example.test"
	done
	lab_arrives "$user" INBOX "${!#}" || echo "# \"${!#}\" did not arrive"
}

# ---- mutt ----

# A session of keys, on a terminal. usage: mutt_keys USER FOLDER KEYS
mutt_keys() {
	cat >"$home/muttrc" <<-END
		set imap_user = "$1@example.test" imap_pass = secret ssl_ca_certificates_file = /etc/ssl/lab-ca.crt
		set folder = "imaps://mx1.example.test/" spoolfile = "+INBOX" header_cache = "" certificate_file = "" record = ""
		set confirmappend = no confirmcreate = no delete = yes quit = yes mark_old = no wait_key = no sleep_time = 0
		push "$3"
	END
	lab_in client env HOME="$home" TERM=xterm timeout 120 script -qec "stty rows 24 cols 80; mutt -F $home/muttrc -f '+$2'" /dev/null </dev/null >"$home/mutt.out" 2>&1
}
mutt_moves() { mutt_keys "$1" "$2" "<limit>~s '$4'<enter><save-message>=$3<enter><sync-mailbox><quit>"; }

mails bob "Mutt offer" "Mutt letter"
mutt_moves bob INBOX Junk "Mutt offer"
expect 20 "bob saves a message to Junk with mutt" "Junk" folder bob "Mutt offer"
expect 20 "his filter" "spam" said bob "Mutt offer"
mutt_moves bob Junk INBOX "Mutt offer"
expect 20 "and back" "INBOX" folder bob "Mutt offer"
expect 20 "his filter" "none" said bob "Mutt offer"
mutt_moves bob INBOX Junk "Mutt letter"
expect 20 "another one to Junk" "spam" said bob "Mutt letter"
mutt_keys bob Junk "<limit>~s 'Mutt letter'<enter><delete-message><sync-mailbox><quit>"
expect 20 "and deletes it there" "nowhere" folder bob "Mutt letter"
expect 10 "which says nothing else" "spam" said bob "Mutt letter"

# ---- mbsync ----

mbsync_run() {
	cat >"$home/mbsyncrc" <<-END
		IMAPAccount lab
		Host mx1.example.test
		User bob@example.test
		Pass secret
		SSLType IMAPS
		CertificateFile /etc/ssl/lab-ca.crt

		IMAPStore far
		Account lab

		MaildirStore near
		Path $home/mail/
		Inbox $home/mail/INBOX
		SubFolders Verbatim

		Channel all
		Far :far:
		Near :near:
		Patterns INBOX Junk
		Create Both
		Expunge Both
		SyncState *
	END
	mkdir -p "$home/mail"
	lab_in client env HOME="$home" timeout 120 mbsync -q -c "$home/mbsyncrc" all 2>&1 | grep -vi notice:
}
# As a mail program moves between two Maildirs. usage: near_move FROM TO SUBJECT
near_move() {
	local file
	file=$(grep -lx "Subject: $3" "$home/mail/$1"/{cur,new}/* 2>/dev/null | tr -d '\r' | head -n 1)
	[ -n "$file" ] || { echo "# no \"$3\" in $1"; return 1; }
	# Without the UID that mbsync wrote into the name.
	mv "$file" "$home/mail/$2/cur/$(basename "$file" | sed 's/,U=[0-9]*//')"
}

mails bob "Synced offer" "Synced letter"
mbsync_run
near_move INBOX Junk "Synced offer"
mbsync_run
expect 20 "bob moves a message to Junk offline, and runs mbsync" "Junk" folder bob "Synced offer"
expect 20 "his filter" "spam" said bob "Synced offer"
near_move Junk INBOX "Synced offer"
mbsync_run
expect 20 "and back" "INBOX" folder bob "Synced offer"
expect 0 "which an APPEND does not tell" "spam" said bob "Synced offer"
expect 0 "what he left alone" "none" said bob "Synced letter"

# ---- Roundcube ----

# usage: roundcube USER STEP...   each of its lines is a check of ours
roundcube() {
	local line what= before=$story_count
	while read -r line; do
		case $line in
		'ok - '*) story_result "${line#ok - }" "yes" "yes" ok ;;
		'not ok - '*) what=${line#not ok - } ;;
		'#   found:'*) story_result "$what" "yes" "${line#'#   found:'}" FAILED ;;
		*) story_result "browser: $*" "runs" "$line" FAILED ;;
		esac
	done < <(lab_in client env WEB_MODULES="$modules/node_modules" CLIENT_SHOTS="${CLIENT_SHOTS-}" WEB_RESOLVE=203.0.113.25 \
		HOME="$LAB_DIR/client/var" node "$LAB_ROOT/tests/clients/roundcube.js" "$url" "$1@example.test" "${@:2}" 2>&1)
	[ $story_count -gt $before ] || story_result "browser: $*" "checks" "none" FAILED
}

if ! bring_modules; then
	skip "Roundcube's part" "chromium, or playwright-core by npm, is not to be had"
	exit 0
fi
[ -z "${CLIENT_SHOTS-}" ] || mkdir -p "$CLIENT_SHOTS"
lab_webmail_up || exit 1
lab_shoveler group add staff carol@example.test
lab_imap alice create Plans , subscribe Plans
lab_message "Plan for May" "We meet on Monday." "MIME-Version: 1.0" | lab_imap alice append Plans
mails alice "Cheap watches" "Win a prize" "Minutes of the meeting"

roundcube alice junk INBOX "Cheap watches" , drag INBOX Junk "Win a prize"
expect 20 "her filter" "spam" said alice "Cheap watches"
expect 20 "and of the other" "spam" said alice "Win a prize"
roundcube alice notjunk Junk "Cheap watches" , drag Junk INBOX "Win a prize" , \
	share Plans bob@example.test , share Plans '$staff' , refused Plans nobody@example.test
expect 20 "her filter" "none" said alice "Cheap watches"
expect 20 "and of the other" "none" said alice "Win a prize"
expect 0 "what she left alone" "none" said alice "Minutes of the meeting"
expect_like 0 "who may read her folder" "bob and the group" '^Plans .*\$staff lrs bob@example.test lrs|^Plans bob@example.test lrs .*\$staff lrs' \
	lab_imap alice getacl Plans
roundcube bob subscribe "#Shared/alice@example.test/Plans" , sees "#Shared/alice@example.test/Plans" "Plan for May"
roundcube carol subscribe "#Shared/alice@example.test/Plans" , sees "#Shared/alice@example.test/Plans" "Plan for May"

# A public tree, administered by bob, who lets carol read.
lab_shoveler public create "#MilkyPond/News" >/dev/null
lab_shoveler public admin "#MilkyPond/News" bob@example.test >/dev/null
lab_message "First news" "It opens." | lab_imap bob append "#MilkyPond/News"
roundcube bob share "#MilkyPond/News" carol@example.test
roundcube carol sees "#MilkyPond/News" "First news"

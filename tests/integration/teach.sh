# shellcheck shell=bash
# Real messages, and what became of them at alice's and bob's: for the tests about learning. Messages are known by their Message-ID, so
# that nothing is added to them from which a filter could learn.

STORY_CORPUS=${STORY_CORPUS:-$("$LAB_ROOT/tests/corpus.sh" --any "$LAB_ROOT/build")}
TEACH_COUNT=40 # how many spams alice teaches
declare -A teach_files

# Files with a Message-ID of their own. usage: teach_corpus spam|ham FIRST COUNT
teach_corpus() {
	local folder=spam-1
	[ "$1" = spam ] || folder=easy-ham-1
	corpus $folder 1 400 | xargs grep -liE '^Message-ID: *<[^>]+@' 2>/dev/null | tail -n "+$2" | head -n "$3"
}

# Send COUNT real messages, from the FIRST on, to alice and bob, and remember them as NAME. usage: teach_send spam|ham FIRST COUNT NAME
teach_send() {
	local file arguments=()
	teach_files[$4]=$(teach_corpus "$1" "$2" "$3")
	for file in ${teach_files[$4]}; do
		arguments+=(--file "$file")
	done
	deliver "${arguments[@]}" alice@example.test bob@example.test
}

# The same message again, as a new one. usage: teach_send_again NAME NEW-NAME
teach_send_again() {
	local copy=$LAB_DIR/again.eml
	sed "0,/^Message-I[dD]:/s/^\(Message-I[dD]: *\)</\1<again./" "${teach_files[$1]}" >"$copy"
	teach_files[$2]=$copy
	deliver --file "$copy" alice@example.test bob@example.test
}

# "38 Innocent, 2 Spam". usage: teach_verdicts USER NAME [FOLDER]
teach_verdicts() {
	# shellcheck disable=SC2086
	lab_imap "$1" match "${3-*}" X-DSPAM-Result ${teach_files[$2]} | awk '{ n[$2]++ } END { for (i in n) print n[i], i }' |
		sort -rn | paste -sd, | sed 's/,/, /g'
}

# By IMAP MOVE, as her mail program does it. usage: teach_move USER FROM TO NAME
teach_move() {
	local uids
	# shellcheck disable=SC2086
	uids=$(lab_imap "$1" match "$2" X-DSPAM-Result ${teach_files[$4]} | cut -d' ' -f1 | paste -sd,)
	if [ -z "$uids" ]; then
		echo "# nothing of \"$4\" in $2"
		return 1
	fi
	lab_imap "$1" move "$2" "$3" "$uids"
}

# How many messages this user calls spam: his corrections, not what his filter taught itself.
teach_lessons() { lab_spamtrain --json history "$(lab_user "$1")" 10000 | grep -c '"corrected": "spam"'; }

# Alice's filter knows spam, and ham: for tests that need that and stand alone.
teach_alice() {
	local stamp=$LAB_DIR/alice-was-taught
	[ ! -e "$stamp" ] || return 0
	teach_send ham 1 30 "Taught ham"
	teach_send spam 1 $TEACH_COUNT "Taught spam"
	lab_wait 60 teach_arrived alice "Taught spam" && teach_move alice INBOX Junk "Taught spam" &&
		lab_wait 30 teach_learned alice && touch "$stamp"
}
teach_arrived() { [ "$(teach_verdicts "$1" "$2")" = "$(wc -w <<<"${teach_files[$2]}") Innocent" ]; }
teach_learned() { [ "$(teach_lessons "$1")" -ge "$TEACH_COUNT" ]; }

# A spam of a kind that alice taught, as a new message: with an own Subject, by which it can be found. usage: known_spam NUMBER SUBJECT
known_spam() {
	sed -e "0,/^Subject:.*/s//Subject: $2/" -e "0,/^Message-I[dD]:/s/^\(Message-I[dD]: *\)</\1<$2-/" "$(teach_corpus spam "$1" 1)" |
		tr -d '\r'
}

#!/bin/bash
# Row 3: a virus is suppressed for mailboxes; who is merely redirected through us gets his mail untouched.
. "$(dirname "$0")/story.sh"
row 3 "A virus"

# virtual(8) adds an empty line to what it keeps in a Maildir.
third_body() { lab_third friend "$1" | head -n 1 | xargs -r sed -e '1,/^$/d' -e '$d'; }
third_copy() {
	case $(third_body "$1") in
	'') echo nothing ;;
	"$2") echo untouched ;;
	*) echo altered ;;
	esac
}

lab_message "EICAR for alice" "$(lab_eicar)" | deliver alice@example.test
lab_message "EICAR for two" "$(lab_eicar)" | deliver alice@example.test friend@example.test
lab_message "EICAR by alias" "$(lab_eicar)" | deliver both@example.test
lab_message "After the virus" "Clean." | deliver alice@example.test
expect 20 "clean mail behind it" "INBOX: Innocent" mailbox alice "After the virus"
settle

expect 10 "EICAR to alice" "nowhere" folder alice "EICAR for alice"
expect_like 10 "the same" "logged" 'Eicar' lab_log mx1 'alice@example.test.*[Ee]icar|[Ee]icar.*alice@example.test'
expect 10 "EICAR to alice and to a redirect: alice" "nowhere" folder alice "EICAR for two"
expect 20 "the same, the third party" "untouched" third_copy "EICAR for two" "$(lab_eicar)"
expect 10 "EICAR to an alias of alice and the third party: alice" "nowhere" folder alice "EICAR by alias"
expect 20 "the same, the third party" "untouched" third_copy "EICAR by alias" "$(lab_eicar)"

# She finds them in her history, also while spamtraind is away; who merely has his mail redirected has none here.
history() { lab_spamtrain --json history "$1@example.test" | python3 -c 'import json, sys; print("\n".join(sorted("%(subject)s: %(outcome)s %(virus)s" % row for row in json.load(sys.stdin) if row["virus"])))'; }
expect 10 "her history" "EICAR by alias: virus Lab.Eicar.UNOFFICIAL
EICAR for alice: virus Lab.Eicar.UNOFFICIAL
EICAR for two: virus Lab.Eicar.UNOFFICIAL" history alice
lab_stop mx1/spamtraind
lab_message "EICAR while away" "$(lab_eicar)" | deliver alice@example.test bob@example.test
notices() { lab_in mx1 find /var/lib/shoveler/milter/notices -type f | wc -l; }
expect 10 "spamtraind is away: what waits for it" "1" notices
lab_start mx1/spamtraind
expect 20 "it is back: bob, who never had mail" "EICAR while away: virus Lab.Eicar.UNOFFICIAL" history bob
expect_like 10 "alice" "has it too" 'EICAR while away: virus' history alice
expect 10 "what waits" "0" notices
bounces() { find "$LAB_DIR/third/var/vmail/bounces/new" -type f 2>/dev/null | wc -l; }
expect 0 "bounces to the sender" "0" bounces

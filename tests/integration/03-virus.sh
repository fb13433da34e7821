#!/bin/bash
# Row 3: a virus is suppressed for mailboxes; who is merely redirected through us gets his mail untouched.
. "$(dirname "$0")/story.sh"
row 3 "A virus"

third_body() { lab_third friend "$1" | head -n 1 | xargs -r sed '1,/^$/d' | md5sum | cut -d' ' -f1; }
body_of() { printf '%s\n' "$1" | md5sum | cut -d' ' -f1; }

lab_message "EICAR for alice" "$(lab_eicar)" | deliver alice@example.test
lab_message "EICAR for two" "$(lab_eicar)" | deliver alice@example.test friend@example.test
lab_message "EICAR by alias" "$(lab_eicar)" | deliver both@example.test
lab_message "After the virus" "Clean." | deliver alice@example.test
expect 20 "clean mail behind it" "INBOX: Innocent" mailbox alice "After the virus"
settle

expect 1 "EICAR to alice" "nowhere" folder alice "EICAR for alice"
expect_like 1 "the same" "logged" 'Eicar' lab_log mx1 'alice@example.test.*[Ee]icar|[Ee]icar.*alice@example.test'
expect 1 "EICAR to alice and to a redirect: alice" "nowhere" folder alice "EICAR for two"
expect 20 "the same, the third party" "$(body_of "$(lab_eicar)")" third_body "EICAR for two"
expect 1 "EICAR to an alias of alice and the third party: alice" "nowhere" folder alice "EICAR by alias"
expect 20 "the same, the third party" "$(body_of "$(lab_eicar)")" third_body "EICAR by alias"
expect 1 "nobody is told" "nothing in the queue, no bounce" \
	sh -c "[ -z \"\$(ls '$LAB_DIR/third/var/vmail/bounces/new' 2>/dev/null)\" ] && echo 'nothing in the queue, no bounce'"

#!/bin/bash
# What each recipient is: asked from the maps that Postfix has, of any type; what cannot be asked defers.
. "$(dirname "$0")/story.sh"
row 32 "Recipient classes"

milter_log() { grep -E -- "$1" "$LAB_DIR/mx1/var/log/shoveler-milter.out"; }
class_of() { lab_send --server mx1.example.test "$1" <"$LAB_DIR/message" >/dev/null; milter_log "to=<${1//+/.}>" | tail -n 1 | sed -nE 's/.*class=(.*), action=([a-z]*).*/\1 \2/p'; }
# usage: postfix_settings "name = value"...
postfix_settings() { lab_postconf mx1 "$@" && lab_signal HUP mx1/postfix && sleep 5 && lab_in mx1 bash -c 'exec 3<>/dev/tcp/203.0.113.25/25; head -n 1 <&3' >/dev/null && lab_wait 10 reloaded; }
# The milter notices by itself that main.cf was written, at the next session.
reloads=0
reloaded() { [ "$(milter_log ': reloaded' | wc -l)" -gt $reloads ] && reloads=$(milter_log ': reloaded' | wc -l); }

lab_message "Class" "$(lab_eicar)" >"$LAB_DIR/message"
lab_in mx1 bash -eu -c '
	cd /etc/postfix
	printf "/^pattern-(.*)@example.test$/ \$1@third.test\n" >patterns.pcre
	printf "hashed@example.test friend@third.test\nlocalized@example.test root@mx1.example.test\n" >hashed
	postmap hash:/etc/postfix/hashed
	printf "root: alice@example.test\nlist: :include:/etc/postfix/list, \"|/bin/true\"\n" >aliases
	printf "friend@third.test\nbob@example.test\n" >list
	postalias hash:/etc/postfix/aliases
	python3 - <<-END
		import sqlite3
		store = sqlite3.connect("/etc/postfix/maps.sqlite")
		store.execute("create table alias (address text, target text)")
		store.execute("insert into alias values (\"sql@example.test\", \"carol@example.test, friend@third.test\")")
		store.commit()
	END
	printf "dbpath = /etc/postfix/maps.sqlite\nquery = select target from alias where address = \"%%s\"\n" >alias.cf
	chmod 644 patterns.pcre hashed* aliases* maps.sqlite alias.cf list
	for name in pattern-friend hashed localized sql; do echo "$name@example.test yes" >>mailboxes; done'
postfix_settings 'virtual_alias_maps = texthash:/etc/postfix/redirects, pcre:/etc/postfix/patterns.pcre, hash:/etc/postfix/hashed, proxy:sqlite:/etc/postfix/alias.cf' \
	'alias_maps = hash:/etc/postfix/aliases' 'recipient_canonical_maps = inline:{ old@example.test=friend@example.test }' \
	'relay_domains = partner2.test' 'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination'

expect 5 "a mailbox" "mailbox discard" class_of alice@example.test
expect 5 "with an extension" "mailbox discard" class_of alice+x@example.test
expect 5 "a redirect" "redirect accept" class_of friend@example.test
expect 5 "an alias of a mailbox and a third party" "mailbox,redirect suppress" class_of both@example.test
expect 5 "by pcre" "redirect accept" class_of pattern-friend@example.test
expect 5 "by hash" "redirect accept" class_of hashed@example.test
expect 5 "by proxy:sqlite" "mailbox,redirect suppress" class_of sql@example.test
expect 5 "to local(8), and its alias database" "mailbox discard" class_of localized@example.test
expect 5 "a list with a file and a command" "mailbox,redirect suppress" class_of list@mx1.example.test
expect 5 "a relayed domain" "relayed accept" class_of someone@partner2.test

# A map that cannot be read.
postfix_settings 'virtual_alias_maps = texthash:/etc/postfix/redirects, texthash:/etc/postfix/no-such-file'
expect_like 5 "a map that is not there" "said at the reload" 'recipients that need this map are deferred.*no-such-file' milter_log 'recipients that need'
expect_like 0 "mail for alice" "deferred" '^rcpt alice@example.test 451' lab_send --server mx1.example.test alice@example.test <"$LAB_DIR/message"
postfix_settings 'virtual_alias_maps = texthash:/etc/postfix/redirects'
expect 5 "mended" "mailbox discard" class_of alice@example.test

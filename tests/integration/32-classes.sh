#!/bin/bash
# What each recipient is: asked from the maps that Postfix has, of any type; what cannot be asked defers.
. "$(dirname "$0")/story.sh"
row 32 "Recipient classes"

milter_log() { grep -E -- "$1" "$LAB_DIR/mx1/var/log/shoveler-milter.out"; }
class_of() { lab_send --server mx1.example.test "$1" <"$LAB_DIR/message" >/dev/null; milter_log "to=<${1//+/.}>" | tail -n 1 | sed -nE 's/.*class=(.*), action=([a-z]*).*/\1 \2/p'; }
# usage: postfix_settings "name = value"...
postfix_settings() {
	local before
	before=$(milter_log ': reloaded' | wc -l)
	lab_postconf mx1 "$@" && lab_reload mx1/postfix
	lab_wait 30 noticed "$before" || echo "# shoveler-milter did not notice"
}
# The milter notices by itself that main.cf was written, at a session some seconds later.
noticed() {
	lab_in mx1 bash -c 'exec 3<>/dev/tcp/203.0.113.25/25; head -n 1 <&3' >/dev/null
	[ "$(milter_log ': reloaded' | wc -l)" -gt "$1" ]
}

lab_message "Class" "$(lab_eicar)" >"$LAB_DIR/message"
lab_in mx1 bash -eu -c '
	cd /etc/postfix
	printf "/^pattern-(.*)@example.test$/ \$1@third.test\n" >patterns.pcre
	printf "hashed@example.test friend@third.test\nlocalized@example.test root@mx1.example.test\n" >hashed
	postmap hash:/etc/postfix/hashed
	echo "memory@example.test alice@example.test, friend@third.test" >memory-map
	echo "constant@example.test carol@example.test" >constant
	postmap lmdb:/etc/postfix/memory-map
	postmap cdb:/etc/postfix/constant
	postmap btree:/etc/postfix/constant
	printf "/^regular-(.*)@example.test$/ \$1@third.test\n" >patterns.regexp
	printf "loop1@example.test loop2@example.test\nloop2@example.test loop1@example.test\n" >loops
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
	chmod 644 patterns.* memory-map* constant* loops hashed* aliases* maps.sqlite alias.cf list
	for name in pattern-friend hashed localized sql memory constant regular-friend loop1; do echo "$name@example.test yes" >>mailboxes; done'
postfix_settings 'virtual_alias_maps = texthash:/etc/postfix/redirects, pcre:/etc/postfix/patterns.pcre, hash:/etc/postfix/hashed, proxy:sqlite:/etc/postfix/alias.cf, lmdb:/etc/postfix/memory-map, cdb:/etc/postfix/constant, btree:/etc/postfix/constant, regexp:/etc/postfix/patterns.regexp, texthash:/etc/postfix/loops, unionmap:{static:{}, inline:{united@example.test=bob@example.test}}' \
	'alias_maps = hash:/etc/postfix/aliases' 'recipient_canonical_maps = inline:{ old@example.test=friend@example.test }' \
	'relay_domains = partner2.test' 'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination' 'non_smtpd_milters = $smtpd_milters'

expect 10 "a mailbox" "mailbox discard" class_of alice@example.test
expect 10 "with an extension" "mailbox discard" class_of alice+x@example.test
expect 10 "a redirect" "redirect accept" class_of friend@example.test
expect 10 "an alias of a mailbox and a third party" "mailbox,redirect suppress" class_of both@example.test
expect 10 "by pcre" "redirect accept" class_of pattern-friend@example.test
expect 10 "by hash" "redirect accept" class_of hashed@example.test
expect 10 "by proxy:sqlite" "mailbox,redirect suppress" class_of sql@example.test
expect 10 "to local(8), and its alias database" "mailbox discard" class_of localized@example.test
expect 10 "a list with a file and a command" "mailbox,redirect suppress" class_of list@mx1.example.test
expect 10 "a relayed domain" "relayed accept" class_of someone@partner2.test

# By sendmail(1): Postfix does not say where the recipients go, and cannot refuse one of them.
submit() { lab_in mx1 sendmail -f bob@example.test "$@"; }
submit alice@example.test friend@third.test <"$LAB_DIR/message"
expect_like 10 "a virus by sendmail(1), to a mailbox" "suppressed" 'action=suppress' milter_log 'client=\[127.0.0.1\], .*to=<alice@example.test>, class=mailbox'
expect_like 10 "and to a third party" "accepted" 'class=relayed, action=accept' milter_log 'client=\[127.0.0.1\], .*to=<friend@third.test>'
lab_message "To learn" | submit dc-spam@example.test
expect_like 15 "sendmail(1) to a training address" "bounced" 'status=bounced .*550 5.7.1' grep 'to=<dc-spam@example.test>' "$LAB_DIR/mx1/var/log/mail.log"

# The same without mail, and why.
# usage: shown ADDRESS   its class, and what led to it, in one line
shown() { lab_shoveler class "$1" 2>&1 | paste -sd '|'; }
expect 0 "shoveler class: a mailbox" "alice+x@example.test: is delivered on this host|alice+x@example.test: mailbox; scanned for viruses" shown alice+x@example.test
expect 0 "an alias in proxy:sqlite" "sql@example.test: virtual_alias_maps lead to carol@example.test, friend@third.test|carol@example.test: is delivered on this host|friend@third.test: is sent to another host|sql@example.test: mailbox,redirect; scanned for viruses|  leaves to friend@third.test" shown sql@example.test
expect_like 0 "in lmdb" "mailbox and redirect" 'memory@example.test: mailbox,redirect;' shown memory@example.test
expect_like 0 "in cdb" "mailbox" 'lead to carol@example.test.*constant@example.test: mailbox;' shown constant@example.test
expect_like 0 "by pcre" "redirect" 'pattern-friend@example.test: redirect; not scanned' shown pattern-friend@example.test
expect_like 0 "by regexp" "redirect" 'regular-friend@example.test: redirect; not scanned' shown regular-friend@example.test
expect_like 0 "by inline in a unionmap" "mailbox" 'united@example.test: mailbox;' shown united@example.test
expect_like 0 "an old name" "redirect, by the canonical map" 'canonical maps make it friend@example.test.*: redirect;' shown old@example.test
expect_like 0 "an alias of local(8)" "all that it leads to" 'alias_maps lead to .*list@mx1.example.test: mailbox,redirect;' shown list@mx1.example.test
expect_like 0 "a relayed domain" "relayed" 'someone@partner2.test: relayed; not scanned' shown someone@partner2.test
expect_like 0 "a training address" "training, by our setting" 'named by training_spam_addresses.*: training; not scanned' shown dc-spam@example.test
expect_like 0 "aliases that lead to each other" "nowhere, in the end" 'loop1@example.test: nowhere;' shown loop1@example.test
expect_like 0 "no address" "said so" 'is no mail address' shown alice

# A map that cannot be read.
postfix_settings 'virtual_alias_maps = texthash:/etc/postfix/redirects, texthash:/etc/postfix/no-such-file'
expect_like 10 "a map that is not there" "said at the reload" 'recipients that need this map are deferred.*no-such-file' milter_log 'recipients that need'
expect_like 0 "mail for alice" "deferred" '^rcpt alice@example.test 451' lab_send --server mx1.example.test alice@example.test <"$LAB_DIR/message"
postfix_settings 'virtual_alias_maps = texthash:/etc/postfix/redirects'
expect 10 "mended" "mailbox discard" class_of alice@example.test

#!/bin/bash
# Whom the fallback takes mail for: a list that the primary signs and sends or publishes, or what the primary said when it was asked. And
# what both ends configure: the client's address at the primary, ETRN, and a partner's Postfix set up by `mx2 export`.
. "$(dirname "$0")/story.sh"
row 35 "Recipients at the fallback MX"

mx1() { lab_shoveler mx2 "$@"; }
mx2() { lab_in mx2 env ASAN_OPTIONS=detect_leaks=0 shoveler mx2 "$@"; }
rcpt() { lab_send --server mx2.example.test --from s@client.test "$@" </dev/null | grep '^rcpt'; }
known() { mx2 show partner.test | sed -n 's/^allowed //p'; }
# The list as it came last, for a thief.
spool=$LAB_DIR/mx2/var/lib/shoveler/recipients

# A build with sanitizers: Dovecot's command wants their library first.
if lab_sanitized; then
	lab_in mx1 bash -c 'printf "#!/bin/sh\nLD_PRELOAD=%s ASAN_OPTIONS=detect_leaks=0 exec /usr/bin/doveadm \"\$@\"\n" "$0" >/usr/sbin/doveadm; chmod 755 /usr/sbin/doveadm' "$(gcc -print-file-name=libasan.so)"
fi
lab_in mx1 bash -c 'echo "postmaster@partner.test friend@third.test" >>/etc/postfix/redirects; touch -d "1 minute ago" /etc/postfix/redirects'
lab_postconf mx1 "smtpd_authorized_xforward_hosts = mx2.example.test" && lab_reload mx1/postfix

expect_like 0 "no key yet" "says how to get one" 'shoveler mx2 key. makes it' mx1 sign partner.test
key=$(mx1 key 2>/dev/null)
lab_mx2_add partner.test primary=mx1.example.test tls=secure recipients=list "key=$key" contact=friend@third.test
expect_like 10 "before the first list" "everybody is taken" '^rcpt sam@partner.test 250' rcpt sam@partner.test
expect_like 0 "and a check says so" "none came" '^warning +recipients +no list came from the primary yet: all recipients are taken' mx2 check partner.test

expect "0" "mx1 signs and sends its list" "2 recipients of partner.test on their way to mx2.example.test" mx1 push partner.test mx2.example.test
expect 20 "at mx2 it waits, for nobody's eyes" "partner.test.list 600 shoveler" lab_in mx2 bash -c 'cd /var/lib/shoveler/recipients && stat -c "%n %a %U" *'
cp "$spool/partner.test.list" "$LAB_DIR/stolen"
expect_like 0 "the next minute" "installed" '^domain=partner.test, recipients=2, action=list' mx2 tend
expect 0 "known" "pat@partner.test"$'\n'"postmaster@partner.test" known
expect_like 0 "mail to nobody@" "refused" '^rcpt nobody@partner.test 550' rcpt nobody@partner.test
expect_like 0 "mail to pat@" "taken" '^rcpt pat@partner.test 250' rcpt pat@partner.test
expect_like 0 "a check" "knows it" '^ok +recipients +2 recipients, by a signed list' mx2 check partner.test

printf 'pat@partner.test\nsam@partner.test\n' >"$LAB_DIR/list"
expect 0 "a list of the admin's own" "2 recipients of partner.test on their way to mx2.example.test" mx1 push partner.test mx2.example.test "$LAB_DIR/list"
expect 20 "it comes" "partner.test.list" lab_in mx2 ls /var/lib/shoveler/recipients
mx2 tend >/dev/null
expect 0 "known" "pat@partner.test"$'\n'"sam@partner.test" known

# A map that can be asked and not listed (SQLite; LDAP and SQL servers are the same).
lab_in mx1 sqlite3 /etc/postfix/redirects.sqlite "CREATE TABLE redirects (a TEXT, b TEXT); INSERT INTO redirects VALUES ('sql@partner.test', 'friend@third.test')"
lab_in mx1 sh -c 'printf "%s\n" "dbpath = /etc/postfix/redirects.sqlite" "query = SELECT b FROM redirects WHERE a = lower('\'%s\'')" >/etc/postfix/redirects-sqlite.cf'
maps=$(lab_in mx1 postconf -h virtual_alias_maps)
lab_postconf mx1 "virtual_alias_maps = $maps, proxy:sqlite:/etc/postfix/redirects-sqlite.cf" && lab_reload mx1/postfix
expect_like 0 "a redirect in a map of SQLite" "known" '^sql@partner.test: redirect; not scanned' lab_shoveler class sql@partner.test
expect_like 10 "mail to it at mx1" "taken" '^rcpt sql@partner.test 250' lab_send --server mx1.example.test sql@partner.test </dev/null
expect_like 1 "to list it for the fallback" "refused, with two ways out" \
	'sqlite:/etc/postfix/redirects-sqlite.cf cannot be listed \(postmap: fatal: .*not supported\): name them in a file, or let the fallback ask \(recipients=learned\)' \
	mx1 push partner.test mx2.example.test
lab_postconf mx1 "virtual_alias_maps = $maps" && lab_reload mx1/postfix

# Replayed by a stranger: no answer. By the primary itself: its postmaster hears of it.
refusal() { mx2 check partner.test | grep -o 'a list was refused.*'; }
bounced() { grep -rl "$1" "$LAB_DIR/third/var/vmail/friend/new" 2>/dev/null | wc -l; }
bounces() { find "$LAB_DIR/third/var/vmail/bounces/new" -type f 2>/dev/null | wc -l; }
deliver --server mx2.example.test --from thief@client.test shoveler-recipients@mx2.example.test <"$LAB_DIR/stolen"
expect_like 20 "the old list, sent by a thief" "refused" 'a list was refused .*: partner.test: this list of recipients is not newer' refusal
expect 0 "and nobody gets a bounce" "0" bounces
sed 's/^pat@/eve@/' "$LAB_DIR/stolen" | deliver --server mx2.example.test --from postmaster@partner.test shoveler-recipients@mx2.example.test
expect_like 20 "one with another address in it" "refused" 'a list was refused .*is not signed by the key' refusal
expect 20 "sent as the primary's postmaster: he is told why" "1" bounced 'is not signed by the key'
deliver --server mx2.example.test --from postmaster@partner.test shoveler-recipients@mx2.example.test <<<"Subject: Hello"
expect 20 "one that is none" "1" bounced 'this is no list of recipients'
expect_like 0 "to the alias behind it" "no way in" '^rcpt accept@recipients.shoveler.invalid 55[04]' \
	lab_send --server mx2.example.test accept@recipients.shoveler.invalid </dev/null
expect 0 "known as before" "pat@partner.test"$'\n'"sam@partner.test" known
expect 0 "nothing to do for the next minute" "" mx2 tend

# Published on a web server.
mx1 sign partner.test >"$LAB_DIR/mx1/var/tmp/recipients"
{ lab_in mx1 bash -c 'cd /var/tmp && exec timeout 900 openssl s_server -quiet -accept 443 -WWW -cert /etc/ssl/mx1.crt -key /etc/ssl/mx1.key >/dev/null 2>&1'; } 2>/dev/null &
disown $!
mx2 set partner.test url=https://mx1.example.test/recipients
expect_like 10 "fetched, from a server of an unknown CA" "refused" 'https://mx1.example.test/recipients: curl: .*certificate' mx2 fetch partner.test
mx2 set partner.test match=mx1.example.test cafile=/etc/ssl/lab-ca.crt
expect 10 "with its CA" "domain=partner.test, recipients=2, action=list" mx2 fetch partner.test
expect 0 "known" "pat@partner.test"$'\n'"postmaster@partner.test" known
expect 0 "fetched once more: no news, no error" "" mx2 fetch partner.test
printf 'x@third.test\n' >"$LAB_DIR/list"
mx1 sign third.test "$LAB_DIR/list" >"$LAB_DIR/mx1/var/tmp/recipients"
expect_like 0 "the list of another domain there" "refused" 'has the list of third.test' mx2 fetch partner.test
mx2 set partner.test url=

# Nobody renewed it for four days.
later() { lab_in mx2 env ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 faketime -f +4d "$@"; }
expect_like 0 "four days later a check says" "stale" '^warning +recipients +2 recipients, the list was signed 4 days ago' later shoveler mx2 check partner.test
expect_like 0 "so does doctor" "stale" "^warning +mx2 +partner.test: the primary's list of recipients is 4 days old" later shoveler doctor
expect_like 0 "and the contact is told" "by mail" '^domain=partner.test, list=stale, action=tell, contact=<friend@third.test>' later shoveler mx2 tend
again() { later shoveler mx2 tend | grep -c stale; }
expect 0 "once" "0" again
stale() { lab_third friend "The recipients of partner.test are not known on mx2.example.test any more" | wc -l; }
expect 20 "his mail" "1" stale

# Learned by asking the primary.
mx2 set partner.test key= recipients=learned
expect_like 10 "recipients=learned: pat@" "taken, as mx1 said" '^rcpt pat@partner.test 250' rcpt pat@partner.test
expect_like 10 "nobody@" "refused, as mx1 said" '^rcpt nobody@partner.test 550' rcpt nobody@partner.test
lab_cable mx1 down
expect_like 0 "mx1 down: pat@" "taken" '^rcpt pat@partner.test 250' rcpt pat@partner.test
expect_like 0 "nobody@" "still refused" '^rcpt nobody@partner.test 550' rcpt nobody@partner.test
expect_like 0 "who was never asked for" "put off" '^rcpt new@partner.test 450' rcpt --timeout 60 new@partner.test

# Postfix itself would not try again for an hour; the primary asks for its mail.
lab_postconf mx2 "minimal_backoff_time = 1h" "maximal_backoff_time = 2h" && lab_reload mx2/postfix
lab_in mx2 postsuper -d ALL 2>/dev/null
lab_message "Asked for by ETRN" | deliver --server mx2.example.test --from s@client.test --connect-timeout 2 pat@partner.test
expect_like 20 "a message" "waits" 'connect to|Host is unreachable|No route|timed out' lab_queue mx2
lab_cable mx1 up
lab_wait 20 lab_in mx2 bash -c 'exec 3<>/dev/tcp/203.0.113.25/25' 2>/dev/null
etrn() { lab_in mx1 bash -c 'exec 3<>/dev/tcp/203.0.113.26/25; read -r _ <&3; printf "EHLO mx1.example.test\r\nETRN partner.test\r\nQUIT\r\n" >&3; cat <&3'; }
expect_like 20 "mx1 is back and says ETRN" "250 Queuing started" '^250 Queuing started' etrn
expect 30 "pat" "INBOX: Innocent" mailbox pat@partner.test "Asked for by ETRN"
expect_like 10 "mx1 knows" "the real client" 'client=mx2.example.test\[203.0.113.26\], orig_queue_id=[0-9A-Za-z]+, orig_client=mail.client.test\[203.0.113.10\]' lab_log mx1 orig_client

# A partner's Postfix, by what export says.
mx1 export Example.test >"$LAB_DIR/third/var/tmp/export"
lab_in third bash -c '
	awk "/^# \/etc\/postfix\// { file = \$2; sub(/:\$/, \"\", file) } !/^#/ && file && NF { print >file }" /var/tmp/export
	sed "/^# \/etc\/postfix/,\$d; /^#/d; /^\$/d" /var/tmp/export | while read -r line; do postconf -e "$line"; done
	touch -d "1 minute ago" /etc/postfix/*'
lab_reload third/postfix
at_third() { lab_send --server mail.third.test --from s@client.test "$@" </dev/null | grep '^rcpt'; }
expect_like 10 "a partner's Postfix as export says: alice@example.test" "taken" '^rcpt alice@example.test 250' at_third alice@example.test
expect_like 0 "a redirect" "taken" '^rcpt friend@example.test 250' at_third friend@example.test
expect_like 0 "nobody@example.test" "refused" '^rcpt nobody@example.test 550' at_third nobody@example.test
lab_message "By way of a partner" | deliver --server mail.third.test --from s@client.test alice@example.test
expect 30 "alice" "INBOX: Innocent" mailbox alice "By way of a partner"
lab_use_certificate wrong
lab_message "With another key" | deliver --server mail.third.test --from s@client.test alice@example.test
expect_like 20 "mx1 with another key: at the partner" "it waits" 'Server certificate not verified|not match' lab_queue third
expect 0 "alice" "nowhere" folder alice "With another key"

#!/bin/bash
# The command `shoveler` as a user meets it. usage: shoveler_test.sh PROGRAM
set -u
program=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
mkdir -p "$dir/conf" "$dir/state/users"
cat >"$dir/conf/main.cf" <<END
state_directory = $dir/state
runtime_directory = $dir/run
postfix_config_directory = $dir/postfix
policy_group = $(id -gn)
mail_user = $(id -un)
lda_user = $(id -un)
mx2_key_file = $dir/key
log_destination = stderr
lda_metrics_listen =
services = shoveler-lda
END

input=/dev/null
run() { "$program" -c "$dir/conf" "$@" >"$dir/out" 2>"$dir/err" <"$input"; }

# usage: expect EXITCODE PATTERN COMMAND...  (PATTERN: in standard output or error; "-" for none)
expect() {
	local want=$1 pattern=$2 code
	shift 2
	run "$@"
	code=$?
	if [ "$code" != "$want" ]; then
		echo "shoveler $*: exit code $code, not $want: $(cat "$dir/err")"
		failed=1
	elif [ "$pattern" != - ] && ! grep -qE -- "$pattern" "$dir/out" "$dir/err"; then
		echo "shoveler $*: no \"$pattern\" in: $(cat "$dir/out" "$dir/err")"
		failed=1
	fi
}

# usage: check DESCRIPTION COMMAND...
check() {
	local what=$1
	shift
	"$@" || { echo "not so: $what"; failed=1; }
}

expect 0 'usage: shoveler' --help
expect 64 'usage: shoveler'
expect 64 'no command "pubic"' pubic
expect 0 "usage: shoveler public create" public create --help
expect 64 'usage: shoveler public create' public create
expect 0 '^shoveler [0-9]' --version

expect 0 "^lda_listen = unix:.runtime_directory/lda.sock$" conf -d
expect 0 "^unix:$dir/run/lda.sock$" conf lda_listen
expect 64 'no setting "lda_lisen"' conf lda_lisen
run conf -n
check "conf -n prints just what main.cf sets" test "$(grep -c . "$dir/out")" = 10
expect 64 'takes one of' conf -n -d
echo 'lda_lisen = x' >>"$dir/conf/main.cf"
expect 78 'main.cf, line 11.*did you mean "lda_listen"' conf
expect 78 'did you mean' group list
expect 0 lda_listen conf -d
expect 2 'did you mean' doctor
printf '%b\n' 'lda\033[2Jlisen = x' >>"$dir/conf/main.cf"
sed -i '11d' "$dir/conf/main.cf"
expect 2 'unknown setting "lda\?\[2Jlisen"' doctor
sed -i '$d' "$dir/conf/main.cf"

expect 0 - group list
check "listing makes no store" test ! -e "$dir/state/policy.sqlite"
expect 0 - group add staff Alice@example.test bob@example.test
check "the store is not for the world" test "$(stat -c %a "$dir/state/policy.sqlite")" = 640
expect 0 '^staff: alice@example.test bob@example.test$' group list
expect 64 'no mail address' group add staff alice
expect 65 'in group staff already' group add staff alice@example.test
expect 0 - group remove '$staff' bob@example.test
expect 0 '"alice@example.test"' group list --json

expect 64 "expected '#Tree'" public create MilkyPond
expect 0 - public create '#MilkyPond/News'
check "the folder is on disk" test -d "$dir/state/public/MilkyPond/News/cur"
check "the tree itself is no mailbox" test ! -d "$dir/state/public/MilkyPond/cur"
expect 65 'exists already' public create '#MilkyPond/News'
expect 0 - public admin '#MilkyPond/News' bob@example.test group:staff
expect 65 'no group "crew"' public admin '#MilkyPond/News' group:crew
expect 0 '^#MilkyPond/News.*group:staff, bob@example.test$' public list
expect 0 - public admin '#MilkyPond/News' --remove group:staff
expect 0 '^#MilkyPond/News.administered by bob@example.test$' public list
expect 0 '"#MilkyPond/News": \[' public list --json
expect 0 'rights changed: by=<.+>, folder=<#MilkyPond/News>, owner=<>, for=<user=carol@example.test>, before=<>, after=<delegate>' public admin '#MilkyPond/News' carol@example.test
expect 0 'before=<delegate>, after=<>' public admin '#MilkyPond/News' --remove carol@example.test

acl=$dir/state/public/MilkyPond/dovecot-acl
expect 0 - public create '#MilkyPond/News/Old'
expect 0 'folder=<#MilkyPond>, owner=<>, for=<user=alice@example.test>, before=<>, after=<lr>' public rights '#MilkyPond' Alice@Example.test rl
expect 0 '^changed: folders=1$' public rights '#MilkyPond' group:staff lrs
printf '# by hand\nowner a\n' >>"$acl"
expect 0 'before=<lr>, after=<lrs>' public rights '#MilkyPond' alice@example.test +s
expect 0 'before=<lrs>, after=<ls>' public rights '#MilkyPond' alice@example.test -r
check "other lines stay" test "$(tr '\n' ';' <"$acl")" = 'group=staff lrs;# by hand;owner a;user=alice@example.test ls;'
expect 0 '^user=alice@example.test ls$' public rights '#MilkyPond'
expect 0 'before=<ls>, after=<>' public rights '#MilkyPond' alice@example.test none
check "an entry without rights is none" test "$(tr '\n' ';' <"$acl")" = 'group=staff lrs;# by hand;owner a;'
expect 0 '^changed: folders=3$' public rights '#MilkyPond' --below anyone l
check "below is below" grep -qx 'anyone l' "$dir/state/public/MilkyPond/News/Old/dovecot-acl"
check "not inside of a Maildir" test ! -e "$dir/state/public/MilkyPond/News/cur/dovecot-acl"
check "no lock stays" test ! -e "$acl.lock"
touch "$dir/locked" && ln "$dir/locked" "$dir/state/public/MilkyPond/News/dovecot-acl.lock"
expect 73 'cannot make .*dovecot-acl.lock: File exists' public rights '#MilkyPond/News' anyone lr
rm "$dir/state/public/MilkyPond/News/dovecot-acl.lock"
expect 64 'rights are letters' public rights '#MilkyPond' anyone q
expect 64 'RIGHTS are needed' public rights '#MilkyPond' anyone
expect 64 - public rights '#MilkyPond' 'no address' l
expect 65 'no group "crew"' public rights '#MilkyPond' group:crew l
expect 73 'cannot enter' public rights '#Nothing' anyone l
expect 66 'cannot enter' public rights '#Nothing'
touch "$dir/state/public/MilkyPond/News/new/1"
expect 0 "kept in $dir/state/public/.deleted/.*-MilkyPond.News" public delete '#MilkyPond/News'
check "its mail is kept" test -e "$dir"/state/public/.deleted/*/new/1
expect 65 'no public folder' public delete '#MilkyPond/News'

expect 64 'retention: "1y"' mx2 add partner.test retention=1y
expect 0 - mx2 add partner.test primary=mx1.partner.test tls=secure recipients=list retention=20d
expect 65 'there already' mx2 add partner.test
expect 0 - mx2 allow partner.test pat@partner.test
expect 64 'no address of' mx2 allow partner.test pat@example.test
expect 0 'partner.test.*\[mx1.partner.test\], tls secure, kept 20d, recipients list' mx2 list
expect 0 '^refused=hold$' mx2 show partner.test
expect 64 'refused: "lose" is not one of' mx2 set partner.test refused=lose
printf '# ours\n\nsam@partner.test\r\nPat@partner.test\n' >"$dir/recipients"
expect 0 '^2 recipients$' mx2 recipients partner.test "$dir/recipients"
echo pat@example.test >>"$dir/recipients"
expect 64 'no address of' mx2 recipients partner.test "$dir/recipients"
expect 0 '^allowed sam@partner.test$' mx2 show partner.test
: >"$dir/recipients"
expect 65 'no address in it' mx2 recipients partner.test "$dir/recipients"
expect 66 'No such file' mx2 recipients partner.test "$dir/none"
expect 65 'no fallback MX for "none.test"' mx2 check none.test
expect 64 'it knows --dry-run' mx2 tend --all
expect 64 'no key that .shoveler mx2 key. prints' mx2 set partner.test key=secret
expect 64 'needs key=' mx2 set partner.test url=https://mx1.partner.test/list
expect 66 'No such file' mx2 sign partner.test "$dir/none"
printf 'pat@partner.test\n' >"$dir/recipients"
expect 65 'no address of example.test' mx2 sign example.test "$dir/recipients"
expect 77 'shoveler mx2 key. makes it' mx2 sign partner.test "$dir/recipients"
expect 0 '=$' mx2 key
expect 0 '^pat@partner.test$' mx2 sign Partner.test "$dir/recipients"
cp "$dir/out" "$dir/signed"
expect 65 'has no url=' mx2 fetch partner.test
expect 0 - mx2 set partner.test key=
expect 0 'smtpd_authorized_xforward_hosts' mx2 primary partner.test
expect 0 '^example.test.*relay:' mx2 export example.test
expect 0 - mx2 set partner.test until=2030-01-31 contact=admin@partner.test
expect 0 '^until=2030-01-31$' mx2 show partner.test
expect 0 '^allowed pat@partner.test$' mx2 show partner.test
expect 0 '"contact": "admin@partner.test"' mx2 show partner.test --json
expect 0 'maximal_queue_lifetime = 100d' mx2 postfix
mkdir "$dir/maps"
expect 0 "changed $dir/maps/mx2-transport.cf" mx2 postfix "$dir/maps"
expect 0 - mx2 postfix "$dir/maps"
check "maps that are right already are left alone" test ! -s "$dir/out"
input=$dir/signed
expect 0 'action=drop, reason=partner.test: .* no key is known' mx2 accept stranger@third.test
expect 65 'no key is known' mx2 accept postmaster@partner.test
expect 0 - mx2 set partner.test "key=$("$program" -c "$dir/conf" mx2 key 2>/dev/null)"
expect 0 - mx2 accept stranger@third.test
input=/dev/null
check "a signed list waits for mx2 tend" test -s "$dir/state/recipients/partner.test.list"
if command -v postmap >/dev/null && postconf -m 2>/dev/null | grep -qx sqlite; then
	mkdir -p "$dir/postfix"
	printf 'compatibility_level = 3.6\nmyhostname = mx.test\n' >"$dir/postfix/main.cf"
	ask() { postmap -c "$dir/postfix" -q "$1" "sqlite:$dir/maps/$2" 2>"$dir/err"; }
	cp /etc/postfix/dynamicmaps.cf* "$dir/postfix/" 2>/dev/null
	check "Postfix reads the transport" test "$(ask partner.test mx2-transport.cf)" = "shoveler-relay:[mx1.partner.test]"
	check "Postfix reads the TLS policy" test "$(ask '[mx1.partner.test]' mx2-tls.cf)" = secure
	check "Postfix reads the recipients" test "$(ask pat@partner.test mx2-recipients.cf)" = OK
	check "Postfix finds no others" test -z "$(ask x@partner.test mx2-recipients.cf)"
fi
expect 0 - mx2 remove partner.test
expect 65 'no fallback MX for "partner.test"' mx2 show partner.test
expect 0 - mx2 tend
check "without domains Postfix's queue is left alone" test ! -s "$dir/out"

expect 2 'error +sockets +lda_listen' doctor --all
expect 2 'ok +stores +no user has a store' doctor --all
mkdir -p "$dir/state/users/example.test/alice"
echo "no database at all" >"$dir/state/users/example.test/alice/store.sqlite"
expect 2 'error +stores +.*example.test/alice' doctor --all
rm -r "$dir/state/users/example.test"
expect 2 '"advice"' doctor --json
echo 'doctor_accept = copies-unscaned, soft-bounce, former, mail-late' >>"$dir/conf/main.cf"
expect 2 'warning +configuration +.*/main.cf, line [0-9]+: doctor_accept: unknown "copies-unscaned"; did you mean "copies-unscanned"' doctor
expect 2 'configuration +.*: no warning is called "former"' doctor
expect 2 'configuration +.*: mail-late is an error' doctor
check "no more is unknown" test "$(grep -c doctor_accept: "$dir/out")" = 3
sed -i '$d' "$dir/conf/main.cf"
expect 0 'shoveler-lda: unknown' status
sed -i '/lda_metrics/d' "$dir/conf/main.cf"
echo "lda_metrics_listen = unix:$dir/none" >>"$dir/conf/main.cf"
expect 69 'shoveler-lda: DOWN' status

# What Postfix must do for us, and what the milter's user must be able to ask.
if command -v postconf >/dev/null; then
	echo "services = shoveler-milter, shoveler-lda, spamtraind
milter_user = $([ "$(id -u)" != 0 ] && id -un || echo nobody)
lda_listen = unix:$dir/queue/shoveler/lda
training_listen = unix:$dir/queue/shoveler/training
training_spam_addresses = dc-spam@example.test" >"$dir/conf/services.cf"
	sed -i '/^services/d; /^lda_user/r '"$dir/conf/services.cf" "$dir/conf/main.cf"
	mkdir -p "$dir/postfix"
	chmod 755 "$dir" "$dir/postfix"
	postfix_has() {
		printf '%s\n' 'compatibility_level = 3.6' 'myhostname = mx.test' 'alias_maps =' "$@" >"$dir/postfix/main.cf"
		: >"$dir/postfix/master.cf"
		# Postfix waits before it reads what was just written.
		touch -d '1 minute ago' "$dir"/postfix/*
	}
	echo 'dc-spam@example.test shoveler:unix:shoveler/training' >"$dir/postfix/transport"
	postfix_has "virtual_transport = lmtp:unix:private/dovecot-lmtp"
	expect 2 'warning +delivery +virtual_transport = .*private/dovecot-lmtp' doctor --all
	expect 2 'error +delivery +transport_maps do not lead dc-spam@example.test' doctor --all
	expect 2 'warning +rescan +nothing runs the weekly|ok +rescan' doctor --all
	expect 2 'warning +timers +nothing checks each night|ok +timers' doctor --all
	postfix_has "virtual_transport = shoveler:unix:shoveler/lda" "transport_maps = texthash:$dir/postfix/transport"
	expect 2 'ok +delivery +Postfix delivers by shoveler:unix:shoveler/lda' doctor --all
	expect 2 'ok +delivery +transport_maps lead dc-spam@example.test' doctor --all
	expect 2 'ok +maps +the milter can ask texthash' doctor --all
	if [ "$(id -u)" = 0 ]; then
		chmod 600 "$dir/postfix/transport"
		expect 2 'error +maps +the milter cannot ask texthash.*Permission denied' doctor --all
	fi
	postfix_has "transport_maps = texthash:$dir/postfix/nowhere"
	expect 2 'error +maps +the milter cannot ask texthash.*nowhere' doctor --all
	echo 75 >"$dir/state/rescan.last"
	expect 2 'warning +rescan +the last weekly re-scan ended .* with status 75' doctor --all
	echo 0 >"$dir/state/rescan.last"
	expect 2 'ok +rescan +the last weekly re-scan ended' doctor --all
	touch -d '10 days ago' "$dir/state/rescan.last"
	expect 2 'warning +rescan +.*long ago' doctor --all
fi

echo "policy_group = nosuchgroup" >>"$dir/conf/main.cf"
[ "$(id -u)" != 0 ] || expect 78 'addgroup --system nosuchgroup' group add staff a@example.test
exit $failed

#!/bin/bash
# What is installed for systemd is what systemd understands, and as closed as it is meant to be; without systemd as init.
# Exit code 77: no systemd-analyze.
# usage: units_test.sh CMAKE_INSTALL_SCRIPT
set -u
command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
complain() {
	echo "$*"
	failed=1
}

source=$(cd "$(dirname "$0")" && pwd)
daemons=$(cd "$source" && grep -l '^@COMMANDS@$' ./*.service.in | sed 's|^\./||; s|\.service\.in$||')
[ "$(wc -w <<<"$daemons")" -ge 4 ] || complain "only these are daemons: $daemons"
mkdir "$dir/sbin"
for program in shoveler $daemons; do
	ln -s /bin/true "$dir/sbin/$program"
done
env -u DESTDIR cmake -DCMAKE_INSTALL_PREFIX="$dir" -P "$1" >"$dir/log" || { cat "$dir/log"; exit 1; }
units=$dir/lib/systemd/system
for unit in "$source"/*.service.in "$source"/*.timer "$source"/*.path; do
	unit=$(basename "$unit" .in)
	[ -e "$units/$unit" ] || complain "$unit is not installed"
done

# doveadm is Dovecot's; the units must also be right where only a fallback MX is.
verify() { systemd-analyze verify --man=no --recursive-errors=no "$@" 2>&1 | grep -v 'doveadm is not executable'; }
found=$(verify "$units"/*)
[ -z "$found" ] || complain "$found"
printf '[Service]\nTyp=oneshot\nExecStart=/bin/true\n' >"$dir/wrong.service"
[ -n "$(verify "$dir/wrong.service")" ] || complain "systemd-analyze verify takes everything: this test tests nothing"
grep -hE '@[A-Z_]+@' "$units"/* && complain "names that were not filled in"
# shellcheck disable=SC2016
for timer in shoveler-rescan shoveler-sharing shoveler-backup; do
	systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "$units/$timer.timer")" >/dev/null || complain "$timer.timer never comes"
done

# What is still allowed: for each the most that it is now; a daemon, which strangers talk to, is never allowed more than 2.0 of 10.
# usage: at_most TENTHS UNIT
at_most() { systemd-analyze security --offline=true --threshold="$1" "$2" >"$dir/security" 2>&1; }
closed() { at_most "$1" "$units/$2" || complain "$2: $(tail -n 1 "$dir/security"), at most $1 tenths"; }
for daemon in $daemons; do
	case $daemon in
	shoveler-milter) closed 15 "$daemon.service" ;;
	*) closed 14 "$daemon.service" ;;
	esac
	# Too little in that sum to be noticed there.
	grep -qx ProtectSystem=strict "$units/$daemon.service" || complain "$daemon.service may write elsewhere"
	grep -q '^WatchdogSec=[1-9]' "$units/$daemon.service" || complain "$daemon.service has no watchdog"
	grep -q "^ExecStartPre=$dir/sbin/$daemon --check" "$units/$daemon.service" || complain "$daemon.service does not check before it starts"
	grep -q "^ExecReload=$dir/sbin/$daemon --check" "$units/$daemon.service" || complain "$daemon.service does not check before it reloads"
done
closed 21 shoveler-backup.service
closed 27 shoveler-mx2.service
closed 27 shoveler-sharing.service
closed 30 shoveler-report.service
closed 30 shoveler-rescan.service
sed 's/^ProtectSystem=.*/ProtectSystem=no/; s/^CapabilityBoundingSet=$//' "$units/shoveler-lda.service" >"$dir/open.service"
at_most 14 "$dir/open.service" && complain "an open unit passes: this test tests nothing"

# The sockets are what main.cf says.
export SHOVELER_CONFIG_DIR=$dir/etc
generate() {
	rm -rf "$dir/generated" && mkdir -p "$dir/generated" "$dir/etc" && printf '%s\n' "$@" >"$dir/etc/main.cf" &&
		"$dir/lib/systemd/system-generators/shoveler-generator" "$dir/generated" "$dir/generated" "$dir/generated" 2>"$dir/log"
}
# usage: has FILE LINE...
has() {
	local file=$1 line
	shift
	for line; do
		grep -qxF "$line" "$dir/generated/$file" || complain "$file does not say $line: $(cat "$dir/generated/$file" 2>&1)"
	done
}
generate 'lda_listen = unix:/srv/100% mail/lda' 'lda_user = deliverer' 'training_spam_addresses = spam@example.test' \
	'training_listen = inet:[::1]:24' 'milter_listen = inet:127.0.0.1:8000' 'web_listen = inet:localhost:8001' \
	'virus_scan = no' 'users_directory = /home/filters' 'spamtraind_metrics_listen = unix:/run/shoveler/metrics' || complain "$(cat "$dir/log")"
has shoveler-lda.socket 'ListenStream=/srv/100%% mail/lda' SocketUser=deliverer SocketGroup=postfix SocketMode=0660 Service=shoveler-lda.service
has shoveler-lda-pipe.socket ListenSequentialPacket=/run/shoveler/lda-pipe.sock SocketMode=0666
has spamtraind-training.socket 'ListenStream=[::1]:24'
has spamtraind-metrics.socket ListenStream=/run/shoveler/metrics
has shoveler-milter.socket ListenStream=127.0.0.1:8000
has shoveler-lda.service.d/50-main.cf.conf User=deliverer ProtectHome=no
grep -q ' "-/home/filters"' "$dir/generated/shoveler-lda.service.d/50-main.cf.conf" || complain "the delivery agent cannot write where the users are"
[ "$(cd "$dir/generated" && ls -d shoveler-milter-scanner.socket shoveler-web.socket shoveler-lda-metrics.socket 2>/dev/null)" = "" ] ||
	complain "sockets that nobody serves, or that only a resolver knows"
cp "$units"/*.service "$dir/generated/"
found=$(verify "$dir/generated"/*.socket "$dir/generated"/*.service)
[ -z "$found" ] || complain "$found"
for socket in "$dir/generated"/*.socket; do
	name=$(basename "$socket")
	service=$(sed -n 's/^Service=//p' "$socket")
	[ -e "$dir/generated/$service.requires/$name" ] || complain "$service does not require $name"
done
# What is wrong takes away no socket that is open.
generate 'no_such_setting = 1' 'lda_listen = unix:/srv/lda' 'lda_max_sessions = many' 'lda_user = deliverer' && complain "a wrong configuration is taken"
grep -q 'line 1: unknown setting "no_such_setting"' "$dir/log" || complain "it is not told what is wrong: $(cat "$dir/log")"
has shoveler-lda.socket ListenStream=/srv/lda SocketUser=deliverer
has shoveler-lda.service.d/50-main.cf.conf User=deliverer
[ -e "$dir/generated/shoveler-lda.service.requires/shoveler-lda.socket" ] || complain "a wrong line takes the socket from its service"
rm "$dir/etc/main.cf" "$dir/sbin/shoveler-web"
"$dir/lib/systemd/system-generators/shoveler-generator" "$dir/generated" "$dir/generated" "$dir/generated" || complain "without a main.cf it fails"
generate '' && ls "$dir/generated" | grep -q web && complain "sockets of a daemon that is not installed"

# ExecStopPost as systemd runs it: $$ is $.
mkdir "$dir/state"
printf '#!/bin/sh\necho %s/state\n' "$dir" >"$dir/shoveler"
rm "$dir/sbin/shoveler"
install -m 755 "$dir/shoveler" "$dir/sbin/shoveler"
note=$(sed -n "s/^ExecStopPost=.bin.sh -c '\(.*\)'$/\1/p" "$units/shoveler-rescan.service")
EXIT_STATUS=75 sh -c "${note//\$\$/$}"
[ "$(cat "$dir/state/rescan.last" 2>&1)" = 75 ] || complain "the re-scan does not note how it ended"
exit $failed

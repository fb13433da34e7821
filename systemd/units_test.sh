#!/bin/bash
# What is installed for systemd is what systemd understands; without systemd as init. Exit code 77: no systemd-analyze.
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

mkdir "$dir/sbin"
for program in shoveler shoveler-milter shoveler-lda spamtraind shoveler-web; do
	ln -s /bin/true "$dir/sbin/$program"
done
env -u DESTDIR cmake -DCMAKE_INSTALL_PREFIX="$dir" -P "$1" >"$dir/log" || { cat "$dir/log"; exit 1; }
units=$dir/lib/systemd/system
for unit in shoveler-milter.service shoveler-lda.service spamtraind.service shoveler-web.service shoveler-rescan.service shoveler-rescan.timer shoveler-sharing.service shoveler-sharing.timer shoveler-mx2.service shoveler-mx2.timer shoveler-report.service shoveler-report.timer shoveler-report.path; do
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
for timer in shoveler-rescan shoveler-sharing; do
	systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "$units/$timer.timer")" >/dev/null || complain "$timer.timer never comes"
done

# ExecStopPost as systemd runs it: $$ is $.
mkdir "$dir/state"
printf '#!/bin/sh\necho %s/state\n' "$dir" >"$dir/shoveler"
rm "$dir/sbin/shoveler"
install -m 755 "$dir/shoveler" "$dir/sbin/shoveler"
note=$(sed -n "s/^ExecStopPost=.bin.sh -c '\(.*\)'$/\1/p" "$units/shoveler-rescan.service")
EXIT_STATUS=75 sh -c "${note//\$\$/$}"
[ "$(cat "$dir/state/rescan.last" 2>&1)" = 75 ] || complain "the re-scan does not note how it ended"
exit $failed

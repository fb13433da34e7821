#!/bin/bash
# A real Debian, booted with systemd in a container, with a plain Postfix and Dovecot: the packages are installed, the role applied, mail flows,
# filters and is shared, the packages are upgraded, everything is taken off again; a client sends and reads all the time. Prints TAP.
# usage: tests/host/test.sh ROOT PACKAGES
#   ROOT: a Debian with the packages of packages.txt ("/": this machine); seen through an overlay, so nothing in it is changed.
#   PACKAGES: the folder with ours, and where they were built (tests/packages/test.sh makes it)
set -u
here=$(cd "$(dirname "$0")" && pwd)

skip() {
	echo "ok - a booted Debian # SKIP $*"
	exit 0
}

if [ "${1-}" != --inside ]; then
	[ $# = 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 64; }
	command -v systemd-nspawn >/dev/null || skip "no systemd-nspawn"
	exec unshare --mount --propagation private "$0" --inside "$(realpath "$1")" "$(realpath "$2")"
fi
lower=$2 packages=$3
mount -t tmpfs tmpfs /mnt || skip "cannot mount"
mkdir /mnt/upper /mnt/work /mnt/root /mnt/packages /mnt/newer
root=/mnt/root log=/mnt/log
mount -t overlay overlay -o "lowerdir=$lower,upperdir=/mnt/upper,workdir=/mnt/work" "$root" || skip "no overlayfs"
. "$here/../lab/tap.sh"

# usage: on_host COMMAND...
on_host() {
	nsenter -t "$init" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
}

# usage: eventually SECONDS COMMAND...
eventually() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.5
	done
}

existing() {
	mount --rbind /dev "$root/dev" && "$here/existing.sh" "$root" && umount -R "$root/dev"
}

# Two containers in one control group would take each other's for their own.
own_group() {
	local names path top
	while IFS=: read -r _ names path; do
		case $names in
		name=systemd) top=$(findmnt -n -o TARGET -t cgroup -O name=systemd | head -n 1) ;;
		'') top=$(findmnt -n -o TARGET -t cgroup2 | head -n 1) ;;
		*) continue ;;
		esac
		mkdir "$top$path/shoveler-$$" && echo "$BASHPID" >"$top$path/shoveler-$$/cgroup.procs" || return
		echo "$top$path/shoveler-$$"
	done < <(cat /proc/self/cgroup) >>/mnt/groups
}
no_group() { while read -r group; do find "$group" -depth -type d -exec rmdir {} +; done </mnt/groups; }

container() {
	# systemd of Debian 13 does not start on control groups of version 1.
	[ "$(. "$root/etc/os-release" && echo "$VERSION_ID")" = 12 ] || export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
	(own_group && exec systemd-nspawn -q -D "$root" --register=no --keep-unit -M "shoveler-$$" --resolv-conf=off --timezone=off --private-network \
		--bind-ro="$here:/host-test" --bind-ro="$here/../..:/checkout" --bind="/mnt/packages:/packages" --boot --console=pipe) >/mnt/console 2>&1 &
	nspawn=$!
	eventually 60 has_init
}

boot() {
	eventually 60 host_runs && return
	cat /mnt/console
	on_host sh -c 'systemctl --failed --no-pager; tail /var/log/mail.log; journalctl -b --no-pager | tail -n 30'
	false
}
# Not its helper, which goes away: the one that is process 1 within.
has_init() {
	for init in $(pgrep -P "$nspawn"); do
		grep -qE '^NSpid:.*[[:space:]]1$' "/proc/$init/status" 2>/dev/null && return
	done
	false
}
host_runs() { on_host sh -c 'echo QUIT | nc -w 2 127.0.0.1 25 || python3 -c "import smtplib; smtplib.SMTP(\"127.0.0.1\").quit()"' && on_host doveadm who; } >/dev/null 2>&1

# The admin's files; what Debian itself writes again and again is left out, and so are accounts.
files() {
	on_host sh -c 'find /etc /usr/lib/dovecot /usr/sbin /usr/bin /usr/lib/systemd /usr/share/shoveler -xdev \( -type f -printf "%p %m %u:%g " -exec md5sum {} \; \
		-o -type l -printf "%p -> %l\n" \) 2>/dev/null | grep -vE "^/etc/((g?shadow|passwd|group|subuid|subgid)-? |ld.so.cache|\.pwd|mtab|resolv.conf)" | sort'
}

# The example for one host as it is shipped, with this host's domain, and a playbook that does not go with the packages. The role comes from the
# package, or before it is there and after it is gone from the checkout.
inventory() {
	sed 's/example\.org/example.test/g' "$here/../../ansible/examples/one-host.yml" >/mnt/packages/one-host.yml
	cp "$here/../../ansible/shoveler.yml" /mnt/packages/
}
apply_role() {
	on_host sh -c "cd / && ANSIBLE_ROLES_PATH=/usr/share/shoveler/ansible/roles:/checkout/ansible/roles ANSIBLE_NOCOLOR=1 ansible-playbook -i /packages/one-host.yml -c local /packages/shoveler.yml $*" >/mnt/role 2>&1
	grep -E '^(fatal|failed)' /mnt/role
	sed -nE 's/^mail\.example\.test .*(changed=[0-9]+).*(failed=[0-9]+).*/\1 \2/p' /mnt/role
}
# It brings the packages itself.
role_with_packages() {
	role_gives 'changed=[1-9][0-9]* failed=0' "$@" -e "'{\"shoveler_packages\": $(cd /mnt/packages/present && printf '"/packages/present/%s", ' *.deb | sed 's/^/[/; s/, $/]/')}'"
}
brings_packages() { role_with_packages && units_run && mail_is_filtered && takes_off; }
takes_off() { role_gives 'changed=[1-9][0-9]* failed=0' -e shoveler_state=absent; }
role_gives() { [[ $(apply_role "${@:2}" | tee /dev/stderr) =~ ^$1$ ]]; }

# usage: send TO TEXT [HEADER]
send() {
	on_host python3 -c 'import smtplib, sys
with smtplib.SMTP("127.0.0.1") as s: s.sendmail("bob@example.test", [sys.argv[1]], "From: bob@example.test\nSubject: %s\n\n%s\n" % (sys.argv[2], sys.argv[2]))' "$1" "$2"
}
subject_in() { on_host doveadm fetch -u "$1" hdr.x-dspam-result mailbox "$2" subject "$3" 2>/dev/null | grep -i "${4:-.}"; }
eicar='X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'

mail_flows() { on_host doveadm search -u alice@example.test mailbox INBOX subject number | grep -q .; }
# Each time another message.
mail_is_filtered() {
	filtered=$((${filtered:-0} + 1))
	send alice@example.test "filtered-$filtered" && eventually 30 subject_in alice@example.test INBOX "filtered-$filtered" Innocent
}
# Debian's Dovecot makes none before somebody does. A folder that is asked for by name is listed in any case.
folders_of() { on_host doveadm mailbox list -u "$1"; }
has_no_junk() { folders_of bob@example.test | grep -x INBOX && ! folders_of bob@example.test | grep -x Junk; }
has_junk() { folders_of bob@example.test | grep -x Junk; }
# Its Postfix has no certificate, it has no proxy and no freshclam of its own, on Debian 13 no delimiter, and its clock is the machine's.
doctor_is_content() {
	on_host setpriv --bounding-set=-sys_time shoveler doctor --all --user bob@example.test | tee /mnt/doctor
	grep -q '^ok *mail *a message of bob@example.test that is moved' /mnt/doctor &&
		! grep -E '^(warning|error)' /mnt/doctor | grep -vE ' (dns|summary|certificates (Postfix offers no TLS|the web page)|units +clamav|postfix +recipient_delimiter)'
}
virus_is_suppressed() {
	send alice@example.test "$eicar" && send alice@example.test behind && eventually 30 subject_in alice@example.test INBOX behind &&
		on_host shoveler virus list | grep Eicar && ! subject_in alice@example.test INBOX EICAR
}
folder_is_shared() {
	on_host python3 -c 'import imaplib
a = imaplib.IMAP4("127.0.0.1"); a.login("alice@example.test", "secret"); a.create("Plans")
assert a.setacl("Plans", "bob@example.test", "lr")[0] == "OK"
b = imaplib.IMAP4("127.0.0.1"); b.login("bob@example.test", "secret")
print(b.list("\"\"", "\"#Shared/*\""))
assert any(b"Plans" in line for line in b.list("\"\"", "\"#Shared/*\"")[1] if line)'
}
daemons="shoveler-milter shoveler-lda spamtraind shoveler-web"
units_run() {
	local daemon
	for daemon in $daemons; do
		on_host systemctl is-active "$daemon" || return 1
	done
}

# The same packages with another version. usage: repack FOLDER VERSION [COMMAND]     COMMAND: what changes the tree that it is given
repack() {
	local deb
	mkdir -p "/mnt/packages/$1"
	for deb in "$packages"/*.deb; do
		rm -rf /mnt/newer/tree && dpkg-deb -R "$deb" /mnt/newer/tree && sed -i "s/0\.1\.0/$2/g" /mnt/newer/tree/DEBIAN/control &&
			"${3:-true}" /mnt/newer/tree && dpkg-deb -b -Znone /mnt/newer/tree "/mnt/packages/$1" || return 1
	done
}
# The units as they were before the daemons had sockets of systemd's: started as root, one folder in /run, no generator.
with_former_units() {
	local unit
	rm -rf "$1/usr/lib/systemd/system-generators"
	for unit in "$here"/former/*.service; do
		find "$1" -name "$(basename "$unit")" -exec cp "$unit" {} \;
	done
}
install_former() { repack former 0.0.9 with_former_units && on_host sh -c 'dpkg -i /packages/former/*.deb'; }
# As an admin does it; a question would end it. usage: apt_install FOLDER [OPTION...]
apt_install() { on_host sh -c "apt-get install -y --no-install-recommends ${*:2} /packages/$1/*.deb </dev/null"; }
# usage: upgrade FOLDER VERSION [OPTION...]
upgrade() { apt_install "$1" "${@:3}" && on_host dpkg -l shoveler-lda | grep -F " $2 " && eventually 60 units_run; }

# A user for each former version of the store, which is as the programs of that time left it.
newest=$(find "$here/../../schema/migrations/user" -name '*.sql' | wc -l)
make_former_stores() {
	local version
	cp "$packages"/source/obj-*/schema/old_store /mnt/packages/ || return
	for ((version = 1; version < newest; version++)); do
		on_host sh -c "mkdir -p /var/lib/shoveler/users/example.test/former$version/quarantine && cd /var/lib/shoveler/users/example.test/former$version &&
			/packages/old_store $version \$PWD 5000 && echo held >quarantine/held.1 && chown -R shoveler: . && chmod -R go= ." || return
	done
}
# Refused for a moment is tried again, as a client does.
send_to_former() { for ((version = 1; version < newest; version++)); do eventually 60 send "former$version@example.test" upgraded >/dev/null 2>&1 || return; done; }
former_stores_are_whole() {
	local version
	for ((version = 1; version < newest; version++)); do
		eventually 60 subject_in "former$version@example.test" INBOX upgraded Innocent || return
	done
	on_host python3 -c 'import os, sqlite3, sys
for version in range(1, int(sys.argv[1])):
    folder = "/var/lib/shoveler/users/example.test/former%d" % version
    db = sqlite3.connect(folder + "/store.sqlite")
    value = lambda sql: db.execute(sql).fetchone()[0]
    found = [value(sql) for sql in ("PRAGMA integrity_check", "PRAGMA user_version", "SELECT count(*) FROM message WHERE subject LIKE \"Subject %\"",
        "SELECT value FROM preference WHERE name = \"spamSubject\"", "SELECT file FROM quarantine")]
    print(version, found)
    assert found == ["ok", int(sys.argv[1]), 5000, "[pourriel]", "held.1"] and os.path.exists(folder + "/quarantine/held.1")' "$newest" &&
		on_host shoveler backup /var/backups/upgraded && on_host shoveler backup --verify /var/backups/upgraded && on_host rm -r /var/backups/upgraded
}
# While mail comes to users with stores of former versions.
upgrade_former() {
	local result
	make_former_stores || return
	send_to_former &
	upgrade present 0.1.0
	result=$?
	wait $! && return $result
}
# The words of docs/backup.md, but for its last.
new_machine() { sed -n '/^## A new machine/,/^## Upgrade/{/^    shoveler doctor/!s/^    //p}' "$here/../../docs/backup.md"; }
restores_all() {
	count_anew
	on_host shoveler backup /var/backups/shoveler && on_host sh -exc "$(new_machine)" && on_host rm -r /var/backups/shoveler && units_run && mail_is_filtered
}
# The file that comes with the package has changed, and the admin's too.
with_other_main_cf() { [ ! -e "$1/etc/shoveler/main.cf" ] || echo "# another" >>"$1/etc/shoveler/main.cf"; }
with_third_main_cf() { [ ! -e "$1/etc/shoveler/main.cf" ] || echo "# a third" >>"$1/etc/shoveler/main.cf"; }
main_cf_has() { on_host grep -qx "$1" /etc/shoveler/main.cf; }
upgrade_again() {
	repack newer 0.1.0+1 with_other_main_cf && on_host sh -c 'echo "lda_max_sessions = 60" >>/etc/shoveler/main.cf' &&
		upgrade newer 0.1.0+1 -o Dpkg::Options::=--force-confold && main_cf_has 'lda_max_sessions = 60' && ! main_cf_has '# another'
}
# Dovecot is restarted by the upgrade of its plugins, also in the middle of a delivery: then it may have it, and Postfix sends it again.
dovecot_went='451 4.4.2 Connection was lost|451 4.3.2 .* Server shutting down'
may_be_twice() { on_host grep -E "status=deferred .*($dovecot_went).*in reply to end of DATA" /var/log/mail.log | wc -l; }
none_lost() {
	local twice
	twice=$(sed -nE 's/^sent [1-9][0-9]*, missing 0, twice ([0-9]+),.*/\1/p' /mnt/report)
	may_be_twice
	[ -n "$twice" ] && [ "$twice" -le "$(may_be_twice)" ]
}
upgrade_under_load() {
	local excused="|$dovecot_went"
	under_load upgrade_again
}
upgrade_to_theirs() {
	repack newest 0.1.0+2 with_third_main_cf && upgrade newest 0.1.0+2 -o Dpkg::Options::=--force-confnew &&
		main_cf_has '# a third' && ! main_cf_has 'lda_max_sessions = 60' && mail_is_filtered
}
pids() { for daemon in $daemons; do pid_of "$daemon"; done; }
# usage: told TEXT...   apt has
told() {
	local text
	for text; do
		grep -qE "$text" /mnt/told || { echo "not told: $text"; return 1; }
	done
}
# The daemons of before go on, and so does dpkg. What apt says then, as to a terminal, is done to the letter. It has restarted Dovecot too.
upgrade_with_wrong_cf() {
	local before mend daemon
	set_cf 'no_such_setting = 1'
	on_host systemctl daemon-reload && mail_is_filtered || return
	before=$(pids)
	apt_install newest --reinstall 2>&1 | tr -d '\r' >/mnt/told
	[ "${PIPESTATUS[0]}" = 0 ] || { cat /mnt/told; return 1; }
	cat /mnt/told
	for daemon in shoveler $daemons; do
		told "^$daemon: /etc/shoveler/main.cf.d/99-test.cf, line 1: .*no_such_setting" || return
	done
	for daemon in $daemons; do
		told "^$daemon: .*the one of before goes on\. Mend it, then: systemctl daemon-reload; systemctl restart $daemon\$" || return
	done
	[ "$(pids)" = "$before" ] && units_run && mail_is_filtered || return
	mend=$(sed -n 's/^shoveler-common: .*Mend it, then: //p' /mnt/told)
	no_cf && count_anew
	[ -n "$mend" ] && on_host sh -exc "$mend" && units_run && ! grep -qxFf <(pids) <<<"$before" && mail_is_filtered
}

pid_of() { on_host systemctl show -P MainPID "$1"; }
daemons_are_closed() {
	local daemon
	for daemon in $daemons; do
		on_host systemd-analyze security --threshold=20 --no-pager "$daemon" | tail -n 1
		[ "${PIPESTATUS[0]}" = 0 ] || return 1
		on_host grep -E '^(Uid:.*[^0-9]0[^0-9]|Cap(Eff|Prm|Bnd):.*[1-9a-f])' "/proc/$(pid_of "$daemon")/status" && return 1
	done
	true
}
sandbox_is_there() { on_host sh -c 'for pid in $(pgrep -P "$(pgrep -x scanner)"); do grep -xE "Seccomp_filters:[[:space:]]*[2-9]|Seccomp_filters:[[:space:]]*[1-9][0-9]+" /proc/$pid/status || exit 1; done'; }
oneshots_run() {
	on_host systemctl start shoveler-report shoveler-rescan shoveler-sharing shoveler-mx2 shoveler-backup &&
		on_host shoveler backup --verify /var/backups/shoveler && on_host rm -r /var/backups/shoveler
}

# Dovecot's own restarts, by its package's trigger, are not ours. excused: what else is not, begun with |.
deferrals() { on_host grep -E 'status=deferred|milter-reject|451 4' /var/log/mail.log | grep -vE "/run/dovecot/lmtp: |delivery service does not greet|private/dovecot-lmtp|451 4.3.2 .* Shutting down${excused-}"; }
deferred() { deferrals | wc -l; }
# usage: under_load COMMAND...   while mail comes in: nothing is refused, and nothing deferred, when COMMAND is done.
under_load() {
	local before result
	before=$(deferred)
	on_host rm -f /run/load.stop
	on_host python3 /host-test/load.py /run/load.stop >/mnt/load 2>&1 &
	sleep 1
	"$@"
	result=$?
	on_host touch /run/load.stop
	wait $! && cat /mnt/load || { cat /mnt/load; result=1; }
	eventually 60 nothing_under_way || result=1
	[ "$(deferred)" = "$before" ] || { deferrals | tail -n 5; result=1; }
	return $result
}
# What had to wait for Dovecot before waits on.
nothing_under_way() { ! on_host postqueue -j | grep -qE '"queue_name": "(active|incoming)"'; }
restart_all() { on_host systemctl restart $daemons && sleep 1 && on_host systemctl restart $daemons && sleep 1; }

set_cf() { on_host sh -c "echo '$*' >/etc/shoveler/main.cf.d/99-test.cf"; }
no_cf() { on_host rm -f /etc/shoveler/main.cf.d/99-test.cf; }
reload_tells() {
	local before
	before=$(pid_of shoveler-lda)
	set_cf 'lda_max_sessions = many'
	on_host systemctl reload shoveler-lda && return 1
	on_host journalctl -b -n 20 --no-pager -u shoveler-lda | grep -F 'lda_max_sessions' && [ "$(pid_of shoveler-lda)" = "$before" ] &&
		no_cf && on_host systemctl reload shoveler-lda
}
# systemd starts nothing more often than five times in ten seconds; not all of that is one check's.
count_anew() { on_host systemctl reset-failed $daemons; }
new_address() {
	count_anew
	set_cf 'web_listen = unix:/run/shoveler/elsewhere.sock'
	on_host systemctl restart shoveler-web && return 1
	on_host journalctl -b -n 20 --no-pager -u shoveler-web | grep -F 'stop its socket units, start it' || return 1
	on_host systemctl daemon-reload && on_host systemctl restart shoveler-web.socket shoveler-web &&
		on_host curl -s --unix-socket /run/shoveler/elsewhere.sock http://localhost/watchdog && no_cf &&
		on_host systemctl daemon-reload && on_host systemctl restart shoveler-web.socket shoveler-web
}
stop_means_stop() {
	count_anew
	on_host sh -c "systemctl stop shoveler-web 'shoveler-web*.socket'" && ! on_host test -e /run/shoveler/web.sock &&
		! on_host systemctl is-active shoveler-web && on_host systemctl start shoveler-web
}
restarted() {
	local daemon
	for daemon in $daemons; do
		[ "$(on_host systemctl show -P NRestarts "$daemon")" -ge 1 ] && [ "$(on_host systemctl is-active "$daemon")" = active ] || return 1
	done
}
hung_daemons_restart() {
	local daemon result=0
	count_anew
	for daemon in $daemons; do
		on_host sh -c "mkdir -p /run/systemd/system/$daemon.service.d && printf '[Service]\nWatchdogSec=8\n' >/run/systemd/system/$daemon.service.d/test.conf"
	done
	on_host systemctl daemon-reload && on_host systemctl restart $daemons || return 1
	# They are well, and systemd hears of it.
	sleep 10
	for daemon in $daemons; do
		[ "$(on_host systemctl show -P NRestarts "$daemon")" = 0 ] || return 1
	done
	for daemon in $daemons; do
		on_host kill -STOP "$(pid_of "$daemon")"
	done
	# Postfix does not try for a while what was lost in the middle.
	eventually 60 restarted && on_host postqueue -f && mail_is_filtered || { on_host systemctl status --no-pager $daemons; result=1; }
	on_host sh -c 'rm -r /run/systemd/system/*.service.d' && on_host systemctl daemon-reload && on_host systemctl restart $daemons || result=1
	return $result
}
purge() { on_host sh -c 'dpkg --purge $(dpkg-query -W -f "\${Package}\n" "shoveler*" spamtrain | grep -v dbgsym)' && ! on_host sh -c 'command -v shoveler'; }

. "$here/repository.sh"
mkdir /mnt/packages/present
cp "$packages"/*.deb /mnt/packages/present/
inventory
check "a plain mail host" existing || exit 1
container || { kill "$nspawn"; skip "systemd-nspawn: $(tail -n 1 /mnt/console)"; }
# What does not boot is not asked to power off, but ended.
trap 'kill -RTMIN+4 "$init" || kill "$nspawn"; wait "$nspawn"; no_group 2>/dev/null' EXIT
check "it boots: $(. "$root/etc/os-release" && echo "$PRETTY_NAME")" boot || {
	init=
	exit 1
}
on_host setsid python3 /host-test/client.py /run/stop /run/report </dev/null >/dev/null 2>&1 &
files >/mnt/before
check "mail flows" eventually 30 mail_flows &&
	check "the role in check mode, without the packages, tells what it can" role_with_packages --check --diff
check "packages are installed, with the units of before" install_former || exit 1
check "the role in check mode tells what would change" role_gives 'changed=[1-9][0-9]* failed=0' --check --diff
check "the role is applied" role_gives 'changed=[1-9][0-9]* failed=0' || exit 1
check "a second run changes nothing" role_gives 'changed=0 failed=0'
check "the units run" units_run
check "mail is filtered" mail_is_filtered
check "apt upgrades to units with sockets, and stores of all former versions, while mail comes" upgrade_former
check "those stores are whole, with all that was in them, and the mail is there" former_stores_are_whole
check "all is restored as on a new machine" restores_all
check "a further run of the role changes nothing" role_gives 'changed=0 failed=0'
check "mail is filtered after the upgrade" mail_is_filtered
check "the daemons are closed, as systemd-analyze sees it: 2.0 at most, without root" daemons_are_closed
check "the scanner's workers are in their sandbox" sandbox_is_there
check "a virus is suppressed" virus_is_suppressed
check "a folder is shared" folder_is_shared
check "a user has no Junk folder" has_no_junk
check "shoveler doctor follows mail through it, and finds nothing" doctor_is_content
check "and has one then, made by doctor" has_junk
check "the timers' units run" oneshots_run
check "restarts under load refuse and defer nothing" under_load restart_all
check "a reload says what is wrong, and leaves the daemon as it was" reload_tells
check "a new address is taken with its socket, or refused" new_address
check "a daemon that is stopped with its sockets stays away" stop_means_stop
check "a daemon that hangs is started again, and mail goes through" hung_daemons_restart
check "packages are upgraded under load, and main.cf stays as the admin changed it" upgrade_under_load
check "mail is filtered after that" mail_is_filtered
check "an upgrade that takes the main.cf of the package leaves daemons that run" upgrade_to_theirs
check "a wrong main.cf stops nothing that runs, not in an upgrade either, which tells of it, and what to do" upgrade_with_wrong_cf
check "the role takes it off" takes_off
check "packages are purged" purge
files >/mnt/after
check "the host's files are byte for byte what they were" diff /mnt/before /mnt/after
check "the role brings package files itself, and takes them off" brings_packages && check "they are purged" purge
check "a repository is made, and signed" repository && check "the role brings packages by name from there" brings_names &&
	check "and takes them off" takes_off && check "and they are purged" purge
files >/mnt/after
check "the host's files are what they were again" diff /mnt/before /mnt/after
on_host touch /run/stop
eventually 120 on_host test -s /run/report
on_host cat /run/report >/mnt/report
check "no mail was lost on the way, none came twice but what Dovecot itself put off: $(cat /mnt/report)" none_lost
exit $failed

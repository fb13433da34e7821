#!/bin/bash
# A real Debian, booted with systemd in a container, with a plain Postfix and Dovecot: the packages are installed, the role applied, mail flows,
# filters and is shared, the packages are upgraded, everything is taken off again; a client sends and reads all the time. Prints TAP.
# usage: tests/host/test.sh ROOT PACKAGES
#   ROOT: a Debian with the packages of packages.txt ("/": this machine); seen through an overlay, so nothing in it is changed.
#   PACKAGES: the folder with ours (tests/packages/test.sh makes it)
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
root=/mnt/root log=/mnt/log failed=0
mount -t overlay overlay -o "lowerdir=$lower,upperdir=/mnt/upper,workdir=/mnt/work" "$root" || skip "no overlayfs"

# usage: check NAME COMMAND...   fails also where COMMAND fails
check() {
	local name=$1
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok - $name"
		return
	fi
	sed 's/^/# /' "$log" | tail -n 40
	echo "not ok - $name"
	failed=1
	false
}

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

container() {
	# systemd of Debian 13 does not start on control groups of version 1.
	[ "$(. "$root/etc/os-release" && echo "$VERSION_ID")" = 12 ] || export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
	systemd-nspawn -q -D "$root" --register=no --keep-unit -M "shoveler-$$" --resolv-conf=off --timezone=off --private-network \
		--bind-ro="$here:/host-test" --bind="/mnt/packages:/packages" --boot --console=pipe >/mnt/console 2>&1 &
	nspawn=$!
	eventually 20 has_init
}

boot() {
	eventually 60 host_runs && return
	cat /mnt/console
	on_host sh -c 'systemctl --failed --no-pager; tail /var/log/mail.log; journalctl -b --no-pager | tail -n 30'
	false
}
has_init() { init=$(pgrep -P "$nspawn" | head -n 1) && [ -n "$init" ]; }
host_runs() { on_host sh -c 'echo QUIT | nc -w 2 127.0.0.1 25 || python3 -c "import smtplib; smtplib.SMTP(\"127.0.0.1\").quit()"' && on_host doveadm who; } >/dev/null 2>&1

# The admin's files; what Debian itself writes again and again is left out, and so are accounts.
files() {
	on_host sh -c 'find /etc /usr/lib/dovecot /usr/sbin /usr/bin /usr/lib/systemd /usr/share/shoveler -xdev \( -type f -printf "%p %m %u:%g " -exec md5sum {} \; \
		-o -type l -printf "%p -> %l\n" \) 2>/dev/null | grep -vE "^/etc/((g?shadow|passwd|group|subuid|subgid)-? |ld.so.cache|\.pwd|mtab|resolv.conf)" | sort'
}

apply_role() {
	on_host sh -c "cd /usr/share/shoveler/ansible && ANSIBLE_NOCOLOR=1 ansible-playbook -i localhost, /host-test/role.yml $*" >/mnt/role 2>&1
	grep -E '^(fatal|failed)' /mnt/role
	sed -nE 's/^localhost .*(changed=[0-9]+).*(failed=[0-9]+).*/\1 \2/p' /mnt/role
}
role_gives() { [[ $(apply_role "${@:2}" | tee /dev/stderr) =~ ^$1$ ]]; }

# usage: send TO TEXT [HEADER]
send() {
	on_host python3 -c 'import smtplib, sys
with smtplib.SMTP("127.0.0.1") as s: s.sendmail("bob@example.test", [sys.argv[1]], "From: bob@example.test\nSubject: %s\n\n%s\n" % (sys.argv[2], sys.argv[2]))' "$1" "$2"
}
subject_in() { on_host doveadm fetch -u "$1" hdr.x-dspam-result mailbox "$2" subject "$3" 2>/dev/null | grep -i "${4:-.}"; }
eicar='X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'

mail_flows() { on_host doveadm search -u alice@example.test mailbox INBOX subject number | grep -q .; }
mail_is_filtered() { send alice@example.test filtered && eventually 30 subject_in alice@example.test INBOX filtered Innocent; }
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
units_run() { on_host systemctl is-active shoveler-milter shoveler-lda spamtraind shoveler-web; }
survives_reboot_of_daemons() { on_host systemctl restart shoveler-milter shoveler-lda spamtraind && units_run; }

# The same packages with a higher version.
make_newer() {
	local deb
	for deb in "$packages"/*.deb; do
		rm -rf /mnt/newer/tree && dpkg-deb -R "$deb" /mnt/newer/tree && sed -i 's/0\.1\.0/0.1.0+1/g' /mnt/newer/tree/DEBIAN/control &&
			dpkg-deb -b -Znone /mnt/newer/tree /mnt/packages || return 1
	done
}
upgrade() { make_newer && on_host sh -c 'dpkg -i /packages/*+1_*.deb' && on_host dpkg -l shoveler-lda | grep '0.1.0+1' && eventually 60 units_run; }
purge() { on_host sh -c 'dpkg --purge $(dpkg-query -W -f "\${Package}\n" "shoveler*" spamtrain | grep -v dbgsym)' && ! on_host sh -c 'command -v shoveler'; }

cp "$packages"/*.deb /mnt/packages/
check "a plain mail host" existing || exit 1
container || skip "systemd-nspawn: $(tail -n 1 /mnt/console)"
check "it boots: $(. "$root/etc/os-release" && echo "$PRETTY_NAME")" boot || exit 1
trap 'kill -RTMIN+4 "$init"; wait "$nspawn"' EXIT
on_host setsid python3 /host-test/client.py /run/stop /run/report </dev/null >/dev/null 2>&1 &
files >/mnt/before
check "mail flows" eventually 30 mail_flows && check "packages are installed" on_host sh -c 'dpkg -i /packages/*.deb' || exit 1
check "the role in check mode tells what would change" role_gives 'changed=[1-9][0-9]* failed=0' --check --diff
check "the role is applied" role_gives 'changed=[1-9][0-9]* failed=0' || exit 1
check "a second run changes nothing" role_gives 'changed=0 failed=0'
check "the units run" units_run
check "mail is filtered" mail_is_filtered
check "a virus is suppressed" virus_is_suppressed
check "a folder is shared" folder_is_shared
check "shoveler doctor finds nothing" on_host shoveler doctor
check "units restart" survives_reboot_of_daemons
check "packages are upgraded" upgrade
check "mail is filtered after the upgrade" mail_is_filtered
check "the role takes it off" role_gives 'changed=[1-9][0-9]* failed=0' -e shoveler_state=absent
check "packages are purged" purge
files >/mnt/after
check "the host's files are byte for byte what they were" diff /mnt/before /mnt/after
on_host touch /run/stop
eventually 120 on_host test -s /run/report
on_host cat /run/report >/mnt/report
check "no mail was lost on the way, none came twice: $(cat /mnt/report)" grep -E '^sent [1-9][0-9]+, missing 0, twice 0,' /mnt/report
exit $failed

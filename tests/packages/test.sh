#!/bin/bash
# The Debian packages: built from a copy of this tree, looked at by lintian, then installed, upgraded, removed and purged on a host that has
# Postfix and Dovecot: this machine's files, seen through an overlay, so that nothing of it is changed. Prints TAP.
# usage: tests/packages/test.sh [FOLDER]     the packages stay in FOLDER (default: build/packages)
set -u
cd "$(dirname "$0")/../.." || exit 1
packages=$(realpath -m "${1:-build/packages}")
source=$packages/source
log=$packages/log
. tests/lab/tap.sh

# Times of files stay, so that what CMake made the last time is used again.
copy_tree() {
	mkdir -p "$source" && rm -f "$packages"/*.deb "$packages"/*.changes
	find "$source" -mindepth 1 -maxdepth 1 ! -name 'obj-*' -exec rm -rf {} +
	tar -c --exclude=./build --exclude=./.git --exclude='./obj-*' --exclude='*.pyc' . | tar -x -C "$source"
}

build() {
	cd "$source" && DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary --no-pre-clean
}

no_findings() {
	lintian --allow-root --fail-on error,warning "$packages"/shoveler_*.changes
}

# Run a function of this file on a host of its own. usage: on_host FUNCTION
on_host() {
	unshare --mount --propagation private "$0" --host "$1" "$packages"
}

host_up() {
	mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work /mnt/root /mnt/packages
	cp "$packages"/*.deb /mnt/packages
	mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
	mkdir -p /mnt/root/packages
	mount --bind /mnt/packages /mnt/root/packages
	mount -t proc proc /mnt/root/proc
	rm -f /mnt/root/var/lib/man-db/auto-update # takes longer than all the rest
	mount --rbind /dev /mnt/root/dev
}

# usage: in_host COMMAND...
in_host() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root chroot /mnt/root "$@"
}

# usage: expect WHAT COMMAND...
expect() {
	local what=$1
	shift
	"$@" || { echo "expected: $what"; exit 1; }
}

# What the packages could leave behind or change. System users stay, as Debian wants it, and so does what users taught.
files() {
	in_host sh -c 'find /etc /var/spool/postfix -xdev \( -type f -o -name "*shoveler*" \) ! -path "/etc/*-" ! -regex "/etc/g?\(passwd\|group\|shadow\)" -printf "%p %m %u:%g " -exec md5sum {} \; 2>/dev/null
		find /usr /lib/systemd /var/lib -xdev -name "*shoveler*" ! -path "/var/lib/dpkg/info/*" ! -path /var/lib/shoveler -o -xdev -name "*spamtrain*"' | sort
}

# Another main.cf comes with the package. usage: with_main_cf TEXT
with_main_cf() {
	rm -rf /mnt/tree && dpkg-deb -R "$packages"/shoveler-common_*.deb /mnt/tree && echo "# $1" >>/mnt/tree/etc/shoveler/main.cf &&
		dpkg-deb -b -Znone /mnt/tree /mnt/packages/changed.deb >/dev/null && mkdir -p /mnt/packages/changed && mv /mnt/packages/changed.deb /mnt/packages/changed/
}
install_changed() { in_host sh -c "dpkg -i $* /packages/changed/changed.deb </dev/null"; }
conf_says() { grep -q "$1" "/mnt/root/etc/shoveler/${2-main.cf}"; }

# dpkg asks only where the package's file and the admin's both changed; either answer is a valid configuration.
conffiles() {
	sed -i '/^log_destination/d' /mnt/root/etc/shoveler/main.cf
	expect "an unchanged main.cf is replaced without a question" eval 'with_main_cf second && install_changed && conf_says "# second"'
	echo "log_destination = stderr" >>/mnt/root/etc/shoveler/main.cf
	expect "one that the admin changed stays without a question while the package's is the same" eval 'install_changed && conf_says "log_destination = stderr"'
	expect "where both changed, it asks" eval 'with_main_cf third && install_changed 2>&1 | grep -a "conffile prompt"'
	expect "the admin's answer: his own" eval 'install_changed --force-confold && conf_says "log_destination = stderr" && ! conf_says "# third" && conf_says "# third" main.cf.dpkg-dist'
	expect "it is valid" in_host spamtraind --check
	expect "the admin's answer: the package's" eval 'with_main_cf fourth && install_changed --force-confnew && conf_says "# fourth" && ! conf_says log_destination && conf_says log_destination main.cf.dpkg-old'
	expect "it is valid" in_host spamtraind --check
	echo "lda_max_session = 3" >/mnt/root/etc/shoveler/main.cf.d/20-old.cf
	expect "a setting that is not known is told, with its line" eval 'install_changed 2>&1 | grep "main.cf.d/20-old.cf.*1.*lda_max_session"'
	rm /mnt/root/etc/shoveler/main.cf.d/20-old.cf
}

# What the role changes, and takes back before the packages go. Postfix that was installed without questions has no main.cf.
still_named() {
	[ ! -e /mnt/root/etc/postfix/main.cf ] || cp -a /mnt/root/etc/postfix/main.cf /mnt/main.cf
	mkdir -p /mnt/root/etc/dovecot/conf.d
	# shellcheck disable=SC2016
	echo 'mail_plugins = $mail_plugins shoveler_retrain' >/mnt/root/etc/dovecot/conf.d/90-named.conf
	printf '%s\n' 'smtpd_milters = inet:127.0.0.1:8895' 'virtual_transport = shoveler:unix:shoveler/lda' >>/mnt/root/etc/postfix/main.cf
}
no_longer_named() {
	rm /mnt/root/etc/dovecot/conf.d/90-named.conf /mnt/root/etc/postfix/main.cf
	[ ! -e /mnt/main.cf ] || cp -a /mnt/main.cf /mnt/root/etc/postfix/main.cf
}

life() {
	host_up
	in_host dpkg --purge $(cd "$packages" && ls ./*.deb | sed 's#./\([^_]*\)_.*#\1#') >/dev/null 2>&1
	in_host sh -c 'getent passwd vmail || useradd --system vmail' >/dev/null
	files >/mnt/before
	expect "they can be installed" in_host sh -c 'dpkg -i /packages/*.deb'
	for program in shoveler shoveler-milter shoveler-lda spamtraind spamtrain shoveler-web; do
		expect "$program runs" in_host $program --version
	done
	expect "the configuration is valid" in_host shoveler conf -n
	expect "the daemon's own check" in_host spamtraind --check
	expect "system users" in_host getent passwd shoveler shoveler-milter shoveler-web
	expect "secret of the milter" [ "$(in_host stat -c '%U:%G %a %s' /etc/shoveler/submitter.secret)" = "root:shoveler-secret 640 65" ]
	expect "secret of the links" [ "$(in_host stat -c '%U:%G %a %s' /etc/shoveler/link.secret)" = "shoveler:root 600 65" ]
	expect "no unit is enabled" [ -z "$(find /mnt/root/etc/systemd/system -path '*.wants/*shoveler*' -o -path '*.wants/spamtrain*')" ]
	expect "Postfix is untouched" [ "$(in_host sh -c 'md5sum /etc/postfix/main.cf /etc/postfix/master.cf')" = "$(cd / && md5sum /etc/postfix/main.cf /etc/postfix/master.cf)" ]
	expect "Dovecot knows the doveadm command" in_host sh -c 'doveadm shoveler rescan -? 2>&1 | grep -i "rescan"'
	echo "log_destination = stderr" >>/mnt/root/etc/shoveler/main.cf
	secret=$(cat /mnt/root/etc/shoveler/submitter.secret)
	mkdir -p /mnt/root/var/lib/shoveler/users/example.test && echo lesson >/mnt/root/var/lib/shoveler/users/example.test/kept
	expect "they can be upgraded" in_host sh -c 'dpkg -i /packages/*.deb'
	expect "the admin's setting is kept" grep -q 'log_destination = stderr' /mnt/root/etc/shoveler/main.cf
	expect "the secret is kept" [ "$secret" = "$(cat /mnt/root/etc/shoveler/submitter.secret)" ]
	conffiles
	echo "log_destination = stderr" >>/mnt/root/etc/shoveler/main.cf
	names=$(cd "$packages" && ls ./*.deb | sed 's#./\([^_]*\)_.*#\1#')
	# shellcheck disable=SC2086
	still_named
	expect "they can be removed" eval 'in_host dpkg --remove $names >/mnt/removed 2>&1'
	for warning in 'dovecot: WARNING: .*90-named.conf' 'milter: WARNING: ' 'lda: WARNING: '; do
		expect "what goes on naming them is told" grep -a "shoveler-$warning" /mnt/removed
	done
	no_longer_named
	expect "the admin's file is kept when removed" conf_says "log_destination = stderr"
	expect "and so is what users taught" [ -e /mnt/root/var/lib/shoveler/users/example.test/kept ]
	expect "they can be installed again" in_host sh -c 'dpkg -i --force-confold /packages/*.deb </dev/null'
	expect "with the admin's file" conf_says "log_destination = stderr"
	expect "and the secret of before" [ "$secret" = "$(cat /mnt/root/etc/shoveler/submitter.secret)" ]
	# shellcheck disable=SC2086
	expect "they can be purged, and say what stays" eval 'in_host dpkg --purge $names 2>&1 | grep -a "/var/lib/shoveler is kept"'
	files >/mnt/after
	expect "the host's files are as before" diff /mnt/before /mnt/after
	expect "what users taught is kept" [ -e /mnt/root/var/lib/shoveler/users/example.test/kept ]
	expect "they can be installed after that" in_host sh -c 'dpkg -i /packages/*.deb </dev/null'
	expect "with another secret" [ "$secret" != "$(cat /mnt/root/etc/shoveler/submitter.secret)" ]
	expect "to what users taught" [ -e /mnt/root/var/lib/shoveler/users/example.test/kept ]
}

if [ "${1-}" = --host ]; then
	packages=$3
	"$2"
	exit
fi
mkdir -p "$packages"
check "the tree can be copied" copy_tree &&
	check "packages are built" build &&
	check "lintian has neither errors nor warnings" no_findings &&
	check "installed, upgraded, removed and purged without a trace" on_host life

#!/bin/sh
# The tests of the plugins on Dovecot 2.4, in a Debian 13 on this machine. It is made where it is missing (some minutes, 1.5 GB) and kept.
# usage: on-debian-13.sh [ROOT]     (default /var/cache/shoveler-trixie-plugins; exit code 77 where it cannot be made)
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
root=${1:-/var/cache/shoveler-trixie-plugins}
packages="build-essential cmake ninja-build pkg-config python3 dovecot-dev dovecot-core dovecot-imapd dovecot-lmtpd"

skip() { echo "SKIPPED: the plugins were not tested on Dovecot 2.4: $*" >&2; exit 77; }

[ "$(id -u)" = 0 ] || skip "needs root"
if [ ! -e "$root/.complete" ]; then
	command -v debootstrap >/dev/null || skip "no debootstrap"
	[ -d "$root/etc" ] || debootstrap --variant=minbase trixie "$root" || skip "debootstrap failed"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	# shellcheck disable=SC2046,SC2086
	"$here/tests/lab/in-debian.sh" "$root" env DEBIAN_FRONTEND=noninteractive sh -c \
		'apt-get update -q && apt-get install -qy --no-install-recommends "$@"' sh $packages \
		$(awk '/-dev / && !/^#/ {print $1}' "$here/packages.txt") || skip "packages cannot be installed"
	touch "$root/.complete"
fi
exec "$here/tests/lab/in-debian.sh" "$root" sh -eu -c '
	cmake --preset debug -B /var/tmp/shoveler >/dev/null
	cmake --build /var/tmp/shoveler --target plugins shoveler >/var/tmp/shoveler.log || { grep -A3 error: /var/tmp/shoveler.log; exit 1; }
	ip link set lo up 2>/dev/null || :
	export SHOVELER_MODULES=/var/tmp/shoveler/dovecot-plugins/modules SHOVELER_COMMAND=/var/tmp/shoveler/admin/shoveler
	export PYTHONDONTWRITEBYTECODE=1
	for test in tests/plugins/test_*.py; do
		python3 "$test"
	done'

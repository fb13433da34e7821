#!/bin/sh
# Make a Debian 13 on this machine, for tests on Dovecot 2.4, and print its folder. It is kept (2.5 GB with all packages).
# usage: debian-13.sh [FOLDER]     (default /var/cache/shoveler-debian-13; exit code 77, and why, where it cannot be made)
set -eu
root=${1:-/var/cache/shoveler-debian-13}

cannot() { echo "$*" >&2; exit 77; }

[ "$(id -u)" = 0 ] || cannot "needs root"
if [ ! -e "$root/.complete" ]; then
	command -v debootstrap >/dev/null || cannot "no debootstrap"
	rm -rf "$root"
	debootstrap --variant=minbase trixie "$root" >"$root.log" 2>&1 || cannot "debootstrap failed: $(tail -n 1 "$root.log")"
	touch "$root/.complete"
fi
echo "$root"

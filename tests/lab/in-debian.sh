#!/bin/bash
# Run a command in another Debian (a folder made by debootstrap), with this checkout visible at the same path; nothing stays mounted.
# For trying demo.sh and test.sh on Debian 13 from a Debian 12 machine, and the other way round.
# usage: tests/lab/in-debian.sh ROOT COMMAND...
#        debootstrap --variant=minbase trixie /var/cache/trixie && tests/lab/in-debian.sh /var/cache/trixie ./demo.sh
set -eu
[ $# -ge 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 64; }
checkout=$(cd "$(dirname "$0")/../.." && pwd)
root=$(cd "$1" && pwd)
shift

# shellcheck disable=SC2016 # expanded inside
exec unshare --mount --propagation private bash -eu -c '
	root=$1 checkout=$2
	shift 2
	mount --rbind "$root" "$root"
	mount --rbind /dev "$root/dev"
	mount -t proc proc "$root/proc"
	mount -t sysfs sys "$root/sys"
	mount -t tmpfs -o mode=755 run "$root/run"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	mkdir -p "$root$checkout"
	mount --rbind "$checkout" "$root$checkout"
	cd "$root"
	pivot_root . mnt
	umount -l /mnt
	cd "$checkout"
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 "$@"
	' in-debian "$root" "$checkout" "$@"

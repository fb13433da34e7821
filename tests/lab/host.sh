#!/bin/bash
# The first process of one lab host: started by lab.sh in namespaces of its own (network, mounts, processes, name).
# usage: host.sh NAME DOMAINNAME FOLDER KEEP...
# It gives the host an own /etc and /usr (the machine's, with the host's files laid over them), /var and /run (empty at first),
# then does nothing but reap. FOLDER is what a reader looks at; KEEP are folders that must stay visible whatever is laid over them.
# Whoever kills this process ends every process of the host.
set -eu
name=$1 fqdn=$2 dir=$3
shift 3

hostname "$fqdn"
mkdir -p "$dir"/{etc,usr,var,run} "$dir"/.work/{etc,usr}

# Folders that would vanish under the new /var and /run (a checkout in /var/tmp, the lab's own state in /run).
for keep in "$@"; do
	case $keep in
	/var/* | /run/*)
		mkdir -p "$dir$keep"
		mount --rbind "$keep" "$dir$keep"
		;;
	esac
done

for top in etc usr; do
	mount -t overlay "lab-$name" -o "lowerdir=/$top,upperdir=$dir/$top,workdir=$dir/.work/$top" "/$top"
done
mkdir -p "$dir"/var/{log,tmp,lib,cache,spool,mail} "$dir"/run/lock
chmod 1777 "$dir/var/tmp" "$dir/run/lock"
ln -sfn /run "$dir/var/run"
mount --rbind "$dir/var" /var
mount --rbind "$dir/run" /run

echo ready >/run/lab.ready
while :; do
	sleep 3600 &
	wait $!
done

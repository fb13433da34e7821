#!/bin/bash
# systemctl(1) for a host of the lab, which has no systemd: as much of it as the role and `shoveler doctor` look at. A service runs if its
# process does (as lab_start would have it), a timer if its file is there; enabled is a link, as systemd makes it. What changes something is
# noted in /run/systemctl.log.
timers=/run/systemctl
mkdir -p "$timers" /run/lab

unit_file() { find /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system -maxdepth 1 -name "$1" 2>/dev/null | head -n 1; }
pid_of() { cat "/run/lab/${1%.service}.pid" 2>/dev/null; }
runs() {
	case $1 in
	*.service) pid=$(pid_of "$1") && kill -0 "$pid" 2>/dev/null ;;
	*) [ -e "$timers/$1" ] ;;
	esac
}
wants() { sed -n 's/^WantedBy=//p' "$(unit_file "$1")" | sed "s,^,/etc/systemd/system/,; s,\$,.wants/$1,"; }
enabled() { [ -L "$(wants "$1")" ]; }

show() {
	local load=not-found active=inactive state=
	if [ -n "$(unit_file "$1")" ]; then
		load=loaded state=disabled
		! enabled "$1" || state=enabled
		! runs "$1" || active=active
	fi
	printf 'Id=%s\nLoadState=%s\nActiveState=%s\nUnitFileState=%s\n\n' "$1" $load $active $state
}

start() {
	runs "$1" && return
	case $1 in
	*.service)
		# shellcheck disable=SC2016
		LAB_SERVICE=${1%.service} setsid bash -c 'umask 077; echo $$ >"/run/lab/$LAB_SERVICE.pid"
			[ ! -r /etc/lab.environment ] || . /etc/lab.environment
			exec "/usr/sbin/$LAB_SERVICE"' >>"/var/log/${1%.service}.out" 2>&1 </dev/null &
		;;
	*) touch "$timers/$1" ;;
	esac
}
stop() {
	case $1 in
	*.service) runs "$1" && kill -TERM "$pid" && while runs "$1"; do sleep 0.05; done ;;
	*) rm -f "$timers/$1" ;;
	esac
}
reload() { runs "$1" && kill -HUP "$pid"; }
restart() { stop "$1"; start "$1"; }
enable() { mkdir -p "$(dirname "$(wants "$1")")" && ln -sfn "$(unit_file "$1")" "$(wants "$1")"; }
disable() { rm -f "$(wants "$1")"; }

verb=$1
shift
case $verb in
show | is-active | is-enabled | daemon-reload) ;;
*) echo "$verb $*" >>/run/systemctl.log ;;
esac
for unit; do
	case $unit in
	-* | *\**) continue ;;
	*.*) ;;
	*) unit=$unit.service ;;
	esac
	case $verb in
	show | start | stop | reload | restart | enable | disable) $verb "$unit" ;;
	is-active) runs "$unit" || exit 3 ;;
	is-enabled) enabled "$unit" || exit 1 ;;
	esac
done
exit 0

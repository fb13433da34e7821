# shellcheck shell=bash
# Servers on the hosts: part of lab.sh. A server is named HOST/SERVICE, as in mx1/dovecot.

# What runs where before Shoveler.
LAB_SERVERS="dns/unbound dns/rbldnsd third/postfix mx2/postfix mx1/dovecot mx1/postfix"

# The command that runs a service in the foreground.
lab_command() {
	case $1 in
	postfix) echo "/usr/lib/postfix/sbin/master -c /etc/postfix -d" ;;
	dovecot) echo "/usr/sbin/dovecot -F" ;;
	unbound) echo "/usr/sbin/unbound -d -c /etc/unbound/unbound.conf" ;;
	rbldnsd) echo "/usr/sbin/rbldnsd -n -u rbldns -c 1s -b 127.0.0.1/5353 -w /etc/rbldns dnsbl.test:ip4set:dnsbl.test dnsbl.test:ip6trie:dnsbl6.test dnswl.test:ip4set:dnswl.test rhsbl.test:dnset:rhsbl.test" ;;
	shoveler-milter | shoveler-lda | spamtraind | shoveler-web) echo "/usr/sbin/$1" ;;
	roundcube)
		echo "setpriv --reuid=www-data --regid=www-data --clear-groups env PHP_CLI_SERVER_WORKERS=3 php -d session.save_path=/var/lib/php/sessions" \
			"-S 203.0.113.25:8025 -t /var/lib/roundcube"
		;;
	apache2) echo "/usr/sbin/apache2 -D FOREGROUND -f /etc/apache2/lab.conf" ;;
	nginx) echo "/usr/sbin/nginx -g 'daemon off;'" ;;
	esac
}

# True when a service answers.
lab_ready() {
	case $1 in
	dns/unbound) lab_in dns dig +short +time=1 +tries=1 @127.0.0.1 mx1.example.test A | grep -q 203.0.113.25 ;;
	dns/rbldnsd) lab_in dns dig +short +time=1 +tries=1 -p 5353 @127.0.0.1 2.0.0.127.dnsbl.test A | grep -q 127.0.0.2 ;;
	*/postfix) lab_port "${1%/*}" 25 ;;
	*/dovecot) lab_port "${1%/*}" 143 && lab_port "${1%/*}" 4190 ;;
	*/roundcube) lab_port "${1%/*}" 8025 ;;
	*) lab_shoveler_ready "$1" ;;
	esac
}

# usage: lab_port HOST PORT (is it open, seen from the host itself?)
lab_port() {
	# shellcheck disable=SC2016
	lab_in "$1" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$(lab_address "$1")" "$2" 2>/dev/null
}

# usage: lab_start HOST/SERVICE...   all at once; waits until each of them answers
lab_start() {
	local server jobs=()
	for server in "$@"; do
		lab_start_one "$server" &
		jobs+=($!)
	done
	lab_join "${jobs[@]}"
}

lab_start_one() {
	local host=${1%/*} service=${1#*/}
	if lab_runs "$1"; then
		return 0
	fi
	lab_run "$host" "$service" >>"$LAB_DIR/$host/var/log/$service.out" 2>&1 </dev/null &
	disown $!
	if ! lab_wait "$LAB_TIMEOUT" lab_ready "$1"; then
		lab_say "$1 did not start; the end of its output:"
		tail -n 5 "$LAB_DIR/$host/var/log/$service.out" >&2
		return 1
	fi
}

# Runs a service until it ends, and notes its exit code.
lab_run() {
	rm -f "$LAB_DIR/$1/run/lab/$2.exit"
	# shellcheck disable=SC2016
	lab_in "$1" env LAB_SERVICE="$2" bash -c '
		mkdir -p /run/lab
		echo $$ >"/run/lab/$LAB_SERVICE.pid"
		[ ! -r /etc/lab.environment ] || . /etc/lab.environment
		exec setsid '"$(lab_command "$2")"
	echo $? >"$LAB_DIR/$1/run/lab/$2.exit"
}

# How a service that was stopped ended. usage: lab_exit_code HOST/SERVICE
lab_exit_code() {
	local file=$LAB_DIR/${1%/*}/run/lab/${1#*/}.exit
	lab_wait 10 test -s "$file"
	cat "$file"
}

# Process id of a service, as its host sees it.
lab_pid() { cat "$LAB_DIR/${1%/*}/run/lab/${1#*/}.pid" 2>/dev/null; }

lab_runs() {
	local pid
	pid=$(lab_pid "$1") && lab_in "${1%/*}" kill -0 "$pid" 2>/dev/null
}

lab_stopped() { ! lab_runs "$1"; }

# usage: lab_signal SIGNAL HOST/SERVICE
lab_signal() { lab_in "${2%/*}" kill "-$1" "$(lab_pid "$2")"; }

# End services in the orderly way. usage: lab_stop HOST/SERVICE...
lab_stop() {
	local server jobs=()
	for server in "$@"; do
		lab_stop_one "$server" &
		jobs+=($!)
	done
	lab_join "${jobs[@]}"
}

lab_stop_one() {
	lab_runs "$1" || return 0
	lab_signal TERM "$1"
	lab_wait "$LAB_TIMEOUT" lab_stopped "$1" || { lab_say "$1 does not stop on SIGTERM"; return 1; }
}

# kill -9, as a crash would. usage: lab_kill HOST/SERVICE...
lab_kill() {
	local server
	for server in "$@"; do
		lab_signal KILL "$server"
		lab_wait 20 lab_stopped "$server"
	done
}

lab_restart() { lab_stop "$@" && lab_start "$@"; }

# SIGHUP to Postfix or a daemon of ours; returns when it was heeded, and nobody of Postfix's who knows only the former settings waits
# for a client. usage: lab_reload HOST/SERVICE
lab_reload() {
	local before old
	before=$(lab_reloads "$1")
	old=$(lab_in "${1%/*}" pgrep -P "$(lab_pid "$1")" -x 'smtpd|cleanup|trivial-rewrite')
	lab_signal HUP "$1"
	lab_wait 10 lab_reloaded "$1" "$before" || lab_say "$1 does not say that it was reloaded"
	# shellcheck disable=SC2086
	[ -z "$old" ] || lab_wait 2 lab_gone_in "${1%/*}" $old
	return 0
}
lab_reloads() {
	local log=$LAB_DIR/${1%/*}/var/log
	case $1 in
	*/postfix) cat "$log/mail.log" | grep -cE '/master\[[0-9]+\]: reload -- ' ;;
	*) cat "$log/${1#*/}.out" | grep -cE ': reloaded$|: reload refused' ;;
	esac 2>/dev/null
}
lab_reloaded() { [ "$(lab_reloads "$1")" -gt "$2" ]; }
lab_gone_in() {
	local pid
	for pid in "${@:2}"; do
		! lab_in "$1" kill -0 "$pid" 2>/dev/null || return 1
	done
}

# Postfix makes its folders in `postfix start`, in seconds; by hand they take none. /var is empty at this point.
lab_prepare_postfix() {
	lab_in "$1" bash -eu -c '
		cd /var/spool && mkdir -p postfix && cd postfix
		install -d -o postfix -m 700 active bounce corrupt defer deferred flush hold incoming private saved trace /var/lib/postfix
		install -d -o postfix -g postdrop -m 730 maildrop
		install -d -o postfix -g postdrop -m 710 public
		mkdir -p pid etc
		cp /etc/{resolv.conf,hosts,services,nsswitch.conf} etc/
		touch -d "1 minute ago" /etc/postfix/*.cf'
}

lab_prepare_dovecot() {
	local version
	version=$(dovecot --version | cut -d. -f1,2)
	# shellcheck disable=SC2016
	lab_in mx1 env FILES="$LAB_FILES/base/mx1/dovecot" VERSION="$version" bash -eu -c '
		rm -rf /etc/dovecot
		mkdir -p /etc/dovecot/conf.d /var/lib/dovecot
		cp "$FILES/$VERSION/dovecot.conf" "$FILES/users" /etc/dovecot/'
}

lab_prepare_dns() { lab_in dns mkdir -p /var/lib/unbound; }

lab_servers_up() {
	local host jobs=()
	lab_prepare_dns && lab_prepare_dovecot || return 1
	for host in mx1 mx2 third; do
		lab_prepare_postfix "$host" || return 1
	done
	# shellcheck disable=SC2086
	lab_start $LAB_SERVERS
}

lab_status() {
	local server
	[ -e "$LAB_DIR/net.pid" ] || { echo "lab $LAB_NAME is down"; return 1; }
	for server in $LAB_SERVERS $LAB_DAEMONS; do
		if lab_runs "$server"; then
			echo "$server runs (process $(lab_pid "$server"))"
		else
			echo "$server does not run"
		fi
	done
}

# shellcheck shell=bash
# Dropping Shoveler into the base hosts, and what tests do with it: part of lab.sh.

LAB_DAEMONS="mx1/spamtraind mx1/shoveler-lda mx1/shoveler-milter mx2/shoveler-milter"

# Install into mx1 and mx2 what was built, add the files of shoveler/HOST, start the daemons, and let Postfix and Dovecot know.
lab_drop_in() {
	local host jobs=()
	lab_install || return 1
	for host in mx1 mx2; do
		lab_drop_in_host "$host" &
		jobs+=($!)
	done
	lab_join "${jobs[@]}"
}

lab_drop_in_host() {
	local daemons=shoveler-milter
	[ "$1" = mx2 ] || daemons="spamtraind shoveler-lda shoveler-milter"
	lab_in "$1" cp -a "$LAB_DIR/installed/usr/." /usr/ && lab_signatures "$1" && lab_shoveler_files "$1" || return 1
	# shellcheck disable=SC2086
	lab_start $(printf "$1/%s " $daemons) || return 1
	lab_postfix_settings "$1" && lab_reload "$1/postfix" || return 1
	if [ "$1" = mx1 ]; then
		lab_restart mx1/dovecot
	fi
}

# What `cmake --install` puts into /usr, in a folder; each host gets a copy. One at a time, as an installation writes into its build.
lab_install() {
	if [ ! -e "$LAB_BUILD/cmake_install.cmake" ]; then
		lab_say "nothing was built in $LAB_BUILD: cmake --preset release && cmake --build build/release"
		return 1
	fi
	DESTDIR=$LAB_DIR/installed flock "$LAB_BUILD" cmake --install "$LAB_BUILD" --prefix /usr >"$LAB_DIR/install.log" 2>&1 ||
		{ lab_say "installing failed: $(tail -n 3 "$LAB_DIR/install.log")"; return 1; }
}

# Users, folders and files. Users exist only inside the lab.
lab_shoveler_files() {
	local version
	version=$(dovecot --version | cut -d. -f1,2)
	# shellcheck disable=SC2016
	lab_in "$1" env FILES="$LAB_FILES/shoveler/$1" CONF="$LAB_ROOT/dovecot-plugins/conf" VERSION="$version" HOST="$1" bash -eu -c '
		echo "shoveler-policy:x:5003:vmail,postfix,shoveler,shoveler-milter" >>/etc/group
		echo "shoveler-secret:x:5004:shoveler,shoveler-milter" >>/etc/group
		cp -r "$FILES/etc/." /etc/
		install -m 640 -g shoveler-secret /dev/null /etc/shoveler/submitter.secret
		openssl rand -hex 32 >/etc/shoveler/submitter.secret
		install -m 600 -o shoveler /dev/null /etc/shoveler/link.secret
		openssl rand -hex 32 >/etc/shoveler/link.secret
		install -d /var/lib/shoveler
		install -d -o shoveler -g shoveler -m 700 /var/lib/shoveler/users
		install -d -o vmail -g vmail -m 700 /var/lib/shoveler/sharing
		install -d /run/shoveler
		install -d -o shoveler -g postfix -m 750 /var/spool/postfix/shoveler
		[ "$HOST" = mx1 ] || exit 0
		for part in sharing retrain; do
			cp "$CONF/90-shoveler-$part-$VERSION.conf" /etc/dovecot/conf.d/90-shoveler-$part.conf
		done'
	lab_sanitizers "$1"
}

# Each line of the file is a setting of main.cf.
lab_postfix_settings() {
	local line settings=()
	while read -r line; do
		settings+=("$line")
	done < <(grep -v '^#' "$LAB_FILES/shoveler/$1/etc/postfix/shoveler/settings")
	lab_postconf "$1" "${settings[@]}"
}

# postconf -e, seen by Postfix at once. usage: lab_postconf HOST "name = value"...
lab_postconf() {
	local host=$1
	shift
	lab_in "$host" postconf -e "$@" && lab_in "$host" touch -d "1 minute ago" /etc/postfix/main.cf
}

# A build with sanitizers: their reports go to /var/log/sanitizer, and Dovecot gets their library before its own.
lab_sanitized() { grep -q '^SHOVELER_SANITIZE:BOOL=ON' "$LAB_BUILD/CMakeCache.txt"; }
lab_sanitizers() {
	local version
	lab_sanitized || return 0
	version=$(dovecot --version | cut -d. -f1,2)
	# shellcheck disable=SC2016
	lab_in "$1" env LIBRARY="$(gcc -print-file-name=libasan.so)" HOST="$1" \
		DOVECOT="$LAB_FILES/sanitizer/99-sanitizer-$version.conf" bash -eu -c '
		install -d -m 1777 /var/log/sanitizer
		cat >/etc/lab.environment <<-END
			case \$LAB_SERVICE in dovecot | command) leaks=0 ;; *) leaks=1 ;; esac
			export ASAN_OPTIONS=log_path=/var/log/sanitizer/report:detect_leaks=\$leaks
			export UBSAN_OPTIONS=log_path=/var/log/sanitizer/report:print_stacktrace=1
			[ "\$LAB_SERVICE" != dovecot ] || export LD_PRELOAD=$LIBRARY
		END
		[ "$HOST" != mx1 ] || cp "$DOVECOT" /etc/dovecot/conf.d/99-sanitizer.conf'
}

# A daemon answers. usage: lab_shoveler_ready HOST/DAEMON
lab_shoveler_ready() {
	local host=${1%/*}
	case $1 in
	*/spamtraind) lab_socket "$host" /var/spool/postfix/shoveler/training ;;
	*/shoveler-lda) lab_socket "$host" /var/spool/postfix/shoveler/lda ;;
	*/shoveler-web) lab_socket "$host" /run/shoveler/web.sock ;;
	*/nginx | */apache2) lab_port "$host" 443 ;;
	*/shoveler-milter) lab_in "$host" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8895' 2>/dev/null ;;
	esac
}
lab_socket() { lab_in "$1" socat -u OPEN:/dev/null "UNIX-CONNECT:$2" 2>/dev/null; }

# Virus signatures of our own: EICAR's text, and one more for each call. usage: lab_signature NAME TEXT
lab_signatures() {
	[ "$1" = mx1 ] || return 0
	lab_in mx1 mkdir -p /var/lib/clamav
	lab_signature Lab.Eicar 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE'
}
lab_signature() {
	local file=$LAB_DIR/mx1/var/lib/clamav/lab.ndb
	# Beside and renamed, as freshclam does it. 0: any type of file, *: anywhere.
	{ cat "$file" 2>/dev/null; echo "$1:0:*:$(printf %s "$2" | od -An -v -tx1 | tr -d ' \n')"; } >"$file.new"
	mv "$file.new" "$file"
}

# Commands on mx1. Leaks are looked for in the daemons and unit tests: spamtrain changes its user, which LeakSanitizer cannot follow.
lab_doveadm() { lab_tool dovecot doveadm "$@"; }
lab_shoveler() { lab_tool command shoveler "$@"; }
lab_spamtrain() { lab_tool command spamtrain "$@"; }
lab_tool() {
	# shellcheck disable=SC2016
	lab_in mx1 env LAB_SERVICE="$1" bash -c '[ ! -r /etc/lab.environment ] || . /etc/lab.environment; exec "$@"' lab "${@:2}"
}

# mx2 (or LAB_MX2) becomes the fallback MX of a domain, as shoveler(8) says. usage: lab_mx2_add DOMAIN [NAME=VALUE...]
lab_mx2_add() {
	local name value old settings=() mx2=${LAB_MX2:-mx2}
	lab_in "$mx2" shoveler mx2 add "$@" || return 1
	lab_in "$mx2" shoveler mx2 postfix /etc/postfix/shoveler >/dev/null || return 1
	while IFS='=' read -r name value; do
		name=${name% } value=${value# }
		# "Add these to what is there."
		case $name in
		*_maps | *_domains | *_restrictions)
			old=$(lab_in "$mx2" postconf -h "$name")
			case $old in *"$value"*) continue ;; esac
			value="${old:+$old, }$value"
			;;
		esac
		settings+=("$name = $value")
	done < <(lab_in "$mx2" shoveler mx2 postfix | sed '1,/^== main.cf/d; /^$/,$d')
	while read -r name value; do
		lab_in "$mx2" postconf -Me "$name/unix=$name $value" || return 1
	done < <(lab_in "$mx2" shoveler mx2 postfix | sed '1,/^== master.cf/d')
	lab_postconf "$mx2" "${settings[@]}" && lab_reload "$mx2/postfix" || return 1
	# The milter would see it by itself within some seconds, and put off what comes before.
	[ "$mx2" != mx2 ] || lab_reload mx2/shoveler-milter
}

# shellcheck shell=bash
# Hosts and cables: part of lab.sh.

lab_say() { echo "lab: $*" >&2; }

# Poll until COMMAND succeeds; 1 after SECONDS, on a busy machine LAB_PATIENCE times as many. usage: lab_wait SECONDS COMMAND...
lab_wait() {
	local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * LAB_PATIENCE * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

lab_address() {
	case $1 in
	client) echo 203.0.113.10 ;;
	mx1) echo 203.0.113.25 ;;
	mx2) echo 203.0.113.26 ;;
	third) echo 203.0.113.30 ;;
	dns) echo 203.0.113.53 ;;
	bad) echo 203.0.113.66 ;;
	*) lab_say "no host named $1 (there are: $LAB_HOSTS)"; return 1 ;;
	esac
}

lab_fqdn() {
	case $1 in
	client) echo mail.client.test ;;
	mx1 | mx2) echo "$1.example.test" ;;
	third) echo mail.third.test ;;
	dns) echo ns.example.test ;;
	bad) echo localhost ;;
	esac
}

# Says what is missing, and stops, where the lab cannot work.
lab_check() {
	[ "$(id -u)" = 0 ] || { lab_say "needs root"; exit 77; }
	if ! unshare --net --mount --pid --uts --fork true 2>/dev/null; then
		lab_say "namespaces are not permitted here (unshare failed), and the lab needs them: stopped"
		exit 77
	fi
}

# Run a command inside a host. usage: lab_in HOST COMMAND...
lab_in() {
	local pid
	read -r pid <"$LAB_DIR/$1.pid" || { lab_say "host $1 is not up"; return 1; }
	shift
	nsenter -t "$pid" -n -m -p -u "$@"
}

lab_enter() {
	local host=$1
	shift
	[ $# -gt 0 ] || set -- bash
	lab_in "$host" "$@"
}

# Start the first process of a host and note its process id. usage: lab_host_start HOST
lab_host_start() {
	local host=$1 parent
	setsid unshare --net --mount --pid --uts --fork --kill-child --mount-proc --propagation private \
		"$LAB_FILES/host.sh" "$host" "$(lab_fqdn "$host")" "$LAB_DIR/$host" "$LAB_ROOT" "$LAB_BUILD" "$LAB_DIR" \
		>"$LAB_DIR/$host.log" 2>&1 </dev/null &
	parent=$!
	disown $parent
	echo $parent >"$LAB_DIR/$host.parent"
	if ! lab_wait 20 test -e "$LAB_DIR/$host/run/lab.ready"; then
		lab_say "host $host did not start: $(tail -n 3 "$LAB_DIR/$host.log")"
		return 1
	fi
	pgrep -P "$parent" >"$LAB_DIR/$host.pid"
	lab_host_cable "$host" && lab_host_files "$host"
}

# The switch is a bridge in a namespace of its own: the machine's network stays as it is.
lab_net_start() {
	setsid unshare --net sleep infinity >/dev/null 2>&1 </dev/null &
	disown $!
	echo $! >"$LAB_DIR/net.pid"
	lab_wait 20 lab_net_separate || return 1
	lab_net ip link add switch type bridge && lab_net ip link set switch up
}

lab_net() { nsenter -t "$(<"$LAB_DIR/net.pid")" -n "$@"; }
lab_net_separate() { [ "$(readlink "/proc/$(<"$LAB_DIR/net.pid")/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }

lab_host_cable() {
	local host=$1 pid
	pid=$(<"$LAB_DIR/$host.pid")
	lab_net ip -batch - <<-END &&
		link add $host type veth peer name eth0 netns $pid
		link set $host master switch up
	END
		lab_in "$host" ip -batch - <<-END
			link set lo up
			address add $(lab_address "$host")/24 dev eth0
			link set eth0 up
		END
}

# Pull a host's cable, and put it back. usage: lab_cable HOST down|up
lab_cable() { lab_net ip link set "$1" "$2"; }

# Lay the host's files over its /etc; users exist only inside the lab.
lab_host_files() {
	local host=$1
	# shellcheck disable=SC2016 # expanded inside
	lab_in "$host" env FILES="$LAB_FILES/base" CA="$LAB_DIR/ca" HOST="$host" FQDN="$(lab_fqdn "$host")" \
		ADDRESS="$(lab_address "$host")" bash -eu -c '
		rm -f /etc/resolv.conf /etc/hosts
		echo "nameserver 203.0.113.53" >/etc/resolv.conf
		printf "127.0.0.1 localhost\n%s %s %s\n" "$ADDRESS" "$FQDN" "$HOST" >/etc/hosts
		printf "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n" >/etc/nsswitch.conf
		echo "$FQDN" >/etc/mailname
		for user in vmail:5000 shoveler:5001 shoveler-milter:5002 shoveler-web:5005; do
			sed -i "/^${user%:*}:/d" /etc/passwd /etc/group
			echo "${user%:*}:x:${user#*:}:${user#*:}::/nonexistent:/usr/sbin/nologin" >>/etc/passwd
			echo "${user%:*}:x:${user#*:}:" >>/etc/group
		done
		install -d -o vmail -g vmail -m 750 /var/vmail
		if [ -d "$FILES/$HOST/etc/postfix" ]; then
			cp "$FILES/common/etc/postfix/master.cf" /etc/postfix/master.cf
		fi
		if [ -d "$FILES/$HOST/etc" ]; then
			cp -r "$FILES/$HOST/etc/." /etc/
		fi
		cp "$CA/ca.crt" /etc/ssl/lab-ca.crt
		if [ -e "$CA/$HOST.key" ]; then
			install -m 644 "$CA/$HOST.crt" /etc/ssl/
			install -m 600 "$CA/$HOST.key" /etc/ssl/
		fi'
}

# The lab's own certificate authority, and a certificate for each mail host.
lab_ca() {
	local ca=$LAB_DIR/ca
	mkdir -p "$ca"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Lab CA" \
		-addext "keyUsage=critical,keyCertSign,cRLSign" -keyout "$ca/ca.key" -out "$ca/ca.crt" 2>/dev/null &&
		lab_certificate mx1 mx1.example.test && lab_certificate mx2 mx2.example.test &&
		lab_certificate wrong wrong.example.test
}

# usage: lab_certificate FILE NAME
lab_certificate() {
	local ca=$LAB_DIR/ca
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -addext "subjectAltName=DNS:$2" \
		-keyout "$ca/$1.key" -out "$ca/$1.csr" 2>/dev/null &&
		openssl x509 -req -in "$ca/$1.csr" -CA "$ca/ca.crt" -CAkey "$ca/ca.key" -CAcreateserial -days 30 -copy_extensions copy \
			-out "$ca/$1.crt" 2>/dev/null
}

# All jobs of this shell, started with &; 1 if any failed.
lab_join() {
	local pid failed=0
	for pid in "$@"; do
		wait "$pid" || failed=1
	done
	return $failed
}

lab_hosts_up() {
	local host jobs=()
	mkdir -p "$LAB_DIR" && chmod 755 "$LAB_DIR"
	# On tmpfs: fast, and an overlay can lie on it even where the machine's root is an overlay itself. LAB_IMAGE: a file with a file
	# system instead, to measure on a real disk.
	if [ -n "${LAB_IMAGE-}" ]; then
		mount -o loop "$LAB_IMAGE" "$LAB_DIR" || return 1
	else
		mount -t tmpfs -o mode=755,size=50% "shoveler-lab" "$LAB_DIR" || return 1
	fi
	lab_net_start || return 1
	lab_ca || { lab_say "openssl could not make the lab's certificates"; return 1; }
	for host in $LAB_HOSTS; do
		lab_host_start "$host" &
		jobs+=($!)
	done
	lab_join "${jobs[@]}"
}

lab_hosts_down() {
	local host file
	for file in "$LAB_DIR"/*.parent "$LAB_DIR"/net.pid; do
		[ -e "$file" ] && kill -9 "$(<"$file")" 2>/dev/null
	done
	for host in $LAB_HOSTS; do
		[ -e "$LAB_DIR/$host.pid" ] && lab_wait 10 lab_gone "$(<"$LAB_DIR/$host.pid")"
	done
	if mountpoint -q "$LAB_DIR"; then
		umount "$LAB_DIR" || umount -l "$LAB_DIR"
	fi
	[ ! -d "$LAB_DIR" ] || rmdir "$LAB_DIR"
	rmdir "$(dirname "$LAB_DIR")" 2>/dev/null
	return 0
}

lab_gone() { ! kill -0 "$1" 2>/dev/null; }

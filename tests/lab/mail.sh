# shellcheck shell=bash
# What a test does with mail: part of lab.sh.

# Send standard input from a host. usage: lab_send [HOST] [send.py's options] RECIPIENT... <MESSAGE
lab_send() {
	local host=client
	case $1 in client | bad | third | mx1 | mx2) host=$1; shift ;; esac
	lab_in "$host" "$LAB_FILES/send.py" "$@"
}

# A mail client of a user, seen from the internet. usage: lab_imap USER COMMAND... (see imap.py)
# USER is a mail address, or the local part alone for one of example.test.
lab_imap() { lab_in client "$LAB_FILES/imap.py" "$(lab_user "$1")" "${@:2}"; }
lab_pop3() { lab_in client "$LAB_FILES/pop3.py" "$(lab_user "$1")"; }
lab_sieve() { lab_in client "$LAB_FILES/sieve.py" "$(lab_user "$1")" "$2"; }
lab_user() { case $1 in *@*) echo "$1" ;; *) echo "$1@example.test" ;; esac; }

# A small message, each from somebody else: nobody becomes a known sender. usage: lab_message SUBJECT [BODY] [HEADER-LINE...]
lab_message() {
	local subject=$1 body=${2-Nothing to see here.} line
	shift
	[ $# -eq 0 ] || shift
	printf 'From: Sender <sender-%s@client.test>\nTo: Somebody <somebody@example.test>\nSubject: %s\n' "$RANDOM$RANDOM" "$subject"
	printf 'Message-ID: <%s.%s@client.test>\nDate: %s\n' "${EPOCHREALTIME/[.,]/}" "$RANDOM" "$(date -R)"
	for line in "$@"; do
		printf '%s\n' "$line"
	done
	printf '\n%s\n' "$body"
}

# The harmless test virus, in two pieces so that no scanner finds this file.
lab_eicar() { printf '%s%s\n' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR' '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'; }

# UID of the one message with this subject. usage: lab_uid USER FOLDER SUBJECT
lab_uid() { lab_imap "$1" header "$2" Subject | awk -v want="$3" '{ uid = $1; sub(/^[0-9]+ /, ""); if ($0 == want) print uid }'; }

# A field of the message with this subject. usage: lab_field USER FOLDER SUBJECT FIELD
lab_field() {
	local uid
	uid=$(lab_uid "$1" "$2" "$3" | tail -n 1)
	[ -n "$uid" ] || return 1
	lab_imap "$1" header "$2" "$4" | sed -n "s/^$uid //p"
}

lab_has() { [ -n "$(lab_uid "$1" "$2" "$3")" ]; }

# Wait until a message is in a folder. usage: lab_arrives USER FOLDER SUBJECT [SECONDS]
lab_arrives() { lab_wait "${4-20}" lab_has "$1" "$2" "$3"; }

# What the third party (and the lab's senders) got: files with this subject. usage: lab_third friend|bounces SUBJECT
lab_third() { grep -rlx "Subject: $2" "$LAB_DIR/third/var/vmail/$1/new" 2>/dev/null; }
lab_third_arrives() { lab_wait "${3-20}" lab_third "$1" "$2" >/dev/null; }

# A host's mail queue, one JSON object a message. usage: lab_queue HOST
lab_queue() { lab_in "$1" postqueue -j; }
lab_queue_empty() { [ -z "$(lab_queue "$1")" ]; }
lab_flush() { lab_in "$1" postqueue -f; }

# Lines of a host's logs. usage: lab_log HOST PATTERN
lab_log() { grep -rhE -- "$2" "$LAB_DIR/$1/var/log"; }

# The DNSBL: put an address on it, take it off; returns when the list answers so.
lab_dnsbl_list() { lab_dnsbl_edit "\$ a $1" && lab_wait 20 lab_listed "$1"; }
lab_dnsbl_unlist() { lab_dnsbl_edit "/^$1\$/d" && lab_wait 20 lab_not_listed "$1"; }
lab_dnsbl_edit() {
	# rbldnsd reads the list again when its time, in whole seconds, is another.
	# shellcheck disable=SC2016
	lab_in dns bash -c 'time=$(stat -c %Y "$0"); sed -i "$1" "$0"; touch -d "@$((time + 1))" "$0"' \
		/etc/rbldns/dnsbl.test "$1"
	lab_signal HUP dns/rbldnsd
}
lab_listed() {
	local reversed
	reversed=$(echo "$1" | awk -F. '{ print $4 "." $3 "." $2 "." $1 }')
	lab_in mx1 dig +short "$reversed.dnsbl.test" A | grep -q 127.0.0.2
}
lab_not_listed() { ! lab_listed "$1"; }

# Give mx1 the certificate FILE (mx1: its own, wrong: another name's); returns when Postfix shows it.
lab_use_certificate() {
	lab_in mx1 install -m 644 "$LAB_DIR/ca/$1.crt" /etc/ssl/mx1.crt
	lab_in mx1 install -m 600 "$LAB_DIR/ca/$1.key" /etc/ssl/mx1.key
	lab_reload mx1/postfix
	lab_wait 20 lab_shows_certificate "$1.example.test"
}
lab_shows_certificate() {
	lab_in mx1 openssl s_client -starttls smtp -connect 203.0.113.25:25 </dev/null 2>/dev/null | grep -q "subject=CN *= *$1"
}

# Let mail programs of this machine in: loopback ports that lead to mx1, coming from the client's address.
lab_forward_start() {
	local ports pid
	read -r pid <"$LAB_DIR/client.pid"
	for ports in 1143:143 1110:110 1587:587 14190:4190; do
		setsid socat "TCP-LISTEN:${ports%:*},bind=127.0.0.1,reuseaddr,fork" \
			"EXEC:nsenter -t $pid -n socat - TCP\:203.0.113.25\:${ports#*:}" >/dev/null 2>&1 </dev/null &
		disown $!
		echo $! >"$LAB_DIR/forward-${ports%:*}.pid"
	done
}

lab_forward_stop() {
	local file
	for file in "$LAB_DIR"/forward-*.pid; do
		[ ! -e "$file" ] || kill "$(<"$file")" 2>/dev/null
	done
	return 0
}

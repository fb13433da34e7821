#!/bin/bash
# What the milter costs: the same unique messages through Postfix alone, with shoveler-milter (without and with antivirus), and with
# clamav-milter and clamd (if they are installed) on the same signatures; into an LMTP sink. And the memory of 1,000 idle connections.
# usage: tests/bench/milter.sh [MESSAGES] [ROUNDS]     LAB_BUILD as in tests/lab/README.md
# Wall time varies on a machine that does other things: judge by CPU.
LAB_NAME=${LAB_NAME:-bench-milter}
. "$(dirname "$0")/../lab/lab.sh"
messages=${1:-400} rounds=${2:-2}
sessions=4

trap 'code=$?; lab_down; exit $code' EXIT
trap 'exit 130' INT TERM
lab_up || exit 1
lab_stop mx1/spamtraind mx1/shoveler-lda
# The lab's seconds are the defaults again.
lab_in mx1 sh -c 'printf "%s\n" "postfix_lookup_cache_time = 60s" "scanner_reload_interval = 60s" "score_greylist = 1000" >>/etc/shoveler/main.cf'

# Unique messages of a size: text, or (zip) an archive of archives. usage: write_messages KIND BYTES
write_messages() {
	lab_in mx1 mkdir -p "/run/bench/$1"
	lab_in mx1 python3 - "$1" "$2" "$messages" <<-'END'
		import email.message, io, random, sys, zipfile
		kind, size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		random.seed(size)
		words = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(2, 10))) for _ in range(5000)]
		def text(bytes):
		    lines, done = [], 0
		    while done < bytes:
		        lines.append(" ".join(random.choices(words, k=10)))
		        done += len(lines[-1]) + 1
		    return "\n".join(lines) + "\n"
		for number in range(count):
		    message = email.message.EmailMessage()
		    message["From"], message["To"], message["Subject"] = "s@client.test", "bench@example.test", text(30).strip()
		    if kind == "zip":
		        message.set_content("See the attachment.\n")
		        outer = io.BytesIO()
		        with zipfile.ZipFile(outer, "w") as archive:
		            for part in range(10):
		                inner = io.BytesIO()
		                with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as small:
		                    small.writestr("a.txt", text(size // 5))
		                archive.writestr(f"{part}.zip", inner.getvalue())
		        message.add_attachment(outer.getvalue(), maintype="application", subtype="zip", filename="a.zip")
		    else:
		        message.set_content(text(size))
		    open(f"/run/bench/{kind}/{number}", "wb").write(message.as_bytes())
	END
}

now() { echo "${EPOCHREALTIME/[.,]/}"; }
# Milliseconds of CPU that all of mx1 has used, ended processes included.
cpu() { lab_in mx1 sh -c 'cat /proc/[0-9]*/stat 2>/dev/null' | sed 's/.*) //' | awk '{ sum += $12 + $13 + $14 + $15 } END { print sum * 10 }'; }

# The way mail goes. usage: way NAME
way() {
	local milters=
	case $1 in
	shoveler | shoveler-no-scan) milters=inet:127.0.0.1:8895 ;;
	clamav) milters=inet:127.0.0.1:8896 ;;
	esac
	lab_in mx1 sh -c "echo 'virus_scan = $([ "$1" = shoveler ] && echo yes || echo no)' >>/etc/shoveler/main.cf"
	lab_restart mx1/shoveler-milter
	lab_postconf mx1 "smtpd_milters=$milters" && lab_signal HUP mx1/postfix && sleep 1
}

# Each message is sent by a process of its own. usage: load KIND
load() {
	# shellcheck disable=SC2016
	lab_in mx1 env KIND="$1" SESSIONS=$sessions bash -c '
		send() { for file in /run/bench/$KIND/*[$1]; do smtp-source -F "$file" -f s@client.test -t bench@example.test 203.0.113.25:25 || exit 1; done; }
		for digits in 012 345 67 89; do send $digits & jobs+=($!); done
		for job in ${jobs[@]}; do wait $job || exit 1; done'
}

declare -A cpu_sum rate_sum
measure() {
	local before started took each rate
	way "$1"
	before=$(cpu) started=$(now)
	load "$2" || { lab_say "$1: mail was not taken"; tail -n 3 "$LAB_DIR/mx1/var/log/mail.log"; exit 1; }
	lab_wait 300 lab_queue_empty mx1
	took=$(($(now) - started)) each=$((($(cpu) - before) * 1000 / messages)) rate=$((messages * 1000000 / took))
	printf '%-4s %-17s %5s mails/s   CPU us a mail: %6s\n' "$2" "$1" $rate $each
	cpu_sum[$1]=$((${cpu_sum[$1]-0} + each)) rate_sum[$1]=$((${rate_sum[$1]-0} + rate))
}

compare() {
	local kind=$1 round name
	shift
	cpu_sum=() rate_sum=()
	for ((round = 0; round < rounds; round++)); do
		for name in "$@"; do
			measure "$name" "$kind"
		done
	done
	for name in "${@:2}"; do
		echo "$kind: $name against $1: $((100 * rate_sum[$name] / rate_sum[$1])) % of the rate, $((cpu_sum[$name] / rounds - cpu_sum[$1] / rounds)) us more CPU a mail"
	done
}

start_clamav() {
	lab_in mx1 bash -c '
		mkdir -p /run/clam
		printf "%s\n" "LocalSocket /run/clam/clamd" "DatabaseDirectory /var/lib/clamav" "User root" "Foreground yes" "MaxThreads 2" "TemporaryDirectory /run/clam" >/run/clam/clamd.conf
		printf "%s\n" "MilterSocket inet:8896@127.0.0.1" "ClamdSocket unix:/run/clam/clamd" "Foreground yes" "User root" "OnInfected Blackhole" "OnFail Defer" "TemporaryDirectory /run/clam" >/run/clam/milter.conf
		setsid clamd -c /run/clam/clamd.conf >/run/clam/clamd.log 2>&1 </dev/null &
		for try in $(seq 100); do [ -S /run/clam/clamd ] && break; sleep 0.1; done
		setsid clamav-milter -c /run/clam/milter.conf >/run/clam/milter.log 2>&1 </dev/null &
		sleep 1'
}

# Clients from outside are scored; the answers come from the cache after the first.
lab_in mx1 sh -c 'echo "bench@example.test yes" >>/etc/postfix/mailboxes'
lab_postconf mx1 virtual_transport=lmtp:inet:127.0.0.1:2424 lmtp_host_lookup=native
lab_in mx1 setsid smtp-sink -L -u postfix 127.0.0.1:2424 200 >/dev/null 2>&1 &
ways="alone shoveler-no-scan shoveler"
if lab_in mx1 sh -c 'command -v clamd && command -v clamav-milter' >/dev/null; then
	start_clamav
	ways="$ways clamav"
fi
write_messages text 10000
write_messages big 100000
write_messages zip 50000
for kind in text big zip; do
	# shellcheck disable=SC2086
	compare $kind $ways
done

# Idle connections.
way shoveler
memory() { lab_in mx1 sh -c 'for pid in $(pgrep -x shoveler-milter; pgrep -f "^shoveler-milter --scanner"); do awk -v pid=$pid "/^(Name|VmRSS|RssAnon|Threads)/ { printf \"%s %s  \", \$1, \$2 } END { print \"\" }" /proc/$pid/status; done'; }
echo "before:"
memory
lab_in mx1 python3 - <<'END' &
import socket, time
connections = []
for number in range(1000):
    connection = socket.create_connection(("127.0.0.1", 8895))
    # Option negotiation, then a connect event, as Postfix sends them.
    connection.sendall(b"\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")
    connections.append(connection)
for connection in connections:
    connection.recv(4096)
    connection.sendall(b"\0\0\0\x21Cmail.client.test\0004\x63\x63203.0.113.7\0")
print("1,000 idle connections are open", flush=True)
time.sleep(3)
END
sleep 2.5
memory
wait $!

#!/bin/bash
# What the milter costs: the same load through Postfix alone, with shoveler-milter without and with antivirus, with clamav-milter and clamd
# on the same signatures, and with rspamd's milter (each of the peers if it is installed); into an LMTP sink. For each: messages a second,
# the time from MAIL to the last reply (median and 95th percentile), CPU time of the whole host, memory when loaded, memory of 1,000 idle
# connections.
# usage: tests/bench/milter.sh [MESSAGES] [ROUNDS]     LAB_BUILD as in tests/lab/README.md
#   KINDS="10 100"        kilobytes of a message     SIGNATURES=100000   made up, loaded by us and by clamd
#   PER_SESSION="1 20"    messages in a session      SESSIONS=4          at a time
# The ways take turns, all figures are medians of the rounds. Wall time varies on a machine that does other things: judge by CPU.
LAB_NAME=${LAB_NAME:-bench-milter}
. "$(dirname "$0")/../lab/lab.sh"
messages=${1:-300} rounds=${2:-5}
kinds=${KINDS:-10 100} per_sessions=${PER_SESSION:-1 20} sessions=${SESSIONS:-4} signatures=${SIGNATURES:-100000}

trap 'code=$?; lab_down; exit $code' EXIT
trap 'exit 130' INT TERM
lab_up || exit 1
cc -O2 -o "$LAB_DIR/smtp_load" "$(dirname "$0")/smtp_load.c" -lpthread || exit 1
results=$LAB_DIR/results
lab_stop mx1/spamtraind mx1/shoveler-lda mx1/shoveler-milter

# Half of them hashes of files, half patterns of 16 bytes.
lab_in mx1 python3 - "$signatures" <<'END'
import random, sys
random.seed(1)
half = int(sys.argv[1]) // 2
with open("/var/lib/clamav/many.hdb", "w") as out:
    for number in range(half):
        out.write(f"{random.getrandbits(128):032x}:{random.randint(1000, 1000000)}:Lab.Hash-{number}\n")
with open("/var/lib/clamav/many.ndb", "w") as out:
    for number in range(half):
        out.write(f"Lab.Pattern-{number}:{random.choice((0, 0, 1, 3, 4))}:*:{random.getrandbits(128):032x}\n")
END

# The lab's DNS keeps nothing for longer than seconds; here it is as elsewhere: an hour, and an hour for what there is not.
lab_in dns sh -c 'sed -i -E "s/\"(.*) 5 (A|AAAA|MX|TXT) /\"\1 3600 \2 /; s/(local-data-ptr: \"[^ ]*) 5 /\1 3600 /; s/cache-max-negative-ttl: 0/cache-max-negative-ttl: 3600/; s/cache-max-ttl: 1/cache-max-ttl: 3600/" /etc/unbound/unbound.conf
	for zone in test 113.0.203.in-addr.arpa; do echo "server: local-data: \"$zone. 3600 SOA ns.example.test. hostmaster.example.test. 1 3600 3600 3600 3600\""; done >>/etc/unbound/unbound.conf
	sed -i "s/^\\\$TTL 1/\\\$TTL 3600/; s/ 0 60 60 60 5$/ 0 3600 3600 3600 3600/; s/^\\\$SOA 5/\\\$SOA 3600/" /etc/rbldns/dnsbl.test'
lab_restart dns/unbound dns/rbldnsd

# The lab's seconds are the defaults again; clients are scored, and none is refused. Without antivirus: a second milter.
lab_in mx1 sh -c 'printf "%s\n" "postfix_lookup_cache_time = 60s" "scanner_reload_interval = 60s" "score_greylist = 1000" >>/etc/shoveler/main.cf
	cp -r /etc/shoveler /etc/shoveler-no-scan
	printf "%s\n" "virus_scan = no" "milter_listen = inet:127.0.0.1:8894" "milter_metrics_listen =" "runtime_directory = /run/shoveler-no-scan" \
		"milter_directory = /run/shoveler-no-scan/state" >>/etc/shoveler-no-scan/main.cf
	mkdir -p /run/shoveler-no-scan'
lab_start mx1/shoveler-milter
lab_in mx1 sh -c 'setsid shoveler-milter -c /etc/shoveler-no-scan >/var/log/no-scan.out 2>&1 </dev/null &'
lab_wait 20 lab_in mx1 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8894' 2>/dev/null || exit 1

start_clamav() {
	lab_in mx1 sh -c 'command -v clamd && command -v clamav-milter' >/dev/null || return 1
	lab_in mx1 bash -c '
		mkdir -p /run/clam
		printf "%s\n" "LocalSocket /run/clam/clamd" "DatabaseDirectory /var/lib/clamav" "User root" "Foreground yes" "MaxThreads 2" "TemporaryDirectory /run/clam" \
			"ConcurrentDatabaseReload no" >/run/clam/clamd.conf
		printf "%s\n" "MilterSocket inet:8896@127.0.0.1" "ClamdSocket unix:/run/clam/clamd" "Foreground yes" "User root" "OnInfected Blackhole" "OnFail Defer" "TemporaryDirectory /run/clam" >/run/clam/milter.conf
		setsid clamd -c /run/clam/clamd.conf >/run/clam/clamd.log 2>&1 </dev/null &
		for try in $(seq 300); do [ -S /run/clam/clamd ] && break; sleep 0.1; done
		setsid clamav-milter -c /run/clam/milter.conf >/run/clam/milter.log 2>&1 </dev/null &'
	lab_wait 10 lab_in mx1 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8896' 2>/dev/null
}
# Debian's configuration; two processes that speak milter and scan. It compiles its patterns for a minute before it listens.
start_rspamd() {
	lab_in mx1 sh -c 'command -v rspamd' >/dev/null || return 1
	lab_in mx1 bash -c '
		mkdir -p /etc/rspamd/local.d /run/rspamd /var/lib/rspamd /var/log/rspamd
		chown _rspamd /run/rspamd /var/lib/rspamd /var/log/rspamd
		printf "%s\n" "bind_socket = \"127.0.0.1:8897\";" "milter = yes;" "timeout = 120s;" "count = 2;" "upstream \"local\" { default = yes; self_scan = yes; }" >/etc/rspamd/local.d/worker-proxy.inc
		echo "enabled = false;" | tee /etc/rspamd/local.d/worker-normal.inc /etc/rspamd/local.d/worker-controller.inc >/etc/rspamd/local.d/fuzzy_check.conf
		echo "type = file; filename = /var/log/rspamd/rspamd.log;" >/etc/rspamd/local.d/logging.inc
		setsid rspamd -f -u _rspamd -g _rspamd -c /etc/rspamd/rspamd.conf >/run/rspamd/out 2>&1 </dev/null &'
	lab_wait 150 lab_in mx1 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8897' 2>/dev/null
}

declare -A address=([no-scan]=inet:127.0.0.1:8894 [antivirus]=inet:127.0.0.1:8895 [clamav]=inet:127.0.0.1:8896 [rspamd]=inet:127.0.0.1:8897)
# What belongs to a way, as pgrep -f finds it.
declare -A programs=([no-scan]='^shoveler-milter -c /etc/shoveler-no-scan' [antivirus]='^/usr/sbin/shoveler-milter$|^shoveler-milter --scanner' [clamav]='^clamd|^clamav-milter' [rspamd]='^rspamd')
ways="alone no-scan antivirus"
if start_clamav; then ways="$ways clamav"; else echo "clamav-milter: SKIPPED, it is not installed or did not start"; fi
if start_rspamd; then ways="$ways rspamd"; else echo "rspamd: SKIPPED, it is not installed (Debian 13 does not have it) or did not start"; fi

lab_in mx1 sh -c 'echo "bench@example.test yes" >>/etc/postfix/mailboxes'
lab_postconf mx1 virtual_transport=lmtp:inet:127.0.0.1:2424 lmtp_host_lookup=native smtpd_client_connection_count_limit=0 smtpd_client_connection_rate_limit=0
# Each way is a port of the same Postfix: nothing is reloaded between them.
declare -A port
for name in $ways; do
	port[$name]=$((2500 + ${#port[@]}))
	lab_in mx1 postconf -Me "${port[$name]}/inet=${port[$name]} inet n - y - - smtpd -o smtpd_milters=${address[$name]-}"
done
lab_in mx1 touch -d "1 minute ago" /etc/postfix/master.cf
lab_restart mx1/postfix
lab_in mx1 setsid smtp-sink -L -u postfix 127.0.0.1:2424 200 >/dev/null 2>&1 &

now() { echo "${EPOCHREALTIME/[.,]/}"; }
# Milliseconds of CPU that all of mx1 has used, ended processes included.
cpu() { lab_in mx1 sh -c 'cat /proc/[0-9]*/stat 2>/dev/null' | sed 's/.*) //' | awk '{ sum += $12 + $13 + $14 + $15 } END { print sum * 10 }'; }
# Megabytes, shared pages counted once. usage: memory WAY
memory() { lab_in mx1 sh -c 'for pid in $(pgrep -f "$0"); do cat /proc/$pid/smaps_rollup 2>/dev/null; done' "${programs[$1]}" | awk '/^Pss:/ { sum += $2 } END { printf "%.1f", sum / 1024 }'; }
# usage: send WAY MESSAGES PER_SESSION KILOBYTES
send() { lab_in client "$LAB_DIR/smtp_load" 203.0.113.25 "${port[$1]}" "$sessions" "$2" "$3" $(($4 * 1000)) "$RANDOM$RANDOM" bench@example.test; }

# A line: way, messages a second until all is delivered, CPU microseconds, median, 95th percentile. usage: measure WAY PER_SESSION KILOBYTES
measure() {
	local before started figures
	# Processes of Postfix wait for it then.
	send "$1" $((sessions * 5)) 1 1 >/dev/null || { echo "$1: no mail passes"; tail -n 3 "$LAB_DIR/mx1/var/log/mail.log"; exit 1; }
	lab_wait 60 lab_queue_empty mx1
	before=$(cpu) started=$(now)
	figures=$(send "$1" "$messages" "$2" "$3") || exit 1
	lab_wait 300 lab_queue_empty mx1
	echo "$1 $((messages * 1000000 / ($(now) - started))) $((($(cpu) - before) * 1000 / messages)) ${figures#* }" >>"$results"
}

report() {
	python3 - "$results" "$1" <<-'END'
		import statistics, sys
		rounds = {}
		for line in open(sys.argv[1]):
		    name, *figures = line.split()
		    rounds.setdefault(name, []).append([int(figure) for figure in figures])
		median = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in rounds.items()}
		# Of the same round, as others use the machine too.
		def share(name, column, inverse):
		    pairs = [(a[column], b[column]) for a, b in zip(rounds[name], rounds["alone"])]
		    return statistics.median(100 * (b / a if inverse else a / b) for a, b in pairs)
		print(sys.argv[2])
		for name, (rate, cpu, middle, high) in median.items():
		    alone = median["alone"]
		    print(f"  {name:10} {rate:5.0f} messages/s ({share(name, 0, False):3.0f} %)  CPU {cpu:6.0f} us ({share(name, 1, True):3.0f} %)"
		          f"  latency {middle / 1000:6.1f} ms, p95 {high / 1000:6.1f} ms  added {(middle - alone[2]) / 1000:6.1f} ms, p95 {(high - alone[3]) / 1000:6.1f} ms")
	END
}

for kilobytes in $kinds; do
	for per_session in $per_sessions; do
		: >"$results"
		for ((round = 0; round < rounds; round++)); do
			for name in $ways; do
				measure "$name" "$per_session" "$kilobytes"
			done
		done
		report "$kilobytes KB, $per_session in a session, $sessions sessions, $messages messages, $rounds rounds"
	done
done

# Connections as Postfix opens them, idle. usage: idle WAY
idle() {
	local before after
	before=$(memory "$1")
	touch "$LAB_DIR/go"
	lab_in mx1 python3 - "${address[$1]##*:}" "$LAB_DIR" <<-'END' &
		import os, socket, sys, time
		connections = []
		for number in range(1000):
		    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		    connection.sendall(b"\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")
		    connections.append(connection)
		for number, connection in enumerate(connections):
		    connection.recv(4096)
		    connection.sendall(b"\0\0\0\x21Cmail.client.test\0" b"4\x63\x63203.0.113.7\0")
		open(sys.argv[2] + "/open", "w")
		while os.path.exists(sys.argv[2] + "/go"):
		    time.sleep(0.1)
	END
	rm -f "$LAB_DIR/open"
	if lab_wait 30 test -e "$LAB_DIR/open"; then
		sleep 3
		after=$(memory "$1")
		echo "  $1: ${before} MB, with 1,000 idle connections ${after} MB"
	else
		echo "  $1: ${before} MB, does not take 1,000 connections"
	fi
	rm -f "$LAB_DIR/go"
	wait $!
}
echo "memory (PSS) after the load, $signatures signatures"
for name in ${ways#alone }; do
	idle "$name"
done

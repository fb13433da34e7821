#!/bin/bash
# How fast mail goes Postfix -> Dovecot, and Postfix -> shoveler-lda -> Dovecot, in turns on the same host; with 1, 10 and 50 recipients a
# message (several: also direct with a copy for each, which is what headers of one's own cost in Dovecot); and how much memory shoveler-lda takes with 200 LMTP sessions at a time. The milter is out of the way in both.
# usage: tests/bench/lda.sh [DELIVERIES] [ROUNDS]     LAB_BUILD as in tests/lab/README.md; everything lies on a tmpfs
LAB_NAME=${LAB_NAME:-bench-lda}
. "$(dirname "$0")/../lab/lab.sh"
deliveries=${1:-2000} rounds=${2:-2}
users=50 size=10240 sessions=4

trap 'code=$?; lab_down; exit $code' EXIT
trap 'exit 130' INT TERM
lab_up || exit 1
lab_in mx1 env USERS=$users bash -c '
	for number in "" $(seq 0 "$USERS"); do
		echo "${number}bench@example.test:{PLAIN}secret::::::" >>/etc/dovecot/users
		echo "${number}bench@example.test yes" >>/etc/postfix/mailboxes
	done
	printf "%s\n" "default_process_limit = 300" "default_client_limit = 3000" >/etc/dovecot/conf.d/99-bench.conf
	echo "lda_max_sessions = 220" >>/etc/shoveler/main.cf'
lab_restart mx1/dovecot mx1/shoveler-lda || exit 1
lab_postconf mx1 smtpd_milters= minimal_backoff_time=1s

now() { echo "${EPOCHREALTIME/[.,]/}"; }
# Milliseconds of CPU that everything on mx1 has used so far, ended processes included; and those of shoveler-lda.
cpu() { lab_in mx1 sh -c 'cat /proc/[0-9]*/stat 2>/dev/null' | sed 's/.*) //' | awk '{ sum += $12 + $13 + $14 + $15 } END { print sum * 10 }'; }
cpu_lda() { lab_in mx1 cat "/proc/$(lab_pid mx1/shoveler-lda)/stat" | sed 's/.*) //' | awk '{ print ($12 + $13) * 10 }'; }
arrived() { find "$LAB_DIR/mx1/var/vmail/example.test" -path '*bench/Maildir/new/*' -type f 2>/dev/null | wc -l; }
all_arrived() { [ "$(arrived)" -ge "$1" ]; }

# One smtp-source a session. A single recipient has no number in front, so each session has its own. usage: load RECIPIENTS
load() {
	local i jobs=() each=$((deliveries / $1 / sessions))
	for ((i = 0; i < sessions; i++)); do
		if [ "$1" = 1 ]; then
			lab_in mx1 smtp-source -d -s 1 -m $each -l $size -f s@client.test -t "${i}bench@example.test" 127.0.0.1:25 &
		else
			lab_in mx1 smtp-source -d -s 1 -m $each -l $size -r "$1" -f s@client.test -t bench@example.test 127.0.0.1:25 &
		fi
		jobs+=($!)
	done
	lab_join "${jobs[@]}"
}

# Wall time varies on a machine that does other things: judge by CPU. usage: measure NAME RECIPIENTS -> sets rate (deliveries a second)
# and each (microseconds of CPU of the host a delivery)
measure() {
	local before before_lda started took lda count=$((deliveries / $2 / sessions * sessions * $2))
	rm -rf "$LAB_DIR"/mx1/var/vmail/example.test/*bench
	before=$(cpu) before_lda=$(cpu_lda) started=$(now)
	load "$2" || exit 1
	lab_wait 300 all_arrived $count || { lab_say "only $(arrived) of $count messages arrived"; exit 1; }
	took=$(($(now) - started))
	each=$((($(cpu) - before) * 1000 / count)) lda=$((($(cpu_lda) - before_lda) * 1000 / count))
	rate=$((count * 1000000 / took))
	printf '%-13s %2s recipients  %5s deliveries/s  CPU us a delivery: %5s, of which shoveler-lda %4s\n' "$1" "$2" $rate $each $lda
}

# usage: transport direct|direct-copies|shoveler-lda
transport() {
	local socket=private/dovecot-lmtp limit=50
	case $1 in
	shoveler-lda) socket=shoveler/lda ;;
	direct-copies) limit=1 ;;
	esac
	lab_postconf mx1 "virtual_transport = lmtp:unix:$socket" lmtp_destination_recipient_limit=$limit && lab_signal HUP mx1/postfix && sleep 1
}

# The host does other things at the same time, so the ways take turns. usage: compare RECIPIENTS WAY...
declare -A sum_rate sum_cpu
compare() {
	local recipients=$1 round way
	shift
	sum_rate=() sum_cpu=()
	for ((round = 0; round < rounds; round++)); do
		for way in "$@"; do
			transport "$way" && measure "$way" "$recipients"
			sum_rate[$way]=$((${sum_rate[$way]-0} + rate)) sum_cpu[$way]=$((${sum_cpu[$way]-0} + each))
		done
	done
	for way in "$@"; do
		[ "$way" = shoveler-lda ] || echo "$recipients recipients: $((100 * sum_rate[shoveler-lda] / sum_rate[$way])) % of $way; by CPU $((100 * sum_cpu[$way] / sum_cpu[shoveler-lda])) %"
	done
}

compare 1 direct shoveler-lda
compare 10 direct direct-copies shoveler-lda
compare 50 direct direct-copies shoveler-lda

lab_in mx1 env SOCKET=/var/spool/postfix/shoveler/lda PID="$(lab_pid mx1/shoveler-lda)" USERS=$users /usr/bin/python3 - <<'END'
import os, re, smtplib, threading, time

def memory():
    text = open(f"/proc/{os.environ['PID']}/status").read()
    return "  ".join(re.search(rf"^({name}:)\s+(\d+ *\w*)", text, re.M).expand(r"\1 \2") for name in ("VmRSS", "RssAnon", "VmHWM", "Threads"))

def session(number, ready):
    with smtplib.LMTP(os.environ["SOCKET"], local_hostname="bench") as client:
        for count in range(3):
            client.sendmail("s@client.test", f"{number % int(os.environ['USERS'])}bench@example.test",
                            f"Subject: {number} {count}\r\nMessage-ID: <{number}.{count}@bench>\r\n\r\n" + "Some words of text.\r\n" * 2500)
            ready.wait()

print("before:       ", memory())
ready = threading.Barrier(201)
threads = [threading.Thread(target=session, args=(number, ready)) for number in range(200)]
for thread in threads:
    thread.start()
for count in range(3):
    if count == 2:
        while ready.n_waiting < 200:
            time.sleep(0.1)
        print("200 sessions: ", memory())
    ready.wait()
for thread in threads:
    thread.join()
END

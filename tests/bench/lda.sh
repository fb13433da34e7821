#!/bin/bash
# How fast mail goes Postfix -> Dovecot, and Postfix -> shoveler-lda -> Dovecot, in turns on the same host; with 1, 10 and 50 recipients a
# message (several: also direct with a copy for each); to users whose filters know nothing, and, with CORPUS, to users who were trained
# differently from each other. And how much memory shoveler-lda takes with 200 LMTP sessions at a time. The milter is out of the way.
# usage: [DISK=FOLDER] [CORPUS=FOLDER] tests/bench/lda.sh [DELIVERIES] [ROUNDS]
#        LAB_BUILD as in tests/lab/README.md. DISK: all lies on a file system in a file there; else on a tmpfs. CORPUS: of tests/corpus.sh
LAB_NAME=${LAB_NAME:-bench-lda}
if [ -n "${DISK-}" ]; then
	export LAB_IMAGE=$DISK/$LAB_NAME.image
	truncate -s 8G "$LAB_IMAGE" && mkfs.ext4 -q -F "$LAB_IMAGE" || exit 1
fi
. "$(dirname "$0")/../lab/lab.sh"
deliveries=${1:-2000} rounds=${2:-2}
users=50 size=10240 sessions=4

trap 'code=$?; lab_down; [ -z "${DISK-}" ] || rm -f "$LAB_IMAGE"; exit $code' EXIT
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
files() { find "$LAB_DIR/mx1/var/vmail/example.test" -path '*bench/Maildir/new/*' -type f -printf '%i\n' 2>/dev/null | sort -u | wc -l; }
all_arrived() { [ "$(arrived)" -ge "$1" ]; }

# ---- load: of smtp-source to users who know nothing, of the corpus to trained ones ----

# One smtp-source a session. A single recipient has no number in front, so each session has its own. usage: load_new RECIPIENTS
load_new() {
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

# Messages of the corpus that nobody was trained with, each new by its number. usage: load_trained RECIPIENTS
load_trained() {
	lab_in mx1 /usr/bin/python3 - "$1" $((deliveries / $1 / sessions)) $sessions $users "$LAB_DIR/sent" <<'END'
import os, smtplib, sys, threading, time
recipients, each, sessions, users = map(int, sys.argv[1:5])
names = sorted(os.listdir(sys.argv[5]))

def session(number):
    with smtplib.SMTP("127.0.0.1", local_hostname="bench") as client:
        for count in range(each):
            serial = number * each + count
            with open(os.path.join(sys.argv[5], names[serial % len(names)]), "rb") as file:
                text = b"X-Serial: %d.%d\n" % (serial, time.time_ns()) + file.read()
            to = [f"{(serial + i) % users}bench@example.test" for i in range(recipients)]
            client.sendmail("s@client.test", to, text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

threads = [threading.Thread(target=session, args=(number,)) for number in range(sessions)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
END
}

# Each user has seen his own 30 to 200 messages of each class.
train() {
	/usr/bin/python3 - "$CORPUS" "$LAB_DIR/sent" "$LAB_DIR/seen" $users <<'END'
import os, random, shutil, sys
corpus, sent, seen, users = *sys.argv[1:4], int(sys.argv[4])
draw = random.Random(4)
for kind, folders in (("ham", ("easy-ham-1", "easy-ham-2", "hard-ham-1")), ("spam", ("spam-1", "spam-2"))):
    files = sorted(os.path.join(path, name) for folder in folders for path, _, names in os.walk(os.path.join(corpus, folder))
                   for name in names if os.path.getsize(os.path.join(path, name)) < 50000)
    draw.shuffle(files)
    os.makedirs(sent, exist_ok=True)
    for number, path in enumerate(files[:100]):
        shutil.copy(path, os.path.join(sent, f"{number:03}.{kind}"))
    for user in range(users):
        os.makedirs(f"{seen}/{user}/{kind}")
        for number, path in enumerate(draw.sample(files[100:], draw.randint(30, 200))):
            shutil.copy(path, f"{seen}/{user}/{kind}/{number}")
END
	local user class
	for ((user = 0; user < users; user++)); do
		for class in ham spam; do
			lab_spamtrain train "${user}bench@example.test" $class "$LAB_DIR/seen/$user/$class" >/dev/null || exit 1
		done
	done
}

# ---- measuring ----

# Wall time varies on a machine that does other things: judge by CPU. usage: measure NAME RECIPIENTS -> sets rate (deliveries a second)
# and each (microseconds of CPU of the host a delivery)
measure() {
	local before before_lda started took lda count=$((deliveries / $2 / sessions * sessions * $2))
	rm -rf "$LAB_DIR"/mx1/var/vmail/example.test/*bench
	before=$(cpu) before_lda=$(cpu_lda) started=$(now)
	"load_$kind" "$2" || exit 1
	lab_wait 300 all_arrived $count || { lab_say "only $(arrived) of $count messages arrived"; exit 1; }
	took=$(($(now) - started))
	each=$((($(cpu) - before) * 1000 / count)) lda=$((($(cpu_lda) - before_lda) * 1000 / count))
	rate=$((count * 1000000 / took))
	printf '%-8s %-13s %2s recipients  %5s deliveries/s  CPU us a delivery: %5s, of which shoveler-lda %4s;  files a message: %s\n' \
		$kind "$1" "$2" $rate $each $lda "$(awk -v files="$(files)" -v messages=$((count / $2)) 'BEGIN { printf "%.1f", files / messages }')"
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
		[ "$way" = shoveler-lda ] || echo "$kind, $recipients recipients: $((100 * sum_rate[shoveler-lda] / sum_rate[$way])) % of $way; by CPU $((100 * sum_cpu[$way] / sum_cpu[shoveler-lda])) %"
	done
}

kind=new
compare 1 direct shoveler-lda
compare 10 direct direct-copies shoveler-lda
compare 50 direct direct-copies shoveler-lda
if [ -n "${CORPUS-}" ]; then
	kind=trained
	train
	compare 1 direct shoveler-lda
	compare 10 direct direct-copies shoveler-lda
	compare 50 direct direct-copies shoveler-lda
fi

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

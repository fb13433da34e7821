#!/bin/bash
# CPU of rspamd's Bayes: its own worker and controller on loopback, a redis of our own, only the Bayes classifier enabled; CPU of rspamd and redis
# together, from /proc, learning all of an index and then judging all of it. usage: cost-rspamd.sh INDEX
set -eu
for command in rspamd rspamc redis-server; do
	command -v $command >/dev/null || { echo "rspamd: SKIPPED, there is no $command"; exit 0; }
done
work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/rspamd.XXXXXX")
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
count=$(wc -l <"$1")
redis-server --port 0 --unixsocket "$work/redis.sock" --save '' --dir "$work" >"$work/redis.log" 2>&1 &
pids+=($!)
cat >"$work/rspamd.conf" <<END
options { pidfile = "$work/pid"; filters = ""; dns { nameserver = ["127.0.0.1:1:1"]; timeout = 0.1s; retransmits = 0; } temp_dir = "$work"; }
group "statistics" { symbols = { "BAYES_SPAM" { weight = 5; } "BAYES_HAM" { weight = -3; } } }
actions { reject = 15; add_header = 6; }
logging { type = "file"; filename = "$work/rspamd.log"; level = "error"; }
worker "normal" { bind_socket = "127.0.0.1:11533"; count = 1; task_timeout = 60s; }
worker "controller" { bind_socket = "127.0.0.1:11534"; count = 1; secure_ip = "127.0.0.1"; }
classifier "bayes" {
	tokenizer { name = "osb"; } backend = "redis"; servers = "$work/redis.sock"; min_tokens = 11; min_learns = 10; new_schema = true;
	statfile { symbol = "BAYES_HAM"; spam = false; } statfile { symbol = "BAYES_SPAM"; spam = true; }
}
lua = "/usr/share/rspamd/rules/rspamd.lua";
END
sed -i '/^lua = /d' "$work/rspamd.conf"
rspamd -f -i -u "${RSPAMD_USER:-root}" -c "$work/rspamd.conf" >"$work/out" 2>&1 &
pids+=($!)
for _ in $(seq 240); do
	rspamc -h 127.0.0.1:11534 stat >/dev/null 2>&1 && break
	sleep 0.5
done
rspamc -h 127.0.0.1:11534 stat >/dev/null 2>&1 || { echo "rspamd: SKIPPED, its controller does not answer: $(tail -n 1 "$work/out" "$work/rspamd.log" 2>/dev/null | tail -n 1)"; exit 0; }

# Jiffies of rspamd, its workers and redis. usage: ticks
ticks() {
	local pid sum=0
	for pid in "${pids[@]}" $(pgrep -P "${pids[1]}"); do
		sum=$((sum + $(awk '{ print $14 + $15 }' "/proc/$pid/stat")))
	done
	echo "$sum"
}
# usage: report NAME TICKS-BEFORE
report() {
	awk -v t="$(($(ticks) - $2))" -v hz="$(getconf CLK_TCK)" -v n="$count" -v name="$1" \
		'BEGIN { printf "%-23s %.3f ms CPU (rspamd and redis, without the client)\n", name, t * 1000 / hz / n }'
}
before=$(ticks)
for class in ham spam; do
	sed -n "s/^$class\t//p" "$1" | xargs -d '\n' -n 200 rspamc -n 1 -h 127.0.0.1:11534 "learn_$class" >"$work/learned.$class" 2>&1 || true
done
learned=$(cat "$work"/learned.* | grep -c 'success = true' || true)
[ "$learned" -gt $((count / 2)) ] || { echo "rspamd: SKIPPED, it learned only $learned of $count: $(grep -m1 -h error "$work"/learned.* || true)"; exit 0; }
report "rspamd, learn" "$before"
before=$(ticks)
cut -f2 "$1" | xargs -d '\n' -n 200 rspamc -n 1 -h 127.0.0.1:11533 symbols >"$work/judged" 2>&1 || true
grep -q BAYES_SPAM "$work/judged" || { echo "rspamd: SKIPPED, no verdict has BAYES_SPAM"; exit 0; }
report "rspamd, classify" "$before"

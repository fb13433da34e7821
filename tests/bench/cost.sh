#!/bin/bash
# What the classifier costs: CPU of a message beside bogofilter's bulk mode and rspamd in the same run, growth to five million tokens, how
# long a delivery waits while a dictionary is rewritten, 10,000 users.
# usage: tests/bench/cost.sh BUILD CORPUS [all|cost|growth|users]     (BUILD: a folder of preset release; CORPUS: as tests/corpus.sh brings it)
# BENCH_DIR: where the stores lie (a disk, not tmpfs); /var/tmp
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) corpus=$(cd "$2" && pwd) what=${3:-all}
work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/shoveler-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
cc -O2 -g -Wall -Wextra -D_GNU_SOURCE -I"$here/../.." "$here"/store_bench*.c "$build/spamtrain/libspamtrain_lib.a" "$build/schema/libshoveler_schema.a" \
	"$build/lib/libshoveler_lib.a" "$build/lib/libshoveler_core.a" -lpthread -lcrypto -lsqlite3 -lxxhash -lmicrohttpd -lsystemd -lcares -lm -o "$work/store_bench"

cost() {
	local count
	python3 "$here/corpus-index.py" "$corpus" "$work" 1
	count=$(wc -l <"$work/index.1")
	echo "== CPU of a message, mean of $count, $(($(find "$work/whole" -type f -printf '%s\n' | paste -sd+ | bc) / count)) bytes each; stores on disk, synced"
	"$work/store_bench" cost "$work/index.1" "$work/stores"
	"$here/cost-bogofilter.sh" "$work/index.1"
	"$here/cost-rspamd.sh" "$work/index.1"
}

case $what in
all | cost) cost ;;&
all | growth)
	echo "== growth of one user's dictionary"
	"$work/store_bench" growth "$work/growth" 10000 300000 5000000
	;;&
all | users)
	echo "== many users"
	"$work/store_bench" users "$work/users" "${BENCH_USERS:-10000}"
	;;
esac

#!/bin/bash
# Build all of Shoveler with clang, its warnings being errors, and every fuzz target here with libFuzzer; run each target for some
# seconds on its seeds. Prints TAP.
# usage: tests/fuzz/run.sh [SECONDS] [NAME...]     (NAME: lmtp for lmtp_fuzz.c)
# New inputs that reach new code stay in build/fuzz/corpus/NAME; an input that fails, in build/fuzz. FUZZ_BUILD: another folder.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# = 0 ] || shift
build=${FUZZ_BUILD:-$PWD/build/fuzz}

if cmake -G Ninja -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang -DCMAKE_C_FLAGS=-fsanitize=fuzzer-no-link \
	-DSHOVELER_SANITIZE=ON >"$build.log" 2>&1 && cmake --build "$build" >>"$build.log" 2>&1; then
	echo "ok - clang builds the whole tree without a warning"
else
	tail -n 30 "$build.log" | sed 's/^/# /'
	echo "not ok - clang builds the whole tree without a warning"
	exit 1
fi
libraries=("$build/web/libweb_lib.a" "$build/mx2/libmx2_lib.a" "$build/milter/libmilter_lib.a" "$build/lib/libshoveler_dns.a" "$build/spamtrain/libspamtraind_lib.a" "$build/spamtrain/libspamtrain_lib.a" "$build/schema/libshoveler_schema.a"
	"$build/lib/libshoveler_lib.a" "$build/lib/libshoveler_core.a")

# Large messages, which no fuzzer finds: those that read messages get them too. usage: hostile NAME
hostile() {
	case $1 in message | mime | html | web | training_message | rewrite) ;; *) return 0 ;; esac
	"$build/$1_fuzz" -timeout=30 -rss_limit_mb=2048 -artifact_prefix="$build/$1-" "$build"/hostile/*
}

# usage: fuzz NAME
fuzz() {
	local sources=("tests/fuzz/$1_fuzz.c") options=()
	[ "$1" != name ] || sources+=(lda/queue_id.c)
	[ "$1" != manifest ] || sources+=(admin/backup_manifest.c admin/state.c)
	[ ! -e "tests/fuzz/$1.dict" ] || options+=("-dict=tests/fuzz/$1.dict")
	clang -g -O1 -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE -I. \
		"${sources[@]}" "${libraries[@]}" -lpthread -lcrypto -lmicrohttpd -lsystemd -lsqlite3 -lxxhash -lcares -ljansson -lm \
		-o "$build/$1_fuzz" || return 1
	mkdir -p "$build/corpus/$1"
	"$build/$1_fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$build/$1-" \
		"${options[@]}" -print_final_stats=1 "$build/corpus/$1" "tests/fuzz/seeds/$1" && hostile "$1"
}

# Prints TAP. usage: attempt NAME
attempt() {
	if fuzz "$1" >"$build/$1.log" 2>&1; then
		echo "ok - $1 survives $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$1.log" | head -n 1) inputs in $seconds s"
	else
		printf '%s\nnot ok - %s\n' "$(tail -n 30 "$build/$1.log" | sed 's/^/# /')" "$1"
		return 1
	fi
}

[ -d "$build/hostile" ] || python3 tests/spamtrain/hostile.py "$build/hostile" 2
failed=0
running=0
for source in tests/fuzz/*_fuzz.c; do
	name=$(basename "$source" _fuzz.c)
	[ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
	if [ $running = "$(nproc)" ]; then
		wait -n || failed=1
		running=$((running - 1))
	fi
	attempt "$name" &
	running=$((running + 1))
done
for ((; running > 0; running--)); do
	wait -n || failed=1
done
exit $failed

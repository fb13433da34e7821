#!/bin/bash
# Build every fuzz target here with clang and libFuzzer, and run each for some seconds on its seeds.
# usage: tests/fuzz/run.sh [SECONDS] [NAME...]     (NAME: lmtp for lmtp_fuzz.c)
# New inputs that reach new code stay in build/fuzz/corpus/NAME; an input that fails, in build/fuzz.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# = 0 ] || shift
build=$PWD/build/fuzz

cmake -G Ninja -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang -DCMAKE_C_FLAGS=-fsanitize=fuzzer-no-link \
	-DSHOVELER_SANITIZE=ON >/dev/null
cmake --build "$build" --target shoveler_core shoveler_lib shoveler_dns spamtraind_lib milter_lib | tail -n 1
libraries=("$build/milter/libmilter_lib.a" "$build/lib/libshoveler_dns.a" "$build/spamtrain/libspamtraind_lib.a" "$build/spamtrain/libspamtrain_lib.a" "$build/schema/libshoveler_schema.a"
	"$build/lib/libshoveler_lib.a" "$build/lib/libshoveler_core.a")

failed=0
for source in tests/fuzz/*_fuzz.c; do
	name=$(basename "$source" _fuzz.c)
	[ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
	clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE -I. "$source" \
		"${libraries[@]}" -lpthread -lcrypto -lmicrohttpd -lsystemd -lsqlite3 -lxxhash -lcares -lm -o "$build/$name"
	mkdir -p "$build/corpus/$name"
	echo "$name: $seconds s"
	"$build/$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$build/$name-" \
		-print_final_stats=1 "$build/corpus/$name" "tests/fuzz/seeds/$name" >"$build/$name.log" 2>&1 ||
		{ failed=1; tail -n 30 "$build/$name.log"; }
	grep -E 'number_of_executed_units|peak_rss_mb' "$build/$name.log" || true
done
exit $failed

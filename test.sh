#!/bin/bash
# All tests: installs what is missing, builds with AddressSanitizer and UndefinedBehaviorSanitizer, runs unit and integration tests.
#
#   ./test.sh                        everything
#   ./test.sh unit                   the unit tests
#   ./test.sh clang                  the build with clang, and each fuzz target for some seconds
#   ./test.sh integration [NAME...]  demo.sh and the tests of tests/integration, or those named (demo, 05-learning)
#   ./test.sh packages               the Debian packages are built, looked at by lintian, installed, upgraded, removed
#   ./test.sh host                   a Debian boots with a plain mail host; packages and role go onto it and off again while mail flows
#   ./test.sh debian-13              on Debian 12: unit tests, packages and host, and so the plugins on Dovecot 2.4, in a Debian 13 made with debootstrap
#
# Last line: "N passed, N failed, N skipped"; exit code 1 if any failed. TEST_JOBS: how many labs at once (default: one more than processors).
set -u
cd "$(dirname "$0")" || exit 1
mkdir -p build
. tests/lab/setup.sh
export LAB_BUILD=${LAB_BUILD:-$PWD/build/debug} STORY_PATIENCE=${STORY_PATIENCE:-3}
export TEST_LOGS=${TEST_LOGS:-build/test-logs}
logs=$TEST_LOGS
jobs=${TEST_JOBS:-$(($(nproc) + 1))}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# Every cmocka test and every test method counts; a program that dies without a word, or says nothing of tests, counts as one.
test_unit() {
	local code expected ran
	say "Unit tests"
	expected=$(ctest --test-dir "$LAB_BUILD" -N | sed -n 's/^Total Tests: //p')
	CMOCKA_MESSAGE_OUTPUT=TAP ctest --test-dir "$LAB_BUILD" -V -j$((jobs + 1)) >"$results/unit.out" 2>&1
	code=$?
	awk -f tests/lab/ctest-tap.awk "$results/unit.out" >"$results/unit.tap"
	ran=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#[0-9]+:' "$results/unit.out")
	[ "${expected:-0}" -gt 0 ] && [ "$ran" = "$expected" ] || echo "not ok - $ran of ${expected:-0} test programs ran" >>"$results/unit.tap"
	[ $code = 0 ] || grep -q '^not ok' "$results/unit.tap" || echo "not ok - ctest ended with exit code $code" >>"$results/unit.tap"
	test_registered >>"$results/unit.tap"
	test_summary unit
}

# No test lies beside its code without being run.
test_registered() {
	local file
	find "$LAB_BUILD" -name CTestTestfile.cmake -exec cat {} + >"$results/registered"
	cat "$LAB_BUILD/compile_commands.json" >>"$results/registered"
	find . -path ./build -prune -o \( -name '*_test.c' -o -name 'test_*.py' \) -printf '%P\n' | while read -r file; do
		grep -qF "/$file" "$results/registered" || echo "not ok - $file is no test of CMake's"
	done
}

test_clang() {
	say "Build with clang, fuzz targets"
	tests/fuzz/run.sh 2 >"$results/clang.tap" 2>&1 || grep -q '^not ok' "$results/clang.tap" ||
		echo "not ok - tests/fuzz/run.sh failed" >>"$results/clang.tap"
	test_summary clang
}

test_packages() {
	say "Debian packages"
	tests/packages/test.sh "${TEST_PACKAGES:-build/packages}" >"$results/packages.tap" 2>&1 || grep -q '^not ok' "$results/packages.tap" ||
		echo "not ok - tests/packages/test.sh failed" >>"$results/packages.tap"
	test_summary packages
}

# usage: boot ROOT PACKAGES NAME
boot() {
	tests/host/test.sh "$1" "$2" >"$results/$3.tap" 2>&1 || grep -q '^not ok' "$results/$3.tap" || echo "not ok - tests/host/test.sh failed" >>"$results/$3.tap"
	test_summary "$3"
}

test_host() {
	[ -n "$(ls build/packages/*.deb 2>/dev/null)" ] || test_packages
	say "Booted: this Debian"
	boot / build/packages host
}

# What failed, with the lines before it, and how many passed. usage: test_summary NAME
test_summary() {
	mkdir -p "$logs"
	cp "$results/$1.tap" "$logs/$1.tap"
	grep -B80 '^not ok' "$results/$1.tap" | grep -vE '^(ok|--)'
	grep -c '^ok' "$results/$1.tap" | sed 's/$/ passed/'
}

# Each file in a lab of its own; what it prints is kept in build/test-logs.
test_integration() {
	local name
	# The rows of the demonstration are played by it, in one lab; each can also be named alone.
	[ $# -gt 0 ] || set -- demo $(cd tests/integration && ls [0-9]*.sh | sed 's/\.sh$//' | grep -vE '^(0[1-9]|1[01])-')
	say "Integration tests, $jobs labs at once"
	STORY_CORPUS=$(tests/corpus.sh --any build)
	export STORY_CORPUS
	printf '%s\n' "$@" | xargs -P "$jobs" -I{} tests/lab/run-one.sh {} "$results"
	for name in "$@"; do
		[ -e "$results/$name.tap" ] || echo "not ok - $name did not run" >"$results/$name.tap"
	done
}

# The same script, in there, installs and builds what it needs, as it would for a newcomer.
test_debian_13() {
	local root part
	[ "$(. /etc/os-release && echo "$VERSION_ID")" = 12 ] || return 0
	say "Unit tests and packages on Debian 13"
	if ! root=$(tests/lab/debian-13.sh 2>"$results/debian-13.why"); then
		echo "ok - unit tests and packages on Debian 13 # SKIP $(<"$results/debian-13.why")" >"$results/debian-13.tap"
		return
	fi
	rm -rf build/debian-13-logs
	for part in unit packages; do
		tests/lab/in-debian.sh "$root" env LAB_BUILD="$PWD/build/debian-13" TEST_LOGS=build/debian-13-logs TEST_JOBS="$jobs" \
			TEST_PACKAGES=build/packages-13 ./test.sh $part >"$results/debian-13.out" 2>&1
		[ -e build/debian-13-logs/$part.tap ] && continue
		tail -n 20 "$results/debian-13.out"
		echo "not ok - $part did not run on Debian 13" >>"$results/debian-13.tap"
	done
	cat build/debian-13-logs/*.tap >>"$results/debian-13.tap"
	test_summary debian-13
	say "Booted: Debian 13"
	boot "$root" build/packages-13 host-13
}

test_all() {
	test_unit
	test_clang
	test_packages
	# Labs wait more than they work, and so does a booted host.
	test_debian_13 >"$results/debian-13.screen" 2>&1 &
	test_integration
	test_host
	wait
	cat "$results/debian-13.screen"
}

case ${1-} in
'') run=(test_all) ;;
unit | clang | packages | host | integration | debian-13) run=("test_${1//-/_}" "${@:2}") ;;
*)
	sed -n '2,13s/^# \{0,1\}//p' "$0"
	exit 64
	;;
esac
if ! setup_packages; then
	echo "not ok - install what is needed" >"$results/install.tap"
elif [[ ${1-} != @(clang|packages|host|debian-13) ]] && ! setup_build debug "$LAB_BUILD"; then
	echo "not ok - build" >"$results/build.tap"
else
	"${run[@]}"
fi
echo
grep -hE '# SKIP' "$results"/*.tap | sed 's/^/skipped: /'
failed=$(cat "$results"/*.tap | grep -c '^not ok')
skipped=$(cat "$results"/*.tap | grep -c '^ok.*# SKIP')
passed=$(($(cat "$results"/*.tap | grep -c '^ok') - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

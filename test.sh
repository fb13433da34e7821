#!/bin/bash
# All tests: installs what is missing, builds with AddressSanitizer and UndefinedBehaviorSanitizer, runs unit and integration tests.
#
#   ./test.sh                        everything
#   ./test.sh unit                   the unit tests
#   ./test.sh integration [NAME...]  the tests of tests/integration, or those named (05-learning)
#
# Last line: "N passed, N failed, N skipped"; exit code 1 if any failed. TEST_JOBS: how many labs at once (default: one a CPU).
set -u
cd "$(dirname "$0")" || exit 1
mkdir -p build
. tests/lab/setup.sh
export LAB_BUILD=${LAB_BUILD:-$PWD/build/debug} STORY_PATIENCE=${STORY_PATIENCE:-3}
jobs=${TEST_JOBS:-$(nproc)}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# Every cmocka test counts; a program that dies without a word, or has no cmocka in it, counts as one.
test_unit() {
	say "Unit tests"
	CMOCKA_MESSAGE_OUTPUT=TAP ctest --test-dir "$LAB_BUILD" -V -j"$jobs" >"$results/unit.out" 2>&1
	awk -f tests/lab/ctest-tap.awk "$results/unit.out" >"$results/unit.tap"
	grep -B15 '^not ok' "$results/unit.tap" | grep -vE '^(ok|--)'
	grep -c '^ok' "$results/unit.tap" | sed 's/$/ passed/'
}

# Each file in a lab of its own; what it prints is kept in build/test-logs.
test_integration() {
	local name
	say "Integration tests, $jobs labs at once"
	tests/corpus.sh build/corpus || echo "the public corpus is missing: messages of our own writing instead"
	printf '%s\n' "$@" | xargs -P "$jobs" -I{} tests/lab/run-one.sh {} "$results"
	for name in "$@"; do
		[ -e "$results/$name.tap" ] || echo "not ok - $name did not run" >"$results/$name.tap"
	done
}

setup_packages && setup_build debug "$LAB_BUILD" || exit 1
case ${1-} in
'')
	test_unit
	test_integration $(cd tests/integration && ls [0-9]*.sh | sed 's/\.sh$//')
	;;
unit) test_unit ;;
integration)
	shift
	[ $# -gt 0 ] || set -- $(cd tests/integration && ls [0-9]*.sh | sed 's/\.sh$//')
	test_integration "$@"
	;;
*)
	sed -n '2,8s/^# \{0,1\}//p' "$0"
	exit 64
	;;
esac
echo
grep -hE '# SKIP' "$results"/*.tap | sed 's/^/skipped: /'
failed=$(cat "$results"/*.tap | grep -c '^not ok')
skipped=$(cat "$results"/*.tap | grep -c '^ok.*# SKIP')
passed=$(($(cat "$results"/*.tap | grep -c '^ok') - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

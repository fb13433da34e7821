#!/bin/bash
# Shoveler's demonstration: a small internet of real servers on this machine, with Shoveler dropped into its mail host. Mail is sent, and
# a table shows what became of it. Nothing of the machine's own Postfix or Dovecot is touched.
#
#   ./demo.sh          install what is missing, build, play the story, stop
#   ./demo.sh --keep   the same, but leave it running and say how to sign in
#   ./demo.sh stop     end what --keep left
#
# Exit code 0 only if every row of the story came out.
set -u
cd "$(dirname "$0")" || exit 1
preset=${DEMO_PRESET:-release} # test.sh plays it with the sanitizers
export LAB_NAME=${LAB_NAME:-demo} STORY_LAB=shared STORY_RESULTS=${STORY_RESULTS:-$PWD/build/demo.tsv}
export LAB_BUILD=${LAB_BUILD:-$PWD/build/$preset}
mkdir -p build
. tests/lab/setup.sh
. tests/lab/lab.sh

demo_stop() {
	lab_forward_stop
	lab_down
}

demo_table() {
	python3 tests/lab/table.py "$STORY_RESULTS"
}

demo_keep() {
	lab_forward_start || return 1
	cat <<-END

	The lab stays up; ./demo.sh stop ends it. From this machine, user alice@example.test (bob@, carol@), password secret:
	  IMAP          127.0.0.1 port 1143, STARTTLS (certificate of the lab's own CA: $LAB_DIR/ca/ca.crt)
	  POP3          127.0.0.1 port 1110, STARTTLS
	  Submission    127.0.0.1 port 1587, STARTTLS, the same user and password
	  ManageSieve   127.0.0.1 port 14190, STARTTLS
	Configuration and logs of each server: $LAB_DIR/HOST/etc and $LAB_DIR/HOST/var/log
	A shell on a host: LAB_NAME=demo tests/lab/lab.sh enter mx1     (also: mx2, client, bad, third, dns)
	END
}

keep=no
case ${1-} in
'') ;;
--keep) keep=yes ;;
stop)
	demo_stop
	exit
	;;
*)
	sed -n '2,9s/^# \{0,1\}//p' "$0"
	exit 64
	;;
esac

lab_check
[ ! -e "$LAB_DIR" ] || demo_stop
started=$SECONDS
setup_packages without-tests || exit 1
prepared=$SECONDS
# While the compiler works: without a network this takes its time.
tests/corpus.sh --any build >build/messages.path 2>build/messages.log &
corpus=$!
setup_build "$preset" "$LAB_BUILD" || exit 1
wait $corpus
cat build/messages.log
STORY_CORPUS=$(<build/messages.path)
export STORY_CORPUS
say "Starting the lab: client, bad client, mx1, mx2, third party, DNS"
trap 'demo_stop; exit 130' INT TERM
if ! lab_up; then
	demo_stop
	exit 1
fi
: >"$STORY_RESULTS"
failed=0
for test in tests/integration/{01,02,03,04,05,06,07,08,09,10,11}-*.sh; do
	say "$(sed -n 's/^row \([0-9]*\) "\(.*\)"/\1. \2/p' "$test")"
	"$test" | sed -un 's/^ok [0-9]* - /   ok   /p; s/^not ok [0-9]* - /   FAILED   /p; s/^#   found/            found/p; s/^# \(not taken\|ended\)/   \1/p'
	[ "${PIPESTATUS[0]}" = 0 ] || failed=$((failed + 1))
done
say "What was done, what was expected, what was found"
demo_table
echo
echo "$((SECONDS - prepared)) seconds$([ $((prepared - started)) -lt 2 ] || echo " after $((prepared - started)) seconds of installing")."
if [ $keep = yes ]; then
	demo_keep
else
	demo_stop
fi
if [ $failed = 0 ]; then
	echo "Every row came out."
else
	echo "$failed rows FAILED; logs: build/test-logs/"
	exit 1
fi

# shellcheck shell=bash
# What every integration test is made of; each NN-name.sh begins with:  . "$(dirname "$0")/story.sh"
#
#   row "1" "Ham from a decent client"                       which part of the story follows
#   expect SECONDS "what was done" "what must come" COMMAND...   polls until COMMAND prints exactly that
#                                                           (0 seconds: runs it once)
#   expect_like SECONDS "what was done" "what must come" REGEX COMMAND...   ... until a line matches; the table shows the part that does
#   skip "what" "why"
#
# Prints TAP (ok / not ok), and one line a check into $STORY_RESULTS for demo.sh's table: row, done, expected, found, ok|FAILED|skipped.
# Run alone, a test brings up a lab of its own and ends it. With STORY_LAB=shared it plays in the lab that $LAB_NAME names.
# In a test, before the first line above: STORY_BASE=yes for the lab without Shoveler, STORY_BASE=nothing for no lab at all (then
# story_down ends the labs that it brings up); STORY_WORKERS_DIE=yes where workers of the scanner are meant to die.

LAB_NAME=${LAB_NAME:-story-$$}
. "$(dirname "${BASH_SOURCE[0]}")/../lab/lab.sh"

STORY_LAB=${STORY_LAB:-own}
STORY_BASE=${STORY_BASE:-no}
STORY_WORKERS_DIE=${STORY_WORKERS_DIE:-no}
STORY_RESULTS=${STORY_RESULTS:-/dev/null}
# For demo.sh in test.sh: what the logs say of a check that failed.
STORY_DETAILS=${STORY_DETAILS:-/dev/null}
# Sanitizers and a busy machine make everything slower: lab_wait waits so many times as long. Nothing here measures time.
STORY_PATIENCE=${STORY_PATIENCE:-1}
story_count=0
story_failed=0
story_row=
story_found=
story_doing="the lab comes up"

story_begin() {
	trap story_end EXIT
	trap 'exit 130' INT TERM
	if [ "$STORY_LAB" = shared ]; then
		[ -e "$LAB_DIR/mx1.pid" ] || { echo "not ok - lab $LAB_NAME is not up"; exit 1; }
		return 0
	fi
	case $STORY_BASE in
	no) lab_up || exit 1 ;;
	yes) lab_up --base || exit 1 ;;
	nothing) lab_check ;;
	esac
}

story_end() {
	local code=$?
	trap - EXIT
	story_crashes
	if [ "$STORY_LAB" = own ]; then
		[ "$story_failed" = 0 ] && [ $code = 0 ] || story_keep_logs
		[ ! -e "$LAB_DIR" ] || lab_down
	elif [ "$story_failed" != 0 ] || [ $code != 0 ]; then
		story_keep_logs
	fi
	echo "1..$story_count"
	if [ $code != 0 ]; then
		echo "# ended early with exit code $code, at or after: $story_doing"
		exit $code
	fi
	# A bare exit would give the code from before the trap.
	exit $((story_failed > 0))
}

# Logs of a lab that failed, where they outlive it; and what they tell of trouble, for who has nothing but the output.
story_keep_logs() {
	local host keep
	keep=$LAB_ROOT/${TEST_LOGS:-build/test-logs}/$(basename "$0" .sh)
	[ "$story_failed" != 0 ] || story_tail 40
	story_details "trouble in the logs of the lab" lab_troubles
	story_details "sanitizers" lab_reports
	rm -rf "$keep"
	for host in $LAB_HOSTS; do
		mkdir -p "$keep/$host"
		cp -r "$LAB_DIR/$host/var/log/." "$keep/$host/" 2>/dev/null
	done
	echo "# logs: $keep"
}

# What COMMAND prints, as lines that belong to the failure before. usage: story_details TITLE COMMAND...
story_details() {
	local text
	text=$("${@:2}" 2>/dev/null) && [ -n "$text" ] || return 0
	{
		echo "#   $1:"
		sed 's/^/#     | /' <<<"$text"
	} | tee -a "$STORY_DETAILS"
}

# The last lines of all logs, in order of time. usage: story_tail COUNT
story_tail() { story_details "the last lines of its logs, at $(date +%T)" eval "lab_logs | tail -n $1"; }

# What a sanitizer wrote anywhere is a failure, whatever else came out. Workers of the scanner may write nowhere: theirs is their death.
story_crashes() {
	local found
	found=$(grep -rlE 'ERROR: (Address|Leak|Undefined)|runtime error:' "$LAB_DIR"/*/var/log 2>/dev/null)
	[ -z "$found" ] || story_result "no sanitizer report" "none" "$(grep -rhm1 -E 'ERROR: (Address|Leak)|runtime error:' $found | head -n 3)" FAILED
	[ "$STORY_WORKERS_DIE" = no ] || return 0
	found=$(grep -rhE 'action=worker-died' "$LAB_DIR"/*/var/log 2>/dev/null)
	[ -z "$found" ] || story_result "no worker of the scanner died" "none" "$found" FAILED
}

# End a lab in the middle of a test, and look at what it left.
story_down() {
	story_crashes
	[ "$story_failed" = 0 ] || story_keep_logs
	lab_down
}

row() {
	story_row=$1
	echo "# $1. $2"
}

# usage: story_result DONE EXPECTED FOUND ok|FAILED|skipped
story_result() {
	story_count=$((story_count + 1))
	printf '%s\t%s\t%s\t%s\t%s\n' "$story_row" "$1" "$2" "${3//[$'\t\n']/ }" "$4" >>"$STORY_RESULTS"
	case $4 in
	ok) echo "ok $story_count - $1: ${2//$'\n'/, }" ;;
	skipped) echo "ok $story_count - $1 # SKIP $3" ;;
	*)
		story_failed=$((story_failed + 1))
		{
			echo "not ok $story_count - $1: ${2//$'\n'/, }"
			sed -e '1s/^/#   found: /; 1!s/^/#          /' <<<"$3" | cut -c 1-1000 | head -n 30
		} | tee -a "$STORY_DETAILS"
		# Later failures are mostly its consequence.
		case $story_failed in
		1) story_tail 40 ;;
		[2-5]) story_tail 12 ;;
		esac
		;;
	esac
}

skip() { story_result "$1" "" "$2" skipped; }

expect() {
	local seconds=$1 done=$2 expected=$3
	story_doing=$done
	shift 3
	if lab_wait "$seconds" story_same "$expected" "$@"; then
		story_result "$done" "$expected" "$expected" ok
	else
		story_result "$done" "$expected" "${story_found:-nothing}" FAILED
	fi
}
story_same() {
	story_found=$("${@:2}" 2>&1)
	[ "$story_found" = "$1" ]
}

expect_like() {
	local seconds=$1 done=$2 expected=$3 pattern=$4
	story_doing=$done
	shift 4
	if lab_wait "$seconds" story_like "$pattern" "$@"; then
		story_result "$done" "$expected" "$(grep -oE -m1 -- "$pattern" <<<"$story_found" | head -n 1)" ok
	else
		story_result "$done" "$expected" "${story_found:-nothing}" FAILED
	fi
}
story_like() {
	story_found=$("${@:2}" 2>&1)
	grep -qE -- "$1" <<<"$story_found"
}

# Where a user has the message with this subject, and its verdict: "INBOX: Innocent", "nowhere".
mailbox() { lab_imap "$1" find "$2" X-DSPAM-Result; }
# The same without the verdict: "INBOX".
folder() { lab_imap "$1" find "$2"; }

# Send standard input and say nothing unless it was not taken.
deliver() {
	local answers
	answers=$(lab_send "$@") || echo "# not taken: $answers"
}

# All mail of a host has been dealt with.
settle() { lab_wait "${1-20}" lab_queue_empty "${2-mx1}"; }

# Files with real messages, of a size that is quickly handled, from the folder that teach.sh, demo.sh or test.sh has decided on.
# usage: corpus spam-1|easy-ham-1 FIRST COUNT
corpus() {
	find "$STORY_CORPUS/$1" -name '*.eml' -size -24k | sort | tail -n "+$2" | head -n "$3"
}

story_begin

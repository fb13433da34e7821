#!/bin/bash
# The shell's completion against what the programs say of themselves. usage: completion_test.sh SHOVELER SPAMTRAIN
set -u
shoveler=$1 spamtrain=$2 failed=0
compopt() { COMPREPLY=(FILES); }
# shellcheck source=debian/completion
. "$(dirname "$0")/../debian/completion"

# usage: expect WORDS COMMAND WORD... where the last WORD is what is being typed, and WORDS must be among what is offered
expect() {
	local want=$1 word
	shift
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_shoveler "$1" "${!#}" ""
	for word in $want; do
		[[ " ${COMPREPLY[*]} " == *" $word "* ]] || { echo "${1##*/} ${*:2}: no \"$word\" in: ${COMPREPLY[*]}" && failed=1; }
	done
}

expect "conf doctor mx2 migrate" "$shoveler" ""
expect "conf" "$shoveler" -c /etc/shoveler co
expect "add allow tend" "$shoveler" mx2 ""
expect "--quick --user --help" "$shoveler" doctor --
# The checks of the doctor: all that he has, and no other word.
checks=$(sed -n 's/^\t{"\([a-z0-9]*\)", doctor_check_.*/\1/p' "$(dirname "$0")/cmd_doctor.c" | sort)
expect "mail mx2 $checks" "$shoveler" doctor ""
[ "${COMPREPLY[*]}" = "${checks//$'\n'/ }" ] || { echo "doctor offers: ${COMPREPLY[*]}" && failed=1; }
expect "limits" "$shoveler" doctor --quick dns li
expect "FILES" "$shoveler" doctor --user ""
expect "--dry-run --only" "$shoveler" restore /var/backups/shoveler --
expect "--json" "$shoveler" mx2 queue --
expect "lda_nexthop lda_user" "$shoveler" conf lda_
expect "FILES" "$shoveler" backup ""
expect "FILES" "$shoveler" -c /et
expect "--config --version" "$shoveler" --
expect "learn-folders" "$spamtrain" learn
expect "import import-preferences" "$spamtrain" im
expect "list show release delete flush" "$spamtrain" quarantine ""
expect "rebuild" "$spamtrain" site ""
expect "FILES" "$spamtrain" train alice@example.org ""
expect "--all --days --settled" "$spamtrain" learn-folders --
exit $failed

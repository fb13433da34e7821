#!/bin/bash
# Accuracy and CPU of the classifier on the public corpus.
# usage: [SEEDS="101 102 ..."] tests/bench/classifier.sh SPAMTRAIN CORPUS [SECTION...]    (CORPUS: as tests/corpus.sh brings it)
#
# Sections (default: modes and cost, of one shuffle: half a minute; "all" of ten shuffles an hour of CPU):
#   modes        each training mode; body and basic fields only; half of the errors never reported; on time order, too
#   halves       the same on each half of the messages, by a hash: what the choice of messages makes
#   sensitivity  statisticalSedation 0 to 10; fails if a step is out of order
#   families     without each family of features
#   disguise     spam that hides what it says, judged by a filter that knows plain mail only
#   cost         CPU, beside bogofilter's bulk mode where that is installed
# Rows are explained in tests/bench/intervals.py. Constants were never chosen on shuffles 101 to 110.
set -eu
spamtrain=$1 corpus=$2
shift 2
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sections=${*:-modes cost}
[ "$sections" != all ] || sections="modes halves sensitivity families disguise cost"
[[ "$*" == *all* ]] && seeds=${SEEDS:-$(seq 101 110)} || seeds=${SEEDS:-101}
few=$(echo $seeds | cut -d' ' -f1-4)
# shellcheck disable=SC2086
python3 "$here/corpus-index.py" "$corpus" "$work" $seeds
head='| | (1-ROCA)% [95 %] | ham wrong % | spam missed % | late: ham | late: missed | missed at 0.1 % |
|---|---|---|---|---|---|---|'

# row NAME INDEXES OPTION...: INDEXES are names of index files in $work
row() {
	local name=$1 indexes=$2
	shift 2
	rm -f "$work"/out.*
	for index in $indexes; do
		echo "--index $work/$index --results $work/out.$index $*"
	done | xargs -P "$(nproc)" -L 1 "$spamtrain" evaluate >/dev/null
	python3 "$here/intervals.py" "$name" "$work"/out.*
}

# names PREFIX SUFFIX: an index of each shuffle
names() {
	for seed in $seeds; do echo "$1.$seed$2"; done
}

modes() {
	local suffix=$1
	for mode in tum teft toe; do row "$mode" "$(names index "$suffix")" --mode $mode; done
	row "tum, body and basic fields" "$(names content "$suffix")"
	row "tum, half unreported" "$(names index "$suffix")" --unreported 0.5
}

section_modes() {
	modes ""
	row "tum, by date" index.time
	row "tum, by date, body and basic fields" content.time
}

section_halves() {
	echo "half A:"
	modes .a
	echo "half B:"
	modes .b
}

section_sensitivity() {
	seeds=$few
	for step in 0 1 2 3 4 5 6 7 8 9 10; do
		row "$step" "$(names index "")" --sensitivity $step
	done | tee "$work/steps"
	python3 "$here/intervals.py" --check-steps "$work/steps"
}

section_families() {
	seeds=$few
	"$spamtrain" evaluate --index x --results x --without x 2>&1 | sed -n 's/^spamtrain:   //p' >"$work/families"
	[ -s "$work/families" ]
	for kind in index content; do
		echo "$kind:"
		row "all" "$(names $kind "")"
		while read -r family; do
			row "without $family" "$(names $kind "")" --without "$family"
		done <"$work/families"
	done
}

section_disguise() {
	python3 "$here/disguise.py" "$spamtrain" "$work" "$(echo $seeds | cut -d' ' -f1)"
}

section_cost() {
	local index
	index=$work/index.$(echo $seeds | cut -d' ' -f1)
	for mode in tum teft toe; do
		"$spamtrain" evaluate --index "$index" --mode $mode --results "$work/out" | sed -n "s/^\(CPU\|store\)/$mode: \1/p"
	done
	command -v bogofilter >/dev/null || { echo "bogofilter is not installed: nothing to compare with"; return; }
	mkdir "$work/bogofilter"
	sed -n 's/^ham\t//p' "$index" >"$work/hams"
	sed -n 's/^spam\t//p' "$index" >"$work/spams"
	TIMEFORMAT='%U s user, %S s system'
	echo "bogofilter, bulk: learn all, then judge all $(wc -l <"$index") messages"
	time { bogofilter -d "$work/bogofilter" -bn <"$work/hams" && bogofilter -d "$work/bogofilter" -bs <"$work/spams"; }
	time { cut -f2 "$index" | bogofilter -d "$work/bogofilter" -b >/dev/null || true; }
}

for section in $sections; do
	echo "== $section"
	[ "$section" = disguise ] || [ "$section" = cost ] || echo "$head"
	"section_$section"
done

#!/bin/bash
# Accuracy and CPU of the classifier on the public corpus, beside bogofilter's bulk mode where that is installed.
# usage: tests/bench/classifier.sh SPAMTRAIN CORPUS [SEED...]     (CORPUS: as tests/corpus.sh brings it)
set -eu
spamtrain=$1 corpus=$2
shift 2
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- 1 2 3
python3 "$here/corpus-index.py" "$corpus" "$work" "$@"

for seed in "$@"; do
	for mode in tum teft toe; do
		echo "== seed $seed, $mode"
		"$spamtrain" evaluate --index "$work/index.$seed" --mode $mode --results "$work/out"
	done
	echo "== seed $seed, tum, body and basic fields only"
	"$spamtrain" evaluate --index "$work/content.$seed" --results "$work/out"
	echo "== seed $seed, tum, half of the errors never reported"
	"$spamtrain" evaluate --index "$work/index.$seed" --unreported 0.5 --results "$work/out"
done

command -v bogofilter >/dev/null || { echo "== bogofilter is not installed: nothing to compare with"; exit 0; }
mkdir "$work/bogofilter"
sed -n 's/^ham\t//p' "$work/index.$1" >"$work/hams"
sed -n 's/^spam\t//p' "$work/index.$1" >"$work/spams"
TIMEFORMAT='%U s user, %S s system'
echo "== bogofilter, bulk: learn all, then judge all $(wc -l <"$work/index.$1") messages"
time { bogofilter -d "$work/bogofilter" -bn <"$work/hams" && bogofilter -d "$work/bogofilter" -bs <"$work/spams"; }
time { cut -f2 "$work/index.$1" | bogofilter -d "$work/bogofilter" -b >/dev/null || true; }

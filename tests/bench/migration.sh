#!/bin/bash
# What a user who comes from another filter brings along is worth: nothing, the other filter's Bayes, his own folders, or both.
# usage: tests/bench/migration.sh CORPUS [SEED...]     (CORPUS: as tests/corpus.sh brings it; seeds 101 102 103; LAB_BUILD: a release build)
#
# The shuffled corpus is cut in two. The first half is what the user had: bogofilter and sa-learn, of Debian, are trained with it, and it is put
# into folders of a real Dovecot in a lab. Then the second half comes as mail (TUM, every wrong verdict is corrected). Rows:
#   nothing                 a new account
#   bogofilter              spamtrain import --from bogofilter
#   sa-learn                spamtrain import --from spamassassin with the mail itself
#   folders                 spamtrain learn-folders; all was kept: ham is read, in INBOX and Archive, spam in Junk
#   folders as users keep   the same, but two of five ham and three of five spams were deleted, a fifth of the ham was never read, and
#                           2 % of the spam was read and forgotten in INBOX
#   bogofilter + folders    both, as users keep them
# Each for a user with a long history (the whole half) and a short one (its last 300 messages). Columns: of the first 200 messages, then of all
# of the second half: spam caught, ham wrong.
set -eu
corpus=$(realpath "$1")
shift
seeds=${*:-101 102 103}
LAB_NAME=${LAB_NAME:-migration-$$}
. "$(dirname "$0")/../lab/lab.sh"
work=$(mktemp -d)
chmod 755 "$work"
trap 'lab_down || true; rm -rf "$work"' EXIT

python3 "$(dirname "$0")/corpus-index.py" "$corpus" "$work" $seeds

# Lists of files: $work/SIZE.{ham,spam}, and what users keep of them. usage: split SEED
split() {
	python3 - "$work" "$1" <<'END'
import random
import sys

work, seed = sys.argv[1:]
rows = [line.rstrip("\n").split("\t") for line in open(f"{work}/index.{seed}")]
half = len(rows) // 2
chance = random.Random(int(seed))
with open(f"{work}/second", "w") as out:
    out.writelines(f"{gold}\t{path}\n" for gold, path in rows[half:])


def write(name, paths):
    with open(f"{work}/{name}", "w") as out:
        out.writelines(path + "\n" for path in reversed(paths))  # the newest first


for size, first in (("long", rows[:half]), ("short", rows[half - 300:half])):
    ham = [path for gold, path in first if gold == "ham"]
    spam = [path for gold, path in first if gold == "spam"]
    kept = [path for path in ham if chance.random() < 0.6]
    forgotten = [path for path in spam if chance.random() < 0.02]
    write(f"{size}.ham", ham)
    write(f"{size}.spam", spam)
    write(f"{size}.kept.ham", [path for path in kept if chance.random() < 0.8] + forgotten)
    write(f"{size}.kept.spam", [path for path in spam if path not in forgotten and chance.random() < 0.4])
END
}

# usage: fill USER PREFIX: half of the ham in INBOX, half in Archive
fill() {
	local ham spam
	mapfile -t ham <"$work/$2.ham"
	mapfile -t spam <"$work/$2.spam"
	lab_imap "$1" create Archive , fill INBOX '\Seen' 4 "${ham[@]:0:$((${#ham[@]} / 2))}" , \
		fill Archive '\Seen' 4 "${ham[@]:$((${#ham[@]} / 2))}" , fill Junk '' 4 "${spam[@]}"
}

# usage: judge NAME USER: what the user's filter makes of the second half; "-": a new account
judge() {
	local start=()
	if [ "$2" != - ]; then
		lab_spamtrain export "$2" >"$work/export"
		lab_spamtrain forget "$2" >/dev/null
		start=(--start "$work/export")
	fi
	lab_spamtrain evaluate --index "$work/second" --results "$work/results" "${start[@]}" >/dev/null
	python3 - "$1" "$work/results" <<'END'
import sys

name, results = sys.argv[1:]
rows = [line.split() for line in open(results)]


def rates(rows):
    spam = [verdict for gold, _, verdict in rows if gold == "spam"]
    ham = [verdict for gold, _, verdict in rows if gold == "ham"]
    return f"{spam.count('spam'):4} of {len(spam)} ({100 * spam.count('spam') / len(spam):.0f} %) | {ham.count('spam')} of {len(ham)}"


print(f"| {name} | {rates(rows[:200])} | {rates(rows)} |", flush=True)
END
}

learn() { lab_tool dovecot spamtrain learn-folders --settled 0 --days 3650 "$1" | sed 's/^/    # /'; }

# usage: bogofilter_dump SIZE
bogofilter_dump() {
	rm -rf "$work/bogofilter"
	mkdir "$work/bogofilter"
	bogofilter -C -d "$work/bogofilter" -bn <"$work/$1.ham"
	bogofilter -C -d "$work/bogofilter" -bs <"$work/$1.spam"
	bogoutil -d "$work/bogofilter/wordlist.db" >"$work/dump"
}

# usage: sa_backup SIZE
sa_backup() {
	local class learn
	rm -rf "$work/sa" "$work/mail"
	mkdir -p "$work/sa/site" "$work/mail"
	echo "loadplugin Mail::SpamAssassin::Plugin::Bayes" >"$work/sa/site/bayes.pre"
	learn=(sa-learn --dbpath "$work/sa/bayes" --prefspath /dev/null --siteconfigpath "$work/sa/site" --local)
	for class in ham spam; do
		"${learn[@]}" --no-sync --$class -f "$work/$1.$class" >/dev/null
		xargs -a "$work/$1.$class" cp -t "$work/mail" --backup=numbered
	done
	"${learn[@]}" --backup >"$work/backup"
}

import_bogofilter() { lab_spamtrain import --from bogofilter "$1" "$work/dump" >/dev/null; }

for seed in $seeds; do
	split "$seed"
	lab_up --base
	fill alice@example.test long &
	fill bob@example.test long.kept
	fill carol@example.test short
	fill pat@partner.test short.kept
	wait $!
	lab_drop_in
	echo "seed $seed"
	judge nothing -
	for size in long short; do
		all=alice@example.test kept=bob@example.test
		[ $size = long ] || all=carol@example.test kept=pat@partner.test
		bogofilter_dump $size
		import_bogofilter $all
		judge "$size: bogofilter" $all
		sa_backup $size
		lab_spamtrain import --from spamassassin $all "$work/backup" "$work/mail" >/dev/null
		judge "$size: sa-learn" $all
		learn $all
		judge "$size: folders" $all
		learn $kept
		judge "$size: folders as users keep them" $kept
		import_bogofilter $kept
		learn $kept
		judge "$size: bogofilter + folders" $kept
	done
	lab_down || true
done

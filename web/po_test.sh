#!/bin/bash
# Every text of the sources is translated into each language, and nothing else is. Exit code 77: no gettext.
# usage: po_test.sh WEB-FOLDER        to mend a catalogue: po_test.sh WEB-FOLDER --update
set -u
command -v xgettext >/dev/null || { echo "skipped: no xgettext"; exit 77; }
cd "$1" || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
xgettext --from-code=UTF-8 -k -ktr:2 -ktrn:2,3 -kN_ -kNN_:1,2 -o "$dir/web.pot" $(ls ./*.c | grep -v _test.c) || exit 1
failed=0
for po in po/*.po; do
	if [ "${2-}" = --update ]; then
		msgmerge --quiet --no-fuzzy-matching --no-location --no-wrap --update --backup=none "$po" "$dir/web.pot"
		continue
	fi
	msgfmt --check-format --check-domain -o /dev/null "$po" || failed=1
	msgcmp "$po" "$dir/web.pot" || failed=1
	msgattrib --only-obsolete "$po" | grep . && failed=1
	# The page offers each language that has a catalogue: the preference must take it.
	language=$(basename "$po" .po)
	for file in ../spamtrain/user/preferences.c page_host.c; do
		grep -A 2 '"locale"' "$file" | grep -qw "$language" || { echo "$file: locale cannot be $language"; failed=1; }
	done
	# What is not in the sources any more.
	msgcomm --omit-header --no-location --unique "$po" "$dir/web.pot" | grep '^msgid "[^"]' && failed=1
done
exit $failed

#!/bin/bash
# Every manual page is free of warnings; every program has one, with all options and subcommands that --help
# names; shoveler.cf(5) has every setting.
# usage: manual_pages_test.sh "PAGE;PAGE..." PROGRAM...
set -u
IFS=';' read -ra pages <<<"$1"
shift
failed=0
complain() {
	echo "$*"
	failed=1
}

page_of() {
	local page
	for page in "${pages[@]}"; do
		case ${page##*/} in "$1".[158]) echo "$page" && return ;; esac
	done
}

# The page as plain text, one long line.
text_of() { mandoc -T ascii -O width=500 "$1" | sed 's/.\x08//g' | tr -s ' \n' ' '; }

for page in "${pages[@]}"; do
	# "referenced manual not found" depends on the machine, not on the page.
	found=$(mandoc -T lint -W warning "$page" 2>&1 | grep -v 'referenced manual not found')
	[ -z "$found" ] || complain "$found"
done

# usage: documented TEXT WORD
documented() { grep -qF -- "$2" <<<"$1"; }

check_program() {
	local name=${1##*/} page text word help
	page=$(page_of "$name")
	if [ -z "$page" ]; then
		complain "$name has no manual page"
		return
	fi
	text=$(text_of "$page")
	help=$("$1" --help) || complain "$name --help fails"
	for word in $(grep -oE -- '(^|[[:space:][(|,])--?[a-z][a-z-]*' <<<"$help" | tr -d ' \t[(|,' | sort -u); do
		documented "$text" "$word" || complain "${page##*/}: nothing about $word of $name --help"
	done
	# "  shoveler public create ..." at the start of a line names a subcommand.
	while read -r word; do
		documented "$text" "$word" || complain "${page##*/}: nothing about the subcommand \"$word\""
	done < <(sed -nE "s/^ +($name( [a-z][a-z0-9-]*)+).*/\1/p" <<<"$help")
}

for program in "$@"; do
	check_program "$program"
	[ "${program##*/}" = shoveler ] || continue
	text=$(text_of "$(page_of shoveler.cf)")
	for name in $("$program" conf -d | sed 's/ =.*//'); do
		documented "$text" "$name" || complain "shoveler.cf.5: nothing about $name"
	done
done
exit $failed

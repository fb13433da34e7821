# shellcheck shell=bash
# Strangers and users of the web page, for the tests of it: curl from the internet, and a real browser.

url=https://mx1.example.test/shoveler/
modules=$LAB_ROOT/build/web-modules

web() { lab_in client curl -sk --max-time 60 "$@"; }
# usage: status ARGUMENT...   "303 sign-in?to=history"
status() { web -o /dev/null -w '%{http_code} %header{location}\n' "$@" | sed 's/ $//'; }
field() { sed -n 's/.*name="token" value="\([0-9a-f]*\)".*/\1/p' | head -n 1; }
# A browser without a browser: cookies in a file. usage: sign_in USER PASSWORD JAR
sign_in() {
	local token
	rm -f "$3"
	token=$(web -c "$3" "${url}sign-in" | field)
	status -b "$3" -c "$3" --data-urlencode "login=$1" --data-urlencode "password=$2" -d "token=$token" "${url}sign-in"
}
token_of() { web -b "$1" -c "$1" "${url}history" | field; }
# usage: post JAR PAGE NAME=VALUE...   status of a form with the right token; strange bytes are written as %XX
post() {
	local jar=$1 page=$2 fields=() each
	shift 2
	for each in "$@"; do
		fields+=(-d "$each")
	done
	status -b "$jar" -c "$jar" -d "token=$(token_of "$jar")" "${fields[@]}" "$url$page"
}

# The browser's library is npm's: brought once, also when tests run side by side, and kept in build/.
bring_modules() {
	[ ! -e "$modules/complete" ] || return 0
	command -v npm >/dev/null && command -v chromium >/dev/null && mkdir -p "$modules" || return 1
	# shellcheck disable=SC2016
	flock "$modules" env -C "$modules" bash -c '
		[ ! -e complete ] || exit 0
		cp "$0"/tests/web/package*.json . &&
			timeout 60 npm ci --silent --no-audit --no-fund --ignore-scripts --fetch-retries=0 >npm.out 2>&1 && touch complete' "$LAB_ROOT"
}
# usage: browser STEP [ARGUMENT...]   each of its lines is a check of ours
browser() {
	local line what= before=$story_count
	while read -r line; do
		case $line in
		'ok - '*) story_result "${line#ok - }" "yes" "yes" ok ;;
		'not ok - '*) what=${line#not ok - } ;;
		'#   found: '*) story_result "$what" "yes" "${line#'#   found: '}" FAILED ;;
		*) story_result "browser $1" "runs" "$line" FAILED ;;
		esac
	done < <(lab_in client env WEB_MODULES="$modules/node_modules" WEB_SHOTS="${WEB_SHOTS-}" WEB_RESOLVE=203.0.113.25 HOME="$LAB_DIR/client/var" \
		node "$LAB_ROOT/tests/web/browser.js" "$url" "$@" 2>&1)
	[ $story_count -gt $before ] || story_result "browser $1" "checks" "none" FAILED
}

# Ends the test where there is no browser.
browser_or_skip() {
	if ! bring_modules; then
		skip "the browser's part" "chromium, or playwright-core by npm, is not to be had"
		exit 0
	fi
	[ -z "${WEB_SHOTS-}" ] || mkdir -p "$WEB_SHOTS"
}

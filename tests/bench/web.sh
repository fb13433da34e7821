#!/bin/bash
# How fast the web page is for 200 users at once who each click every two seconds, through nginx with TLS, on a lab with some history.
# Then how long each page takes one user whose history has ROWS messages, and once more the 200 users, all of them on that history.
# usage: tests/bench/web.sh [USERS] [SECONDS] [ROWS]     LAB_BUILD: which build (default: build/release)
LAB_NAME=${LAB_NAME:-bench-web}
. "$(dirname "$0")/../lab/lab.sh"
. "$(dirname "$0")/../integration/teach.sh"
trap lab_down EXIT
corpus() { find "$STORY_CORPUS/$1" -name '*.eml' -size -24k | sort | tail -n "+$2" | head -n "$3"; }
lab_up && lab_web_up || exit 1
for kind in ham spam; do
	arguments=()
	for file in $(teach_corpus $kind 1 60); do
		arguments+=(--file "$file")
	done
	lab_send "${arguments[@]}" alice@example.test >/dev/null
done
lab_wait 60 lab_queue_empty mx1
page_times() { lab_in client "$LAB_ROOT/tests/bench/web.py" https://mx1.example.test/shoveler/ "$1" "$2" alice@example.test secret; }
page_times "${1:-200}" "${2:-15}"
lab_in mx1 "$LAB_ROOT/tests/bench/web-rows.py" /var/lib/shoveler/users/example.test/alice/store.sqlite "${3:-100000}"
page_times 0 0
page_times "${1:-200}" "${2:-15}"
grep -hE 'error:|panic' "$LAB_DIR/mx1/var/log/shoveler-web.out"
exit 0

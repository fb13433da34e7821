#!/bin/bash
# The web page, behind nginx: what users do there, in a real browser; what strangers try.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/teach.sh"
. "$(dirname "$0")/web.sh"
row 14 "The web page"

lab_web_up || exit 1

# ---- strangers, with curl from the internet ----

alice=$LAB_DIR/alice.jar bob=$LAB_DIR/bob.jar
expect 0 "history without signing in" "303 sign-in?to=history" status "${url}history"
expect 0 "signing in without the form's token" "403" status -d "login=alice@example.test" -d "password=secret" "${url}sign-in"
expect 0 "bob signs in" "303 history" sign_in bob@example.test secret "$bob"
expect 0 "in capitals" "303 history" sign_in Bob@Example.test secret "$bob"
expect 0 "a page that there is not" "404" status "${url}nothing"
expect 0 "a picture of the help that there is not" "404" status "${url}picture?0123456789abcdef"
expect 0 "a path out of the folder" "404" status --path-as-is "${url}..%2fetc/passwd"
expect 0 "a method that is none" "405" status -X DELETE "${url}history"
expect 0 "a bad escape in the query" "400" status -b "$bob" "${url}history?q=%zz"
expect 0 "a NUL in the query" "400" status -b "$bob" "${url}history?q=%00"
head -c 70000 /dev/zero | tr '\0' a >"$LAB_DIR/large"
expect 0 "a form that is too large" "413" status -b "$bob" --data-binary "@$LAB_DIR/large" "${url}history"
expect_like 0 "so many bytes past the proxy" "413" '^413' lab_in mx1 curl -s -o /dev/null -w '%{http_code}' --unix-socket /run/shoveler/web.sock \
	--data-binary "@$LAB_DIR/large" http://localhost/history
# As it is, byte by byte, to the proxy: the statuses of what comes back.
raw() {
	lab_in client python3 -c '
import socket, ssl, sys
with ssl._create_unverified_context().wrap_socket(socket.create_connection((sys.argv[1], 443), 10), server_hostname="mx1.example.test") as s:
    s.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin-1"))
    s.settimeout(30)
    data = b""
    try:
        while part := s.recv(65536):
            data += part
    except OSError:
        pass
print(*[line.split()[1].decode() for line in data.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")])' "$(lab_address mx1)" "$1"
}
target='/shoveler/sign-in HTTP/1.1\r\nHost: mx1.example.test\r\nConnection: close\r\n'
inside='GET /shoveler/history HTTP/1.1\r\nHost: mx1.example.test\r\n\r\n'
expect 0 "a request in a request, by two kinds of length" "400" raw "POST ${target}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$inside"
expect 0 "by two lengths" "400" raw "POST ${target}Content-Length: 0\r\nContent-Length: 60\r\n\r\n$inside"
expect 0 "by a chunk of no size" "400" raw "POST ${target}Transfer-Encoding: chunked\r\n\r\nx\r\n$inside"
expect 0 "by a line end in the path" "404" raw "GET /shoveler/x%20HTTP/1.1%0d%0aX-User:%20bob ${target#* }\r\n"
expect 0 "a cookie of 60 kB" "400" raw "GET ${target}Cookie: a=$(head -c 60000 "$LAB_DIR/large")\r\n\r\n"
expect_like 0 "no script but our own" "the policy says so" "default-src 'none'; style-src 'self'; script-src 'self'" web -I "${url}sign-in"
expect_like 0 "a cookie that was changed" "303 sign-in" '^303 sign-in' \
	status -H "Cookie: $(awk '/shoveler/ { print $6 "=" $7 }' "$bob" | sed 's/bob/eve/')" "${url}history"

token=$(token_of "$bob")
expect 0 "a form of bob's from elsewhere" "403" status -b "$bob" -H "Origin: https://evil.test" -d "token=$token" -d do=save "${url}preferences"
expect 0 "a form of bob's with another's token" "403" status -b "$bob" -d "token=${token//[0-8]/9}" "${url}preferences"
expect 0 "he signs out" "303 sign-in?done=out&n=0" status -b "$bob" -c "$LAB_DIR/out.jar" -d "token=$token" "${url}sign-out"
expect 0 "his form, sent again" "403" status -b "$bob" -d "token=$token" "${url}preferences"

# What was kept from him.
lab_message "A present" "$(lab_eicar)" | deliver bob@example.test
sign_in bob@example.test secret "$bob" >/dev/null
bob_sees() { web -b "$bob" "$url$1" | tr '\n' ' '; }
expect_like 20 "a virus for bob: his history" "names it" 'A present</a>.*stopped as a virus: Lab\.Eicar[.A-Z]*<' bob_sees history
expect_like 10 "the page on it" "has no button to teach it" '<dt>Virus</dt><dd>Lab\.Eicar[.A-Z]*</dd></dl></section>' bob_sees "$(bob_sees history | grep -oE 'message\?s=[0-9a-f]{24}' | head -n 1)"

# A message whose every field is script.
script='"><script>alert(1)</script><img src=x onerror=alert(2)>'
lab_message "$script" "<script>alert(3)</script>" "X-Evil: $script" | sed "s|^From: .*|From: $script <evil@client.test>|" >"$LAB_DIR/evil"
deliver --file "$LAB_DIR/evil" bob@example.test
sign_in bob@example.test secret "$bob" >/dev/null
expect_like 20 "script in every field: his history" "is text" '&lt;script&gt;alert\(1\)' web -b "$bob" "${url}history"
bob_signature=$(web -b "$bob" "${url}history" | grep -oE 'message\?s=[0-9a-f]{24}' | head -n 1 | cut -d= -f2)
for page in history "message?s=$bob_signature"; do
	web -b "$bob" "$url$page" >"$LAB_DIR/page"
	expect_like 0 "the script on ${page%%\?*}" "is shown, as text" '&lt;script&gt;alert\(1\)' cat "$LAB_DIR/page"
	expect 0 "script that was let through on ${page%%\?*}" "" grep -oE '<script>alert|<img src=x' "$LAB_DIR/page"
done

sign_in alice@example.test secret "$alice" >/dev/null
expect 0 "alice asks for a message of bob's" "404" status -b "$alice" "${url}message?s=$bob_signature"
expect 0 "and for its text" "404" status -b "$alice" "${url}held?s=$bob_signature"
expect_like 0 "and calls it spam" "nothing was changed" 'done=unknown' \
	status -b "$alice" -d "token=$(token_of "$alice")" -d "spam=$bob_signature" "${url}history"
expect 0 "his filter" "0" teach_lessons bob
expect_like 0 "user= in the query" "is nobody's" '>alice@example.test<' web -b "$alice" "${url}history?user=bob@example.test"

# Everybody else of carol's, when she signs out everywhere.
sign_in carol@example.test secret "$LAB_DIR/carol1.jar" >/dev/null
sign_in carol@example.test secret "$LAB_DIR/carol2.jar" >/dev/null
expect 0 "carol in a second browser" "200" status -b "$LAB_DIR/carol2.jar" "${url}history"
expect_like 0 "signs out everywhere in the first" "out" '^303 sign-in' \
	status -b "$LAB_DIR/carol1.jar" -d "token=$(token_of "$LAB_DIR/carol1.jar")" -d everywhere=yes "${url}sign-out"
expect_like 0 "and in the second" "out" '^303 sign-in' status -b "$LAB_DIR/carol2.jar" "${url}history"

# All at once: none of them slips through.
brute() {
	local jobs=() i
	for i in 1 2 3 4 5 6 7 8; do
		sign_in carol@example.test wrong "$LAB_DIR/brute$i.jar" &
		jobs+=($!)
	done
	wait "${jobs[@]}"
}
expect 0 "eight wrong passwords" "      6 403
      2 429" eval 'brute | sort | uniq -c'
expect 0 "then even the right one" "429" sign_in carol@example.test secret "$LAB_DIR/brute1.jar"

# ---- users, with Chromium ----

browser_or_skip
lab_message "An infected present" "$(lab_eicar)" | deliver alice@example.test
from_pal() { sed "0,/^From:.*/s//From: Pal <pal@client.test>/"; }
lab_message "From a pal" "We meet at the pond on Sunday." | from_pal | deliver alice@example.test
teach_alice
browser virus "An infected present"

lab_message "Harvest festival" "Dear friend, the orchard gathers plums on Sunday; bring baskets, ladders and aprons." | deliver alice@example.test
expect 20 "a harmless mail: alice" "INBOX: Innocent" mailbox alice "Harvest festival"
lab_spamtrain preference set alice@example.test statisticalSedation 0
browser help
browser history "Harvest festival"
lab_message "Harvest festival again" "Dear friend, the orchard gathers plums on Sunday; bring baskets, ladders and aprons." | deliver alice@example.test
expect 20 "the next of that kind" "INBOX: Spam" mailbox alice "Harvest festival again"
browser plain "Harvest festival"

browser prefer quarantine
known_spam 1 "Your Invoice" | deliver alice@example.test
known_spam 3 "Hold me" | deliver alice@example.test
known_spam 7 "From the digest" | deliver alice@example.test
settle
expect_like 20 "spam, after she chose quarantine" "is held back" 'Your Invoice' lab_spamtrain quarantine list alice@example.test
expect_like 20 "the other too" "is held back" 'Hold me' lab_spamtrain quarantine list alice@example.test
held=$(lab_spamtrain quarantine list alice@example.test | grep "Hold me" | grep -oE '\b[0-9a-f]{24}\b')
as_bob() { status -b "$bob" -d "token=$(token_of "$bob")" "${@:2}" "$url$1"; }
expect_like 0 "bob releases it" "there is none" '^303 quarantine\?done=gone' as_bob quarantine -d "release=$held"
expect_like 0 "deletes it" "there is none" '^303 quarantine\?done=gone' as_bob quarantine -d do=delete -d "s=$held"
expect_like 0 "calls it good" "nothing was changed" '^303 history\?done=unknown' as_bob history -d "innocent=$held"
expect 0 "trusts its sender" "404" as_bob trusted -d "add=$held"
expect 0 "reads it" "404" status -b "$bob" "${url}held?s=$held"
expect_like 0 "his way back leads to another host" "to a page of ours" '^303 history' as_bob history -d back=//evil.test/
browser quarantine "Your Invoice" "Hold me"
expect 20 "what she released" "INBOX" folder alice "Your Invoice"
expect 10 "what she deleted" "nowhere" folder alice "Hold me"

# A link as the daily digest has it. usage: digest_link ACTION SIGNATURE
digest_link() {
	lab_in mx1 python3 -c '
import hashlib, hmac, sys, time
text = f"{sys.argv[1]}.{int(time.time()) + 600:x}.{sys.argv[2]}.{sys.argv[3].encode().hex()}"
secret = open("/etc/shoveler/link.secret", "rb").read().rstrip(b"\n")
print(text + "." + hmac.new(secret, ("shoveler-link-v1;" + text).encode(), hashlib.sha256).hexdigest())' "$@" alice@example.test
}
signature=$(lab_spamtrain quarantine list alice@example.test | grep "From the digest" | grep -oE '\b[0-9a-f]{24}\b')
link="link?t=$(digest_link r "$signature")"
scanner() { status "$url$1" && status "$url$1"; }
expect 0 "a mail scanner follows a link of the digest, twice" "200
200" scanner "$link"
expect 10 "the message" "nowhere" folder alice "From the digest"
browser link "$link" "From the digest"
expect 20 "after alice has clicked: the message" "INBOX" folder alice "From the digest"
expect 0 "the link once more" "410" status "$url$link"
expect 0 "a link that was changed" "400" status "${url}${link/=r./=s.}"

browser prefer tag
browser choose "spamSubject=[JUNK]" trainingMode=NOTRAIN whitelistThreshold=1
learned() { lab_spamtrain --json stats alice@example.test | grep -oE '"(spam|innocent)_learned": [0-9]+'; }
learned_before=$(learned)
known_spam 5 "Tag me" | deliver alice@example.test
known_spam 9 "Spam of a pal" | from_pal | deliver alice@example.test
expect 20 "spam, after she chose tagging with an own mark" "INBOX: Spam" mailbox alice "[JUNK] Tag me"
expect 20 "after she chose to know senders after one message" "INBOX: Whitelisted" mailbox alice "Spam of a pal"
expect 0 "after she chose not to learn: her filter knows" "$learned_before" learned
browser choose enableWhitelist=off trainingMode=TOE dailyQuarantineSummary=on siteDictionary=off
known_spam 11 "Another of a pal" | from_pal | deliver alice@example.test
expect 20 "without known senders" "INBOX: Spam" mailbox alice "[JUNK] Another of a pal"
browser choose optOut=on
known_spam 13 "Unfiltered" | deliver alice@example.test
expect_like 20 "unfiltered" "has no verdict" '^INBOX: -$' mailbox alice "Unfiltered"
browser statistics
expect 0 "after she had the last day forgotten: her filter knows" '"spam_learned": 0
"innocent_learned": 0' learned

# Single sign-on: only when it is switched on.
sso() { lab_in mx1 curl -s -o /dev/null -w '%{http_code} %header{location}\n' --unix-socket /run/shoveler/web.sock -H "X-User: $1" http://mx1.example.test/history | sed 's/ $//'; }
expect 0 "a header that names bob" "303 sign-in?to=history" sso bob@example.test
lab_in mx1 sh -c 'echo "web_sign_on_header = X-User" >>/etc/shoveler/main.cf.d/50-web.cf' && lab_reload mx1/shoveler-web
expect 10 "with web_sign_on_header" "200" sso bob@example.test
expect 0 "a name that is none" "303 sign-in?to=history" sso "../bob"
expect 0 "the web page's own log" "no trouble" sh -c "grep -hE 'error:|panic|fatal' '$LAB_DIR/mx1/var/log/shoveler-web.out' || echo no trouble"
lab_stop mx1/shoveler-web
expect 0 "SIGTERM: its exit code" "0" lab_exit_code mx1/shoveler-web

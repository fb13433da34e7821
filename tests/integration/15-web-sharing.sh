#!/bin/bash
# The web page's Sharing: folders shared in a browser and seen by IMAP; what strangers and other users try.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/web.sh"
row 15 "Sharing on the web page"

lab_web_up || exit 1
bob=$LAB_DIR/bob.jar alice=$LAB_DIR/alice.jar
lab_imap bob create Projects , create 'Entw&APw-rfe' , create 'Evil <script>alert(1) "&-' >/dev/null
lab_message "Plan of the bridge" | lab_imap bob append Projects
lab_shoveler group add sales carol@example.test >/dev/null
lab_shoveler public create '#MilkyPond/News' >/dev/null
lab_shoveler public admin '#MilkyPond/News' bob@example.test >/dev/null
sign_in bob@example.test secret "$bob" >/dev/null
sign_in alice@example.test secret "$alice" >/dev/null

# ---- strangers, other users, odd names ----

share=(f=Projects kind=person level=read)
expect 0 "folders without signing in" "303 sign-in?to=sharing" status "${url}sharing"
expect 0 "a form of bob's with another's token" "403" status -b "$bob" -d "token=$(token_of "$alice")" -d "f=Projects" -d who=alice@example.test "${url}folder"
expect 0 "from elsewhere" "403" status -b "$bob" -H "Origin: https://evil.test" -d "token=$(token_of "$bob")" -d "f=Projects" "${url}folder"
expect_like 0 "a folder name in UTF-7: bob" "reads it" 'Entwürfe' web -b "$bob" "${url}sharing"
web -b "$bob" "${url}sharing" >"$LAB_DIR/page"
expect_like 0 "script in a folder name" "is text" '&lt;script&gt;alert' cat "$LAB_DIR/page"
expect 0 "script that was let through" "" grep -o '<script>alert' "$LAB_DIR/page"
# Line ends, quotes and literals that try to become commands of their own.
expect 0 "CRLF in a folder's name" "404" status -b "$bob" "${url}folder?f=Projects%22%0d%0aT9%20DELETE%20Projects%0d%0a"
expect 0 "CRLF in a folder's name, in a form" "404" post "$bob" folder 'f=x%0d%0aT9%20DELETE%20Projects' kind=person who=alice@example.test level=read
expect 0 "a literal in it" "404" status -b "$bob" "${url}folder?f=%7b20%7d%0d%0ax"
expect 0 "CRLF in the person" "422" post "$bob" folder "${share[@]}" 'who=alice@example.test%22%20lrs%0d%0aT9%20DELETE%20Projects%0d%0aT8%20NOOP%20'
expect 0 "CRLF in the group" "422" post "$bob" folder f=Projects kind=group level=read 'who=x%22%20lrs%0d%0aT9%20DELETE%20Projects%0d%0a'
expect 0 "CRLF in the letters" "422" post "$bob" folder f=Projects kind=person who=alice@example.test level=letters 'letters=lrs%0d%0aT9%20DELETE%20Projects'
expect_like 0 "CRLF in whom to remove" "does no harm" '^(303 folder|422)' post "$bob" folder f=Projects 'remove=x%0d%0aT9%20DELETE%20Projects'
expect_like 0 "CRLF in what to subscribe to" "does no harm" '^(303 sharing|422)' post "$bob" sharing 'subscribe=x%0d%0aT9%20DELETE%20Projects'
expect 0 "a NUL in a folder's name" "400" status -b "$bob" "${url}folder?f=Projects%00"
expect 0 "bytes that are no UTF-8" "404" status -b "$bob" "${url}folder?f=%ff%fe"
expect 0 "a name of 4000 bytes" "404" status -b "$bob" "${url}folder?f=$(printf 'a%.0s' $(seq 4000))"
expect 0 "everything" "404" status -b "$bob" "${url}folder?f=*"
expect 0 "after all that: mail in Projects" "1" lab_imap bob count Projects
expect 0 "negative rights for a person" "422" post "$bob" folder "${share[@]}" who=-alice@example.test
expect 0 "everybody as a person" "422" post "$bob" folder "${share[@]}" who=anyone

shared="#Shared/bob@example.test/Projects"
expect 0 "alice asks for bob's folder" "404" status -b "$alice" "${url}folder?f=%23Shared%2Fbob%40example.test%2FProjects"
expect 0 "and shares it with herself" "404" post "$alice" folder 'f=%23Shared%2Fbob%40example.test%2FProjects' kind=person who=alice@example.test level=manage
mail_cookie() { awk '/shoveler-mail/ { print $6 "=" $7 }' "$1"; }
session_cookie() { awk '/shoveler\t/ { print $6 "=" $7 }' "$1"; }
expect_like 0 "alice's session with bob's password" "asks for hers" 'name="password"' \
	web -H "Cookie: $(session_cookie "$alice"); $(mail_cookie "$bob")" "${url}sharing"
expect 0 "what the password's cookie tells" "nothing of it" sh -c "grep -qiE 'secret|c2VjcmV0' '$bob' || echo nothing of it"

# ---- users, with Chromium ----

browser_or_skip
browser sharing Projects alice@example.test person read
expect 10 "alice sees it by IMAP" "$shared" lab_imap alice list "#Shared/*Projects"
expect 10 "and reads" "1" lab_imap alice count "$shared"
writes() { lab_message Mine | lab_imap alice append "$shared"; }
expect_like 10 "she may not write" "refused" '^imap: .*NOPERM' writes
expect 0 "alice, who may only read, shares it on" "422" post "$alice" folder 'f=%23Shared%2Fbob%40example.test%2FProjects' kind=person who=carol@example.test level=manage
browser subscribe "Shared with me" "$shared"
expect 10 "which her mail program sees" "$shared" lab_imap alice lsub "#Shared/*Projects"

browser sharing Projects sales group write
expect 10 "carol, of the group, sees it" "$shared" lab_imap carol list "#Shared/*Projects"
puts() { lab_message "Of the group" | lab_imap carol append "$shared" && lab_imap carol count "$shared"; }
expect 10 "and may write" "2" puts
browser unshare Projects sales
expect 10 "then carol sees" "" lab_imap carol list "#Shared/*Projects"
browser unshare Projects alice@example.test
expect 10 "then alice sees" "" lab_imap alice list "#Shared/*Projects"

browser delegate "#MilkyPond/News"
browser subscribe "Public folders" "#MilkyPond/News"
expect 10 "which her mail program sees" "#MilkyPond/News" lab_imap alice lsub "#MilkyPond/*"

lab_restart mx1/shoveler-web
expect_like 0 "after a restart the password of before" "is gone" 'name="password"' web -b "$alice" "${url}sharing"
expect 0 "the web page's own log" "no trouble" sh -c "grep -hE 'error:|panic|fatal' '$LAB_DIR/mx1/var/log/shoveler-web.out' || echo no trouble"

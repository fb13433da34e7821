#!/bin/bash
# Row 9: bob shares a folder with alice; the admin makes a public tree and bob its delegate.
. "$(dirname "$0")/story.sh"
row 9 "Shared and public folders"

shared="#Shared/bob@example.test/Projects"
lab_imap bob create Projects
lab_message "Plan of the bridge" | lab_imap bob append Projects
expect 10 "before: alice sees" "" lab_imap alice list "#Shared/*"
lab_imap bob setacl Projects alice@example.test lrs
expect 10 "bob shares Projects with alice: she sees" "$shared" lab_imap alice list "#Shared/*Projects"
expect 10 "and reads" "1" lab_imap alice count "$shared"
writes() { lab_message Mine | lab_imap alice append "$shared"; }
expect_like 10 "she may not write" "refused" '^imap: .*NOPERM' writes
expect 10 "carol sees" "" lab_imap carol list "#Shared/*"

lab_shoveler public create '#MilkyPond/News' >/dev/null
lab_shoveler public admin '#MilkyPond/News' bob@example.test >/dev/null
expect_like 10 "the admin makes #MilkyPond/News, and bob its delegate: his rights" "all" '^.*MilkyPond/News.* [a-z]*a[a-z]*$' lab_imap bob myrights "#MilkyPond/News"
lab_imap bob setacl "#MilkyPond/News" alice@example.test lrs
lab_message "News of the pond" | lab_imap bob append "#MilkyPond/News"
lab_imap alice subscribe "#MilkyPond/News"
expect 10 "bob gives her rights, alice subscribes" "#MilkyPond/News" lab_imap alice lsub "#MilkyPond/*"
expect 10 "and reads" "1 News of the pond" lab_imap alice header "#MilkyPond/News" Subject
expect 10 "carol has no rights" "" lab_imap carol list "#MilkyPond/News"

lab_shoveler group add crew alice@example.test >/dev/null
lab_imap bob setacl Projects '$crew' lrsi
lab_shoveler group add crew carol@example.test >/dev/null
expect 10 "bob gives a group more, and carol joins it: she sees" "$shared" lab_imap carol list "#Shared/*Projects"
expect_like 10 "alice's own rights and those of the group add up" "lrsi" '^.*Projects.* [a-z]*i[a-z]*$' lab_imap alice myrights "$shared"
lab_shoveler public rights '#MilkyPond' --below carol@example.test lrs >/dev/null
# What shoveler runs has a clean environment, and so not the sanitizer's library that doveadm needs for our plugins.
lab_in mx1 sh -c 'cat >/usr/sbin/doveadm && chmod 755 /usr/sbin/doveadm' <<'END'
#!/bin/bash
LAB_SERVICE=dovecot
[ ! -r /etc/lab.environment ] || . /etc/lab.environment
exec /usr/bin/doveadm "$@"
END
nobodys() { lab_shoveler public rights '#MilkyPond' nobody@example.test "$1" 2>&1; }
expect_like 0 "and nobody@example.test" "is refused" 'there is no user "nobody@example.test"' nobodys lr
expect 0 "what was left of him" "changed: folders=1" nobodys none
expect 10 "the admin gives carol rights of the whole tree: she reads" "1 News of the pond" lab_imap carol header "#MilkyPond/News" Subject

#!/bin/bash
# The web page of a fallback domain's contact, and of administrators: what root tells of the host, and what it does when asked.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/web.sh"
row 16 "Fallback MX and host on the web page"

lab_dnsbl_list "$(lab_address bad)"
listed() { lab_message "From a listed client" | lab_send bad --server mx1.example.test --helo "[1.2.3.4]" alice@example.test; }
expect_like 20 "a client that is on a DNS list" "refused" '5[0-9][0-9] .*dnsbl.test' listed
# mx1 becomes a fallback MX for away.test, whose own server does not answer.
LAB_MX2=mx1 lab_mx2_add away.test primary=203.0.113.99 tls=none recipients=all retention=2d contact=alice@example.test || exit 1
lab_web_up || exit 1
lab_in mx1 sh -c 'cat >>/etc/shoveler/main.cf.d/50-web.cf' <<'END'
web_host_admins = bob@example.test
web_domain_admins = carol@example.test
mx2_contact_extension = 20d
preference_maps = texthash:/var/lib/shoveler/domain-preferences
END
report() { lab_shoveler report; }
report
lab_restart mx1/shoveler-web mx1/spamtraind mx1/shoveler-lda
lab_message "A virus" "$(lab_eicar)" | deliver alice@example.test
taken() { lab_message "Waits for away.test" | lab_send --server mx1.example.test --from s@client.test pat@away.test; }
expect_like 10 "mail for away.test" "is taken" '^data 250' taken
expect_like 10 "mail for away.test" "waits, and why" 'last error: .*203.0.113.99' lab_shoveler mx2 queue away.test
report

alice=$LAB_DIR/alice.jar bob=$LAB_DIR/bob.jar carol=$LAB_DIR/carol.jar
for user in alice bob carol; do
	sign_in $user@example.test secret "$LAB_DIR/$user.jar" >/dev/null
done
expect 0 "bob, who is no contact, sees the page" "404" status -b "$bob" "${url}fallback"
expect 0 "and flushes the domain" "404" post "$bob" fallback flush=away.test
expect 0 "alice flushes another's domain" "404" post "$alice" fallback flush=partner.test
expect 0 "CRLF in the domain" "404" post "$alice" fallback 'flush=away.test%0auser=x'
expect 0 "alice, who is no administrator, sees the host" "404" status -b "$alice" "${url}host"
expect 0 "and sets its preferences" "404" post "$alice" host spamAction=deliver
expect 0 "a form of alice's with another's token" "403" status -b "$alice" -d "token=$(token_of "$bob")" -d flush=away.test "${url}fallback"
web_user() { lab_in mx1 setpriv --reuid shoveler-web --regid shoveler-web --clear-groups "$@"; }
expect_like 0 "shoveler-web's user reads the policy store" "may not" 'Permission denied' web_user cat /var/lib/shoveler/policy.sqlite
expect_like 0 "writes the report" "may not" 'Permission denied' web_user sh -c 'echo >/var/lib/shoveler/report/host.json'
expect_like 0 "sees requests" "may not" 'Permission denied' web_user ls /var/lib/shoveler/report/requests

# What comes past the page, as if shoveler-web were taken over: root looks again.
request() { web_user sh -c 'cat >"/var/lib/shoveler/report/requests/$1.request"' sh "$1"; }
outcome() { report 2>&1; python3 -c 'import json, sys
actions = json.load(open(sys.argv[1]))["actions"]
print(*[a["outcome"] for a in actions[:int(sys.argv[2])]])' "$LAB_DIR/mx1/var/lib/shoveler/report/host.json" "${1:-1}"; }
in_days() { echo $(($(date +%s) + $1 * 86400)); }
printf 'request=flush\nuser=bob@example.test\ndomain=away.test\n' | request 1
expect 0 "root is asked by bob" "denied" outcome
printf 'request=extend\nuser=alice@example.test\ndomain=away.test\nuntil=%s\n' "$(in_days 25)" | request 2
expect 0 "for more days than the admin allows" "denied" outcome
printf 'request=extend\nuser=alice@example.test\ndomain=away.test\nuntil=-1\n' | request 3
expect 0 "for a time that is none" "invalid" outcome
printf 'request=preferences\nuser=carol@example.test\ndomain=partner.test\nspamAction=tag\n' | request 4
expect 0 "by an administrator of another domain" "denied" outcome
printf 'request=preferences\nuser=carol@example.test\ndomain=example.test\nspamAction=tag;trainingMode=TOE\n' | request 5
expect 0 "for a preference that is none" "invalid" outcome
printf 'request=preferences\nuser=carol@example.test\ndomain=example.test\nstatisticalSedation=11\n' | request 51
expect 0 "for a number that is none" "invalid" outcome
printf 'request=preferences\nuser=carol@example.test\ndomain=example.test\nspamSubject=x%%0a@partner.test optOut=on\n' | request 52
expect 0 "for a line of another domain" "invalid" outcome
printf 'request=remove\nuser=alice@example.test\ndomain=away.test\n' | request 6
expect 0 "for something else" "invalid" outcome
head -c 100000 /dev/zero | request 7
expect_like 0 "by a large file" "refused" 'request 7.request is no file' report
web_user ln -s /etc/shadow /var/lib/shoveler/report/requests/8.request
web_user mkfifo /var/lib/shoveler/report/requests/9.request
expect_like 0 "by a link and a pipe" "refused" 'request [89].request is no file' report
expect 0 "what is left of all that" "" lab_in mx1 sh -c 'ls /var/lib/shoveler/report/requests'

browser_or_skip
day_in() { date -d "@$(in_days "$1")" +%Y-%m-%d; }
# If it is midnight meanwhile, either day will do.
asked=$(day_in 14)
browser fallback away.test
report
browser fallbackDone
kept() { lab_shoveler mx2 show away.test | grep -cE "^until=($asked|$(day_in 14))"; }
expect 0 "kept until in 14 days" "1" kept
browser host Lab.Eicar dnsbl.test
report
browser domain
counts() { lab_spamtrain preference list alice@example.test | grep -E '^(spamAction|spamSubject|statisticalSedation|whitelistThreshold)\b' | sed 's/ *#.*//; s/[ =]\+/ /g' | sort; }
expect_like 10 "the domain's preferences" "count" 'spamAction tag.*spamSubject \[Junk\].*statisticalSedation 3.*whitelistThreshold 7' eval 'counts | paste -sd" "'
# The other proxy.
lab_web_apache
expect 0 "behind Apache alice signs in" "303 history" sign_in alice@example.test secret "$alice"
expect 0 "and sees her history" "200" status -b "$alice" "${url}history"
expect_like 0 "her form" "is taken" '^303 preferences' post "$alice" preferences do=save spamAction=quarantine
expect 0 "one from elsewhere" "403" status -b "$alice" -H "Origin: https://evil.test" -d "token=$(token_of "$alice")" "${url}preferences"
expect_like 0 "the client is told" "its address" "^.*$(lab_address client): user=<alice@example.test>.*path=/history" \
	grep -h 'path=/history' "$LAB_DIR/mx1/var/log/shoveler-web.out"
expect_like 0 "without the slash" "is shown the way" '^301 https://mx1.example.test/shoveler/' status "${url%/}"
head -c 70000 /dev/zero | tr '\0' a >"$LAB_DIR/large"
expect 0 "a form that is too large" "413" status -b "$alice" --data-binary "@$LAB_DIR/large" "${url}history"
expect 0 "a path out of the folder" "404" status --path-as-is "${url}..%2fetc/passwd"
expect_like 0 "TLS from now on" "browsers are told" 'Strict-Transport-Security: max-age=31536000' web -I "${url}sign-in"
expect 0 "the web page's own log" "no trouble" sh -c "grep -hE 'error:|panic|fatal' '$LAB_DIR/mx1/var/log/shoveler-web.out' || echo no trouble"

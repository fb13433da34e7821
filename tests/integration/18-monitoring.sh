#!/bin/bash
# What a monitoring system sees: metrics, their documentation, alerts and dashboard, asked of a real Prometheus; and whom fail2ban bans.
. "$(dirname "$0")/story.sh"
. "$(dirname "$0")/web.sh"
row 18 "Metrics, alerts, fail2ban"
monitoring=$LAB_ROOT/monitoring

lab_postconf mx1 "inet_protocols = all"
lab_in mx1 sh -c 'mkdir -p /etc/shoveler/main.cf.d; echo "greylist_delay = 1s" >/etc/shoveler/main.cf.d/90-test.cf'
lab_restart mx1/postfix mx1/shoveler-milter
lab_web_up

# ---- something happens ----

lab_dnsbl_list "$(lab_address bad)"
lab_message "Ham" | deliver alice@example.test
lab_message "Virus" "$(lab_eicar)" | deliver alice@example.test
lab_message "Spam" >"$LAB_DIR/message"
from_bad() { lab_send bad --server mx1.example.test --helo "$1" --from "$2" "$3" <"$LAB_DIR/message"; }
from_bad "[1.2.3.4]" someone@bad.test alice@example.test >"$LAB_DIR/refused"
expect_like 0 "a bad client" "refused" '^rcpt alice@example.test 550' cat "$LAB_DIR/refused"
from_bad mail.bad.test someone@bad.test dc-spam@example.test >"$LAB_DIR/training"
expect_like 0 "a training address, without signing in" "refused" '^rcpt dc-spam@example.test 550' cat "$LAB_DIR/training"
mapfile -t forged < <(yes "X-Virus-Status: Clean" | head -n 101)
lab_message "Forged" "Hello." "${forged[@]}" >"$LAB_DIR/forged"
expect_like 0 "a hundred forged fields" "refused" '^data 554' lab_send alice@example.test <"$LAB_DIR/forged"
# By IPv6, through the real Postfix; dnsbl.test has an IPv6 zone, and lists 2001:db8::66.
by_ipv6() { lab_send "$1" --server mx1-by-ipv6.example.test --helo "$2" --from someone@client.test "$3" <"$LAB_DIR/message"; }
ipv6() { lab_in "$1" ip address "$2" "$3/64" dev eth0 nodad; }
ipv6 mx1 add 2001:db8::25
ipv6 client add 2001:db8::10
ipv6 bad add 2001:db8::66
for host in client bad; do lab_in $host sh -c 'echo "2001:db8::25 mx1-by-ipv6.example.test" >>/etc/hosts'; done
expect_like 0 "a decent client with an IPv6 address" "taken" '^data 250' by_ipv6 client v6.client.test alice@example.test
expect_like 0 "one that says its address" "taken" '^data 250' by_ipv6 client "[IPv6:2001:db8::10]" alice@example.test
expect_like 0 "its score" "1" 'client=\[2001:db8::10\], helo=<\[IPv6:2001:db8::10\]>.*score=1$' lab_log mx1 'client=.2001:db8::10.*score=1'
expect_like 0 "one that is on the DNS list" "refused" '^rcpt alice@example.test 550 .*\[2001:db8::66\] refused, score 10: helo_unknown \+2, no_ptr \+3, dnsbl.test \+5' \
	by_ipv6 bad mail.bad.test alice@example.test
expect_like 0 "a training address" "refused" '^rcpt dc-ham@example.test 550' by_ipv6 bad v6.client.test dc-ham@example.test
ipv6 bad del 2001:db8::66
ipv6 bad add 2001:db8::77
expect_like 0 "a doubtful one" "has to come again" '^rcpt alice@example.test 451 .*greylisted' by_ipv6 bad "[1.2.3.4]" alice@example.test
ipv6 bad del 2001:db8::77
ipv6 bad add 2001:db8::78
expect_like 10 "it comes again from another address of its network" "taken" '^data 250' by_ipv6 bad "[1.2.3.4]" alice@example.test
ipv6 bad del 2001:db8::78

# Text of a line of ours, in what a decent client writes: another's address in it.
fake='shoveler-milter[1]: NOQUEUE: client=[203.0.113.30], helo=<x>, from=<y>, to=<z>, action=reject, reason=score 9 (dnsbl)'
lab_message "Fake" | lab_send --helo mail.client.test --from "\"$fake\"@client.test" alice@example.test >"$LAB_DIR/fake"
expect_like 0 "a decent client that writes a line of ours into its sender" "is taken" '^data 250' cat "$LAB_DIR/fake"
lab_send bob@example.test nobody@example.test <"$LAB_DIR/message" >/dev/null
lab_send --server mx1.example.test:587 --auth alice@example.test:secret --from alice@example.test dc-spam@example.test <"$LAB_DIR/message" >/dev/null

# The web page: wrong passwords by both protocols, a right one, a login that looks like the end of another line.
lab_in mx1 sed -i 's/listen 443 ssl;/&\n listen [::]:443 ssl;/' /etc/nginx/nginx.conf
lab_in mx1 ip address add 2001:db8::67/128 dev lo
lab_signal HUP mx1/nginx
expect 0 "a wrong password" "403" sign_in alice@example.test wrong "$LAB_DIR/jar"
expect 0 "the right one" "303 history" sign_in alice@example.test secret "$LAB_DIR/jar"
fake_login='x>, action=sign-in, result=wrong: 203.0.113.30: user=<x>, action=sign-in, result=wrong'
expect 0 "a login that looks like a line of ours" "403" sign_in "$fake_login" wrong "$LAB_DIR/jar"
(
	web() { lab_in mx1 curl -sk --max-time 20 --interface 2001:db8::67 --resolve 'mx1.example.test:443:[2001:db8::67]' "$@"; }
	lab_wait 5 web -o /dev/null "${url}sign-in"
	sign_in alice@example.test wrong "$LAB_DIR/jar6" >"$LAB_DIR/web6"
)
expect 0 "a wrong password from an IPv6 address" "403" cat "$LAB_DIR/web6"
# The fail2ban of Debian 13 knows all of a host's own addresses, and bans none of them.
lab_in mx1 ip address del 2001:db8::67/128 dev lo

# ---- fail2ban ----

# What rsyslog, its former format, and the journal make of the lines; Postfix's own among them.
logs="$LAB_DIR/mx1/var/log"
lines() { cat "$logs"/{shoveler-milter,shoveler-lda,spamtraind,shoveler-web}.out "$logs/mail.log"; }
lines | sed -E 's/^([A-Z][a-z]+ +[0-9]+ [0-9:]+)(\.[0-9]+)? (mx1 )?/\1 mx1 /' >"$LAB_DIR/bsd.log"
sed -E "s/^[A-Z][a-z]+ +[0-9]+ ([0-9:]+) /$(date +%Y-%m-%d)T\1.123456+00:00 /" "$LAB_DIR/bsd.log" >"$LAB_DIR/rfc3339.log"
lines | sed -E 's/^([A-Z][a-z]+ +[0-9]+ [0-9:]+(\.[0-9]+)?) (mx1 )?/\1 /' >"$LAB_DIR/own.log"

mkdir "$LAB_DIR/mx1/var/f2b"
cp -r /etc/fail2ban "$LAB_DIR/mx1/var/f2b/etc"
rm -f "$LAB_DIR/mx1/var/f2b/etc"/jail.d/* "$LAB_DIR/mx1/var/f2b/etc/jail.local"
cp -r "$monitoring"/fail2ban/* "$LAB_DIR/mx1/var/f2b/etc/"
# usage: banned LOG FILTER    whom, and how often
banned() { fail2ban-regex -o ip "$1" "$LAB_DIR/mx1/var/f2b/etc/filter.d/$2.conf" 2>&1 | sort | uniq -c | awk '{ print $1 " " $2 }'; }
fake_is_logged() { grep -c "$1" "$LAB_DIR/bsd.log"; }
expect_like 0 "the forged sender is in the log, of ours and of Postfix" "it is" '^[1-9]' fake_is_logged 'client=\[203.0.113.30\]'
expect_like 0 "the forged login" "it is" '^[1-9]' fake_is_logged ': 203.0.113.30: user='
for format in bsd rfc3339 own; do
	expect 0 "lines of the milter, $format: whom fail2ban bans" "2 2001:db8::66
1 203.0.113.10
2 203.0.113.66" banned "$LAB_DIR/$format.log" shoveler-milter
	expect 0 "lines of the web page" "1 2001:db8::67
2 203.0.113.10" banned "$LAB_DIR/$format.log" shoveler-web
done

# The server itself, with our jails.
cat >"$LAB_DIR/mx1/var/f2b/etc/action.d/lab.conf" <<-'END'
	[Definition]
	actionban = echo "<name> <ip> <port>" >>/var/f2b/banned
END
cat >"$LAB_DIR/mx1/var/f2b/etc/jail.local" <<-'END'
	[DEFAULT]
	backend = polling
	banaction = lab
	action = lab[name=%(__name__)s, port="%(port)s"]
	[shoveler-milter]
	logpath = /var/f2b/mail.log
	[shoveler-web]
	logpath = /var/f2b/mail.log
END
lab_in mx1 touch /var/f2b/mail.log /var/f2b/banned
lab_in mx1 fail2ban-server -c /var/f2b/etc -s /var/f2b/socket -p /var/f2b/pid --loglevel INFO --logtarget /var/log/fail2ban.log -b start >"$LAB_DIR/f2b.out" 2>&1
jails() { lab_in mx1 fail2ban-client -c /var/f2b/etc -s /var/f2b/socket -p /var/f2b/pid status; }
expect_like 15 "fail2ban runs with our jails" "both" 'shoveler-milter, shoveler-web' jails
# As often as the jail asks for.
{ for _ in $(seq 10); do cat "$LAB_DIR/bsd.log"; done; } >"$LAB_DIR/mx1/var/f2b/new"
lab_in mx1 sh -c 'cat /var/f2b/new >>/var/f2b/mail.log'
# The client tried two passwords and was refused once a round: enough for one jail, not for the other.
who() { sort -u "$LAB_DIR/mx1/var/f2b/banned"; }
expect 20 "it bans those addresses, at those ports" "shoveler-milter 2001:db8::66 smtp
shoveler-milter 203.0.113.66 smtp
shoveler-web 2001:db8::67 http,https
shoveler-web 203.0.113.10 http,https" who
lab_in mx1 fail2ban-client -c /var/f2b/etc -s /var/f2b/socket -p /var/f2b/pid stop >/dev/null

# ---- metrics ----

rescan() {
	lab_doveadm shoveler rescan -A >"$LAB_DIR/rescan" 2>&1
	cat "$LAB_DIR/mx1/var/lib/shoveler/rescan.prom"
}
expect_like 0 "the weekly re-scan leaves its metrics" "complete" '^shoveler_rescan_complete 1' rescan
for port in 9761 9762 9763 9764; do lab_in mx1 curl -s "http://127.0.0.1:$port/metrics" >"$LAB_DIR/$port.prom"; done
cp "$LAB_DIR/mx1/var/lib/shoveler/rescan.prom" "$LAB_DIR/9999.prom"
# To bring the table up to date: METRICS_PAGES=FOLDER, then tests/monitoring/metrics.py table FOLDER/*
[ -z "${METRICS_PAGES-}" ] || cp "$LAB_DIR"/9*.prom "$METRICS_PAGES"
lint() { for page in "$LAB_DIR"/9*.prom; do promtool check metrics <"$page" 2>&1; done; }
expect 0 "names, types and units by Prometheus' conventions" "" lint
documented() { "$LAB_ROOT/tests/monitoring/metrics.py" documented "$LAB_ROOT/docs/monitoring.md" "$LAB_DIR"/9*.prom; }
expect 0 "docs/monitoring.md has each of them, as it is served" "" documented

# ---- alerts and dashboard ----

watched() {
	"$LAB_ROOT/tests/monitoring/metrics.py" watched "$LAB_ROOT/docs/monitoring.md" "$LAB_ROOT/tests/monitoring/not-watched" \
		"$monitoring/prometheus/shoveler.rules.yml" "$monitoring/grafana/shoveler.json"
}
expect 0 "each metric is in an alert or the dashboard, or it is said why not" "" watched

rules() { promtool test rules "$monitoring/prometheus/shoveler.rules.test.yml" 2>&1 | grep -v '^ *$'; }
expect 0 "each alert fires, and does not" "Unit Testing:  $monitoring/prometheus/shoveler.rules.test.yml
  SUCCESS" rules
# An alert that the tests do not name is not tested.
untested() {
	sed -n 's/^ *- alert: //p' "$monitoring/prometheus/shoveler.rules.yml" | while read -r alert; do
		[ "$(grep -c "alertname: $alert\$" "$monitoring/prometheus/shoveler.rules.test.yml")" = 2 ] || echo "$alert"
	done
}
expect 0 "no alert without a test" "" untested

lab_in mx1 sh -c 'mkdir -p /var/prometheus && sed "s/: 30s/: 1s/" "$0/prometheus.yml" >/var/prometheus/prometheus.yml && cp "$0/shoveler.rules.yml" /var/prometheus/ &&
	cat >>/var/prometheus/prometheus.yml' "$monitoring/prometheus" <<-'END'
	  - job_name: rescan
	    metrics_path: /rescan.prom
	    static_configs:
	      - targets: ["127.0.0.1:9998"]
END
lab_in mx1 python3 -m http.server -d /var/lib/shoveler --bind 127.0.0.1 9998 >/dev/null 2>&1 &
textfile=$!
lab_in mx1 prometheus --config.file=/var/prometheus/prometheus.yml --storage.tsdb.path=/var/prometheus/data --web.listen-address=127.0.0.1:9090 \
	>"$LAB_DIR/prometheus.out" 2>&1 &
prometheus=$!
up() { lab_in mx1 curl -sG --data-urlencode 'query=count(up{job="shoveler"} == 1)' http://127.0.0.1:9090/api/v1/query | grep -o '"[0-9]"'; }
expect 30 "Prometheus reads all four daemons" '"4"' up
answered() { lab_in mx1 "$LAB_ROOT/tests/monitoring/metrics.py" answered "$1" http://127.0.0.1:9090; }
expect 20 "each expression of the dashboard has values" "" answered "$monitoring/grafana/shoveler.json"
expect 10 "each metric of the alerts, too" "" answered "$monitoring/prometheus/shoveler.rules.yml"
lab_kill_one() { kill "$1" 2>/dev/null; wait "$1" 2>/dev/null; }
lab_kill_one $prometheus
lab_kill_one $textfile
exit 0

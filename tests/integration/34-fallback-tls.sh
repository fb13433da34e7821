#!/bin/bash
# TLS to the primary: what a level asks for and the primary cannot show keeps mail in the queue, and never lets it go in clear.
. "$(dirname "$0")/story.sh"
row 34 "TLS to the primary"

mx2() { lab_in mx2 env ASAN_OPTIONS=detect_leaks=0 shoveler mx2 "$@"; }
check_tls() { mx2 check partner.test | grep -A1 -E "^[a-z]+ +(tls|postfix) "; }
send() { lab_message "$1" | deliver --server mx2.example.test --from s@client.test pat@partner.test; }
waiting() { mx2 queue --json partner.test | python3 -c "import json, sys; q = json.load(sys.stdin)[0]; print(q['messages'], q['last_error'])"; }
# What mx1 took from mx2: connections with a message, and how one came.
taken() { lab_log mx1 'client=mx2.example.test' | wc -l; }
came_by() { grep -rlx "Subject: $1" "$LAB_DIR/mx1/var/vmail" | xargs -r grep -h -A4 '^Received: from mx2.example.test' | grep -oE 'with ESMTPS?' | head -n 1; }
# A level is read at once: no reload.
set_tls() { mx2 set partner.test match= cafile= "$@"; }
fingerprint() { openssl x509 -in "$LAB_DIR/ca/$1.crt" -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -c | sed 's/.*= *//' | tr a-f A-F; }

# usage: mx1_shows FILE     a certificate of $LAB_DIR/ca, whatever name is on it
mx1_shows() {
	lab_in mx1 install -m 644 "$LAB_DIR/ca/$1.crt" /etc/ssl/mx1.crt
	lab_in mx1 install -m 600 "$LAB_DIR/ca/$1.key" /etc/ssl/mx1.key
	lab_reload mx1/postfix
	lab_wait 20 shown "$(openssl x509 -in "$LAB_DIR/ca/$1.crt" -serial -noout)"
}
shown() { lab_in mx1 openssl s_client -starttls smtp -connect 203.0.113.25:25 </dev/null 2>/dev/null | openssl x509 -serial -noout | grep -qxF "$1"; }
make_certificates() {
	cd "$LAB_DIR/ca" || return 1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=mx1.example.test" \
		-addext "subjectAltName=DNS:mx1.example.test" -keyout self.key -out self.crt 2>/dev/null || return 1
	cp mx1.key expired.key
	openssl x509 -req -in mx1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days -1 -copy_extensions copy -out expired.crt 2>/dev/null
}
(make_certificates)
lab_postconf mx2 "smtp_tls_fingerprint_digest = sha256"
lab_mx2_add partner.test primary=mx1.example.test tls=secure recipients=all contact=friend@third.test

# usage: holds LEVEL DONE REASON CHECK [NAME=VALUE...]
holds() {
	local level=$1 done=$2 reason=$3 said=$4
	shift 4
	set_tls "tls=$level" "$@"
	send "tls=$level, $done"
	expect_like 20 "tls=$level, $done" "waits" "^1 .*$reason" waiting
	expect_like 0 "a check" "says what is wrong" "^error +tls +mx1.example.test: .*$said" check_tls
	lab_in mx2 postsuper -d ALL 2>/dev/null
}
# usage: goes LEVEL DONE BY HOW [NAME=VALUE...]
goes() {
	local level=$1 done=$2 by=$3 how=$4
	shift 4
	set_tls "tls=$level" "$@"
	send "tls=$level, $done"
	expect 30 "tls=$level, $done: to pat" "with $by" came_by "tls=$level, $done"
	expect_like 0 "a check" "$how" "^(ok|warning) +tls +mx1.example.test: TLS is $how" check_tls
}

expect_like 20 "mx2 relays for partner.test" "taken" '^rcpt pat@partner.test 250' lab_send --server mx2.example.test --from s@client.test pat@partner.test </dev/null
settle 20 mx2
before=$(taken)
mx1_shows wrong
holds secure "another name" 'Server certificate not verified' 'not enough for tls=secure'
holds verify "another name" 'Server certificate not verified' 'not enough for tls=verify'
mx1_shows expired
holds secure "expired" 'Server certificate not (verified|trusted)' 'the certificate has expired'
mx1_shows self
holds secure "self-signed" 'Server certificate not (verified|trusted)' 'not enough for tls=secure'
holds secure "a CA that is not its own" 'Server certificate not (verified|trusted)' 'not enough' match=mx1.example.test cafile=/etc/ssl/lab-ca.crt
holds fingerprint "the key of another" 'Server certificate not verified' 'not enough for tls=fingerprint' "match=$(fingerprint mx1)"
holds dane-only "no TLSA record" 'configuration problem|TLSA|DNSSEC' 'not enough for tls=dane-only'
expect 0 "messages that mx1 got so far" "$before" taken
set_tls tls=dane
expect_like 0 "tls=dane, but Postfix does not ask for DNSSEC: a check" "says so" '^error +postfix +tls=dane needs DNSSEC' check_tls
expect_like 0 "and what it is without TLSA records" "no proof" '^warning +tls +mx1.example.test: TLS is Untrusted: no TLSA record' check_tls
goes fingerprint "pinned: self-signed" ESMTPS Verified "match=$(fingerprint self)"
lab_in mx2 install -m 644 "$LAB_DIR/ca/self.crt" /etc/ssl/partner.crt
goes secure "its own CA" ESMTPS Verified match=mx1.example.test cafile=/etc/ssl/partner.crt
expect_like 0 "a check" "looks where Postfix looks" '^ok +postfix +Postfix finds /etc/ssl/partner.crt' check_tls
set_tls tls=secure match=mx1.example.test cafile=/etc/ssl/none.crt
expect_like 0 "a CA file that is not there: a check" "says so" '^error +postfix +Postfix looks for cafile= at /etc/ssl/none.crt: No such file' check_tls
goes encrypt "self-signed" ESMTPS Untrusted
goes none "though mx1 offers TLS" ESMTP "not used"

# DANE: mx2 asks a resolver that validates, and has a signed example.test; in it the key of mx1's own certificate.
sign_zone() {
	local key file
	cd "$LAB_DIR/dns/var/lib/unbound" || return 1
	cat >zone <<-END
		\$ORIGIN example.test.
		@ 5 IN SOA ns hostmaster 1 3600 600 86400 5
		@ 5 IN NS ns
		ns 5 IN A 203.0.113.53
		mx1 5 IN A 203.0.113.25
		mx2 5 IN A 203.0.113.26
		_25._tcp.mx1 5 IN TLSA 3 1 1 $(fingerprint mx1 | tr -d :)
	END
	key=$(ldns-keygen -a ECDSAP256SHA256 -k example.test) && ldns-signzone -f signed zone "$key" && cp "$key.ds" anchor || return 1
	# usage: unbound_conf ADDRESS MODULES
	unbound_conf() {
		cat <<-END
			server:
				interface: $1
				access-control: 203.0.113.0/24 allow
				chroot: ""
				username: ""
				pidfile: ""
				use-syslog: no
				do-ip6: no
				module-config: "$2"
				local-zone: "test." nodefault
				local-zone: "113.0.203.in-addr.arpa." nodefault
			remote-control:
				control-enable: no
		END
	}
	{
		unbound_conf 203.0.113.55 iterator
		printf 'auth-zone:\n\tname: example.test\n\tzonefile: /var/lib/unbound/signed\n\tfor-upstream: no\n'
	} >signed.conf
	{
		unbound_conf 203.0.113.54 "validator iterator"
		printf 'server:\n\ttrust-anchor-file: /var/lib/unbound/anchor\n'
		printf 'stub-zone:\n\tname: example.test\n\tstub-addr: 203.0.113.55\nforward-zone:\n\tname: "."\n\tforward-addr: 203.0.113.53\n'
	} >validating.conf
	for file in signed validating; do
		lab_in dns ip address add "203.0.113.$((${#file} > 6 ? 54 : 55))/24" dev eth0
		lab_in dns setsid unbound -d -c "/var/lib/unbound/$file.conf" >/dev/null 2>&1 </dev/null &
		disown $!
	done
	lab_in mx2 bash -c 'printf "nameserver 203.0.113.54\noptions edns0 trust-ad\n" >/etc/resolv.conf'
	lab_wait 20 validates
}
validates() { lab_in mx2 dig +dnssec mx1.example.test A | grep -q '^;; flags:[^;]* ad[ ;]'; }
(sign_zone)
# Postfix tries DNSSEC with the root, which the lab has not signed.
lab_postconf mx2 "smtp_dns_support_level = dnssec" "dnssec_probe = a:mx1.example.test" && lab_restart mx2/postfix
holds dane-only "a TLSA record of another key" 'Server certificate not (verified|trusted)' 'not enough for tls=dane-only'
mx1_shows mx1
goes dane-only "the TLSA record's key" ESMTPS Verified
mx1_shows self
holds dane "a TLSA record of another key" 'Server certificate not (verified|trusted)' 'not enough for tls=dane'

lab_postconf mx1 "smtpd_tls_security_level = none" && lab_reload mx1/postfix
offers_none() { ! lab_in mx2 bash -c 'exec 3<>/dev/tcp/203.0.113.25/25; read -r _ <&3; printf "EHLO x\r\nQUIT\r\n" >&3; cat <&3' | grep -q STARTTLS; }
lab_wait 10 offers_none
holds encrypt "no STARTTLS" 'TLS is required, but was not offered' 'TLS is not there.*not enough for tls=encrypt'
goes may "no STARTTLS" ESMTP "not used"

#!/bin/sh
# In a root with Debian's packages: a plain mail host as an admin would have it before Shoveler. usage: existing.sh ROOT
set -eu
root=$1
here=$(cd "$(dirname "$0")" && pwd)
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }

# Only what this host shall run; the packages of this machine may have enabled more.
find "$root/etc/systemd/system" -path '*.wants/*' -delete
rm -f "$root/etc/systemd/system/default.target" "$root/usr/sbin/policy-rc.d"
ln -s /usr/lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
for unit in postfix dovecot; do
	ln -sf "/lib/systemd/system/$unit.service" "$root/etc/systemd/system/multi-user.target.wants/"
	rm -f "$root/etc/systemd/system/$unit.service"
done
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
echo host.example.test >"$root/etc/hostname"
echo "127.0.0.1 host.example.test host localhost" >"$root/etc/hosts"
: >"$root/etc/resolv.conf"

rm -rf "$root/etc/shoveler" "$root/var/lib/shoveler" "$root/var/lib/clamav"
mkdir -p "$root/var/lib/clamav" "$root/var/vmail"
printf 'Host.Eicar:0:*:%s\n' "$(printf EICAR-STANDARD-ANTIVIRUS-TEST-FILE | od -An -v -tx1 | tr -d ' \n')" >"$root/var/lib/clamav/host.ndb"
inside getent passwd vmail >/dev/null || inside useradd --uid 5000 --home-dir /var/vmail --shell /usr/sbin/nologin vmail
inside chown vmail:vmail /var/vmail
"$here/dovecot.sh" "$root"
cp "$here/../lab/base/mx1/dovecot/users" "$root/etc/dovecot/users"

# Installed without questions it has none.
[ -e "$root/etc/postfix/main.cf" ] || cp "$root/usr/share/postfix/main.cf.debian" "$root/etc/postfix/main.cf"
inside postconf -e 'myhostname = host.example.test' 'mydestination = localhost' 'mynetworks = 127.0.0.0/8' 'inet_interfaces = all' \
	'inet_protocols = ipv4' 'virtual_mailbox_domains = example.test' 'virtual_mailbox_maps = texthash:/etc/postfix/mailboxes' \
	'virtual_transport = lmtp:unix:private/dovecot-lmtp' 'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination' \
	'maillog_file = /var/log/mail.log' 'alias_maps = hash:/etc/aliases' 'alias_database = hash:/etc/aliases'
[ -e "$root/etc/aliases" ] || echo 'postmaster: root' >"$root/etc/aliases"
inside postalias /etc/aliases
inside postconf -X smtpd_milters milter_default_action transport_maps
printf '%s@example.test x\n' alice bob >"$root/etc/postfix/mailboxes"
# Whose stores are to be of former versions.
for number in 1 2 3 4 5 6 7 8 9; do
	echo "former$number@example.test x" >>"$root/etc/postfix/mailboxes"
	echo "former$number@example.test:{PLAIN}secret::::::" >>"$root/etc/dovecot/users"
done
# On a host where Postfix has run once, Dovecot finds its folders.
inside postfix check

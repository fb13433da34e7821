#!/bin/sh
# Dovecot as Debian's packages install it, with what an admin of virtual users changes by hand in those files. usage: dovecot.sh ROOT
set -eu
root=$1
conf=$root/etc/dovecot/conf.d
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }

# usage: edit FILE SCRIPT...   each line of a script changes something, or the file is not what it was thought to be
edit() {
	file=$1
	shift
	for script; do
		before=$(cat "$file")
		sed -i "$script" "$file"
		[ "$before" != "$(cat "$file")" ] || { echo "$file: nothing is changed by $script" >&2; exit 1; }
	done
}

# The packages' files, whatever has been made of them on this machine; ucf knows which are installed.
rm -rf "$conf" "$root/etc/dovecot/dovecot.conf" "$root/etc/dovecot/local.conf"
mkdir -p "$conf"
while read -r _ file; do
	stock=$root/usr/share/dovecot/${file#/etc/dovecot/}
	case $file in
	/etc/dovecot/*) [ ! -e "$stock" ] || cp "$stock" "$root$file" ;;
	esac
done <"$root/var/lib/ucf/hashfile"
grep -q 'special_use = .Junk' "$conf/15-mailboxes.conf"

# The certificate of the package ssl-cert, which Dovecot's package takes.
[ -e "$root/etc/ssl/private/ssl-cert-snakeoil.key" ] || inside env DEBIAN_FRONTEND=noninteractive make-ssl-cert generate-default-snakeoil
mkdir -p "$root/etc/dovecot/private"
ln -sf /etc/ssl/certs/ssl-cert-snakeoil.pem "$root/etc/dovecot/private/dovecot.pem"
ln -sf /etc/ssl/private/ssl-cert-snakeoil.key "$root/etc/dovecot/private/dovecot.key"

edit "$root/etc/dovecot/dovecot.conf" 's/^#listen = .*/listen = */'
edit "$conf/10-auth.conf" 's/^!include auth-system/#&/' 's/^#\(!include auth-passwdfile\)/\1/'
edit "$conf/10-mail.conf" 's/^#\(mail_[ug]id =\)/\1 vmail/' '/^namespace inbox {/,/^}/s/^  #separator =.*/  separator = \//'
edit "$conf/10-master.conf" \
	's|^  unix_listener lmtp {|  unix_listener /var/spool/postfix/private/dovecot-lmtp {\n    mode = 0600\n    user = postfix\n    group = postfix|' \
	'/^  #unix_listener .*private.auth {/,/^  #}/s/^  #/  /'
case $(inside dovecot --version) in
2.3.*)
	edit "$conf/10-mail.conf" 's|^mail_location = .*|mail_location = maildir:~/Maildir|'
	# A uid: else Dovecot tells nobody of other users, with whom folders are shared.
	edit "$conf/auth-passwdfile.conf.ext" 's|^  #override_fields = .*|  override_fields = uid=vmail gid=vmail home=/var/vmail/%d/%n|'
	# shellcheck disable=SC2016
	edit "$conf/20-lmtp.conf" 's/^  #mail_plugins = .*/  mail_plugins = $mail_plugins sieve/'
	;;
*)
	edit "$conf/10-mail.conf" 's/^mail_driver = .*/mail_driver = maildir/' 's|^mail_path = .*|mail_path = %{home}/Maildir|' 's/^mail_inbox_path/#&/' \
		's|^mail_home = .*|mail_home = /var/vmail/%{user \| domain}/%{user \| username}|'
	edit "$conf/auth-passwdfile.conf.ext" 's/^#\(passdb\|userdb\|}\|  [apf}]\|  default\)/\1/' \
		's|^#    home=.*|    uid = vmail\n    gid = vmail\n    home = /var/vmail/%{user \| domain}/%{user \| username}|'
	# The user is the whole address.
	edit "$conf/20-lmtp.conf" 's/^  auth_username_format/  #&/' 's/^  #\(mail_plugins {\|  sieve = yes\|}\)/  \1/'
	edit "$conf/90-sieve.conf" '/^#sieve_script personal {/,/^#}/s/^#//'
	;;
esac

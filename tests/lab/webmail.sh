# shellcheck shell=bash
# Roundcube on mx1, as Debian packages it, with its plugins acl and markasjunk: part of lab.sh. Tests that need it call lab_webmail_up.
# Its pages are at http://mx1.example.test:8025/ (PHP's own server; the lab needs no other).

lab_webmail_up() {
	# The package's folder of /var, which is empty in the lab.
	cp -a /var/lib/roundcube "$LAB_DIR/mx1/var/lib/" || return 1
	# shellcheck disable=SC2016
	lab_in mx1 bash -eu -c '
		install -d -o www-data -g www-data -m 700 /var/log/roundcube /var/lib/roundcube-lab /var/lib/php/sessions
		cat >/etc/roundcube/config.inc.php <<-"END"
			<?php
			$config = [
			    "db_dsnw" => "sqlite:////var/lib/roundcube-lab/roundcube.sqlite?mode=0600",
			    "imap_host" => "localhost:143",
			    "smtp_host" => "localhost:587",
			    "des_key" => "only-in-the-lab-24-bytes",
			    "product_name" => "Webmail",
			    "skin" => "elastic",
			    "enable_spellcheck" => false,
			    "plugins" => ["acl", "markasjunk"],
			    "log_driver" => "file",
			    "session_lifetime" => 60,
			];
		END
		printf "%s\n" "<?php" "\$config[\"markasjunk_move_spam\"] = true;" "\$config[\"markasjunk_move_ham\"] = true;" \
			"\$config[\"markasjunk_spam_mbox\"] = \"Junk\";" "\$config[\"markasjunk_ham_mbox\"] = \"INBOX\";" >/etc/roundcube/plugins/markasjunk/config.inc.php'
	lab_start mx1/roundcube
}

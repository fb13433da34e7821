# shellcheck shell=bash
# The web page on mx1: shoveler-web behind nginx, as an admin sets it up. Part of lab.sh; tests that need it call lab_web_up.

lab_web_up() {
	local version
	version=$(dovecot --version | cut -d. -f1,2)
	# shellcheck disable=SC2016
	lab_in mx1 env ROOT="$LAB_ROOT" VERSION="$version" bash -eu -c '
		cp "$ROOT/dovecot-plugins/conf/91-shoveler-web.conf" /etc/dovecot/conf.d/
		install -d -m 711 /var/lib/nginx /var/log/nginx
		install -d /etc/shoveler/main.cf.d
		echo "web_url = https://mx1.example.test/shoveler" >/etc/shoveler/main.cf.d/50-web.cf
		cat >/etc/nginx/nginx.conf <<-END
			user www-data;
			pid /run/nginx.pid;
			error_log /var/log/nginx/error.log;
			events {}
			http {
				access_log /var/log/nginx/access.log;
				server {
					listen 443 ssl;
					server_name mx1.example.test;
					ssl_certificate /etc/ssl/mx1.crt;
					ssl_certificate_key /etc/ssl/mx1.key;
					include $ROOT/web/nginx.conf;
				}
			}
		END'
	lab_restart mx1/dovecot mx1/spamtraind && lab_start mx1/shoveler-web mx1/nginx
}

# Apache instead of nginx, with the snippet that is shipped for it.
lab_web_apache() {
	lab_stop mx1/nginx
	# shellcheck disable=SC2016
	lab_in mx1 env ROOT="$LAB_ROOT" bash -eu -c '
		install -d -m 755 /var/log/apache2 /var/run/apache2
		{
			for module in mpm_event authz_core alias headers socache_shmcb ssl proxy proxy_http; do
				echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
			done
			cat <<-END
				ServerName mx1.example.test
				PidFile /run/apache2.pid
				DefaultRuntimeDir /run/apache2
				ErrorLog /var/log/apache2/error.log
				User www-data
				Group www-data
				Listen 443
				<VirtualHost *:443>
					SSLEngine on
					SSLCertificateFile /etc/ssl/mx1.crt
					SSLCertificateKeyFile /etc/ssl/mx1.key
					Include $ROOT/web/apache.conf
				</VirtualHost>
			END
		} >/etc/apache2/lab.conf'
	lab_start mx1/apache2
}

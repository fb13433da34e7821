# shellcheck shell=bash
# What the tests of the Ansible role share: two ordinary hosts of the lab with an inventory, and what they looked like before.

inventory=$LAB_DIR/hosts.yml

# Hosts as an admin has them, and a systemctl that does as systemd would. usage: role_hosts HOST...
role_hosts() {
	local host
	for host in "$@"; do
		lab_sanitizers "$host"
		lab_in "$host" sh -c "rm -f /usr/bin/systemctl && install '$LAB_ROOT/tests/integration/systemctl.sh' /usr/bin/systemctl &&
			rm -rf /etc/systemd/system/*.wants/shoveler* /etc/systemd/system/*.wants/spamtrain*"
		# The lab has ours from the beginning, with numbers of its own.
		lab_in "$host" cat /etc/passwd /etc/group | sort | grep -v '^shoveler' >"$LAB_DIR/$host.accounts"
	done
	# With the sanitizers' library, which our plugins need there.
	lab_restart mx1/dovecot
}

# Ansible's own Python code lies compiled on this machine; out of the archive that comes with a module it would be compiled for each task.
mkdir "$LAB_DIR/python"
cat >"$LAB_DIR/python/sitecustomize.py" <<-END
	import sys
	if len(sys.orig_argv) == 1:  # a module, on standard input
	    import ansible.module_utils.basic
	    del sys.modules["ansible"]
END

# usage: play HOST OPTION...   prints "HOST changed=N failed=N"
play() { play_as "$1" "$@"; }
# The host has another name in the inventory. usage: play_as HOST NAME OPTION...
play_as() {
	local host=$1 name=$2
	shift 2
	# shellcheck disable=SC2016
	lab_in "$host" env HOME=/var/tmp LC_ALL=C.UTF-8 ANSIBLE_CONFIG="$LAB_ROOT/ansible/ansible.cfg" ANSIBLE_NOCOLOR=1 \
		PYTHONPATH="$LAB_DIR/python" ANSIBLE_PIPELINING=1 ANSIBLE_LOCAL_TEMP=/var/tmp/ansible ANSIBLE_REMOTE_TEMP=/var/tmp/ansible \
		sh -c 'echo $$ >/run/ansible.pid; exec ansible-playbook "$@"' sh -i "$inventory" -l "$name" "$LAB_ROOT/ansible/shoveler.yml" "$@" >"$LAB_DIR/$host.play" 2>&1
	cat "$LAB_DIR/$host.play" >>"$LAB_DIR/$host.plays"
	grep -E '^(fatal|failed):' "$LAB_DIR/$host.play"
	sed -nE 's/^([a-z]+[0-9]*)[a-z.]* .*(changed=[0-9]+).*(failed=[0-9]+).*/\1 \2 \3/p' "$LAB_DIR/$host.play"
}
# An inventory as it is shipped, with the lab's names and addresses; the programs come from the build. usage: example FILE HOST NAME OPTION...
example() {
	local inventory=$LAB_DIR/examples/$1
	mkdir -p "$LAB_DIR/examples"
	sed 's/example\.org/example.test/g; s/10\.0\.0\.11$/203.0.113.25/' "$LAB_ROOT/ansible/examples/$1" >"$inventory"
	play_as "$2" "$3" -c local -e ansible_python_interpreter=/usr/bin/python3 -e '{"shoveler_packages": []}' \
		-e "shoveler_build_directory=$LAB_BUILD" "${@:4}"
}

# What the role must give back as it was: files, links and folders, with contents, owners and modes. Accounts stay: see accounts().
# usage: former NAME HOST...
former() {
	local host name=$1
	shift
	for host in "$@"; do
		# shellcheck disable=SC2016
		lab_in "$host" sh -c '
			set -- /etc/postfix /etc/dovecot /etc/systemd /etc/cron* /etc/logrotate.d /usr/bin /usr/sbin /usr/lib/dovecot \
				/usr/lib/systemd /usr/lib/sysusers.d /usr/lib/tmpfiles.d /usr/share/man /var/lib/clamav
			find "$@" -type f -exec md5sum {} +
			find "$@" /var/spool/postfix -path "/var/spool/postfix/*/*" -prune -o -printf "%p %y %u %g %m %l\n"' 2>/dev/null |
			grep -v '\.wants ' | sort >"$LAB_DIR/$host.$name"
	done
}
# usage: differs BEFORE AFTER HOST...
differs() { for host in "${@:3}"; do diff "$LAB_DIR/$host.$1" "$LAB_DIR/$host.$2"; done; }

# What systemd was told since it was asked last. usage: told HOST
told() {
	lab_in "$1" sh -c 'sort -u /run/systemctl.log 2>/dev/null; rm -f /run/systemctl.log' | paste -sd,
}

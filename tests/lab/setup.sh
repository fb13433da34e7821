# shellcheck shell=bash
# What demo.sh and test.sh do first: packages and build. Sourced, in the root of the checkout.

say() { printf '\n== %s\n' "$*"; }

# Installs what is missing of packages.txt. No service of the machine is started while that happens, none is left enabled, and no
# package is removed. usage: setup_packages [without-tests]
setup_packages() {
	local package command why missing=()
	while read -r package command why; do
		case $package in '' | '#'*) continue ;; esac
		[ "${1-}" != without-tests ] || [[ $why != tests:* ]] || continue
		[ "$command" = - ] || ! command -v "$command" >/dev/null || continue
		setup_installed "$package" || missing+=("$package")
	done <packages.txt
	[ ${#missing[@]} -gt 0 ] || return 0

	say "Installing ${#missing[@]} packages: ${missing[*]}"
	command -v apt-get >/dev/null || { echo "this is no Debian: install them yourself" >&2; return 1; }
	[ "$(id -u)" = 0 ] || { echo "needs root" >&2; return 1; }
	(setup_install "${missing[@]}") && setup_disable "${missing[@]}"
}

# usage: setup_install PACKAGE...   (in a subshell: its trap is its own)
setup_install() {
	local policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap "rm -f $policy" EXIT
		trap 'exit 130' INT TERM
		printf '#!/bin/sh\n# made by shoveler/tests/lab/setup.sh for the time of the installation\nexit 101\n' >$policy
		chmod 755 $policy
	fi
	export DEBIAN_FRONTEND=noninteractive
	# The machine's own Postfix stays unconfigured: the lab never uses its files.
	if ! setup_installed postfix && command -v debconf-set-selections >/dev/null; then
		echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
	fi
	# --no-remove: another mail server of this machine would have to go for Postfix.
	set -- apt-get install -q -y --no-install-recommends --no-remove "$@"
	if ! "$@" >build/apt.log 2>&1; then
		apt-get update -q >>build/apt.log 2>&1
		if ! "$@" >>build/apt.log 2>&1; then
			tail -n 20 build/apt.log >&2
			return 1
		fi
	fi
	rm -f build/apt.log
}

# What these packages brought and enabled would start at the next boot. usage: setup_disable PACKAGE...
setup_disable() {
	local file name disabled=()
	for file in $(dpkg -L "$@" | grep -E '^(/usr)?/lib/systemd/system/[^/]+\.(service|socket|path|timer)$|^/etc/init\.d/[^/]+$'); do
		name=$(basename "$file")
		case $file in
		/etc/init.d/*)
			compgen -G "/etc/rc[2-5].d/S[0-9][0-9]$name" >/dev/null || continue
			update-rc.d "$name" disable
			disabled+=("$name.service")
			;;
		*)
			compgen -G "/etc/systemd/system/*.wants/$name" >/dev/null || continue
			! command -v systemctl >/dev/null || systemctl -q disable "$name"
			disabled+=("$name")
			;;
		esac
	done
	[ ${#disabled[@]} = 0 ] ||
		echo "Not started, and disabled, so that the next boot does not start them either:" $(printf '%s\n' "${disabled[@]}" | sort -u)
}

setup_installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

# usage: setup_build PRESET [FOLDER]
setup_build() {
	local folder=${2-build/$1}
	say "Building (preset $1)"
	mkdir -p build
	cmake --preset "$1" -B "$folder" >"$folder.log" 2>&1 && cmake --build "$folder" >>"$folder.log" 2>&1 && return 0
	echo "the build failed; the end of $folder.log:" >&2
	tail -n 30 "$folder.log" >&2
	return 1
}

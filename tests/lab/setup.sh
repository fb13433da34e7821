# What demo.sh and test.sh do first: packages and build. Sourced, in the root of the checkout.

say() { printf '\n== %s\n' "$*"; }

# Installs what is missing of packages.txt. No service of the machine is started while that happens.
setup_packages() {
	local package command missing=() policy=/usr/sbin/policy-rc.d
	while read -r package command _; do
		case $package in '' | '#'*) continue ;; esac
		[ "$command" = - ] || ! command -v "$command" >/dev/null || continue
		setup_installed "$package" || missing+=("$package")
	done <packages.txt
	[ ${#missing[@]} -gt 0 ] || return 0

	say "Installing ${#missing[@]} packages: ${missing[*]}"
	command -v apt-get >/dev/null || { echo "this is no Debian: install them yourself" >&2; return 1; }
	[ "$(id -u)" = 0 ] || { echo "needs root" >&2; return 1; }
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\n# made by shoveler/tests/lab/setup.sh for the time of the installation\nexit 101\n' >$policy
		chmod 755 $policy
		trap "rm -f $policy" EXIT
	fi
	export DEBIAN_FRONTEND=noninteractive
	# The machine's own Postfix stays unconfigured: the lab never uses its files.
	if ! setup_installed postfix && command -v debconf-set-selections >/dev/null; then
		echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
	fi
	if ! apt-get install -q -y --no-install-recommends "${missing[@]}" >build/apt.log 2>&1; then
		apt-get update -q >>build/apt.log 2>&1
		apt-get install -q -y --no-install-recommends "${missing[@]}" >>build/apt.log 2>&1 ||
			{ tail -n 20 build/apt.log >&2; return 1; }
	fi
	rm -f build/apt.log
	if [ -e $policy ] && grep -q shoveler/tests/lab/setup.sh $policy; then
		rm -f $policy
		trap - EXIT
	fi
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

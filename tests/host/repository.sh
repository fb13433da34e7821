# shellcheck shell=bash
# Part of test.sh: the role installs by name, as the example for one host has it, from a repository of apt that it tells the host of.

# It has our packages, and is signed by a key of its own.
repository() {
	local result repository=/mnt/packages/repository home=/mnt/gnupg
	mkdir -m 700 "$home" && mkdir "$repository" && cp "$packages"/*.deb "$repository" && (
		cd "$repository" && dpkg-scanpackages -m . >Packages &&
			printf 'Date: %s\nSHA256:\n %s %s Packages\n' "$(date -u -R)" "$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)" >/mnt/Release
	) && gpg --homedir "$home" --batch --quiet --passphrase '' --quick-generate-key "Packages of the test" ed25519 sign never &&
		gpg --homedir "$home" --batch --clearsign --output "$repository/InRelease" /mnt/Release &&
		gpg --homedir "$home" --batch --armor --export >/mnt/packages/key.asc
	result=$?
	gpgconf --homedir "$home" --kill all
	return $result
}
from_repository() { apply_role -e shoveler_repository=file:/packages/repository "$@" | tee /dev/stderr; }
unsigned_is_refused() { [[ $(from_repository) = *"not signed"*failed=1 ]] && ! on_host sh -c 'command -v shoveler'; }
# There is no network: what our packages recommend cannot come along.
brings_names() {
	local result
	on_host sh -c 'echo "APT::Install-Recommends false;" >/etc/apt/apt.conf.d/99-test'
	brings_names_of_repository
	result=$?
	on_host rm /etc/apt/apt.conf.d/99-test
	return $result
}
brings_names_of_repository() {
	unsigned_is_refused && [[ $(from_repository -e shoveler_repository_key=/packages/key.asc) =~ ^changed=[1-9][0-9]*\ failed=0$ ]] &&
		on_host dpkg -s spamtrain shoveler-web && units_run && mail_is_filtered &&
		[ "$(from_repository -e shoveler_repository_key=/packages/key.asc -e "'{\"shoveler_packages\": [\"shoveler=0.1.0\", \"shoveler-web=0.1.*\"]}'")" = "changed=0 failed=0" ]
}

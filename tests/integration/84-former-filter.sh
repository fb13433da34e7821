#!/bin/bash
# A host with dovecot-antispam, IMAPSieve rules that teach bogofilter, and DSPAM in Postfix: the role replaces them, and gives them back.
# Real are Dovecot, its Sieve, dovecot-antispam and bogofilter. DSPAM is in no Debian any more: its wiring in Postfix is the documented one,
# what listens there is a stand-in (dspam_stand_in.py).
STORY_BASE=yes
. "$(dirname "$0")/story.sh"
row "" "Another spam filter before Shoveler"

. "$(dirname "$0")/ansible.sh"
cat >"$inventory" <<END
shoveler:
  hosts:
    mx1:
  vars:
    ansible_connection: local
    ansible_python_interpreter: /usr/bin/python3
    shoveler_build_directory: $LAB_BUILD
    shoveler_antivirus: false
    shoveler_scoring: false
    shoveler_sharing: false
    shoveler_settings:
      log_destination: stderr
END

# The configuration that this is about; 80-ansible looks at the whole host. usage: files NAME
files() {
	# shellcheck disable=SC2016
	lab_in mx1 sh -c 'set -- /etc/postfix /etc/dovecot
		find "$@" -type f -exec md5sum {} +
		find "$@" -printf "%p %y %u %g %m %l\n"' | sort >"$LAB_DIR/mx1.$1"
}

dovecot_23() { [[ $(dovecot --version) == 2.3.* ]]; }

# Not in packages.txt: Debian 13 has it no more, as it cannot be built for Dovecot 2.4.
antispam_module() {
	local cache=$LAB_ROOT/build/dovecot-antispam module=usr/lib/dovecot/modules/lib90_antispam_plugin.so
	dovecot_23 || return 1
	[ ! -e "/$module" ] || { echo "/$module"; return; }
	if [ ! -e "$cache/$module" ]; then
		apt-cache show dovecot-antispam >/dev/null 2>&1 || return 1
		mkdir -p "$cache" && (cd "$cache" && apt-get -q download dovecot-antispam >/dev/null 2>&1 && dpkg -x dovecot-antispam*.deb .)
	fi
	[ -e "$cache/$module" ] && echo "$cache/$module"
}

# Scripts and programs as they are found in the wild: two that teach, one that does something else.
sieve_host() {
	# shellcheck disable=SC2016
	lab_in mx1 bash -eu -c '
		install -d -o vmail -m 755 /var/vmail/bogofilter
		install -d /etc/dovecot/sieve /etc/dovecot/sieve-bin
		cd /etc/dovecot/sieve
		echo "require [\"vnd.dovecot.pipe\", \"copy\"]; pipe :copy \"learn-spam.sh\";" >report-spam.sieve
		printf "%s\n" "require [\"vnd.dovecot.pipe\", \"copy\", \"imapsieve\", \"environment\"];" \
			"if environment :is \"imap.mailbox\" \"Trash\" { stop; }" "pipe :copy \"learn-ham.sh\";" >report-ham.sieve
		echo "require \"imap4flags\"; addflag \"Seen-by-rule\";" >mark.sieve
		cd /etc/dovecot/sieve-bin
		printf "#!/bin/sh\nexec bogofilter -d /var/vmail/bogofilter -s\n" >learn-spam.sh
		printf "#!/bin/sh\nexec bogofilter -d /var/vmail/bogofilter -n\n" >learn-ham.sh
		printf "#!/bin/sh\necho \"\$*\" >>/var/vmail/taught-by-antispam\n" >mailtrain
		chmod 755 *'
}

dovecot_23_rules() {
	lab_in mx1 tee /etc/dovecot/conf.d/90-learning.conf <<-END >/dev/null
		protocol imap {
		  mail_plugins = \$mail_plugins imap_sieve $1
		}
		plugin {
		  sieve_plugins = sieve_imapsieve sieve_extprograms
		  sieve_global_extensions = +vnd.dovecot.pipe
		  sieve_pipe_bin_dir = /etc/dovecot/sieve-bin

		  imapsieve_mailbox1_name = Junk
		  imapsieve_mailbox1_causes = COPY
		  imapsieve_mailbox1_before = file:/etc/dovecot/sieve/report-spam.sieve
		  imapsieve_mailbox2_name = *
		  imapsieve_mailbox2_from = Junk
		  imapsieve_mailbox2_causes = COPY
		  imapsieve_mailbox2_before = file:/etc/dovecot/sieve/report-ham.sieve
		  imapsieve_mailbox3_name = *
		  imapsieve_mailbox3_from = INBOX
		  imapsieve_mailbox3_causes = COPY
		  imapsieve_mailbox3_after = file:/etc/dovecot/sieve/mark.sieve

		  antispam_backend = pipe
		  antispam_spam = Unwanted
		  antispam_trash = Trash
		  antispam_pipe_program = /etc/dovecot/sieve-bin/mailtrain
		  antispam_pipe_program_args = --for;%u
		  antispam_pipe_program_spam_arg = --spam
		  antispam_pipe_program_notspam_arg = --ham
		}
	END
}

dovecot_24_rules() {
	lab_in mx1 tee /etc/dovecot/conf.d/90-learning.conf <<-END >/dev/null
		protocol imap {
		  mail_plugins {
		    imap_sieve = yes
		  }
		}
		sieve_plugins = sieve_imapsieve sieve_extprograms
		sieve_global_extensions {
		  vnd.dovecot.pipe = yes
		}
		sieve_pipe_bin_dir = /etc/dovecot/sieve-bin
		namespace inbox {
		  mailbox Junk {
		    sieve_script report-spam {
		      type = before
		      cause = copy
		      path = /etc/dovecot/sieve/report-spam.sieve
		    }
		    sieve_script mark {
		      type = after
		      cause = copy
		      path = /etc/dovecot/sieve/mark.sieve
		    }
		  }
		}
		imapsieve_from Junk {
		  sieve_script report-ham {
		    type = before
		    cause = copy
		    path = /etc/dovecot/sieve/report-ham.sieve
		  }
		}
	END
}

# As DSPAM's README for Postfix says: everything goes by LMTP to its socket, and comes back by SMTP.
dspam_host() {
	lab_in mx1 postconf -Me "dspam/unix=dspam unix - - n - 10 lmtp" \
		"127.0.0.1:10026/inet=127.0.0.1:10026 inet n - n - - smtpd -o content_filter= -o smtpd_milters= -o mynetworks=127.0.0.0/8"
	lab_postconf mx1 "content_filter = dspam:unix:/run/dspam/dspam.sock" \
		"smtpd_milters = inet:127.0.0.1:11332" "milter_default_action = accept"
	lab_in mx1 touch -d "1 minute ago" /etc/postfix/master.cf
	lab_in mx1 mkdir -p /run/dspam
	lab_in mx1 "$LAB_ROOT/tests/integration/dspam_stand_in.py" /run/dspam/dspam.sock /var/log/dspam-stand-in 10026 \
		>>"$LAB_DIR/mx1/var/log/dspam-stand-in.out" 2>&1 </dev/null &
	disown $!
	lab_reload mx1/postfix
}

# What each of them has learned or seen so far.
bogofilter_knows() { lab_in mx1 bogoutil -w /var/vmail/bogofilter .MSG_COUNT | awk '/MSG_COUNT/ { print $2 " spam, " $3 " ham" }'; }
antispam_taught() { sed 's/.* //' "$LAB_DIR/mx1/var/vmail/taught-by-antispam" 2>/dev/null | paste -sd' '; }
dspam_saw() { grep -c . "$LAB_DIR/mx1/var/log/dspam-stand-in"; }
shoveler_taught() { lab_spamtrain --json history alice@example.test 100 | grep -c '"corrected": "'; }
marked() { lab_imap alice search Junk KEYWORD Seen-by-rule | grep -c .; }
arrive() {
	lab_message "$1" | deliver alice@example.test
	lab_arrives alice INBOX "$1"
}
# usage: move FROM TO SUBJECT
move() { lab_imap alice move "$1" "$2" "$(lab_uid alice "$1" "$3")"; }
migrate() { lab_in mx1 env LAB_SERVICE=command "$@" | sed -n 's/^\([a-z]*\) *\([A-Za-z-]*\):.*/\1 \2/p' | paste -sd,; }
# Of the play's output. usage: told_of FINDING
told_of() { grep -o "\"$1" "$LAB_DIR/mx1.play" | head -n 1; }

role_hosts mx1
sieve_host
module=$(antispam_module)
if dovecot_23; then
	[ -z "$module" ] || lab_in mx1 install -m 644 "$module" /usr/lib/dovecot/modules/
	dovecot_23_rules ${module:+antispam}
	left="replaced IMAPSieve,replaced IMAPSieve,kept IMAPSieve,replaced DSPAM,left rspamd"
	[ -z "$module" ] || left="replaced dovecot-antispam,$left"
else
	dovecot_24_rules
	left="replaced IMAPSieve,kept IMAPSieve,replaced IMAPSieve,replaced DSPAM,left rspamd"
fi
dspam_host
lab_restart mx1/dovecot
lab_imap alice create Unwanted
for subject in One Two Three Four; do
	arrive "$subject"
done
files before

expect 10 "before: mail goes through DSPAM" "4" dspam_saw
move INBOX Junk One
expect 10 "alice moves a message to Junk: bogofilter" "1 spam, 0 ham" bogofilter_knows
expect 10 "and the other rule has marked it" "1" marked
if [ -n "$module" ]; then
	move INBOX Unwanted Two
	expect 10 "and one to Unwanted: dovecot-antispam" "--spam" antispam_taught
else
	skip "dovecot-antispam" "not in this Debian, or it cannot be fetched"
fi

expect 0 "shoveler migrate" "$left" migrate "$LAB_BUILD/admin/shoveler" migrate
expect_like 0 "check run" "tells of changes" '^mx1 changed=[1-9][0-9]* failed=0$' play mx1 --check --diff
expect_like 0 "it shows what becomes of the rule" "switched off" '^\+ *(imapsieve_mailbox1_before =|type = shoveler_replaced)' \
	grep -m1 -E -- '^\+ *(imapsieve_mailbox1_before =|type = shoveler_replaced)' "$LAB_DIR/mx1.play"
expect 0 "and of DSPAM" "+content_filter =" grep -o -m1 -- '^+content_filter =' "$LAB_DIR/mx1.play"
expect 0 "and tells that rspamd stays" '"left: rspamd' told_of 'left: rspamd'
files checked
expect 0 "and has changed nothing" "" differs before checked mx1

expect_like 0 "the role is applied" "changes" '^mx1 changed=[1-9][0-9]* failed=0$' play mx1
[ "$story_failed" = 0 ] || exit 1
expect 0 "a second run" "mx1 changed=0 failed=0" play mx1
arrive "Five"
expect 10 "mail goes through DSPAM no more" "4" dspam_saw
expect_like 0 "but through Shoveler" "a signature" '^[0-9a-f]{24}$' lab_field alice INBOX Five X-DSPAM-Signature
move INBOX Junk Five
expect 10 "alice moves it to Junk: Shoveler" "1" shoveler_taught
move INBOX Junk Four
expect 10 "and one that has DSPAM's signature: Shoveler, too" "2" shoveler_taught
expect 0 "but bogofilter no more" "1 spam, 0 ham" bogofilter_knows
expect 0 "the other rule still marks" "3" marked
if [ -n "$module" ]; then
	arrive "Six"
	move INBOX Unwanted Six
	expect 10 "and one to Unwanted: Shoveler" "3" shoveler_taught
	expect 0 "and dovecot-antispam no more" "--spam" antispam_taught
fi
expect 0 "shoveler migrate --check" "${module:+kept dovecot-antispam,}kept IMAPSieve,left rspamd" migrate shoveler migrate --check
# A file that comes after ours.
lab_in mx1 sh -c 'cp /etc/dovecot/conf.d/90-learning.conf /etc/dovecot/conf.d/99-zz.conf; shoveler migrate --check' >/dev/null 2>&1
expect 0 "and where something sets it again" "exit code 1" echo "exit code $?"
lab_in mx1 rm /etc/dovecot/conf.d/99-zz.conf

expect_like 0 "shoveler_state=absent" "changes" '^mx1 changed=[1-9][0-9]* failed=0$' play mx1 -e shoveler_state=absent -e shoveler_purge=true
files after
expect 0 "files are what they were, byte for byte" "" differs before after mx1
move INBOX Junk Three
expect 10 "after: a move teaches bogofilter again" "2 spam, 0 ham" bogofilter_knows
move Junk INBOX One
expect 10 "and back" "2 spam, 1 ham" bogofilter_knows
if [ -n "$module" ]; then
	move Unwanted INBOX Two
	expect 10 "and dovecot-antispam is told again" "--spam --ham" antispam_taught
fi
arrive "Seven"
expect 10 "mail goes through DSPAM again" "5" dspam_saw

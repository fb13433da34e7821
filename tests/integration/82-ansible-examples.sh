#!/bin/bash
# The example inventories of the Ansible role: a front host and a back-end with mail between them. 80-ansible applies the one for a pair, and
# asks those for one host and for the other back-end whether they fit.
STORY_BASE=yes
. "$(dirname "$0")/story.sh"
row "" "Examples of the Ansible role"

. "$(dirname "$0")/ansible.sh"
role_hosts mx1 mx2
lab_signatures mx1
mkdir -p "$LAB_DIR/mx2/var/lib/clamav" && cp "$LAB_DIR"/mx1/var/lib/clamav/* "$LAB_DIR/mx2/var/lib/clamav/"

# What the admin has on the front host: who is on which back-end.
lab_in mx2 sh -c 'cat >/etc/postfix/back-ends' <<-END
	alice@example.test      lmtp:inet:[203.0.113.25]:2525
	dc-spam-1@example.test  lmtp:inet:[203.0.113.25]:2526
	dc-ham-1@example.test   lmtp:inet:[203.0.113.25]:2526
END
lab_in mx2 postconf -e virtual_mailbox_domains=example.test virtual_mailbox_maps=texthash:/etc/postfix/back-ends transport_maps=texthash:/etc/postfix/back-ends

expect_like 0 "the front host" "changes" '^mx2 changed=[1-9][0-9]* failed=0$' example several-back-ends.yml mx2 mx2.example.test
expect_like 0 "a back-end" "changes" '^imap1 changed=[1-9][0-9]* failed=0$' example several-back-ends.yml mx1 imap1.example.test
expect 0 "Postfix of the back-end" "as it was" lab_in mx1 sh -c 'postconf -n | grep -q shoveler || echo as it was'
expect_like 10 "its sockets" "on the private address alone" '^203.0.113.25:2525 203.0.113.25:2526$' \
	lab_in mx1 sh -c "ss -Hltn | awk '{ print \$4 }' | grep -E ':252[56]\$' | sort | paste -sd' '"
expect 0 "the secret" "is the same on both" sh -c "cmp '$LAB_DIR'/mx[12]/etc/shoveler/submitter.secret && echo is the same on both"
lab_wait 20 lab_ready mx2/shoveler-milter
lab_message "By the front host" | deliver --server mx2.example.test alice@example.test
expect 20 "ham to alice, by the front host" "INBOX: Innocent" mailbox alice "By the front host"
lab_message "EICAR at the front" "$(lab_eicar)" | deliver --server mx2.example.test alice@example.test
lab_message "Behind that" | deliver --server mx2.example.test alice@example.test
expect 20 "clean mail behind EICAR" "INBOX: Innocent" mailbox alice "Behind that"
expect 1 "EICAR" "nowhere" folder alice "EICAR at the front"
lab_message "I am alice" >"$LAB_DIR/message"
expect_like 5 "a stranger to the training address" "refused" '^rcpt dc-spam-1@example.test 550' \
	lab_send --server mx2.example.test dc-spam-1@example.test <"$LAB_DIR/message"

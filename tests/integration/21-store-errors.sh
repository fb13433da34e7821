#!/bin/bash
# Bad input: a store that cannot be opened, or is full, defers that user's mail and nobody else's; nothing is lost.
. "$(dirname "$0")/story.sh"
row 21 "A store that fails"

users=/var/lib/shoveler/users/example.test
lab_message "Before" | deliver alice@example.test bob@example.test
expect 20 "mail while all is well" "INBOX: Innocent" mailbox alice "Before"

lab_in mx1 mv $users/alice $users/alice.away
lab_in mx1 install -m 600 /dev/null $users/alice
lab_message "Store in the way" | deliver alice@example.test bob@example.test
expect 20 "alice's store cannot be opened: bob" "INBOX: Innocent" mailbox bob "Store in the way"
expect_like 20 "alice's mail" "waits" 'alice@example.test.*delay_reason' lab_queue mx1
expect 0 "alice" "nowhere" folder alice "Store in the way"
lab_in mx1 rm $users/alice
lab_in mx1 mv $users/alice.away $users/alice
expect 30 "her store is back" "INBOX: Innocent" mailbox alice "Store in the way"

lab_stop mx1/shoveler-lda mx1/spamtraind
lab_in mx1 sh -c "cp -a $users/alice $users/alice.sound && rm -f $users/alice/store.sqlite-* &&
	head -c 8192 /dev/urandom | dd of=$users/alice/store.sqlite conv=notrunc status=none"
lab_start mx1/shoveler-lda mx1/spamtraind
lab_message "Store damaged" | deliver alice@example.test
expect_like 20 "her store is damaged, mail" "waits" 'alice@example.test.*delay_reason' lab_queue mx1
lab_in mx1 sh -c "rm -r $users/alice && mv $users/alice.sound $users/alice"
lab_restart mx1/shoveler-lda
expect 30 "her store is mended" "INBOX: Innocent" mailbox alice "Store damaged"

# A file system of its own, with no room left.
lab_stop mx1/shoveler-lda mx1/spamtraind
lab_in mx1 sh -c "mkdir $users/small && mount -t tmpfs -o size=\$((\$(du -sk $users/alice | cut -f1) + 512))k small $users/small &&
	cp -a $users/alice/. $users/small/ && mount --bind $users/small $users/alice && chown shoveler $users/alice &&
	dd if=/dev/zero of=$users/alice/filler bs=4k 2>/dev/null"
lab_start mx1/shoveler-lda mx1/spamtraind
lab_message "Store full" | deliver alice@example.test bob@example.test
expect 20 "no room in alice's store: bob" "INBOX: Innocent" mailbox bob "Store full"
expect_like 20 "alice's mail" "waits" 'alice@example.test.*delay_reason' lab_queue mx1
lab_in mx1 rm $users/alice/filler
expect 30 "room again" "INBOX: Innocent" mailbox alice "Store full"

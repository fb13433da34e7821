/*
 * command.h - the local socket (lda_pipe_listen) by which `shoveler-lda -d` asks for a verdict,
 * when a message is delivered by command (pipe.h). SOCK_SEQPACKET, lib/packet.h; one message a
 * connection:
 *
 *	request=deliver sender= recipient= known=yes|no, and the message as a descriptor of a file
 *		status=ok action=deliver|tag|pass|unmarked fields= tag=	run the delivery command
 *		status=ok action=quarantine reason=			it is in the quarantine
 *		status=ask		find out whether there is this user, then say known=yes
 *		status=deferred|refused reason=
 *	request=done code=EXIT-CODE	of the delivery command, for log and history
 *		status=ok
 *
 * The verdict is recorded as with LMTP, and a message that comes again has the same. Whoever leaves
 * without request=done is taken to have been put off. A peer must be root, our own user, or
 * mail_user.
 */
#ifndef SHOVELER_LDA_COMMAND_H
#define SHOVELER_LDA_COMMAND_H

struct site;

/* For a thread of lib/server.h; the caller holds the site, and closes fd. */
void command_session(int fd, struct site *site);

#endif

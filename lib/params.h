/*
 * params.h - every setting of main.cf, in one table.
 *
 * The table drives the parser, the defaults, the ranges, `shoveler conf -n` and `-d`, and the
 * shoveler.cf(5) manual page. A new setting is a new row here and nothing else.
 *
 *   PARAM(identifier, name, type, default, minimum, maximum, programs, description)
 *
 * Types: TEXT (any text), PATH (absolute), ADDRESS (unix:/path or inet:host:port, may be empty for
 * "not served"), BOOL (yes/no), INT, TIME (seconds; suffixes s m h d w), SIZE (bytes; suffixes k m
 * g), LIST (separated by commas or white space), CHOICE (one of the words in "minimum", which is
 * then a text of words). A default may refer to other settings as $name.
 */
#ifndef SHOVELER_PARAMS_H
#define SHOVELER_PARAMS_H

#define SHOVELER_PARAMS(PARAM)                                                                     \
	/* the host */                                                                             \
	PARAM(MYHOSTNAME, "myhostname", TEXT, "", 0, 0, "all",                                     \
	      "Name of this host in replies and header fields; empty: what the system says")       \
	PARAM(STATE_DIRECTORY, "state_directory", PATH, "/var/lib/shoveler", 0, 0, "all",          \
	      "Where stores, quarantines and the policy store live")                               \
	PARAM(RUNTIME_DIRECTORY, "runtime_directory", PATH, "/run/shoveler", 0, 0, "all",          \
	      "Where sockets are made")                                                            \
	PARAM(LOG_DESTINATION, "log_destination", TEXT, "syslog", 0, 0, "all",                     \
	      "syslog (facility mail), stderr, or the path of a file")                             \
	PARAM(RECIPIENT_DELIMITER, "recipient_delimiter", TEXT, "+", 0, 0, "all",                  \
	      "Characters that separate user and detail in an address, as in Postfix")             \
	PARAM(LDA_USER, "lda_user", TEXT, "shoveler", 0, 0, "shoveler-lda spamtraind spamtrain",   \
	      "System user of the delivery agent and the training service, owner of the stores")   \
	PARAM(MILTER_USER, "milter_user", TEXT, "shoveler-milter", 0, 0, "shoveler-milter",        \
	      "System user of the milter and its scanner")                                         \
	PARAM(SUBMITTER_SECRET_FILE, "submitter_secret_file", PATH,                                \
	      "/etc/shoveler/submitter.secret", 0, 0, "shoveler-milter spamtraind",                \
	      "File with the secret by which the milter vouches for an authenticated sender")      \
	/* the delivery agent */                                                                   \
	PARAM(LDA_LISTEN, "lda_listen", ADDRESS, "unix:$runtime_directory/lda.sock", 0, 0,         \
	      "shoveler-lda", "Where Postfix delivers by LMTP")                                    \
	PARAM(LDA_NEXTHOP, "lda_nexthop", ADDRESS, "unix:/run/dovecot/lmtp", 0, 0,                 \
	      "shoveler-lda spamtraind", "Dovecot's LMTP service")                                 \
	PARAM(LDA_METRICS_LISTEN, "lda_metrics_listen", ADDRESS, "inet:127.0.0.1:9761", 0, 0,      \
	      "shoveler-lda", "Where Prometheus reads the delivery agent's metrics")               \
	/* the training service */                                                                 \
	PARAM(TRAINING_LISTEN, "training_listen", ADDRESS,                                         \
	      "unix:$runtime_directory/training.sock", 0, 0, "spamtraind",                         \
	      "Where Postfix delivers mail for the training addresses by LMTP")                    \
	PARAM(SPAMTRAIND_LISTEN, "spamtraind_listen", ADDRESS,                                     \
	      "unix:$runtime_directory/spamtraind.sock", 0, 0, "spamtraind spamtrain",             \
	      "Where corrections are taken from programs of this host")                            \
	PARAM(SPAMTRAIND_METRICS_LISTEN, "spamtraind_metrics_listen", ADDRESS,                     \
	      "inet:127.0.0.1:9762", 0, 0, "spamtraind",                                           \
	      "Where Prometheus reads the training service's metrics")                             \
	PARAM(TRAINING_SPAM_ADDRESSES, "training_spam_addresses", LIST, "", 0, 0,                  \
	      "shoveler-milter spamtraind", "Addresses to which users resend spam: dc-spam@...")   \
	PARAM(TRAINING_INNOCENT_ADDRESSES, "training_innocent_addresses", LIST, "", 0, 0,          \
	      "shoveler-milter spamtraind", "Addresses to which users resend ham: dc-ham@...")     \
	PARAM(RETRAIN_SPOOL, "retrain_spool", PATH, "$state_directory/spool/retrain", 0, 0,        \
	      "spamtraind retrain", "Where the Dovecot plugin leaves corrections; has tmp/, new/") \
	/* the milter */                                                                           \
	PARAM(MILTER_LISTEN, "milter_listen", ADDRESS, "inet:127.0.0.1:8895", 0, 0,                \
	      "shoveler-milter", "Where Postfix speaks the milter protocol")                       \
	PARAM(SCANNER_LISTEN, "scanner_listen", ADDRESS, "unix:$runtime_directory/scanner.sock",   \
	      0, 0, "shoveler-milter rescan", "Where messages are scanned for viruses")            \
	PARAM(MILTER_METRICS_LISTEN, "milter_metrics_listen", ADDRESS, "inet:127.0.0.1:9763", 0,   \
	      0, "shoveler-milter", "Where Prometheus reads the milter's metrics")

#endif

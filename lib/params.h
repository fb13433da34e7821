/*
 * params.h - every setting of main.cf, in one table.
 *
 * The table drives the parser, the defaults, the ranges, `shoveler conf -n` and `-d`, and the
 * shoveler.cf(5) manual page. A new setting is a new row here and nothing else.
 *
 *   PARAM(identifier, name, type, default, minimum, maximum, programs, description)
 *
 * Programs: whom it changes, "all" or their names; retrain, sharing and rescan are the plugins of
 * Dovecot. "spamtraind:restart": a reload is not enough for that one. The description is a sentence
 * without its full stop, which the manual page prints; a row without one does not compile.
 *
 * Types: TEXT (any text), PATH (absolute), ADDRESS (unix:/path or inet:host:port, may be empty for
 * "not served"), BOOL (yes/no), INT, TIME (seconds; suffixes s m h d w), SIZE (bytes; suffixes k m
 * g), LIST (separated by commas or white space), CHOICE (one of the words in "minimum", which is
 * then a text of words). A default may refer to other settings as $name.
 */
#ifndef SHOVELER_PARAMS_H
#define SHOVELER_PARAMS_H

#define SHOVELER_PARAMS(PARAM)                                                                            \
	/* the host */                                                                                    \
	PARAM(MYHOSTNAME, "myhostname", TEXT, "", 0, 0, "all",                                            \
	      "Name of this host in replies and header fields; empty: what the system says")              \
	PARAM(STATE_DIRECTORY, "state_directory", PATH, "/var/lib/shoveler", 0, 0, "all:restart",         \
	      "Where stores, quarantines and the policy store live")                                      \
	PARAM(RUNTIME_DIRECTORY, "runtime_directory", PATH, "/run/shoveler", 0, 0, "all:restart",         \
	      "Where sockets are made")                                                                   \
	PARAM(LOG_DESTINATION, "log_destination", TEXT, "syslog", 0, 0, "all:restart",                    \
	      "syslog (facility mail), stderr, or the path of a file")                                    \
	PARAM(RECIPIENT_DELIMITER, "recipient_delimiter", TEXT, "+", 0, 0, "all",                         \
	      "Characters that separate user and detail in an address, as in Postfix")                    \
	PARAM(LDA_USER, "lda_user", TEXT, "shoveler", 0, 0,                                               \
	      "shoveler-lda:restart spamtraind:restart spamtrain shoveler",                               \
	      "System user of the delivery agent and the training service, owner of the stores")          \
	PARAM(MILTER_USER, "milter_user", TEXT, "shoveler-milter", 0, 0,                                  \
	      "shoveler-milter:restart spamtraind", "System user of the milter and its scanner")          \
	PARAM(SERVICES, "services", LIST, "shoveler-milter, shoveler-lda, spamtraind", 0, 0,              \
	      "shoveler",                                                                                 \
	      "Daemons that are meant to run on this host: status and doctor look for them")              \
	PARAM(MAIL_USER, "mail_user", TEXT, "vmail", 0, 0,                                                \
	      "shoveler-lda spamtraind:restart sharing rescan shoveler",                                  \
	      "System user of Dovecot's mail processes, owner of the public trees")                       \
	PARAM(POLICY_GROUP, "policy_group", TEXT, "shoveler-policy", 0, 0, "shoveler",                    \
	      "System group that may read the policy store: mail processes and postfix")                  \
	PARAM(PUBLIC_DIRECTORY, "public_directory", PATH, "$state_directory/public", 0, 0,                \
	      "sharing shoveler", "Where the mail of public trees lies, one folder a tree")               \
	PARAM(SUBMITTER_SECRET_FILE, "submitter_secret_file", PATH,                                       \
	      "/etc/shoveler/submitter.secret", 0, 0, "shoveler-milter spamtraind",                       \
	      "File with the secret by which the milter vouches for an authenticated sender")             \
	/* the delivery agent */                                                                          \
	PARAM(LDA_LISTEN, "lda_listen", ADDRESS, "unix:$runtime_directory/lda.sock", 0, 0,                \
	      "shoveler-lda:restart", "Where Postfix delivers by LMTP")                                   \
	PARAM(LDA_NEXTHOP, "lda_nexthop", ADDRESS, "unix:/run/dovecot/lmtp", 0, 0,                        \
	      "shoveler-lda spamtraind", "Dovecot's LMTP service")                                        \
	PARAM(LDA_LISTEN_GROUP, "lda_listen_group", TEXT, "postfix", 0, 0, "shoveler-lda:restart",        \
	      "System group that may connect to lda_listen; empty: everybody")                            \
	PARAM(LDA_PIPE_LISTEN, "lda_pipe_listen", ADDRESS,                                                \
	      "unix:$runtime_directory/lda-pipe.sock", 0, 0, "shoveler-lda:restart",                      \
	      "Where `shoveler-lda -d` asks for verdicts; mail_user may connect")                         \
	PARAM(LDA_PIPE_COMMAND, "lda_pipe_command", LIST, "/usr/lib/dovecot/dovecot-lda -e", 0, 0,        \
	      "shoveler-lda",                                                                             \
	      "The command that delivers for `shoveler-lda -d`, with -f and -d added")                    \
	PARAM(LDA_PIPE_LOOKUP, "lda_pipe_lookup", LIST, "doveadm user", 0, 0, "shoveler-lda",             \
	      "The command that knows whether there is a user, which is added; 67: there is not")         \
	PARAM(LDA_MAX_SESSIONS, "lda_max_sessions", INT, "100", 1, 2000, "shoveler-lda:restart",          \
	      "LMTP sessions at the same time; more of them wait")                                        \
	PARAM(LDA_PARALLEL, "lda_parallel", INT, "4", 1, 32, "shoveler-lda",                              \
	      "Recipients of one message that are judged, or have a copy delivered, at the same time")    \
	PARAM(LDA_BATCH_SIZE, "lda_batch_size", INT, "50", 1, 100, "shoveler-lda",                        \
	      "Recipients of one message that are answered together")                                     \
	PARAM(LDA_TIMEOUT, "lda_timeout", TIME, "300s", 1, 3600, "shoveler-lda:restart",                  \
	      "How long Postfix may be silent in the middle of a session")                                \
	PARAM(LDA_NEXTHOP_TIMEOUT, "lda_nexthop_timeout", TIME, "300s", 1, 3600, "shoveler-lda",          \
	      "How long Dovecot may take for a message; shorter than lmtp_data_done_timeout of Postfix")  \
	PARAM(LDA_DRAIN_TIMEOUT, "lda_drain_timeout", TIME, "30s", 1, 600, "shoveler-lda:restart",        \
	      "How long deliveries may take to end when the delivery agent is stopped")                   \
	PARAM(LDA_MESSAGE_SIZE_LIMIT, "lda_message_size_limit", SIZE, "1g", 0, INT64_C(1) << 40,          \
	      "shoveler-lda", "Larger messages are refused; 0: no limit but that of Postfix")             \
	PARAM(LDA_CLASSIFY_SIZE, "lda_classify_size", SIZE, "1m", 1024, 1024 * 1024,                      \
	      "shoveler-lda", "Larger messages are classified by their first part of this size")          \
	PARAM(LDA_OPT_IN, "lda_opt_in", BOOL, "no", 0, 0, "shoveler-lda spamtraind",                      \
	      "Filter only users who set the preference optIn")                                           \
	PARAM(TEMPORARY_DIRECTORY, "temporary_directory", PATH, "/var/tmp", 0, 0,                         \
	      "shoveler-lda spamtraind",                                                                  \
	      "Where large messages wait on their way; files without a name")                             \
	PARAM(LDA_METRICS_LISTEN, "lda_metrics_listen", ADDRESS, "inet:127.0.0.1:9761", 0, 0,             \
	      "shoveler-lda:restart", "Where Prometheus reads the delivery agent's metrics")              \
	/* the training service */                                                                        \
	PARAM(TRAINING_LISTEN, "training_listen", ADDRESS,                                                \
	      "unix:$runtime_directory/training.sock", 0, 0, "spamtraind:restart",                        \
	      "Where Postfix delivers mail for the training addresses by LMTP")                           \
	PARAM(SPAMTRAIND_LISTEN, "spamtraind_listen", ADDRESS,                                            \
	      "unix:$runtime_directory/spamtraind.sock", 0, 0,                                            \
	      "spamtraind:restart shoveler-web:restart shoveler-milter spamtrain rescan",                 \
	      "Where corrections are taken from programs of this host")                                   \
	PARAM(SPAMTRAIND_METRICS_LISTEN, "spamtraind_metrics_listen", ADDRESS,                            \
	      "inet:127.0.0.1:9762", 0, 0, "spamtraind:restart",                                          \
	      "Where Prometheus reads the training service's metrics")                                    \
	PARAM(SPAMTRAIND_CLIENTS, "spamtraind_clients", LIST, "shoveler-web", 0, 0, "spamtraind",         \
	      "System users, beside root and lda_user, who may ask everything by that socket")            \
	PARAM(LINK_SECRET_FILE, "link_secret_file", PATH, "/etc/shoveler/link.secret", 0, 0,              \
	      "spamtraind", "File with the secret that signs the links of the daily digest")              \
	PARAM(LINK_LIFETIME, "link_lifetime", TIME, "7d", 60, 31536000, "spamtraind",                     \
	      "How long the links of the daily digest work")                                              \
	PARAM(DIGEST_HOUR, "digest_hour", INT, "7", 0, 23, "spamtraind",                                  \
	      "Hour of the day, local time, from which on the daily digest is sent")                      \
	PARAM(TRAINING_SPAM_ADDRESSES, "training_spam_addresses", LIST, "", 0, 0,                         \
	      "shoveler-milter spamtraind", "Addresses to which users resend spam: dc-spam@...")          \
	PARAM(TRAINING_INNOCENT_ADDRESSES, "training_innocent_addresses", LIST, "", 0, 0,                 \
	      "shoveler-milter spamtraind", "Addresses to which users resend ham: dc-ham@...")            \
	PARAM(TRAINING_LOGIN_DOMAIN, "training_login_domain", TEXT, "", 0, 0,                             \
	      "spamtraind shoveler-web", "Domain of users who sign in to Postfix without one")            \
	PARAM(TRAINING_SIZE_LIMIT, "training_size_limit", SIZE, "50m", 1024, INT64_C(1) << 32,            \
	      "spamtraind", "Largest mail to a training address")                                         \
	PARAM(TRAINING_ANSWERS, "training_answers", BOOL, "yes", 0, 0, "spamtraind",                      \
	      "Explain by mail how to train when nothing could be learned of what a user sent")           \
	PARAM(TRAINING_RECEIPTS, "training_receipts", BOOL, "no", 0, 0, "spamtraind",                     \
	      "Also thank by mail for what was learned from training addresses")                          \
	PARAM(TRAINING_ANSWER_FROM, "training_answer_from", TEXT, "", 0, 0, "spamtraind",                 \
	      "Sender of the training service's mail and of the digest; empty: "                          \
	      "postmaster at the user's domain")                                                          \
	PARAM(TRAINING_LANGUAGE, "training_language", CHOICE, "en", "en fr", 0, "spamtraind",             \
	      "Language of the training service's mail when the user's own mail does not tell his")       \
	PARAM(QUARANTINE_LIFETIME, "quarantine_lifetime", TIME, "30d", 3600, 315360000,                   \
	      "spamtraind", "How long a message is kept in quarantine")                                   \
	PARAM(QUARANTINE_SIZE_LIMIT, "quarantine_size_limit", SIZE, "1g", 0, INT64_C(1) << 50,            \
	      "shoveler-lda spamtraind",                                                                  \
	      "Size of a user's quarantine; what does not fit is tagged and delivered; 0: no limit")      \
	PARAM(PURGE_INTERVAL, "purge_interval", TIME, "6h", 1, 604800, "spamtraind",                      \
	      "How often what is too old is removed from stores and quarantines")                         \
	PARAM(RETRAIN_SPOOL, "retrain_spool", PATH, "$state_directory/spool/retrain", 0, 0,               \
	      "spamtraind:restart retrain",                                                               \
	      "Where the Dovecot plugin leaves corrections; has tmp/, new/")                              \
	PARAM(JUNK_FOLDERS, "junk_folders", LIST, "Junk, Spam", 0, 0, "retrain",                          \
	      "IMAP folders, below the namespace, that are Junk without having special_use")              \
	PARAM(TRASH_FOLDERS, "trash_folders", LIST, "Trash", 0, 0, "retrain",                             \
	      "IMAP folders that are Trash without having special_use: moves to it teach nothing")        \
	PARAM(RETRAIN_APPENDED, "retrain_appended", BOOL, "yes", 0, 0, "retrain",                         \
	      "A message with our signature that is appended to Junk is spam")                            \
	PARAM(RETRAIN_KEYWORDS, "retrain_keywords", BOOL, "yes", 0, 0, "retrain",                         \
	      "The marks $Junk and $NotJunk of mail programs teach, as moving does")                      \
	PARAM(RETRAIN_SHARED, "retrain_shared", CHOICE, "nobody", "nobody owner", 0, "retrain",           \
	      "Whom moves within another user's shared folders teach")                                    \
	PARAM(DOCTOR_USER, "doctor_user", TEXT, "", 0, 0, "shoveler",                                     \
	      "A mailbox for tests: `shoveler doctor` sends it mail, and moves that; empty: not")         \
	PARAM(DOCTOR_SMTP_SERVER, "doctor_smtp_server", ADDRESS, "inet:127.0.0.1:25", 0, 0, "shoveler",   \
	      "Where `shoveler doctor` finds this host's Postfix; best one of mynetworks' addresses")     \
	PARAM(DOCTOR_ACCEPT, "doctor_accept", LIST, "", 0, 0, "shoveler",                                 \
	      "Codes of warnings of `shoveler doctor` that you know of, and that count as well")          \
	PARAM(SHARED_NAMESPACE, "shared_namespace", TEXT, "#Shared", 0, 0, "sharing",                     \
	      "Where IMAP users find the folders that others share with them")                            \
	PARAM(SHARED_LOCATION, "shared_location", TEXT, "", 0, 0, "sharing",                              \
	      "Dovecot 2.3: mail_location of any user by %h %u %n %d, if it cannot be derived")           \
	PARAM(SHARING_ANYONE, "sharing_anyone", BOOL, "no", 0, 0, "sharing",                              \
	      "Users may share with all users of the host at once: the identifier \"anyone\"")            \
	PARAM(SHARING_ACROSS_DOMAINS, "sharing_across_domains", BOOL, "yes", 0, 0, "sharing",             \
	      "Users may share with users of other domains of the host")                                  \
	PARAM(SHARING_PLUGINS, "sharing_plugins", BOOL, "yes", 0, 0, "shoveler",                          \
	      "Dovecot is meant to load the plugins for sharing: doctor looks for them and their timer")  \
	PARAM(RESCAN_DIRECTORY, "rescan_directory", PATH, "$state_directory/rescan", 0, 0,                \
	      "rescan", "Where messages are kept that the re-scan took out of mailboxes")                 \
	PARAM(RESCAN_RETENTION, "rescan_retention", TIME, "90d", 86400, 315360000, "rescan",              \
	      "How long messages are kept that the re-scan took out of mailboxes")                        \
	PARAM(RESCAN_WORKERS, "rescan_workers", INT, "2", 1, 64, "rescan",                                \
	      "How many messages the re-scan has scanned at the same time")                               \
	PARAM(RESCAN_METRICS_FILE, "rescan_metrics_file", PATH, "$state_directory/rescan.prom", 0,        \
	      0, "rescan",                                                                                \
	      "What came of the last re-scan of all users, for Prometheus' node_exporter")                \
	PARAM(RESCAN_REPORT_TO, "rescan_report_to", TEXT, "", 0, 0, "rescan",                             \
	      "Mail address that each re-scan of all users is reported to; empty: none")                  \
	/* the classifier */                                                                              \
	PARAM(USERS_DIRECTORY, "users_directory", PATH, "$state_directory/users", 0, 0,                   \
	      "shoveler-lda spamtraind spamtrain",                                                        \
	      "Where the users' stores and quarantines live: DOMAIN/LOCALPART/")                          \
	PARAM(DEFAULT_PREFERENCES, "default_preferences", TEXT, "", 0, 0,                                 \
	      "shoveler-lda spamtraind spamtrain",                                                        \
	      "What counts for users who did not say otherwise: trainingMode=TUM; spamAction=tag")        \
	PARAM(PREFERENCE_MAPS, "preference_maps", LIST, "", 0, 0,                                         \
	      "shoveler-lda spamtraind spamtrain",                                                        \
	      "Maps of Postfix that know preferences of users and @domains, over default_preferences")    \
	PARAM(OPEN_STORES_LIMIT, "open_stores_limit", INT, "100", 1, 10000,                               \
	      "shoveler-lda spamtraind", "Users' stores that a process keeps open")                       \
	PARAM(DICTIONARY_GROUPS, "dictionary_groups", LIST, "", 0, 0,                                     \
	      "shoveler-lda spamtraind spamtrain",                                                        \
	      "Users who share what their filters learn: family: alice@... bob@... desk: carol@...")      \
	PARAM(SPAM_TRAPS, "spam_traps", LIST, "", 0, 0, "shoveler-milter spamtraind spamtrain",           \
	      "Addresses, or @domains, of nobody: what comes there is spam for the site dictionary")      \
	PARAM(SITE_DICTIONARY, "site_dictionary", BOOL, "no", 0, 0,                                       \
	      "shoveler-lda spamtraind spamtrain",                                                        \
	      "Let new users start from what many users of the site have taught")                         \
	PARAM(SITE_DICTIONARY_USERS, "site_dictionary_users", INT, "3", 2, 1000,                          \
	      "spamtraind spamtrain", "So many users must have taught a lesson before it counts")         \
	PARAM(SITE_DIRECTORY, "site_directory", PATH, "$users_directory/.site", 0, 0,                     \
	      "shoveler-lda spamtraind spamtrain", "Where the site dictionary lies")                      \
	PARAM(SIGNATURE_RETENTION, "signature_retention", TIME, "14d", 86400, 31536000,                   \
	      "spamtraind spamtrain retrain",                                                             \
	      "How long a message can be corrected by its signature")                                     \
	PARAM(HISTORY_RETENTION, "history_retention", TIME, "90d", 86400, 315360000,                      \
	      "spamtraind spamtrain", "How long messages stay in the users' history")                     \
	PARAM(PURGE_HITS1S, "purge_hits1s", TIME, "15d", 0, 315360000, "spamtraind spamtrain",            \
	      "Age at which a TEFT user's tokens go that were seen in one spam only; 0: never")           \
	PARAM(PURGE_HITS1I, "purge_hits1i", TIME, "15d", 0, 315360000, "spamtraind spamtrain",            \
	      "Age at which a TEFT user's tokens go that were seen in one innocent "                      \
	      "message only; 0: never")                                                                   \
	PARAM(PURGE_HAPAXES, "purge_hapaxes", TIME, "30d", 0, 315360000, "spamtraind spamtrain",          \
	      "Age at which a TEFT user's tokens go that were seen in fewer than five "                   \
	      "messages, an innocent one counting twice; 0: never")                                       \
	PARAM(PURGE_NEUTRAL, "purge_neutral", TIME, "90d", 0, 315360000, "spamtraind spamtrain",          \
	      "Age at which tokens of TEFT and TUM users go that speak neither for spam "                 \
	      "nor for innocent; 0: never")                                                               \
	PARAM(PURGE_UNUSED, "purge_unused", TIME, "90d", 0, 315360000, "spamtraind spamtrain",            \
	      "Age at which any token of TEFT users goes, and of TUM users those seen in "                \
	      "fewer than 50 messages; 0: never")                                                         \
	PARAM(TOKENS_LIMIT, "tokens_limit", INT, "2000000", 10000, 50000000,                              \
	      "spamtraind spamtrain",                                                                     \
	      "Tokens a user may have, in any mode: the least telling and oldest go; 24 bytes each")      \
	/* the web page */                                                                                \
	PARAM(WEB_LISTEN, "web_listen", ADDRESS, "unix:$runtime_directory/web.sock", 0, 0,                \
	      "shoveler-web:restart",                                                                     \
	      "Where the reverse proxy finds the web page: a Unix socket, or a port on loopback")         \
	PARAM(WEB_LISTEN_GROUP, "web_listen_group", TEXT, "www-data", 0, 0,                               \
	      "shoveler-web:restart",                                                                     \
	      "System group of the proxy, which may connect to a Unix web_listen; empty: everybody")      \
	PARAM(WEB_USER, "web_user", TEXT, "shoveler-web", 0, 0, "shoveler-web:restart",                   \
	      "System user of the web page")                                                              \
	PARAM(WEB_URL, "web_url", TEXT, "", 0, 0, "shoveler-web spamtraind",                              \
	      "Where users find the web page: https://host/path; empty: the daily digest has no links")   \
	PARAM(WEB_AUTH_SOCKET, "web_auth_socket", ADDRESS, "unix:/run/dovecot/auth-shoveler", 0,          \
	      0, "shoveler-web",                                                                          \
	      "The listener of Dovecot's auth service that is asked for passwords")                       \
	PARAM(WEB_IMAP_SERVER, "web_imap_server", ADDRESS, "inet:127.0.0.1:143", 0, 0,                    \
	      "shoveler-web",                                                                             \
	      "IMAP server of this host, where users share folders; empty: no such pages")                \
	PARAM(WEB_STATE_DIRECTORY, "web_state_directory", PATH, "$state_directory/web", 0, 0,             \
	      "shoveler-web:restart", "Where the web page keeps its key and who signed out")              \
	PARAM(WEB_SESSION_IDLE_TIME, "web_session_idle_time", TIME, "1h", 60, 604800,                     \
	      "shoveler-web:restart", "Who does nothing for so long must sign in again")                  \
	PARAM(WEB_SESSION_LIFETIME, "web_session_lifetime", TIME, "12h", 60, 2592000,                     \
	      "shoveler-web:restart", "After so long everybody must sign in again")                       \
	PARAM(WEB_HOST_ADMINS, "web_host_admins", LIST, "", 0, 0, "shoveler-web",                         \
	      "Users who see the figures and the health of the whole host")                               \
	PARAM(WEB_DOMAIN_ADMINS, "web_domain_admins", LIST, "", 0, 0, "shoveler-web shoveler",            \
	      "Users who see the figures of their own domain, and set its preferences")                   \
	PARAM(WEB_SIGN_ON_HEADER, "web_sign_on_header", TEXT, "", 0, 0, "shoveler-web",                   \
	      "Header in which the proxy names the user who signed in there; empty: none is believed")    \
	PARAM(WEB_MAX_CONNECTIONS, "web_max_connections", INT, "256", 1, 4096,                            \
	      "shoveler-web:restart", "Connections of the proxy at the same time")                        \
	PARAM(WEB_METRICS_LISTEN, "web_metrics_listen", ADDRESS, "inet:127.0.0.1:9764", 0, 0,             \
	      "shoveler-web:restart", "Where Prometheus reads the web page's metrics")                    \
	/* the fallback MX */                                                                             \
	PARAM(MX2_CONTACT_EXTENSION, "mx2_contact_extension", TIME, "30d", 0, 8640000, "shoveler",        \
	      "How far ahead of today a domain's contact may extend what is kept; 0: not at all")         \
	PARAM(MX2_OTHER_LIFETIME, "mx2_other_lifetime", TIME, "5d", 3600, 8640000, "shoveler",            \
	      "How long Postfix tries mail that is for no domain of `shoveler mx2`; what bounces then")   \
	PARAM(MX2_TELL_AFTER, "mx2_tell_after", TIME, "4h", 60, 8640000, "shoveler",                      \
	      "How long mail must have waited for a primary before the domain's contact is told")         \
	PARAM(MX2_LIST_MAX_AGE, "mx2_list_max_age", TIME, "3d", 3600, 8640000, "shoveler",                \
	      "A list of recipients that a primary signed is stale after that time; its contact is told") \
	PARAM(MX2_KEY_FILE, "mx2_key_file", PATH, "/etc/shoveler/mx2.key", 0, 0, "shoveler",              \
	      "The key that signs the lists of recipients for our own fallback MX")                       \
	/* the milter */                                                                                  \
	PARAM(MILTER_LISTEN, "milter_listen", ADDRESS, "inet:127.0.0.1:8895", 0, 0,                       \
	      "shoveler-milter:restart", "Where Postfix speaks the milter protocol")                      \
	PARAM(MILTER_MAX_SESSIONS, "milter_max_sessions", INT, "2000", 1, 20000,                          \
	      "shoveler-milter:restart",                                                                  \
	      "SMTP sessions at the same time; Postfix puts mail of others off")                          \
	PARAM(MILTER_DIRECTORY, "milter_directory", PATH, "$state_directory/milter", 0, 0,                \
	      "shoveler-milter:restart",                                                                  \
	      "What the milter remembers: greylist, crashes, viruses that users are to be told of")       \
	PARAM(LEARN_SENT_RECIPIENTS, "learn_sent_recipients", BOOL, "no", 0, 0, "shoveler-milter",        \
	      "Judge mail mildly whose sender the user has written to, signed in to this host")           \
	PARAM(POSTFIX_CONFIG_DIRECTORY, "postfix_config_directory", PATH, "/etc/postfix", 0, 0,           \
	      "shoveler-milter shoveler-lda spamtraind spamtrain rescan shoveler",                        \
	      "Folder of the main.cf of the Postfix that asks the milter")                                \
	PARAM(POSTFIX_LOOKUP_TIMEOUT, "postfix_lookup_timeout", TIME, "10s", 1, 300,                      \
	      "shoveler-milter shoveler-lda spamtraind spamtrain",                                        \
	      "How long a lookup in a map of Postfix may take; then the recipient is deferred")           \
	PARAM(POSTFIX_LOOKUP_CACHE_TIME, "postfix_lookup_cache_time", TIME, "60s", 0, 86400,              \
	      "shoveler-milter shoveler-lda spamtraind spamtrain",                                        \
	      "How long the result of a lookup in a map of Postfix is kept")                              \
	PARAM(VIRUS_SCAN, "virus_scan", BOOL, "yes", 0, 0, "shoveler-milter:restart",                     \
	      "Scan mail for mailboxes; no: only on a host without mailboxes")                            \
	PARAM(VIRUS_ACTION, "virus_action", CHOICE, "discard", "discard reject hold", 0,                  \
	      "shoveler-milter",                                                                          \
	      "What happens to infected mail for mailboxes; hold: in the queue of Postfix")               \
	PARAM(VIRUS_ACTION_SUBMITTED, "virus_action_submitted", CHOICE, "reject",                         \
	      "discard reject hold", 0, "shoveler-milter",                                                \
	      "What happens to infected mail of authenticated users, for mailboxes or "                   \
	      "for whom virus_scan_submitted says")                                                       \
	PARAM(VIRUS_SCAN_SUBMITTED, "virus_scan_submitted", BOOL, "no", 0, 0, "shoveler-milter",          \
	      "Scan all mail of authenticated users, for whomever it is")                                 \
	PARAM(VIRUS_BRAKE, "virus_brake", INT, "100", 0, 1000000, "shoveler-milter rescan",               \
	      "A signature found more often in an hour holds mail, in a re-scan leaves it; 0: never")     \
	PARAM(VIRUS_KEEP, "virus_keep", TIME, "7d", 0, 31536000, "shoveler-milter",                       \
	      "How long a copy of discarded mail is kept for the admin to release; 0: none is kept")      \
	PARAM(VIRUS_KEEP_DIRECTORY, "virus_keep_directory", PATH, "$state_directory/infected", 0,         \
	      0, "shoveler-milter:restart shoveler", "Where copies of discarded mail are")                \
	PARAM(VIRUS_EXEMPT_NETWORKS, "virus_exempt_networks", LIST, "", 0, 0, "shoveler-milter",          \
	      "Networks whose mail is not scanned; authenticated users are scanned anyway")               \
	PARAM(VIRUS_EXEMPT_ADDRESSES, "virus_exempt_addresses", LIST, "", 0, 0, "shoveler-milter",        \
	      "Senders and recipients, or @domains, whose mail is not scanned")                           \
	PARAM(VIRUS_SCANNED_HEADER, "virus_scanned_header", TEXT, "shoveler-milter", 0, 0,                \
	      "shoveler-milter",                                                                          \
	      "Value of X-Virus-Scanned in mail that was found clean; empty: no such field")              \
	PARAM(SCANNER_DATABASE_DIRECTORY, "scanner_database_directory", PATH, "/var/lib/clamav",          \
	      0, 0, "shoveler-milter", "Folder of the virus signatures, as freshclam keeps it")           \
	PARAM(SCANNER_TEMP_DIRECTORY, "scanner_temp_directory", PATH,                                     \
	      "$runtime_directory/scanner", 0, 0, "shoveler-milter:restart",                              \
	      "Where archives are unpacked; best on a tmpfs")                                             \
	PARAM(SCANNER_WORKERS, "scanner_workers", INT, "2", 1, 128, "shoveler-milter",                    \
	      "How many messages are scanned at the same time")                                           \
	PARAM(SCANNER_CLIENTS, "scanner_clients", LIST, "root, $milter_user, vmail", 0, 0,                \
	      "shoveler-milter", "System users who may ask the scanner")                                  \
	PARAM(SCANNER_RELOAD_INTERVAL, "scanner_reload_interval", TIME, "60s", 1, 86400,                  \
	      "shoveler-milter", "How often the folder of signatures is looked at for changes")           \
	PARAM(SCANNER_MAX_AGE, "scanner_max_age", TIME, "7d", 0, 31536000, "shoveler-milter",             \
	      "The log warns each day when the newest signatures are older; 0: never")                    \
	PARAM(SCANNER_TIMEOUT, "scanner_timeout", TIME, "60s", 1, 3600, "shoveler-milter rescan",         \
	      "A worker that takes longer for a message is killed, and the message deferred")             \
	PARAM(SCANNER_MAX_TIME, "scanner_max_time", TIME, "20s", 0, 3600, "shoveler-milter",              \
	      "A message that takes longer exceeds the limits; 0: no limit")                              \
	PARAM(SCANNER_MAX_MEMORY, "scanner_max_memory", SIZE, "1g", 0, INT64_C(1) << 50,                  \
	      "shoveler-milter", "Memory a worker may use beside the signatures; 0: no limit")            \
	PARAM(SCANNER_MAX_FILE_SIZE, "scanner_max_file_size", SIZE, "100m", 1, INT32_MAX,                 \
	      "shoveler-milter",                                                                          \
	      "Largest message, and largest file inside an archive, that is scanned")                     \
	PARAM(SCANNER_MAX_SCAN_SIZE, "scanner_max_scan_size", SIZE, "400m", 1, INT64_C(1) << 40,          \
	      "shoveler-milter", "How much is unpacked from one message")                                 \
	PARAM(SCANNER_MAX_FILES, "scanner_max_files", INT, "10000", 1, 1000000, "shoveler-milter",        \
	      "How many files are unpacked from one message")                                             \
	PARAM(SCANNER_MAX_RECURSION, "scanner_max_recursion", INT, "17", 1, 100,                          \
	      "shoveler-milter", "How deep archives in archives are unpacked")                            \
	PARAM(SCANNER_LIMIT_ACTION, "scanner_limit_action", CHOICE, "reject",                             \
	      "accept reject hold", 0, "shoveler-milter",                                                 \
	      "What happens to mail for mailboxes that exceeds a limit of the scanner")                   \
	PARAM(SCANNER_CRASH_LIMIT, "scanner_crash_limit", INT, "3", 1, 1000, "shoveler-milter",           \
	      "A message that crashed the scanner so many times is held in the queue")                    \
	PARAM(DNS_SERVERS, "dns_servers", LIST, "", 0, 0, "shoveler-milter shoveler",                     \
	      "Addresses of name servers (with :port); empty: those of /etc/resolv.conf")                 \
	PARAM(DNS_BUDGET, "dns_budget", TIME, "5s", 0, 60, "shoveler-milter",                             \
	      "How long a session waits for DNS in all; what is missing then counts as nothing")          \
	PARAM(DNSBL_SITES, "dnsbl_sites", LIST, "", 0, 0, "shoveler-milter",                              \
	      "DNS lists of client addresses: domain[=reply filter][*weight], as postscreen_dnsbl_sites") \
	PARAM(RHSBL_SITES, "rhsbl_sites", LIST, "", 0, 0, "shoveler-milter",                              \
	      "DNS lists of names, asked for the HELO name and the sender domain, in the same syntax")    \
	PARAM(SCORE_WEIGHTS, "score_weights", LIST, "", 0, 0, "shoveler-milter",                          \
	      "Weights that differ from the defaults: check=weight")                                      \
	PARAM(SCORE_NOTE, "score_note", INT, "3", -1000, 1000, "shoveler-milter",                         \
	      "From this score on mail for mailboxes carries X-Shoveler-Score")                           \
	PARAM(SCORE_GREYLIST, "score_greylist", INT, "6", -1000, 1000, "shoveler-milter",                 \
	      "From this score on a client that is not known yet has to try again later")                 \
	PARAM(GREYLIST_DELAY, "greylist_delay", TIME, "5m", 1, 86400, "shoveler-milter",                  \
	      "How long a greylisted client has to wait at least")                                        \
	PARAM(SCORE_REJECT, "score_reject", INT, "8", -1000, 1000, "shoveler-milter",                     \
	      "From this score on a client is refused")                                                   \
	PARAM(SCORE_LIMITS, "score_limits", LIST, "", 0, 0, "shoveler-milter",                            \
	      "Other values of score_note, score_greylist and score_reject for a class "                  \
	      "of recipients: class=note/greylist/reject; \"-\": never")                                  \
	PARAM(SCORE_URL, "score_url", TEXT, "", 0, 0, "shoveler-milter",                                  \
	      "Page named to who is refused; behind \"=\" or \"/\" at its end his address is put")        \
	PARAM(SCORE_EXEMPT_NETWORKS, "score_exempt_networks", LIST, "", 0, 0, "shoveler-milter",          \
	      "Networks that are not scored, beside mynetworks of Postfix")                               \
	PARAM(SCANNER_LISTEN, "scanner_listen", ADDRESS, "unix:$runtime_directory/scanner.sock",          \
	      0, 0, "shoveler-milter:restart rescan", "Where messages are scanned for viruses")           \
	PARAM(MILTER_METRICS_LISTEN, "milter_metrics_listen", ADDRESS, "inet:127.0.0.1:9763", 0,          \
	      0, "shoveler-milter:restart", "Where Prometheus reads the milter's metrics")

#endif

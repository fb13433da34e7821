#include "former.h"
#include "lib/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char folder[] = "/tmp/former_test.XXXXXX";

/* $D in text is the folder. malloc'ed. */
static char *located(const char *text)
{
	struct strbuf out = STRBUF_INIT;

	for (; *text != '\0'; text++) {
		if (strncmp(text, "$D", 2) == 0) {
			strbuf_append_text(&out, folder);
			text++;
		} else {
			strbuf_append_char(&out, *text);
		}
	}
	return strbuf_steal(&out);
}

static void look_at_dovecot(struct former *former, const char *text)
{
	struct dovecot_settings settings;
	char *doveconf = located(text);

	former->junk_folders = "Junk, Spam";
	dovecot_settings_parse(span_of(doveconf), &settings);
	former_look_at_antispam(former, &settings);
	former_look_at_imapsieve(former, &settings);
	former_look_at_delivery(former, &settings);
	dovecot_settings_free(&settings);
	free(doveconf);
}

static void look_at_postfix(struct former *former, const char *parameters, const char *services,
			    const char *record)
{
	char *values = located(parameters);
	json_t *noted = record != NULL ? json_loads(record, 0, NULL) : NULL;

	assert_true(record == NULL || noted != NULL);
	former_look_at_postfix(former, span_of(values), span_of(services), noted);
	json_decref(noted);
	free(values);
}

/* "replaced IMAPSieve, kept IMAPSieve" */
static void assert_found(const struct former *former, const char *expected)
{
	struct strbuf found = STRBUF_INIT;

	for (size_t i = 0; i < former->count; i++)
		strbuf_printf(&found, "%s%s %s", i > 0 ? ", " : "",
			      former_action_name(former->findings[i].action),
			      former->findings[i].system);
	assert_string_equal(strbuf_text(&found), expected);
	strbuf_free(&found);
}

static void assert_dropin(const struct former *former, const char *expected)
{
	char *text = located(expected);
	const char *found = strbuf_text(&former->dropin);

	while (found[0] == '#')
		found = strchr(found, '\n') + 1;
	assert_string_equal(found, text);
	free(text);
}

static const char *set_to(const struct former *former, const char *name)
{
	return json_string_value(json_object_get(former->parameters, name));
}

#define ANTISPAM                                                                                   \
	"# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\n"                                     \
	"plugin {\n"                                                                               \
	"  antispam_backend = dspam\n"                                                             \
	"  antispam_spam = SPAM;Junk\n"                                                            \
	"  antispam_trash = Trash\n"                                                               \
	"  antispam_unsure_pattern = Maybe*\n"                                                     \
	"}\n"

static void test_antispam(void **state)
{
	struct former former = {0}, unloaded = {0}, folderless = {0};

	(void)state;
	look_at_dovecot(&former,
			ANTISPAM "protocol imap {\n  mail_plugins = \" quota antispam\"\n}\n");
	assert_found(&former, "replaced dovecot-antispam");
	assert_dropin(&former, "plugin {\n  # It was: SPAM;Junk\n  antispam_spam =\n}\n"
			       "plugin {\n  # It was: Maybe*\n  antispam_unsure_pattern =\n}\n");
	/* "Spam" is named; letter case does not matter. */
	assert_string_equal(strbuf_text(&former.folders), "");
	assert_non_null(strstr(former.findings[0].what, "/usr/bin/dspam"));

	look_at_dovecot(&unloaded, ANTISPAM "protocol imap {\n  mail_plugins = antispam2\n}\n");
	assert_found(&unloaded, "kept dovecot-antispam");
	assert_dropin(&unloaded, "");

	look_at_dovecot(&folderless, "mail_plugins = antispam\nplugin {\n  antispam_spam = \n}\n");
	assert_found(&folderless, "kept dovecot-antispam");
	former_free(&former);
	former_free(&unloaded);
	former_free(&folderless);
}

static void test_folders_of_antispam(void **state)
{
	struct former former = {0};
	char *folders;

	(void)state;
	look_at_dovecot(&former, "mail_plugins = antispam\n"
				 "namespace inbox {\n"
				 "  mailbox \"Bad Mail\" {\n    special_use = \\Junk\n  }\n"
				 "  mailbox Old {\n    special_use = \\Archive\n  }\n"
				 "}\n"
				 "plugin {\n"
				 "  antispam_spam = Bad Mail;INBOX.Unwanted;unwanted; Old\n"
				 "  antispam_spam_pattern = Spam *\n"
				 "}\n");
	assert_found(&former, "unclear dovecot-antispam, replaced dovecot-antispam");
	assert_string_equal(strbuf_text(&former.folders), "Unwanted, Old");
	former.junk_folders = "Junk, Unwanted";
	folders = former_junk_folders(&former);
	assert_string_equal(folders, "Junk, Unwanted, Old");
	free(folders);
	former_free(&former);
}

#define NUMBERED                                                                                   \
	"plugin {\n"                                                                               \
	"  imapsieve_mailbox1_before = file:$D/learn-spam.sieve\n"                                 \
	"  imapsieve_mailbox1_causes = COPY APPEND\n"                                              \
	"  imapsieve_mailbox1_name = Unwanted\n"                                                   \
	"  imapsieve_mailbox2_after = file:$D/archive.sieve\n"                                     \
	"  imapsieve_mailbox2_before = file:$D/learn-ham.sieve;name=ham\n"                         \
	"  imapsieve_mailbox2_from = Unwanted\n"                                                   \
	"  imapsieve_mailbox2_name = *\n"                                                          \
	"  imapsieve_mailbox3_before = file:$D/both.sieve\n"                                       \
	"  imapsieve_mailbox3_name = Archive\n"                                                    \
	"  imapsieve_mailbox4_before = file:$D/tag.sieve\n"                                        \
	"  imapsieve_mailbox4_name = Archive\n"                                                    \
	"  sieve_pipe_bin_dir = $D\n"                                                              \
	"  sieve_before = $D/before\n"                                                             \
	"}\n"

static void test_imapsieve_23(void **state)
{
	struct former former = {0}, unloaded = {0};

	(void)state;
	look_at_dovecot(&former, NUMBERED "protocol imap {\n  mail_plugins = \" imap_sieve\"\n}\n");
	assert_found(&former, "replaced IMAPSieve, kept IMAPSieve, replaced IMAPSieve, "
			      "unclear IMAPSieve, unclear IMAPSieve, left Sieve");
	assert_dropin(&former, "plugin {\n  # It was: file:$D/learn-spam.sieve\n"
			       "  imapsieve_mailbox1_before =\n}\n"
			       "plugin {\n  # It was: file:$D/learn-ham.sieve;name=ham\n"
			       "  imapsieve_mailbox2_before =\n}\n");
	assert_string_equal(strbuf_text(&former.folders), "Unwanted");
	assert_string_equal(former.findings[0].what, "teaches SpamAssassin by train.sh");

	look_at_dovecot(&unloaded, NUMBERED);
	assert_found(&unloaded, "left Sieve");
	former_free(&former);
	former_free(&unloaded);
}

static void test_scripts_that_the_admin_names(void **state)
{
	char *path = located("$D/tag.sieve");
	const char *const scripts[] = {path, NULL};
	struct former former = {.learning_scripts = scripts};

	(void)state;
	look_at_dovecot(&former, "mail_plugins = imap_sieve\n"
				 "plugin {\n"
				 "  imapsieve_mailbox1_name = Archive\n"
				 "  imapsieve_mailbox1_before = $D/tag.sieve\n"
				 "}\n");
	/* It does not say whether Archive gets spam. */
	assert_found(&former, "replaced IMAPSieve, unclear IMAPSieve");
	assert_dropin(&former, "plugin {\n  # It was: $D/tag.sieve\n"
			       "  imapsieve_mailbox1_before =\n}\n");
	assert_string_equal(strbuf_text(&former.folders), "");
	former_free(&former);
	free(path);
}

static void test_imapsieve_24(void **state)
{
	static const char text[] =
		"# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf\n"
		"sieve_pipe_bin_dir = $D\n"
		"protocol imap {\n  mail_plugins {\n    imap_sieve = yes\n  }\n}\n"
		"namespace inbox {\n"
		"  mailbox \"Bad Mail\" {\n"
		"    special_use = \"\\\\Junk\"\n"
		"    sieve_script report-spam {\n"
		"      cause = copy\n      path = $D/learn-spam.sieve\n      type = before\n"
		"    }\n"
		"    sieve_script note {\n"
		"      cause = copy append\n      path = $D/archive.sieve\n      type = after\n"
		"    }\n"
		"  }\n"
		"}\n"
		"imapsieve_from \"Bad Mail\" {\n"
		"  sieve_script report-ham {\n"
		"    path = $D/learn-ham.sieve\n    type = before\n"
		"  }\n"
		"}\n"
		"sieve_script personal {\n  path = $D/learn-ham.sieve\n}\n";
	struct former former = {0}, replaced = {0};

	(void)state;
	look_at_dovecot(&former, text);
	assert_found(&former, "replaced IMAPSieve, kept IMAPSieve, replaced IMAPSieve, left Sieve");
	assert_dropin(&former, "namespace inbox {\n  mailbox \"Bad Mail\" {\n"
			       "    sieve_script report-spam {\n"
			       "      # It was: $D/learn-spam.sieve\n"
			       "      type = shoveler_replaced\n"
			       "    }\n  }\n}\n"
			       "imapsieve_from \"Bad Mail\" {\n  sieve_script report-ham {\n"
			       "    # It was: $D/learn-ham.sieve\n"
			       "    type = shoveler_replaced\n"
			       "  }\n}\n");
	assert_string_equal(strbuf_text(&former.folders), "");
	former_free(&former);

	look_at_dovecot(&replaced,
			"protocol imap {\n  mail_plugins {\n    imap_sieve = yes\n  }\n}\n"
			"mailbox Junk {\n  sieve_script x {\n"
			"    path = $D/learn-spam.sieve\n    type = shoveler_replaced\n"
			"  }\n}\n");
	assert_found(&replaced, "");
	former_free(&replaced);
}

static void test_delivery(void **state)
{
	struct former former = {0};

	(void)state;
	look_at_dovecot(&former, "plugin {\n  sieve_before = file:$D/before\n"
				 "  sieve_after2 = $D/archive.sieve\n  sieve_dir = ~/sieve\n}\n");
	assert_found(&former, "left Sieve");
	assert_string_equal(former.findings[0].what,
			    "calls SpamAssassin by spamc when mail is delivered");
	former_free(&former);
}

static void test_dspam_as_content_filter(void **state)
{
	struct former former = {0};

	(void)state;
	look_at_postfix(
		&former, "content_filter = lmtp:unix:/run/dspam/dspam.sock\n",
		"smtp       inet  n       -       y       -       -       smtpd -o "
		"content_filter=dspam:dspam -o smtpd_sasl_auth_enable=no\n"
		"dspam      unix  -       -       n       -       10      lmtp\n"
		"127.0.0.1:10026 inet n - - - - smtpd -o content_filter= -o mynetworks=127.0.0.0/8\n"
		"smtps      inet  n - y - - smtpd -o content_filter=scan:x\n"
		"dspam-retrain unix - n n - 10 pipe flags=Ru user=dspam argv=/usr/bin/dspam "
		"--client --class=$nexthop --source=corpus --user ${user}\n",
		NULL);
	assert_found(&former,
		     "replaced DSPAM, replaced DSPAM, unclear content filter, unclear DSPAM");
	assert_string_equal(set_to(&former, "content_filter"), "");
	assert_int_equal(json_object_size(former.services), 1);
	assert_string_equal(json_string_value(json_object_get(former.services, "smtp/inet")),
			    "smtp inet n - y - - smtpd -o smtpd_sasl_auth_enable=no");
	former_free(&former);
}

static void test_dspam_by_access_map(void **state)
{
	struct former former = {0};

	(void)state;
	look_at_postfix(
		&former,
		"smtpd_client_restrictions = permit_sasl_authenticated, check_client_access "
		"pcre:$D/filter, reject_unknown_client_hostname\n"
		"smtpd_recipient_restrictions = check_recipient_access hash:$D/mixed, permit\n"
		"transport_maps = hash:$D/transport\n"
		"virtual_transport = dspam\n"
		"mailbox_transport = dspam\n"
		"default_transport = smtp\n",
		"dspam unix - n n - 10 pipe flags=Ru user=dspam argv=/usr/bin/dspam "
		"--deliver=innocent --user $user -i -f $sender -- $recipient\n",
		NULL);
	assert_found(&former, "replaced DSPAM, unclear DSPAM, unclear DSPAM, replaced DSPAM, "
			      "unclear DSPAM");
	assert_string_equal(set_to(&former, "smtpd_client_restrictions"),
			    "permit_sasl_authenticated, reject_unknown_client_hostname");
	assert_string_equal(set_to(&former, "virtual_transport"), FORMER_DELIVERY);
	assert_int_equal(json_object_size(former.parameters), 2);
	former_free(&former);
}

static void test_filters_that_stay(void **state)
{
	struct former former = {0};

	(void)state;
	look_at_postfix(&former,
			"smtpd_milters = inet:127.0.0.1:11332, unix:spamass/spamass.sock, "
			"inet:127.0.0.1:8891\n"
			"content_filter = smtp-amavis:[127.0.0.1]:10024\n"
			"mailbox_command = /usr/bin/bogofilter -u -e -p\n",
			"smtp inet n - y - - smtpd -o content_filter=spam\n"
			"spam unix - n n - - pipe user=debian-spamd argv=/usr/bin/spamc -f -e "
			"/usr/sbin/sendmail -oi -f ${sender} ${recipient}\n",
			NULL);
	assert_found(&former, "left amavis, left SpamAssassin, unclear bogofilter, left rspamd, "
			      "left SpamAssassin");
	assert_null(former.parameters);
	assert_null(former.services);
	former_free(&former);
}

/* What the role changed counts as before, unless somebody else changed it since. */
static void test_record(void **state)
{
	static const char record[] =
		"{\"parameters\": {"
		"\"content_filter\": {\"former\": \"dspam:dspam\", \"ours\": \"\"},"
		"\"mailbox_transport\": {\"former\": \"dspam:dspam\", \"ours\": \"x\"},"
		"\"virtual_transport\": {\"former\": null, \"ours\": \"shoveler:x\"}},"
		"\"services\": {\"smtp/inet\": {\"former\": \"smtp inet n - y - - smtpd -o "
		"content_filter=dspam:\", \"ours\": \"smtp inet n - y - - smtpd\"}}}";
	struct former former = {0};

	(void)state;
	look_at_postfix(&former,
			"content_filter =\nmailbox_transport = y\nvirtual_transport = shoveler:x\n",
			"smtp inet n - y - - smtpd\n", record);
	assert_found(&former, "replaced DSPAM, replaced DSPAM");
	assert_string_equal(set_to(&former, "content_filter"), "");
	assert_string_equal(json_string_value(json_object_get(former.services, "smtp/inet")),
			    "smtp inet n - y - - smtpd");
	former_free(&former);
}

static void test_odd_input(void **state)
{
	struct former former = {0};

	(void)state;
	look_at_dovecot(&former, "}\n}\n{\n = \nx\nplugin {\n  imapsieve_mailbox1_ = \"\n"
				 "  imapsieve_mailbox99999999999_before = x\nmail_plugins = "
				 "imap_sieve\n sieve_script { path = \n");
	look_at_postfix(&former, "=\n\n==\nx\ntransport_maps = {,\ncontent_filter = :\n",
			"a\n b c\n\n", "{\"parameters\": 3, \"services\": [1]}");
	assert_found(&former, "unclear content filter");
	former_free(&former);
}

static int make_files(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	test_folder_write(folder, "train.sh", "#!/bin/sh\nexec sa-learn --$1\n");
	test_folder_write(folder, "learn-spam.sieve", "pipe :copy \"train.sh\" \"spam\";");
	test_folder_write(folder, "learn-ham.sieve", "pipe :copy \"train.sh\" \"ham\";");
	test_folder_write(folder, "both.sieve", "addflag \"x\"; pipe :copy \"train.sh\" \"spam\";");
	test_folder_write(folder, "tag.sieve", "pipe :copy \"tag.sh\";");
	test_folder_write(folder, "archive.sieve", "addflag \"archived\";");
	test_folder_write(folder, "before", "filter \"spamc\";");
	test_folder_write(folder, "filter",
			  "# all of it\n/./   FILTER dspam:unix:/run/dspam/dspam.sock\n");
	test_folder_write(folder, "mixed",
			  "a@example.test FILTER dspam:dspam\nb@example.test REJECT\n");
	test_folder_write(folder, "transport", "spam@example.test dspam-retrain:spam\n");
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_antispam),
		cmocka_unit_test(test_folders_of_antispam),
		cmocka_unit_test(test_imapsieve_23),
		cmocka_unit_test(test_scripts_that_the_admin_names),
		cmocka_unit_test(test_imapsieve_24),
		cmocka_unit_test(test_delivery),
		cmocka_unit_test(test_dspam_as_content_filter),
		cmocka_unit_test(test_dspam_by_access_map),
		cmocka_unit_test(test_filters_that_stay),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_odd_input),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}

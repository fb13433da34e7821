# What asks it.
target_sources(spamtrain_lib PRIVATE spamtraind_client.c)

# The training service. All but main() is a library, so that tests can link it.
add_library(spamtraind_lib STATIC
	digest.c digest_html.c digest_words.c own_mail.c
	release.c spamtraind_backoff.c spamtraind_conf.c spamtraind_correct.c spamtraind_digest.c spamtraind_export.c
	spamtraind_history.c spamtraind_link.c spamtraind_outbox.c spamtraind_overview.c spamtraind_purge.c spamtraind_quarantine.c
	spamtraind_request.c spamtraind_rows.c spamtraind_sent.c spamtraind_site.c spamtraind_socket.c spamtraind_spool.c
	spamtraind_submit.c
	spamtraind_teach.c spamtraind_user.c spamtraind_virus.c training_address.c training_address_answer.c
	training_address_message.c ticker.c traps.c)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
target_link_libraries(spamtraind_lib PUBLIC spamtrain_lib shoveler_lib PkgConfig::JANSSON)

add_executable(spamtraind spamtraind.c)
target_link_libraries(spamtraind PRIVATE spamtraind_lib)
install(TARGETS spamtraind DESTINATION ${CMAKE_INSTALL_SBINDIR})

shoveler_test(spamtraind_backoff_test SOURCES spamtraind_backoff_test.c LIBS spamtraind_lib)
shoveler_test(spamtraind_purge_test SOURCES spamtraind_purge_test.c LIBS spamtraind_lib)
shoveler_test(digest_test SOURCES digest_test.c LIBS spamtraind_lib)
shoveler_test(training_address_answer_test SOURCES training_address_answer_test.c
	LIBS spamtraind_lib)
shoveler_test(training_address_message_test SOURCES training_address_message_test.c
	LIBS spamtraind_lib)

# A real Dovecot and shoveler-lda, as root.
add_test(NAME spamtraind_test
	COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/spamtraind/test_spamtraind.py)
add_test(NAME spamtraind_requests_test
	COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/spamtraind/test_requests.py)
add_test(NAME spamtraind_digest_test
	COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/spamtraind/test_digest.py)
set_tests_properties(spamtraind_test spamtraind_requests_test spamtraind_digest_test PROPERTIES TIMEOUT 600
	ENVIRONMENT "SHOVELER_BUILD=${PROJECT_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")

# What asks it.
target_sources(spamtrain_lib PRIVATE spamtraind_client.c)

# The training service. All but main() is a library, so that tests can link it.
add_library(spamtraind_lib STATIC
	release.c spamtraind_backoff.c spamtraind_conf.c spamtraind_correct.c spamtraind_purge.c
	spamtraind_socket.c spamtraind_spool.c training_address.c training_address_answer.c
	training_address_message.c)
target_link_libraries(spamtraind_lib PUBLIC spamtrain_lib shoveler_lib)

add_executable(spamtraind spamtraind.c)
target_link_libraries(spamtraind PRIVATE spamtraind_lib)
install(TARGETS spamtraind DESTINATION ${CMAKE_INSTALL_SBINDIR})

shoveler_test(spamtraind_backoff_test SOURCES spamtraind_backoff_test.c LIBS spamtraind_lib)
shoveler_test(spamtraind_purge_test SOURCES spamtraind_purge_test.c LIBS spamtraind_lib)
shoveler_test(training_address_answer_test SOURCES training_address_answer_test.c
	LIBS spamtraind_lib)
shoveler_test(training_address_message_test SOURCES training_address_message_test.c
	LIBS spamtraind_lib)

# A real Dovecot and shoveler-lda, as root.
add_test(NAME spamtraind_test
	COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/spamtraind/test_spamtraind.py)
set_tests_properties(spamtraind_test PROPERTIES TIMEOUT 400
	ENVIRONMENT "SHOVELER_BUILD=${PROJECT_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")

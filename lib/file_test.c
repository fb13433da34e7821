#include "file.h"

#include "test_folder.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/shoveler-file-test.XXXXXX";

static char *in_folder(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static unsigned count_files(void)
{
	DIR *files = opendir(folder);
	unsigned count = 0;

	assert_non_null(files);
	while (readdir(files) != NULL)
		count++;
	closedir(files);
	return count - 2; /* "." and ".." */
}

static void assert_file(const char *path, const char *content, mode_t mode)
{
	char text[64] = "";
	struct stat st;
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, file), strlen(content));
	assert_string_equal(text, content);
	assert_int_equal(fstat(fileno(file), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | mode);
	fclose(file);
}

static void it_is_made_and_replaced(void **state)
{
	char *path = in_folder("file");
	mode_t mask = umask(077);

	(void)state;
	assert_int_equal(file_replace(path, span_of("one\n"), 0644, true), 0);
	assert_file(path, "one\n", 0644);
	assert_int_equal(file_replace(path, span_of(""), 0600, false), 0);
	assert_file(path, "", 0600);
	assert_int_equal(count_files(), 1);
	umask(mask);
	free(path);
}

static void in_the_folder_where_it_runs(void **state)
{
	(void)state;
	assert_int_equal(file_replace("here", span_of("x"), 0600, true), 0);
	assert_file("here", "x", 0600);
}

/* As long as a name may be. */
static void a_long_name(void **state)
{
	char name[256], *path;

	(void)state;
	memset(name, 'a', 255);
	name[255] = '\0';
	path = in_folder(name);
	assert_int_equal(file_replace(path, span_of("x"), 0600, true), 0);
	assert_file(path, "x", 0600);
	free(path);
}

static void no_link_is_followed(void **state)
{
	char *path = in_folder("link"), *precious = in_folder("precious");
	char *fresh = xasprintf("%s/.new.%d", folder, (int)gettid());

	(void)state;
	test_folder_write(folder, "precious", "precious");
	assert_int_equal(symlink("precious", path), 0);
	assert_int_equal(symlink("precious", fresh), 0);
	assert_int_equal(file_replace(path, span_of("ours"), 0600, true), 0);
	assert_file(path, "ours", 0600);
	assert_file(precious, "precious", 0644);
	free(fresh);
	free(precious);
	free(path);
}

static void what_fails_leaves_nothing(void **state)
{
	char *nowhere = in_folder("nowhere/file"), *inside = in_folder("taken");

	(void)state;
	assert_int_equal(file_replace(nowhere, span_of("x"), 0600, true), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(mkdir(inside, 0700), 0);
	assert_int_equal(file_replace(inside, span_of("x"), 0600, true), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(count_files(), 1);
	free(inside);
	free(nowhere);
}

static int set_up(void **state)
{
	(void)state;
	memcpy(strstr(folder, ".") + 1, "XXXXXX", 6);
	umask(022);
	return mkdtemp(folder) == NULL || chdir(folder) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return chdir("/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_made_and_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_the_folder_where_it_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_long_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_link_is_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_fails_leaves_nothing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

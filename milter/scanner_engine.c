#include "scanner_engine.h"

#include "lib/xalloc.h"
#include "scanner_shortage.h"

#include <clamav.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LIMIT_PREFIX "Heuristics.Limits.Exceeded"
#define CUT_OFF	     LIMIT_PREFIX ".MaxFileSize"
#define MAX_REASON   200

struct scanner_engine {
	struct cl_engine *clamav;
	struct cl_scan_options options;
	int64_t max_file_size;
	char reason[MAX_REASON]; /* why the last scan failed */
};

/* Of one scan. */
struct watch {
	int64_t max_file_size;
	bool cut_off;
};

/* What libclamav says about hostile files is of no use to anybody here. */
static void ignore_message(enum cl_msg severity, const char *full, const char *text, void *context)
{
	(void)severity, (void)full, (void)text, (void)context;
}

/*
 * What is unpacked from a zip ends at the largest size without a word, and would be clean. As a
 * find it is also kept out of libclamav's memory of clean files.
 */
static cl_error_t look_at_size(int fd, int result, const char *name, void *context)
{
	struct watch *watch = context;
	struct stat st;

	(void)name;
	if (result != CL_CLEAN || fstat(fd, &st) < 0 || st.st_size < watch->max_file_size)
		return CL_CLEAN;
	watch->cut_off = true;
	return CL_VIRUS;
}

static cl_error_t set_limits(struct cl_engine *clamav, const struct scanner_settings *settings)
{
	const struct {
		enum cl_engine_field field;
		int64_t value;
	} limits[] = {
		{CL_ENGINE_MAX_SCANTIME, settings->max_time_s * 1000},
		{CL_ENGINE_MAX_FILESIZE, settings->max_file_size},
		{CL_ENGINE_MAX_SCANSIZE, settings->max_scan_size},
		{CL_ENGINE_MAX_FILES, settings->max_files},
		{CL_ENGINE_MAX_RECURSION, settings->max_recursion},
		{CL_ENGINE_DISABLE_PE_STATS, 1},
	};
	cl_error_t code = CL_SUCCESS;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]) && code == CL_SUCCESS; i++)
		code = cl_engine_set_num(clamav, limits[i].field, limits[i].value);
	return code;
}

static cl_error_t load(struct cl_engine *clamav, const struct scanner_settings *settings,
		       unsigned *signatures_r)
{
	cl_error_t code = set_limits(clamav, settings);

	if (code == CL_SUCCESS)
		code = cl_load(settings->database_directory, clamav, signatures_r, CL_DB_STDOPT);
	if (code == CL_SUCCESS)
		code = cl_engine_compile(clamav);
	return code;
}

int scanner_engine_load(const struct scanner_settings *settings, struct scanner_engine **engine_r,
			unsigned *signatures_r, char **error_r)
{
	struct scanner_engine *engine;
	cl_error_t code;

	cl_set_clcb_msg(ignore_message);
	code = cl_init(CL_INIT_DEFAULT);
	if (code != CL_SUCCESS) {
		*error_r = xasprintf("libclamav does not start: %s", cl_strerror(code));
		return -1;
	}
	engine = xcalloc(1, sizeof(*engine));
	engine->options = (struct cl_scan_options){
		.general = CL_SCAN_GENERAL_HEURISTICS,
		.parse = ~0u,
		.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX,
	};
	engine->max_file_size = settings->max_file_size;
	engine->clamav = cl_engine_new();
	*signatures_r = 0;
	code = engine->clamav == NULL ? CL_EMEM : load(engine->clamav, settings, signatures_r);
	if (code != CL_SUCCESS || *signatures_r == 0) {
		*error_r = xasprintf("cannot load the signatures in %s: %s",
				     settings->database_directory,
				     code != CL_SUCCESS ? cl_strerror(code) : "there are none");
		return -1;
	}
	cl_engine_set_clcb_post_scan(engine->clamav, look_at_size);
	*engine_r = engine;
	return 0;
}

int scanner_engine_set_temp(struct scanner_engine *engine, const char *directory)
{
	return cl_engine_set_str(engine->clamav, CL_ENGINE_TMPDIR, directory) == CL_SUCCESS ? 0
											    : -1;
}

static const char *describe_shortage(struct scanner_engine *engine, int error)
{
	if (error == ENOMEM)
		return "not enough memory (scanner_max_memory)";
	snprintf(engine->reason, sizeof(engine->reason),
		 "temporary files cannot be written (scanner_temp_directory): %s", strerror(error));
	return engine->reason;
}

enum scan_status scanner_engine_scan(struct scanner_engine *engine, int fd, const char **name_r)
{
	struct watch watch = {.max_file_size = engine->max_file_size};
	unsigned long scanned = 0;
	cl_error_t code;

	*name_r = NULL;
	scanner_shortage_begin();
	code = cl_scandesc_callback(fd, NULL, name_r, &scanned, engine->clamav, &engine->options,
				    &watch);
	if (code == CL_VIRUS && watch.cut_off)
		*name_r = CUT_OFF;
	if (code == CL_VIRUS && *name_r != NULL)
		return strncmp(*name_r, LIMIT_PREFIX, strlen(LIMIT_PREFIX)) == 0 ? SCAN_LIMIT
										 : SCAN_INFECTED;
	if (scanner_shortage() != 0)
		*name_r = describe_shortage(engine, scanner_shortage());
	else if (code == CL_CLEAN)
		return SCAN_CLEAN;
	else
		*name_r = cl_strerror(code);
	return SCAN_ERROR;
}

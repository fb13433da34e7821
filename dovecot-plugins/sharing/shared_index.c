#include "compat.h"
#include "shared_index.h"

#include "lib/conf.h"

#include <sys/stat.h>

struct shared_index {
	const char *path;
	struct stat seen;
	bool known;
};

struct shared_index *shared_index_create(pool_t pool, const struct conf *conf)
{
	struct shared_index *index = p_new(pool, struct shared_index, 1);

	index->path =
		p_strconcat(pool, conf_text(conf, P_STATE_DIRECTORY), SHARED_INDEX_FILE, NULL);
	return index;
}

bool shared_index_changed(struct shared_index *index)
{
	struct stat now;
	bool changed;

	if (stat(index->path, &now) < 0)
		i_zero(&now);
	changed = !index->known || now.st_ino != index->seen.st_ino ||
		  now.st_size != index->seen.st_size ||
		  now.st_mtim.tv_sec != index->seen.st_mtim.tv_sec ||
		  now.st_mtim.tv_nsec != index->seen.st_mtim.tv_nsec;
	index->seen = now;
	index->known = TRUE;
	return changed;
}

#include "rcpt_class.h"

#include <stdlib.h>

void rcpt_class_free(struct rcpt_class *result)
{
	for (size_t i = 0; i < result->target_count; i++)
		free(result->targets[i]);
	free(result->targets);
	*result = (struct rcpt_class){0};
}

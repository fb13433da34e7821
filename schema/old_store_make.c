/* For tests: a user's store as the programs of an earlier version left it. */
#include "schema/old_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

int main(int argc, char **argv)
{
	int version = argc == 4 ? atoi(argv[1]) : 0;

	if (version < 1 || version > newest(&user_kind) || strlen(argv[2]) >= OLD_FOLDER_SIZE) {
		fprintf(stderr, "usage: old_store VERSION FOLDER MESSAGES\n"
				"The folder is there; a store in it is replaced.\n");
		return EX_USAGE;
	}
	strcpy(old_folder, argv[2]);
	make(&user_kind, version, argv[3]);
	return 0;
}

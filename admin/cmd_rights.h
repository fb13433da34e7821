/* cmd_rights.h - `shoveler public rights`: lists or changes rights of public folders. */
#ifndef SHOVELER_CMD_RIGHTS_H
#define SHOVELER_CMD_RIGHTS_H

#include "command.h"

int command_public_rights(struct admin *admin, int argc, char **argv);

#endif

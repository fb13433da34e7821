/*
 * mx2_postfix.h - `shoveler mx2 postfix`: the sqlite maps and settings by which a stock Postfix
 * reads the fallback MX part of the policy store.
 */
#ifndef SHOVELER_MX2_POSTFIX_H
#define SHOVELER_MX2_POSTFIX_H

#include "command.h"

int mx2_postfix(struct admin *admin, int argc, char **argv);

#endif

/*
 * spamtraind_site.h - makes the site dictionary (site_build.h) after each round of purging.
 */
#ifndef SHOVELER_SPAMTRAIND_SITE_H
#define SHOVELER_SPAMTRAIND_SITE_H

#include "spamtrain/daemon/spamtraind.h"
#include "spamtrain/daemon/ticker.h"

/* Nothing unless site_dictionary = yes. Pauses between users; given up when the ticker stops. */
void site_round(const struct spamtraind *service, struct ticker *ticker);

#endif

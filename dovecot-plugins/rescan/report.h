/*
 * report.h - what came of a run: for the log, as metrics, by mail.
 */
#ifndef SHOVELER_RESCAN_REPORT_H
#define SHOVELER_RESCAN_REPORT_H

#include "rescan.h"

/* A line of log, if the last one is rescan->progress seconds old. */
void report_progress(struct rescan *rescan);

/* The last line of log. */
void report_log(const struct rescan *rescan);

/*
 * After a run over many users, with the rights that the command was started with:
 * rescan_metrics_file in Prometheus' text format (node_exporter's textfile collector), replaced at
 * once; and a mail to rescan_report_to, if that is set. What does not work is logged.
 */
void report_run(const struct rescan *rescan);

#endif

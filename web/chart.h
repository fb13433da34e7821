/*
 * chart.h - bars over weeks, as SVG inside the page. What it shows is also in a table beside it:
 * the picture is hidden from screen readers.
 */
#ifndef SHOVELER_WEB_CHART_H
#define SHOVELER_WEB_CHART_H

#include "web/request.h"

#define CHART_BARS_MAX 104

struct chart_bar {
	long long from;		 /* when the week begins */
	unsigned long values[2]; /* one above the other */
};

/* classes: of the CSS, for each of both values. */
void chart_show(struct request *r, const struct chart_bar *bars, size_t count,
		const char *const classes[2]);

#endif

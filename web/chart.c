#include "web/chart.h"

#include <time.h>

/* In units of the picture, which is scaled to the page. */
#define WIDTH	    640.0
#define HEIGHT	    180.0
#define LEFT	    44.0
#define RIGHT	    16.0
#define BOTTOM	    24.0
#define TOP	    10.0
#define GAP	    0.28 /* of a bar's place */
#define LABELS	    7	 /* below the bars, at most */
#define BARS_HEIGHT (HEIGHT - TOP - BOTTOM)

/* The next of 1, 2, 5, 10, 20, 50, ... */
static unsigned long round_up(unsigned long value)
{
	unsigned long step = 1;

	for (;;) {
		if (value <= step)
			return step;
		if (value <= 2 * step)
			return 2 * step;
		if (value <= 5 * step)
			return 5 * step;
		step *= 10;
	}
}

static unsigned long highest(const struct chart_bar *bars, size_t count)
{
	unsigned long most = 1;

	for (size_t i = 0; i < count; i++) {
		if (bars[i].values[0] + bars[i].values[1] > most)
			most = bars[i].values[0] + bars[i].values[1];
	}
	return round_up(most);
}

static void show_scale(struct html *h, unsigned long top)
{
	for (int i = 0; i <= 2; i++) {
		double y = TOP + BARS_HEIGHT * (2 - i) / 2;

		if (i == 1 && top % 2 != 0)
			continue;
		html(h, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
		     LEFT, WIDTH - RIGHT, y, y);
		html(h, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%lu</text>", LEFT - 8,
		     y + 4, top * (unsigned long)i / 2);
	}
}

static void show_label(struct html *h, double middle, long long from)
{
	time_t when = (time_t)from;
	struct tm tm = {0};

	gmtime_r(&when, &tm);
	html(h, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%d.%d.</text>", middle,
	     HEIGHT - 6, tm.tm_mday, tm.tm_mon + 1);
}

static void show_bar(struct html *h, const struct chart_bar *bar, double x, double width,
		     double unit, const char *const classes[2])
{
	double y = TOP + BARS_HEIGHT;

	for (int i = 0; i < 2; i++) {
		double height = (double)bar->values[i] * unit;

		if (bar->values[i] == 0)
			continue;
		y -= height;
		html(h, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
		     classes[i], x, y, width, height);
	}
}

void chart_show(struct request *r, const struct chart_bar *bars, size_t count,
		const char *const classes[2])
{
	unsigned long top = highest(bars, count);
	double place = (WIDTH - LEFT - RIGHT) / (double)(count > 0 ? count : 1);
	size_t step = (count + LABELS - 1) / LABELS;
	struct html *h = &r->html;

	html(h,
	     "<svg class=\"chart\" viewBox=\"0 0 %.0f %.0f\" aria-hidden=\"true\" "
	     "focusable=\"false\">",
	     WIDTH, HEIGHT);
	show_scale(h, top);
	for (size_t i = 0; i < count; i++) {
		double x = LEFT + place * (double)i;

		show_bar(h, &bars[i], x + place * GAP / 2, place * (1 - GAP),
			 BARS_HEIGHT / (double)top, classes);
		if ((count - 1 - i) % step == 0)
			show_label(h, x + place / 2, bars[i].from);
	}
	html(h, "</svg>");
}

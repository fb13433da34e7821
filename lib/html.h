/*
 * html.h - a bounded HTML stripper: what a reader would see, and where the links lead.
 *
 * No tree is built: one pass, linear time, memory bounded by max. Never fails. Comments vanish
 * without a trace (V<!-- x -->iagra is one word); inline tags do too, block tags become line ends;
 * text inside script, style, title and head's other elements, and text that is set invisible
 * (display:none, visibility:hidden, font-size 0 or 1, hidden, white while no other background was
 * set), is left out of text and put into hidden.
 *
 * Source: HTML Living Standard, 13.2.5 (tokenization), simplified.
 */
#ifndef SHOVELER_HTML_H
#define SHOVELER_HTML_H

#include "span.h"
#include "strbuf.h"

struct html_text {
	struct strbuf text;   /* visible text, UTF-8 */
	struct strbuf hidden; /* invisible text (not scripts and styles) */
	struct strbuf links;  /* values of href, src, action, background: one a line */
	struct strbuf tags;   /* "name" and "name attribute" of start tags: one a line */
};

#define HTML_TEXT_INIT                                                                             \
	{                                                                                          \
		STRBUF_INIT, STRBUF_INIT, STRBUF_INIT, STRBUF_INIT                                 \
	}

/* html: valid UTF-8. Appends at most max bytes to each buffer. */
void html_strip(struct html_text *out, struct span html, size_t max);
void html_text_free(struct html_text *text);

#endif

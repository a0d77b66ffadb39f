/*
 * HTML to text: what a reader sees, and the titles, alternative texts and link
 * targets that he could see.  A tokenizer, no tree: total, linear, without
 * recursion; script and style are left out.
 */
#ifndef SP_INDEX_MAIL_DECODE_HTML_H
#define SP_INDEX_MAIL_DECODE_HTML_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

/* Append the text of ${html} (UTF-8).  False if the limit of ${out} cut it. */
bool sp_html_text(struct sp_view html, struct sp_buf *out);
/* The charset that a <meta> near the beginning names, or {NULL,0}. */
struct sp_view sp_html_charset(struct sp_view html);

#endif

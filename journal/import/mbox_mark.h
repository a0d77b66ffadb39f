/*
 * Whether a line of an mbox that begins with "From " begins a message, or is
 * text that somebody wrote.  No rule is always right, since programs write such
 * lines with and without a date, with and without an empty line before them,
 * and some do not quote them in text.  So the evidence is weighed: what stands
 * before the line, in it and behind it (doc/import.md, "mbox").
 *
 *	[empty line]
 *	From SENDER [DATE]	<- the line
 *	[>From ...]
 *	Name: value		<- must be a header field
 *	...			<- a header, up to an empty line
 *
 * Called by mbox_span.c for every line that begins with "From ".
 */
#ifndef SP_IMPORT_MBOX_MARK_H
#define SP_IMPORT_MBOX_MARK_H

#include "journal/import/mbox_file.h"

/* From "text" to "begins a message": the higher, the more speaks for it. */
enum sp_mbox_mark {
	SP_MBOX_MARK_NONE, /* text */
	SP_MBOX_MARK_UNLIKELY, /* rather text: to be told */
	SP_MBOX_MARK_WEAK, /* rather begins a message: to be told */
	SP_MBOX_MARK_STRONG, /* the same, and no length may hide it */
	SP_MBOX_MARK_SURE
};

/* How the From lines of a file look: as its first one. */
struct sp_mbox_style {
	bool dated;
	bool sentence; /* several words and no date */
	bool bare_cr; /* lines end at a CR alone */
};

/* The style of a file whose first From line is ${line}. */
struct sp_mbox_style sp_mbox_mark_style(const struct sp_mbox_line *line);

/*
 * Weigh the line at ${pos}, which begins with "From ".  ${blank}: it stands
 * behind an empty line, or at the beginning; ${after_cr}: the line before it
 * ends at a CR alone.  SP_EIO.
 */
SP_CHECK enum sp_code sp_mbox_mark_weigh(struct sp_mbox_file *m,
    const struct sp_mbox_style *style, uint64_t pos, bool blank, bool after_cr,
    enum sp_mbox_mark *out, struct sp_err *err);

/* Whether the line at ${pos} may begin a message where a Content-Length says
 * that one ends: it begins with "From ", and is followed by a header field,
 * or has a date and is followed by any text.  SP_EIO. */
SP_CHECK enum sp_code sp_mbox_mark_fits(
    struct sp_mbox_file *m, uint64_t pos, bool *fits, struct sp_err *err);

#endif

/*
 * Header fields of a message or part, one after the other, without copying.
 * Total and linear.  Line ends: LF, CRLF, CR CR LF, and a bare CR (RFC 7103
 * section 6); a message without any LF has bare CRs throughout.
 */
#ifndef SP_INDEX_MAIL_HEADER_H
#define SP_INDEX_MAIL_HEADER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

/* A header field, as views into the message. */
struct sp_field {
	struct sp_view name; /* without blanks before the colon */
	struct sp_view value; /* as it is, folds included, last line end not */
};

/* The reader; the flags say what was seen so far. */
struct sp_header {
	struct sp_view msg;
	size_t pos; /* of the next line; after the last field, of the body */
	size_t lf; /* of the next LF at or after pos */
	bool mac; /* no LF at all: CR ends a line */
	bool any; /* a field was seen */
	bool done;
	bool bare_cr; /* seen so far */
	bool junk; /* a line that is neither field nor continuation */
	bool unended; /* no empty line after the fields */
};

/* Begin to read the header of ${msg}, which must outlive ${f}.  ${top}: it is a
 * message, where the "From " line of an mbox may come first. */
void sp_header_init(struct sp_header *f, struct sp_view msg, bool top);
/* The next field.  False at the end; then f->pos is where the body begins. */
bool sp_header_next(struct sp_header *f, struct sp_field *out);

/* Append the value unfolded (RFC 5322 section 2.2.3): a line end and the blanks
 * after it become one space, blanks on both sides are dropped.  What is beyond
 * the limit of ${out} is cut. */
void sp_header_unfold(struct sp_view value, struct sp_buf *out);

#endif

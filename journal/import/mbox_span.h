/*
 * Where the messages of an mbox lie: a row of spans, each from a From line to
 * the next one (doc/import.md, "mbox").
 *
 *	start    from    body                end   next
 *	  |        | From  | header, blank,   |      |
 *	  | empty  | line  | text             | tail | From line of the next
 *	    lines                                      message
 *
 * What stands before the From line of a span is a byte order mark or empty
 * lines at the beginning of the file, or From lines behind which there is no
 * message.  Without a length that counts, end is next: the tail is still to be
 * cut from the message. import_mbox.c goes from span to span.
 */
#ifndef SP_IMPORT_MBOX_SPAN_H
#define SP_IMPORT_MBOX_SPAN_H

#include "journal/import/mbox_mark.h"

/* What is not certain of a span; bits. */
#define SP_MBOX_DOUBT_BEGIN 1u /* whether a message begins here */
#define SP_MBOX_DOUBT_END   2u /* whether it ends here */
#define SP_MBOX_DOUBT_TEXT  4u /* a line kept as text may begin another one */

struct sp_mbox_span { /* offsets in the file */
	uint64_t start; /* where the one before ends */
	uint64_t from; /* of the From line */
	uint64_t body; /* of the message, behind the From line */
	uint64_t end; /* of the message */
	uint64_t next; /* of the next span, or the file's size */
	bool by_length; /* ${end} by a Content-Length that fits */
	bool bad_length; /* has one Content-Length, which does not fit */
	unsigned doubt; /* SP_MBOX_DOUBT_* */
};

/* An mbox and how far it is read. */
struct sp_mbox {
	struct sp_mbox_file file;
	/* The same with a small window, for a look at where a length leads, so
	 * that the other window stays where the work is. */
	struct sp_mbox_file aside;
	struct sp_mbox_style style;
	uint64_t first; /* offset of the first From line */
};

/*
 * Open the mbox on ${fd} (the caller's) and look for its first From line,
 * behind a byte order mark and empty lines.  ${is}: it has one; else ${m} can
 * only be closed.  SP_EIO.  Needs sp_mbox_close if SP_OK.
 */
SP_CHECK enum sp_code sp_mbox_open(
    struct sp_mbox *m, int fd, bool *is, struct sp_err *err);
void sp_mbox_close(struct sp_mbox *m);

/*
 * Go to the next span: it starts at s->next (set ${s} to zeros for the first);
 * of the others only ${doubt} is read.  Call while s->next is less than the
 * file's size.  With ${use_length} a message ends by its Content-Length where
 * that fits.  s->body is the file's size where only From lines are left.
 * SP_EIO, also if the file became shorter meanwhile.
 */
SP_CHECK enum sp_code sp_mbox_span_next(struct sp_mbox *m, bool use_length,
    struct sp_mbox_span *s, struct sp_err *err);

/*
 * Whether every message has a Content-Length that fits, to the end of the
 * file, and none of them reaches over a From line: otherwise a length could
 * hide a message, which is for the operator to say (--as).  SP_EIO.
 */
SP_CHECK enum sp_code sp_mbox_span_lengths_fit(
    struct sp_mbox *m, bool *fit, struct sp_err *err);

#endif

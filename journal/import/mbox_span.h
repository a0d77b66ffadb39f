/*
 * Where the messages of an mbox lie: a row of spans, each from a From line to
 * the next one (doc/import.md, "mbox").
 *
 *	start    body                end   next
 *	  | From   | header, blank,   |      |
 *	  | line   | text             | tail | From line of the next message
 *
 * Without a length that counts, end is next: the tail is still to be cut from
 * the message.  The file is read through a window, so it may be of any size,
 * and so may its lines.  import_mbox.c goes from span to span.
 */
#ifndef SP_IMPORT_MBOX_SPAN_H
#define SP_IMPORT_MBOX_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define SP_MBOX_LINE_MAX ((size_t)8 << 10) /* bytes looked at of a line */
#define SP_MBOX_WINDOW	 (256u << 10) /* bytes read at a time */

/* The file, open for reading, and a window on it. */
struct sp_mbox_file {
	int fd; /* the caller's */
	uint64_t size;
	/* bytes [at, at + n) of the file */
	char *window;
	uint64_t at;
	size_t n;
};

struct sp_mbox_span { /* offsets in the file */
	uint64_t start; /* of the From line */
	uint64_t body; /* of the message, behind the From line */
	uint64_t end; /* of the message */
	uint64_t next; /* of the next From line, or the file's size */
	bool by_length; /* ${end} by a Content-Length that fits */
	bool bad_length; /* has one Content-Length, which does not fit */
};

/* SP_EIO.  Needs sp_mbox_file_done if SP_OK. */
SP_CHECK enum sp_code sp_mbox_file_init(
    struct sp_mbox_file *m, int fd, struct sp_err *err);
void sp_mbox_file_done(struct sp_mbox_file *m);

/*
 * Go to the next span: it starts at s->next (set it to 0 for the first); all
 * other members are only written.  Call while s->next is less than m->size.
 * With ${use_length} a message ends by its Content-Length where that fits.
 * SP_EIO.  If the file became shorter meanwhile, then s->next <= s->start.
 */
SP_CHECK enum sp_code sp_mbox_span_next(struct sp_mbox_file *m, bool use_length,
    struct sp_mbox_span *s, struct sp_err *err);

/*
 * Whether every message has a Content-Length that fits, to the end of the
 * file, and none of them reaches over a From line: otherwise a length could
 * hide a message, which is for the operator to say (--as).  SP_EIO.
 */
SP_CHECK enum sp_code sp_mbox_lengths_fit(
    struct sp_mbox_file *m, bool *fit, struct sp_err *err);

#endif

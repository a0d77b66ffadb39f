/*
 * An mbox as a row of lines, read through a window, so that the file may be of
 * any size, and so may its lines.  A line ends at LF, at CR LF (also with more
 * CRs before the LF), or at a CR alone, as old Macs wrote; files that were put
 * together from several have several of them.
 *
 * import_mbox.c opens it, mbox_span.c and mbox_mark.c read the lines.
 */
#ifndef SP_IMPORT_MBOX_FILE_H
#define SP_IMPORT_MBOX_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

#define SP_MBOX_LINE_MAX ((size_t)8 << 10) /* bytes looked at of a line */
#define SP_MBOX_WINDOW	 (256u << 10) /* bytes read at a time */

/* The file, open for reading, and a window on it. */
struct sp_mbox_file {
	int fd; /* the caller's */
	uint64_t size;
	/* bytes [at, at + n) of the file */
	char *window;
	size_t room; /* of the window */
	uint64_t at;
	size_t n;
	char *head; /* of a line that is longer than the window */
};

struct sp_mbox_line {
	/* Without its end, at most SP_MBOX_LINE_MAX of it; borrowed until the
	 * next call that reads the file. */
	struct sp_view text;
	uint64_t end; /* offset of its end */
	uint64_t next; /* offset behind its end: of the next line */
	bool bare_cr; /* it ends at a CR alone */
};

/* With a window of ${room} bytes, at least twice SP_MBOX_LINE_MAX.  SP_EIO.
 * Needs sp_mbox_file_done if SP_OK. */
SP_CHECK enum sp_code sp_mbox_file_init(
    struct sp_mbox_file *m, int fd, size_t room, struct sp_err *err);
void sp_mbox_file_done(struct sp_mbox_file *m);

/* The line at ${pos}, which is less than m->size.  SP_EIO, also if the file
 * became shorter meanwhile. */
SP_CHECK enum sp_code sp_mbox_file_line(struct sp_mbox_file *m, uint64_t pos,
    struct sp_mbox_line *out, struct sp_err *err);

#endif

/*
 * Files in formats that large libraries read (containers, Outlook) are read by
 * a child process that may do nothing but read the one open file, compute, and
 * write to one socket: what hostile bytes do to a library ends there.
 *
 *   parent                                child
 *   sp_import_child_run --- fork ------>  work->open   (files can be opened)
 *     sp_import_in_read <== frames =====  the cage is shut
 *     im->item, im->failed                work->run    (sp_import_out_*)
 *     crash: report, once more behind it
 *
 * The readers are import_container.c and import_pst.c; the frames are drawn in
 * import_out.h.
 */
#ifndef SP_IMPORT_IMPORT_CHILD_H
#define SP_IMPORT_IMPORT_CHILD_H

#include "journal/import/import_out.h"

/* What the child does with the file open on ${fd}, which is its own. */
struct sp_import_child_work {
	/* Before the cage is shut, while files can still be opened; NULL where
	 * nothing needs that.  The result goes to ${run}; NULL: it has said by
	 * itself why not (sp_import_out_failed, sp_import_out_done), and the
	 * work is over. */
	void *(*open)(struct sp_import_out *o, int fd);
	/* Read the file of ${size} bytes, beginning with item ${first}, and say
	 * what is in it; sp_import_out_done at its end.  The process ends then,
	 * and ${opened} with it. */
	void (*run)(struct sp_import_out *o, void *opened, int fd,
	    uint64_t size, uint64_t first);
	bool again; /* after a crash go on behind the item that did it */
	const char *kind; /* for ${kind} of struct sp_import_out */
};

/*
 * Run ${work} on ${fd} (stays the caller's) in a child and give what it says to
 * the callbacks of ${im}; each item begins as a copy of ${source}.  A crash, a
 * hang and a broken rule are a line for im->failed, and SP_OK; with ${again},
 * another child goes on behind the item (twenty times at most).  Else the code
 * of a callback, or SP_EIO where no child can be started.
 */
SP_CHECK enum sp_code sp_import_child_run(const struct sp_import *im, int fd,
    const struct sp_import_item *source,
    const struct sp_import_child_work *work, struct sp_err *err);

#endif

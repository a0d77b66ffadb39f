/*
 * Files in formats that large libraries read (containers, Outlook) are read by
 * a child process that may do nothing but read the one open file, compute and
 * write to one socket.  What comes out of it is frames, and as little trusted
 * as the file itself:
 *
 *	type (1 byte)  length (4 bytes, little-endian)  payload
 *
 *	M  a message begins: {"member","kind","extra","flags","date"}
 *	D  bytes of it
 *	E  it is complete
 *	X  it is not to be taken: MEMBER NUL WHY
 *	F  MEMBER NUL WHY: mail that could not be read
 *	N  MEMBER: not mail
 *	I  the number of the item in work (8 bytes): where to go on after a
 *	   crash
 *	Q  the end of the file was reached
 */
#ifndef SP_IMPORT_IMPORT_CHILD_H
#define SP_IMPORT_IMPORT_CHILD_H

#include "journal/import/import.h"

#define SP_FRAME_MAX (64u << 10)

/* ---- in the child ---- */

struct sp_out {
	int fd;
	bool broken; /* nobody listens any more */
	uint64_t bytes; /* of messages, so far */
	uint64_t max_message;
};

/* kind: "eml", "mbox", "mail" (one of both), or "file" (SP_AS_EXPORT).  ${extra} (members, no braces), ${date}: may be empty. */
void sp_out_begin(struct sp_out *o, const char *member, const char *kind,
    struct sp_view extra, const char *const *flags, size_t nflags,
    struct sp_view date);
void sp_out_data(struct sp_out *o, const void *p, size_t n);
void sp_out_end(struct sp_out *o);
/* Instead of sp_out_end. */
void sp_out_cut(struct sp_out *o, const char *member, const char *why);
void sp_out_failed(struct sp_out *o, const char *member, const char *why);
void sp_out_not_mail(struct sp_out *o, const char *member);
void sp_out_item(struct sp_out *o, uint64_t number);
void sp_out_done(struct sp_out *o);

/* What the child does with the file open on ${fd}; ${first}: the number of the
 * item to begin with. */
struct sp_child_work {
	/* Before the cage is shut (files can still be opened); NULL is fine.
	 * NULL from it: said by itself why not, the work is over. */
	void *(*open)(struct sp_out *o, int fd);
	void (*run)(struct sp_out *o, void *opened, int fd, uint64_t size,
	    uint64_t first);
	bool again; /* after a crash go on behind the item that did it */
};

/* ---- in the parent ---- */

/*
 * Run ${work} on ${fd} and hand on what it gives.  A crash, a hang and a
 * broken rule are a line for im->failed, and SP_OK; see ${again}.
 */
SP_CHECK enum sp_code sp_child_run(const struct sp_import *im, int fd,
    const struct sp_import_item *of, const struct sp_child_work *work,
    struct sp_err *err);

#endif

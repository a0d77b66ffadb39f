/*
 * The parent's side of the socket: reads the frames of a child that reads a
 * file (import_out.h draws them) and gives what they hold to the callbacks of
 * the walk.  A child may have been taken over by the file that it reads, so
 * nothing of it is believed: lengths are bounded, kinds and flags are known
 * words, and a frame out of order ends it.
 *
 *	          BEGIN              DATA
 *	 [none] ---------> [message] ----> [message]
 *	    ^                  | END: im->item, or the mbox reader
 *	    '------------------+ CUT: dropped, im->failed
 *
 * import_child.c starts the children and calls sp_import_in_read().
 */
#ifndef SP_IMPORT_IMPORT_IN_H
#define SP_IMPORT_IMPORT_IN_H

#include "base/buf.h"
#include "base/json.h"
#include "journal/import/import.h"

struct sp_import_in {
	/* borrowed */
	const struct sp_import *im;
	const struct sp_import_item *source; /* what each item begins as */
	/* the frame in hand */
	int sock;
	struct sp_buf payload;
	/* the message in work */
	json_t *meta; /* the payload of BEGIN; NULL: none is in work */
	char *member; /* its name in the file, any bytes; owned */
	struct sp_buf msg; /* its bytes, where its kind is "eml" */
	int spool; /* a file of its bytes, for the other kinds; or -1 */
	uint64_t spooled; /* bytes in it */
	bool too_large; /* beyond the limit; the rest is dropped */
	/* what became of this child */
	uint64_t item; /* the last number of ITEM, with ${has_item} */
	bool has_item;
	bool done; /* DONE came */
	const char *broken; /* the rule that it broke, or NULL; static text */
};

/* ${in} is the caller's; sp_import_in_done in any case. */
void sp_import_in_init(struct sp_import_in *in, const struct sp_import *im,
    const struct sp_import_item *source);
void sp_import_in_done(struct sp_import_in *in);

/* Make ready for another child, which speaks on ${sock} (the caller's): a
 * message in work is dropped, ${item} stays. */
void sp_import_in_begin(struct sp_import_in *in, int sock);
/*
 * Read frames until DONE, the end of the socket, or a broken rule (silence is
 * one): see ${done} and ${broken}, neither of which is an error.  Else the code
 * of a callback, or SP_EIO and SP_ENOSPC for the temporary file.
 */
SP_CHECK enum sp_code sp_import_in_read(
    struct sp_import_in *in, struct sp_err *err);

#endif

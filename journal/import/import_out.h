/*
 * What the child process (import_child.c) says to its parent, and how it says
 * it: frames on a socket.  The readers of containers and Outlook files write
 * them with the functions below; import_in.c reads them in the parent, and
 * trusts them as little as the file itself.
 *
 *	type (1 byte)  length (4 bytes, little-endian)  payload
 *
 *	M  a message begins: {"member","kind","extra","flags","date"}
 *	D  bytes of it
 *	E  it is complete
 *	X  it is not to be taken: MEMBER NUL WHY
 *	F  MEMBER NUL WHY: mail that could not be read
 *	N  MEMBER NUL KIND: not mail; KIND as sp_import_kind_name() calls it
 *	I  the number of the item in work (8 bytes, little-endian): where to go
 *	   on after a crash
 *	Q  the end of the file was reached
 *
 *	(I? (M D* (E | X) | F | N))* Q
 *
 * No function fails: once the parent is gone, ${broken} is set and nothing
 * more is sent.
 */
#ifndef SP_IMPORT_IMPORT_OUT_H
#define SP_IMPORT_IMPORT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "journal/import/import.h"
#include "journal/import/import_kind.h"

#define SP_IMPORT_FRAME_MAX  (64u << 10) /* bytes of a payload */
#define SP_IMPORT_FRAME_HEAD 5u /* bytes before it: type and length */

enum sp_import_frame {
	SP_IMPORT_FRAME_BEGIN = 'M',
	SP_IMPORT_FRAME_DATA = 'D',
	SP_IMPORT_FRAME_END = 'E',
	SP_IMPORT_FRAME_CUT = 'X',
	SP_IMPORT_FRAME_FAILED = 'F',
	SP_IMPORT_FRAME_NOT_MAIL = 'N',
	SP_IMPORT_FRAME_ITEM = 'I',
	SP_IMPORT_FRAME_DONE = 'Q'
};

struct sp_import_out {
	int fd; /* the socket */
	bool broken; /* nobody listens any more: stop reading */
	/* of the walk, for the readers */
	uint64_t max_message; /* bytes */
	enum sp_import_as as;
	const char *kind; /* of a file that is only compressed, as ${kind} of
			   * sp_import_out_begin; NULL: a container */
};

/*
 * A message begins.  ${kind}: "eml", "emlx", "dbox", "mbox", "mail" (one of
 * these or none, the parent looks at the first bytes), or "file" (not mail, but
 * wanted: SP_IMPORT_AS_EXPORT). ${extra}: more members of "source", JSON without
 * braces; may be empty. ${date}: RFC 3339, may be empty.  Too long a name or
 * ${extra}: the parent refuses the message and stops the child.
 */
void sp_import_out_begin(struct sp_import_out *o, const char *member,
    const char *kind, struct sp_view extra, const char *const *flags,
    size_t nflags, struct sp_view date);
/* More bytes of the message that began, any number. */
void sp_import_out_data(struct sp_import_out *o, const void *p, size_t n);
/* The message is complete. */
void sp_import_out_end(struct sp_import_out *o);
/* Instead of sp_import_out_end: what came of it is dropped, and reported. */
void sp_import_out_cut(
    struct sp_import_out *o, const char *member, const char *why);
/* Mail that could not be read; not between begin and end. */
void sp_import_out_failed(
    struct sp_import_out *o, const char *member, const char *why);
/* A thing that is not mail, but ${kind}; counted. */
void sp_import_out_not_mail(
    struct sp_import_out *o, const char *member, enum sp_import_kind kind);
/* Item ${number} is taken in hand; after a crash another child goes on behind
 * it (see sp_import_child_work). */
void sp_import_out_item(struct sp_import_out *o, uint64_t number);
/* All of the file was read; without it, the parent reports a crash. */
void sp_import_out_done(struct sp_import_out *o);

#endif

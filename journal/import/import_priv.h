/*
 * Private to journal/import: what its files share.  The walk (import.c) finds
 * a file and calls one reader of it; the readers call im->item.
 */
#ifndef SP_IMPORT_IMPORT_PRIV_H
#define SP_IMPORT_IMPORT_PRIV_H

#include "base/buf.h"
#include "journal/import/import.h"

#define SP_IMPORT_BOM	    "\357\273\277" /* byte order mark, UTF-8 */
#define SP_IMPORT_DATE_MAX  32 /* bytes of a date, NUL included */
#define SP_IMPORT_EXTRA_MAX ((size_t)256 << 10) /* of an item's ${extra} */

/* ---- import_item.c: small things that all readers need ------------------- */

/* Whether ${name} ends with ${suffix} (ASCII case ignored) and has something
 * before it. */
bool sp_import_ends_with(const char *name, const char *suffix);
/* Open an unnamed temporary file in ${TMPDIR}, else in /tmp, for what has to
 * be read twice.  The caller closes ${fd}.  SP_EIO, SP_ENOSPC. */
SP_CHECK enum sp_code sp_import_tmpfile(int *fd, struct sp_err *err);

/* ---- import_facts.c ------------------------------------------------------ */

/*
 * Append to ${out} the members of "source" that a file of one message gives by
 * its place and header: with ${in_maildir} folder, name and flags, where
 * ${path} lies in "cur" or "new"; with ${from_piler} the recipients that Piler
 * noted at the top of ${msg}.  A comma comes first if ${out} is not empty.
 * SP_ELIMIT: ${out} has no room, and what it holds then is of no use.
 */
SP_CHECK enum sp_code sp_import_facts(const char *path, bool in_maildir,
    bool from_piler, struct sp_view msg, struct sp_buf *out);

/* ---- import_mbox.c, import_from.c: an mbox ------------------------------- */

/*
 * Read the mbox open on ${fd}, in the dialect ${as} (SP_IMPORT_AS_MBOX and
 * SP_IMPORT_AS_DETECT: find out): each message to im->item, as a copy of
 * ${source} (path, digest, member) with what the mbox adds.  SP_EIO: it cannot
 * be read, or changes meanwhile; SP_ELIMIT: a From line that no record holds;
 * else the code of the callback.  A file that is no mbox, or has no message, is
 * reported; an empty one is not.
 */
SP_CHECK enum sp_code sp_import_mbox(const struct sp_import *im, int fd,
    const struct sp_import_item *source, enum sp_import_as as,
    struct sp_err *err);
/* Whether a file with these ${first} bytes is an mbox: a byte order mark and
 * empty lines, where there are any, and then "From ". */
bool sp_import_begins_mbox(struct sp_view first);
/* Whether ${line} (without its end) is a From line with a date: "From ", a
 * sender (any words), and a date from the name of the day to the year (RFC
 * 4155, and the variations with a zone, a comma or the day before the month),
 * or one of ISO 8601. */
bool sp_import_is_from_line(struct sp_view line);
/* The date of such a line, RFC 3339; false where there is none, or where its
 * zone is only a name. */
bool sp_import_from_date(struct sp_view line, char out[SP_IMPORT_DATE_MAX]);

/* ---- import_container.c, import_pst.c: in a child process ---------------- */

/* By the ending of the name. */
bool sp_import_is_container(const char *name);
bool sp_import_is_pst(const char *name);
/* Read the Outlook file open on ${fd}, as sp_import_container. */
SP_CHECK enum sp_code sp_import_pst(const struct sp_import *im, int fd,
    const struct sp_import_item *source, struct sp_err *err);

#endif

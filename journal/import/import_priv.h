/*
 * Private to journal/import: what its files share.  The walk (import.c) finds
 * a file and calls one reader of it; the readers call im->item.
 */
#ifndef SP_IMPORT_IMPORT_PRIV_H
#define SP_IMPORT_IMPORT_PRIV_H

#include "base/buf.h"
#include "journal/import/import.h"
#include "journal/import/import_kind.h"

#define SP_IMPORT_BOM	    "\357\273\277" /* byte order mark, UTF-8 */
#define SP_IMPORT_DATE_MAX  32 /* bytes of a date, NUL included */
#define SP_IMPORT_EXTRA_MAX ((size_t)256 << 10) /* of an item's ${extra} */

#define SP_IMPORT_NO_NAME \
	"data" /* the member of a file that is only compressed */

/* ---- import_item.c: small things that all readers need ------------------- */

/* Whether ${name} ends with ${suffix} (ASCII case ignored) and has something
 * before it. */
bool sp_import_ends_with(const char *name, const char *suffix);
/* Open an unnamed temporary file in ${TMPDIR}, else in /tmp, for what has to
 * be read twice.  The caller closes ${fd}.  SP_EIO, SP_ENOSPC. */
SP_CHECK enum sp_code sp_import_tmpfile(int *fd, struct sp_err *err);
/* Call im->note, where there is one: a word on what was taken from ${path} (and
 * ${member}, may be NULL). */
void sp_import_note(const struct sp_import *im, const char *path,
    const char *member, const char *what);
/* Append the JSON members ${more} to ${extra}, with a comma between.
 * SP_ELIMIT. */
SP_CHECK enum sp_code sp_import_add_facts(
    struct sp_buf *extra, struct sp_view more);

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

/* ---- import_single.c: a file of one message ------------------------------ */

/*
 * Give the message in ${bytes}, which are all of a file of ${kind} (a message,
 * emlx or dbox) at ${place}, to im->item.  ${item} has its path, digest,
 * member, and what is known of it so far.  What cannot be read is reported,
 * and is no error; else the code of the callback.
 */
SP_CHECK enum sp_code sp_import_single(const struct sp_import *im,
    struct sp_import_item *item, enum sp_import_kind kind,
    const struct sp_import_place *place, struct sp_view bytes,
    struct sp_err *err);

/* ---- import_eudora.c: an mbox with what its program is known for --------- */

/* Read the mbox open on ${fd} in the dialect of im->as, as sp_import_mbox. */
SP_CHECK enum sp_code sp_import_mbox_file(const struct sp_import *im, int fd,
    const struct sp_import_item *source, struct sp_err *err);

/* ---- import_file.c: any file --------------------------------------------- */

/* Read the file open on ${fd}, which lies at ${place}, by the reader of its
 * kind.  What cannot be read or is refused is reported.  Codes as
 * sp_import_path. */
SP_CHECK enum sp_code sp_import_file(const struct sp_import *im, int fd,
    const struct sp_import_place *place, struct sp_err *err);

/* ---- import_walk.c: folders ---------------------------------------------- */

/* Open the regular file at ${path} for reading; false, and reported, where that
 * fails.  ${follow}: a link, too. */
bool sp_import_walk_open(
    const struct sp_import *im, const char *path, bool follow, int *fd);
/* Read the folder at ${path} and all below it; with SP_IMPORT_AS_MAILDIR only
 * "cur" and "new" of it.  Codes as sp_import_path. */
SP_CHECK enum sp_code sp_import_walk(
    const struct sp_import *im, const char *path, struct sp_err *err);

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

/* By the ending of the name: an archive of files, compressed or not. */
bool sp_import_is_container(const char *name);
bool sp_import_is_pst(const char *name);
/* Read the file open on ${fd}, which is only compressed, as sp_import_container.
 * ${kind}: what is in it, as in sp_import_out_begin(). */
SP_CHECK enum sp_code sp_import_compressed(const struct sp_import *im, int fd,
    const struct sp_import_item *source, const char *kind, struct sp_err *err);
/* Read the Outlook file open on ${fd}, as sp_import_container. */
SP_CHECK enum sp_code sp_import_pst(const struct sp_import *im, int fd,
    const struct sp_import_item *source, struct sp_err *err);

#endif

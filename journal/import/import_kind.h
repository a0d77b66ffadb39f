/*
 * What a file is, by its name, its place and its first bytes: mail and in
 * which form, mail in a form that is not read (refused by name), or no mail.
 * Pure; the walk (import_walk.c), what the operator named (import.c), the child
 * that reads containers (import_container.c) and what comes out of it
 * (import_in.c) all ask here, so that a file means the same wherever it lies.
 * The rules are written in doc/import.md, "Folders".
 */
#ifndef SP_IMPORT_IMPORT_KIND_H
#define SP_IMPORT_IMPORT_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

#define SP_IMPORT_KIND_FIRST 4096 /* bytes of a file that decide */

enum sp_import_kind {
	/* mail */
	SP_IMPORT_KIND_MESSAGE, /* every byte is one message */
	SP_IMPORT_KIND_MBOX,
	SP_IMPORT_KIND_EMLX, /* Apple Mail: import_emlx.c */
	SP_IMPORT_KIND_DBOX, /* Dovecot sdbox: import_dbox.c */
	SP_IMPORT_KIND_COMPRESSED, /* one file of these, compressed alone */
	SP_IMPORT_KIND_CONTAINER, /* .zip, .7z, .tar, .tar.gz ... */
	SP_IMPORT_KIND_PST,
	/* mail, or named as if it were, that is not read: there is a reason */
	SP_IMPORT_KIND_REFUSED,
	/* not mail: counted */
	SP_IMPORT_KIND_INDEX, /* what a mail program keeps beside its mail */
	SP_IMPORT_KIND_ATTACHMENT, /* kept by it outside the message */
	SP_IMPORT_KIND_REMOVED, /* a message marked as removed (MH) */
	SP_IMPORT_KIND_TEXT, /* looks like a message; its name says no */
	SP_IMPORT_KIND_EMPTY,
	SP_IMPORT_KIND_LINK,
	SP_IMPORT_KIND_SPECIAL, /* a pipe, a socket, a device */
	SP_IMPORT_KIND_ITEM, /* of an Outlook file: a contact, a task ... */
	SP_IMPORT_KIND_OTHER
};
#define SP_IMPORT_KINDS ((size_t)SP_IMPORT_KIND_OTHER + 1)

/* Where a file lies. */
struct sp_import_place {
	const char *path; /* its last part is the name; "-": standard input */
	bool part; /* in "cur" or "new": the record says of which Maildir */
	bool maildir; /* and that is a whole one: every file is a message */
	bool spool; /* in a folder that MH or Cyrus marked as theirs */
	bool indexed; /* NAME.msf lies beside it: NAME is a mailbox's name */
	bool named; /* the operator named this file, not a folder of it */
};

/*
 * The kind of the file at ${place} that begins with ${first}: all of it, or
 * SP_IMPORT_KIND_FIRST bytes.  ${why}: the reason of SP_IMPORT_KIND_REFUSED,
 * static text, else of no meaning.
 */
enum sp_import_kind sp_import_kind_of(const struct sp_import_place *place,
    struct sp_view first, const char **why);

/* "3 other files, 1 links (not followed)": those of ${counts} (by kind) that are
 * not 0; malloc'ed. */
char *sp_import_kind_list(const uint64_t counts[SP_IMPORT_KINDS]);
/* What a count of such things is called: "mailbox indexes"; static text. */
const char *sp_import_kind_name(enum sp_import_kind kind);
/* The kind that is called ${name}; SP_IMPORT_KIND_OTHER for an unknown one. */
enum sp_import_kind sp_import_kind_named(const char *name);

/* Whether the name alone says that it is an index of a mail program. */
bool sp_import_kind_is_index(const char *name);
/* ${name} without the ending of a compression; NULL where it has none.
 * malloc'ed. */
char *sp_import_kind_uncompressed(const char *name);
/* Whether ${name} is that of one compressed file (.eml.gz), and not of a
 * compressed archive (.tar.gz). */
bool sp_import_kind_is_compressed(const char *name);
/* How ${first} is compressed ("gzip", "bzip2", "xz", "zstd", "lz4"), static
 * text; NULL where it is not. */
const char *sp_import_kind_compression(struct sp_view first);
/* What is expected in the compressed file at ${place}, as a kind of
 * sp_import_out_begin(): "eml", "mbox", or "mail" where only its bytes can
 * tell. */
const char *sp_import_kind_packed(const struct sp_import_place *place);
/* The kind of sp_import_out_begin() for mail of ${kind} (a message, mbox, emlx
 * or dbox). */
const char *sp_import_kind_frame(enum sp_import_kind kind);
/* Whether ${first} begins an mbox: a From line, perhaps behind a byte order
 * mark and empty lines, and then a header field, or an empty line where the
 * From line has a whole date. */
bool sp_import_kind_is_mbox(struct sp_view first);
/* The last part of ${path}, in it. */
const char *sp_import_kind_base(const char *path);

#endif

/*
 * Reading mail from files: .eml, mbox, Maildir, trees, containers and Outlook
 * files of them.  Streams; one message is in memory at a time, at most
 * ${max_message} bytes.  Reads only; what becomes of a message is the
 * callback's business.  What becomes the message's bytes in each case:
 * doc/import.md.
 */
#ifndef SP_IMPORT_IMPORT_H
#define SP_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/view.h"

#define SP_IMPORT_DATE_MAX 32
#define SP_IMPORT_FLAGS	   4

enum sp_import_as {
	SP_AS_DETECT, /* by name, then by the first bytes */
	SP_AS_EML,
	SP_AS_MBOX, /* dialect found out */
	SP_AS_MBOXO,
	SP_AS_MBOXRD,
	SP_AS_MBOXCL,
	SP_AS_MBOXCL2,
	SP_AS_MAILDIR,
	SP_AS_PST,
	SP_AS_PILER, /* what pilerexport wrote: .eml with X-Piler-Envelope-To */
	SP_AS_EXPORT /* of a Sealpost archive, in a container */
};

struct sp_import_item { /* borrowed for the call */
	struct sp_view msg; /* every byte */
	const char *path; /* the file, "-" for standard input */
	const uint8_t *file_sha256;
	const char *member; /* its name in a container, or NULL */
	uint64_t offset; /* in the file or member: of an mbox's From line */
	bool mbox; /* from an mbox: */
	struct sp_view from_line; /* with its line end */
	bool quoted; /* has lines that may be quoted From lines */
	struct sp_view extra; /* more members of "source", JSON, no braces */
	struct sp_view origin_date; /* RFC 3339, or empty */
	const char *flags[SP_IMPORT_FLAGS]; /* static text */
	size_t nflags;
};

struct sp_import {
	enum sp_import_as as;
	uint64_t max_message;
	/* Anything but SP_OK ends the walk with that code. */
	enum sp_code (*item)(
	    void *ctx, const struct sp_import_item *item, struct sp_err *err);
	/* SP_AS_EXPORT: records.jsonl; the fd is the walk's. */
	enum sp_code (*file)(void *ctx, int fd, struct sp_err *err);
	/* Mail that could not be read, and why. */
	void (*failed)(void *ctx, const char *path, const char *why);
	/* A file in a tree, or a thing in a file, that is not mail. */
	void (*not_mail)(void *ctx, const char *path);
	void *ctx;
};

/* One path: a file, a Maildir, a tree, or "-". */
SP_CHECK enum sp_code sp_import_path(
    const struct sp_import *im, const char *path, struct sp_err *err);

/* ---- between the files of the room ---------------------------------- */

/* "PATH:MEMBER" with what would disturb a terminal replaced. */
void sp_import_failed(const struct sp_import *im, const char *path,
    const char *member, const char *why);

/* SHA-256 of the file at ${path}. */
SP_CHECK enum sp_code sp_import_digest(
    const char *path, uint8_t out[SP_SHA256_LEN], struct sp_err *err);

bool sp_import_ends_with(const char *name, const char *suffix);
/* An mbox open on ${fd}: each message to im->item.  ${of}: path, digest and
 * member that every item gets. */
SP_CHECK enum sp_code sp_import_mbox(const struct sp_import *im, int fd,
    const struct sp_import_item *of, enum sp_import_as as, struct sp_err *err);
/* Whether a line (without its end) separates mbox messages: "From ", a sender
 * (any words), and a date from the name of the day to the year (RFC 4155, and
 * the variations with a zone, a comma or the day before the month). */
bool sp_import_is_from_line(struct sp_view line);
/* The date of such a line, RFC 3339; false where its zone is only a name. */
bool sp_import_from_date(struct sp_view line, char out[SP_IMPORT_DATE_MAX]);

/* Facts of a single-message file by its name and place: folder and flags of a
 * Maildir ("cur", "new" as the last folder), and with ${piler} the recipients
 * that Piler noted in the header.  Members of "source" appended to ${out}. */
SP_CHECK enum sp_code sp_import_facts(const char *path, bool maildir,
    bool piler, struct sp_view msg, struct sp_buf *out);

/* A container or Outlook file open on ${fd}, read in a child process. */
bool sp_import_is_container(const char *name);
bool sp_import_is_pst(const char *name);
SP_CHECK enum sp_code sp_import_container(const struct sp_import *im, int fd,
    const struct sp_import_item *of, struct sp_err *err);
SP_CHECK enum sp_code sp_import_pst(const struct sp_import *im, int fd,
    const struct sp_import_item *of, struct sp_err *err);

#endif

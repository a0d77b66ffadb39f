/*
 * Reading mail from files for `sealpost import`: .eml files, mboxes, Maildirs,
 * trees of them, containers and Outlook files.
 *
 * app/cmd/cmd_import.c calls sp_import_path() for each path that the operator
 * names.  Every message found comes back by the callback ${item} together with
 * the place where it lay; what cannot be read comes by ${failed}.  Appending
 * to the log is the callback's business: nothing is written here but unnamed
 * temporary files.  Files are streamed; one message is in memory at a time, of
 * at most ${max_message} bytes.  Which bytes of each kind of source become the
 * message: doc/import.md.
 */
#ifndef SP_IMPORT_IMPORT_H
#define SP_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/view.h"

#define SP_IMPORT_FLAGS 4

/* What the operator says that a source is (--as). */
enum sp_import_as {
	SP_IMPORT_AS_DETECT, /* by name, then by the first bytes */
	SP_IMPORT_AS_EML,
	SP_IMPORT_AS_MBOX, /* dialect found out */
	SP_IMPORT_AS_MBOXO,
	SP_IMPORT_AS_MBOXRD,
	SP_IMPORT_AS_MBOXCL,
	SP_IMPORT_AS_MBOXCL2,
	SP_IMPORT_AS_MAILDIR,
	SP_IMPORT_AS_PST,
	SP_IMPORT_AS_PILER, /* of pilerexport: .eml, X-Piler-Envelope-To */
	SP_IMPORT_AS_EXPORT /* of a Sealpost archive, in a container */
};

/* One message and what is known of it.  All is borrowed for the call. */
struct sp_import_item {
	struct sp_view msg; /* every byte */
	/* where it lay: its place (doc/import.md) */
	const char *path; /* the file, "-" for standard input */
	const uint8_t *file_sha256; /* of all of the file */
	const char *member; /* its name in a container, or NULL */
	uint64_t offset; /* of its From line in an mbox, else 0 */
	/* what an mbox says of it */
	bool mbox; /* from an mbox: */
	struct sp_view from_line; /* with its line end */
	bool quoted; /* has lines that may be quoted From lines */
	bool boundary; /* where it begins or ends is in doubt */
	/* for the record */
	struct sp_view extra; /* more members of "source", JSON, no braces */
	struct sp_view origin_date; /* RFC 3339, or empty */
	const char *flags[SP_IMPORT_FLAGS]; /* static text */
	size_t nflags;
};

/* A walk: how to read, and where what is found goes. */
struct sp_import {
	enum sp_import_as as;
	uint64_t max_message; /* bytes; a larger one is ${failed} */
	/* A message.  Anything but SP_OK ends the walk with that code. */
	enum sp_code (*item)(
	    void *ctx, const struct sp_import_item *item, struct sp_err *err);
	/* records.jsonl of an export in a container (SP_IMPORT_AS_EXPORT), open
	 * on ${fd}, which is the walk's and closed behind the call; NULL where
	 * ${as} is another.  Anything but SP_OK ends the walk. */
	enum sp_code (*file)(void *ctx, int fd, struct sp_err *err);
	/* Mail that could not be read, and why; the walk goes on. */
	void (*failed)(void *ctx, const char *path, const char *why);
	/* A file in a folder, or a thing in a file, that is not mail.  ${kind}:
	 * what it is, as sp_import_kind_name() calls it (import_kind.h). */
	void (*not_mail)(void *ctx, const char *path, const char *kind);
	/* A word on mail that was taken: a part of it lies elsewhere.  May be
	 * NULL. */
	void (*note)(void *ctx, const char *path, const char *what);
	void *ctx; /* of all callbacks */
};

/*
 * Read ${path}: a file, a folder of any mail program and all below it, or "-"
 * for standard input.  Links within a folder are not followed.  SP_OK also
 * where parts could not be read, and where a folder or a container held no
 * mail (${failed} says what was there).  Else the code of a callback, SP_EIO
 * for a failed system call (a temporary file, the child process) and an mbox
 * that changes while it is read, or SP_ELIMIT for facts that no record holds.
 */
SP_CHECK enum sp_code sp_import_path(
    const struct sp_import *im, const char *path, struct sp_err *err);

/*
 * Read the container open on ${fd} (.zip, .7z, .tar, compressed or not) in a
 * child process.  Every item begins as a copy of ${source} (path and digest)
 * and gets the name of its member.  ${fd} stays the caller's.  Errors as
 * sp_import_path.
 */
SP_CHECK enum sp_code sp_import_container(const struct sp_import *im, int fd,
    const struct sp_import_item *source, struct sp_err *err);

/* Call im->failed for "PATH:MEMBER" (PATH where ${member} is NULL or empty)
 * with what would disturb a terminal replaced. */
void sp_import_failed(const struct sp_import *im, const char *path,
    const char *member, const char *why);

/* SHA-256 of the file at ${path}.  SP_ENOTFOUND, SP_EIO. */
SP_CHECK enum sp_code sp_import_digest(
    const char *path, uint8_t out[SP_SHA256_LEN], struct sp_err *err);

#endif

/*
 * Reading mail from files: .eml, mbox, Maildir, trees of them.  Streams; one
 * message is in memory at a time, at most ${max_message} bytes.  Reads only;
 * what becomes of a message is the callback's business.
 */
#ifndef SP_PULL_IMPORT_H
#define SP_PULL_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/view.h"

enum sp_import_as {
	SP_AS_DETECT, /* by name, then by the first bytes */
	SP_AS_EML,
	SP_AS_MBOX,
	SP_AS_MAILDIR
};

struct sp_import_item { /* borrowed for the call */
	struct sp_view msg; /* every byte */
	const char *path; /* the file, "-" for standard input */
	const uint8_t *file_sha256;
	bool mbox; /* from an mbox: */
	uint64_t offset; /* of its From line in the file */
	struct sp_view from_line; /* without the line end */
	bool quoted; /* has lines that begin with >From */
};

struct sp_import {
	enum sp_import_as as;
	uint64_t max_message;
	/* Anything but SP_OK ends the walk with that code. */
	enum sp_code (*item)(
	    void *ctx, const struct sp_import_item *item, struct sp_err *err);
	/* Mail that could not be read, and why. */
	void (*failed)(void *ctx, const char *path, const char *why);
	/* A file in a tree that is not mail. */
	void (*not_mail)(void *ctx, const char *path);
	void *ctx;
};

/* One path: a file, a Maildir, a tree, or "-". */
SP_CHECK enum sp_code sp_import_path(
    const struct sp_import *im, const char *path, struct sp_err *err);

/* ---- between the files of the room ---------------------------------- */

/* An mbox open on ${fd}: each message to im->item. */
SP_CHECK enum sp_code sp_import_mbox(const struct sp_import *im, int fd,
    const char *path, const uint8_t file_sha256[SP_SHA256_LEN],
    struct sp_err *err);
/* Whether a line (without its end) separates mbox messages: "From ", a sender
 * (any words), and a date from the name of the day to the year (RFC 4155, and
 * the variations with a zone, a comma or the day before the month). */
bool sp_import_is_from_line(struct sp_view line);

#endif

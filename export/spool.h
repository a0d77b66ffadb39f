/*
 * A text that may grow larger than memory: an unnamed temporary file with a
 * buffer in front.  Lines are collected in it while the entries of an export
 * are passed, and the whole becomes a file of the bag (sp_bag_add_spool()).
 */
#ifndef SP_EXPORT_SPOOL_H
#define SP_EXPORT_SPOOL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct sp_spool {
	int fd; /* -1: not begun */
	uint64_t size; /* bytes written to the file */
	struct sp_buf buf; /* bytes not yet written */
};

/* Begin an empty text in a temporary file of the folder ${dir}. */
SP_CHECK enum sp_code sp_spool_init(
    struct sp_spool *s, const char *dir, struct sp_err *err);

/* Append ${v}; SP_EIO, SP_ENOSPC: it could not be written. */
SP_CHECK enum sp_code sp_spool_add(
    struct sp_spool *s, struct sp_view v, struct sp_err *err);

/* Append ${v} and a line end. */
SP_CHECK enum sp_code sp_spool_line(
    struct sp_spool *s, struct sp_view v, struct sp_err *err);

/* Write what is still in memory; then fd and size are the whole text. */
SP_CHECK enum sp_code sp_spool_flush(struct sp_spool *s, struct sp_err *err);

void sp_spool_done(struct sp_spool *s); /* fd -1 is fine */

#endif

/* A text that may grow larger than memory: an unnamed temporary file. */
#ifndef SP_EXPORT_SPOOL_H
#define SP_EXPORT_SPOOL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct sp_spool {
	int fd;
	uint64_t size; /* bytes written to the file */
	struct sp_buf buf; /* bytes not yet written */
};

/* In ${dir}. */
SP_CHECK enum sp_code sp_spool_init(
    struct sp_spool *s, const char *dir, struct sp_err *err);
SP_CHECK enum sp_code sp_spool_add(
    struct sp_spool *s, struct sp_view v, struct sp_err *err);
/* The text and a line end. */
SP_CHECK enum sp_code sp_spool_line(
    struct sp_spool *s, struct sp_view v, struct sp_err *err);
/* Everything is in the file: fd and size may be read. */
SP_CHECK enum sp_code sp_spool_flush(struct sp_spool *s, struct sp_err *err);
void sp_spool_done(struct sp_spool *s);

#endif

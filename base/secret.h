/*
 * Secrets: passwords, client secrets, keys and tokens.  They live in buffers
 * that are made in one piece (growing would leave copies behind) and are
 * overwritten when they are freed.
 */
#ifndef SP_BASE_SECRET_H
#define SP_BASE_SECRET_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_SECRET_FILE_MAX 65536u

bool sp_secret_path_ok(const char *path);

/* ${b} is empty and holds up to ${max} bytes without moving. */
void sp_secret_init(struct sp_buf *b, size_t max);
/* Overwrite and free; b may be initialised again. */
void sp_secret_done(struct sp_buf *b);
/* Overwrite memory that is about to be freed by others. */
void sp_secret_wipe(void *p, size_t n);

/*
 * Read a file whole into ${out} (initialised here): an absolute path, or
 * "credential:NAME" for a file that systemd keeps for the service.  If it
 * is ${secret}, a file that anybody may read is SP_EKEY.  ${what} is named in messages.
 */
SP_CHECK enum sp_code sp_secret_file(const char *what, const char *path,
    bool secret, struct sp_buf *out, struct sp_err *err);
/* Cut the line end at its end; SP_EKEY if nothing is left, or more than one
 * line. */
SP_CHECK enum sp_code sp_secret_trim(
    const char *what, struct sp_buf *b, struct sp_err *err);

#endif

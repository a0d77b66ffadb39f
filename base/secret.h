/*
 * Secrets: passwords, client secrets, keys and tokens.  They live in buffers
 * that are allocated once, in one piece (growing would leave copies behind),
 * and that are overwritten before they are freed.  This is also the one way to
 * read a secret that the configuration names as a file.
 */
#ifndef SP_BASE_SECRET_H
#define SP_BASE_SECRET_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

#define SP_SECRET_FILE_MAX 65536u /* bytes of a file with one secret */

/* Make ${b} an empty buffer that holds up to ${max} bytes without moving.  If
 * there is no memory, every append fails. */
void sp_secret_init(struct sp_buf *b, size_t max);
/* Overwrite and free; ${b} may be initialised again. */
void sp_secret_done(struct sp_buf *b);
/* Overwrite ${n} bytes that are about to be freed or go out of scope. */
void sp_secret_wipe(void *p, size_t n);

/* Whether the configuration may name a secret as ${path}: an absolute path, or
 * "credential:NAME" for a file that systemd keeps for the service
 * (LoadCredential= in the unit; systemd.exec(5)). */
bool sp_secret_path_ok(const char *path);

/*
 * Read the file ${path}, which may be "credential:NAME", into ${out}, at most
 * ${max} bytes.  ${what} is the option that names it, for messages.  ${out} is
 * initialised in any case: free it with sp_secret_done, also after a failure,
 * when it is empty.  SP_EKEY if the file cannot be read, is no regular file or
 * too large, and with ${secret} if everybody on this host can read or change
 * it.
 */
SP_CHECK enum sp_code sp_secret_file(const char *what, const char *path,
    bool secret, size_t max, struct sp_buf *out, struct sp_err *err);
/*
 * Read a file that holds a secret alone, on one line, without the line's end;
 * otherwise as sp_secret_file.  SP_EKEY too if it is empty or has more lines.
 */
SP_CHECK enum sp_code sp_secret_line(
    const char *what, const char *path, struct sp_buf *out, struct sp_err *err);
/* Cut the line end off a secret that was read, with those checks. */
SP_CHECK enum sp_code sp_secret_trim(
    const char *what, struct sp_buf *b, struct sp_err *err);

#endif

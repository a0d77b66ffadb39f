/*
 * The refresh token of an account on disk: ARCHIVE/secrets/NAME.token, 0600,
 * in a directory that is 0700 (doc/format-archive.md, "Secrets").  It is always
 * replaced whole and durably.  Who uses a refresh token holds the account's
 * lock, so that two processes never use the same one: an answer may hold a new
 * one and make the old one worthless (RFC 6749 section 6).
 *
 * oauth.c and oauth_login.c read and replace it; `sealpost oauth status` shows
 * all but the token.
 */
#ifndef SP_OAUTH_OAUTH_STORE_H
#define SP_OAUTH_OAUTH_STORE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_OAUTH_STORE_MAX 65536u /* bytes of the file */

struct sp_oauth_stored {
	struct sp_buf refresh; /* secret */
	char *token_url, *client_id, *user; /* to whom it belongs */
	char *scope; /* "" where not known */
	int64_t obtained; /* us since 1970 */
};

/* ARCHIVE/secrets/NAME.token; malloc'ed. */
char *sp_oauth_store_path(const char *dir, const char *account);
/* Read the file at ${path}; ${out} needs sp_oauth_store_done if SP_OK.
 * SP_ENOTFOUND: there is none.  SP_EFORMAT: damage.  SP_ELIMIT, SP_EIO. */
SP_CHECK enum sp_code sp_oauth_store_load(
    const char *path, struct sp_oauth_stored *out, struct sp_err *err);
/* The same for its ${text}.  SP_EFORMAT; no message quotes the text. */
SP_CHECK enum sp_code sp_oauth_store_parse(
    struct sp_view text, struct sp_oauth_stored *out, struct sp_err *err);
/* Replace the file durably, its directory made if need be.  SP_ELIMIT, SP_EIO,
 * SP_ENOSPC, SP_ESYNC: the file is the old one or the new one, whole. */
SP_CHECK enum sp_code sp_oauth_store_save(
    const char *path, const struct sp_oauth_stored *in, struct sp_err *err);
/* Remove the file durably; a missing one is SP_OK. */
SP_CHECK enum sp_code sp_oauth_store_remove(
    const char *path, struct sp_err *err);
void sp_oauth_store_done(struct sp_oauth_stored *s); /* wipes */
/* Lock the account, whose token file is ${path}, waiting up to ${wait_ms}; the
 * directory is made.  The caller closes ${fd} to unlock.  SP_ELOCKED,
 * SP_EIO. */
SP_CHECK enum sp_code sp_oauth_store_lock(
    const char *path, int wait_ms, int *fd, struct sp_err *err);

#endif

/*
 * The refresh token of an account on disk: ARCHIVE/secrets/NAME.token, 0600,
 * in a directory that is 0700 (doc/format-archive.md).  It is always replaced
 * whole and durably.  Who spends a refresh token holds the account's lock, so
 * that two processes never spend the same one.
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
	int64_t obtained;
};

/* ARCHIVE/secrets/NAME.token; malloc'ed. */
char *sp_oauth_store_path(const char *dir, const char *account);
/* SP_ENOTFOUND: there is none.  SP_EFORMAT: damage.  Needs done if SP_OK. */
SP_CHECK enum sp_code sp_oauth_store_load(
    const char *path, struct sp_oauth_stored *out, struct sp_err *err);
SP_CHECK enum sp_code sp_oauth_store_parse(
    struct sp_view text, struct sp_oauth_stored *out, struct sp_err *err);
SP_CHECK enum sp_code sp_oauth_store_save(
    const char *path, const struct sp_oauth_stored *in, struct sp_err *err);
/* Missing is SP_OK. */
SP_CHECK enum sp_code sp_oauth_store_remove(
    const char *path, struct sp_err *err);
void sp_oauth_store_done(struct sp_oauth_stored *s); /* wipes */
/* Makes the directory.  Close ${fd} to let go. */
SP_CHECK enum sp_code sp_oauth_store_lock(
    const char *path, int wait_ms, int *fd, struct sp_err *err);

/*
 * What the last request came to, for `sealpost oauth status`: no secrets, may
 * be lost.  ARCHIVE/state/oauth/NAME.
 */
struct sp_oauth_state {
	int64_t asked; /* 0: never */
	int64_t expires; /* of the access token; 0: there is none */
	char why[600]; /* of a failure; "" */
};
void sp_oauth_state_save(
    const char *dir, const char *account, const struct sp_oauth_state *s);
/* Whatever cannot be read is as if it were not there. */
void sp_oauth_state_load(
    const char *dir, const char *account, struct sp_oauth_state *out);

#endif

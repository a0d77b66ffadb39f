/*
 * Passwords of the configuration: read from their files, kept by the pull
 * worker alone.  Where the service is started as root they are read before the
 * worker becomes the archive's account, so that their files can be root's.
 */
#ifndef SP_APP_HOST_PULL_SECRETS_H
#define SP_APP_HOST_PULL_SECRETS_H

#include "app/host/oauth_source.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"

#define SP_SECRET_MAX (64u << 10) /* bytes of a secret's file */

/* Append what is in the file ${where} (an absolute path or credential:NAME),
 * without one line end at its end.  SP_ECONFIG with what is wrong: not there,
 * empty, others may read it. */
SP_CHECK enum sp_code sp_secret_read(
    const char *where, struct sp_buf *out, struct sp_err *err);

/* The secrets of all pull sections, read at once. */
struct sp_secrets {
	size_t n;
	struct sp_secret { /* of cfg->pull[i] */
		struct sp_buf password;
		struct sp_err why; /* code SP_OK, or why there is none */
		struct sp_oauth_files oauth;
	} * of;
};
void sp_secrets_load(struct sp_secrets *s, const struct sp_config *cfg);
void sp_secrets_done(struct sp_secrets *s); /* wiped */
/* No core dumps and no other process of the account looking in. */
void sp_secret_guard_process(void);

#endif

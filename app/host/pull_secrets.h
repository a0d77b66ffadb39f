/*
 * The secrets of all pull sections: read at once, kept in the memory of the
 * process that logs in to mail servers, wiped at its end.  Where the service or
 * the command is started as root they are read before it becomes the archive's
 * account, so that their files can belong to root alone.
 */
#ifndef SP_APP_HOST_PULL_SECRETS_H
#define SP_APP_HOST_PULL_SECRETS_H

#include "app/host/oauth_source.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"

struct sp_pull_secrets {
	size_t n;
	struct sp_pull_secret { /* of cfg->pull[i] */
		struct sp_buf password; /* of password_file; empty without */
		struct sp_err why; /* code SP_OK, or why there is none */
		struct sp_oauth_files oauth;
	} * of;
};

/* Read the secrets of all pull sections of ${cfg}, whose strings must outlive
 * ${s}.  A file that cannot be read concerns its section alone: the error is
 * kept in ${why} and shows when that account logs in. */
void sp_pull_secrets_load(
    struct sp_pull_secrets *s, const struct sp_config *cfg);
void sp_pull_secrets_done(struct sp_pull_secrets *s); /* wiped */

/* Read the password file ${path} again and append what it holds to ${out}, for
 * tokens that another program renews.  SP_EKEY as sp_secret_line. */
SP_CHECK enum sp_code sp_pull_secrets_read(
    const char *path, struct sp_buf *out, struct sp_err *err);

/* No core dumps of this process, and no other process of the account may trace
 * it.  Call it again after the account was changed: setuid(2) undoes it. */
void sp_pull_secrets_guard_process(void);

#endif

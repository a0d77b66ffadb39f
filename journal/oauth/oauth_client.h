/*
 * The client (RFC 6749 section 2) that a request is made for: what the
 * configuration says of it, and its files (secret, key, certificate), read when
 * they are needed.
 */
#ifndef SP_OAUTH_OAUTH_CLIENT_H
#define SP_OAUTH_OAUTH_CLIENT_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"
#include "journal/oauth/oauth.h"

/* The option whose file is no secret. */
#define SP_OAUTH_CERTIFICATE "client_certificate"

struct sp_oauth_who { /* borrowed */
	const struct sp_oauth_conf *conf;
	const char *user; /* the mailbox */
	sp_oauth_read *read; /* NULL: sp_oauth_file */
	void *ctx; /* of read */
};

/* The file ${where} of option ${what}, whole, into ${out}, which is initialised
 * here in any case (sp_secret_done).  Errors as of sp_secret_file. */
SP_CHECK enum sp_code sp_oauth_client_file(const struct sp_oauth_who *who,
    const char *what, const char *where, struct sp_buf *out,
    struct sp_err *err);
/* Append the configured scopes to ${out}, blanks between (RFC 6749 section
 * 3.3).  SP_ELIMIT: no room. */
SP_CHECK enum sp_code sp_oauth_scope_text(
    const struct sp_oauth_conf *conf, struct sp_buf *out);

#endif

/*
 * The files and scopes of a client: see journal/oauth/oauth_client.h.  Used by
 * oauth_request.c (secret, scopes) and oauth_assertion.c (keys).  Where the
 * worker may not read the files, app/host/oauth_source.c gives a reader of what
 * was read at the start.
 */
#include "journal/oauth/oauth_client.h"

#include <string.h>

#include "base/secret.h"

enum sp_code
sp_oauth_file(
    const char *what, const char *where, struct sp_buf *out, struct sp_err *err)
{
	return (sp_secret_file(
	    what, where, strcmp(what, SP_OAUTH_CERTIFICATE) != 0,
	    SP_SECRET_FILE_MAX, out, err));
}

enum sp_code
sp_oauth_client_file(const struct sp_oauth_who *who, const char *what,
    const char *where, struct sp_buf *out, struct sp_err *err)
{
	if (who->read != NULL)
		return (who->read(who->ctx, what, where, out, err));
	return (sp_oauth_file(what, where, out, err));
}

enum sp_code
sp_oauth_scope_text(const struct sp_oauth_conf *conf, struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < conf->scopes.n; i++) {
		if (i > 0)
			rc = sp_buf_addc(out, ' ');
		if (rc == SP_OK)
			rc = sp_buf_adds(out, conf->scopes.v[i]);
	}
	return (rc);
}

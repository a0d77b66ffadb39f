/*
 * Assertions (RFC 7523): signed JSON web tokens by which a client proves who it
 * is, or a service account that it may act for a user.  Each is good for ten
 * minutes and made for one request; oauth_request.c sends it.
 */
#ifndef SP_OAUTH_OAUTH_ASSERTION_H
#define SP_OAUTH_OAUTH_ASSERTION_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "journal/oauth/oauth_client.h"

/*
 * Append to ${out} (secret) an assertion of the client's identity, instead of
 * its secret: signed with client_key, and naming client_certificate.  SP_EKEY:
 * a file does not hold what it must; SP_ELIMIT, SP_ECRYPTO, or the error of
 * reading a file.
 */
SP_CHECK enum sp_code sp_oauth_assertion_client(
    const struct sp_oauth_who *who, struct sp_buf *out, struct sp_err *err);

/*
 * Append to ${out} (secret) an assertion that a service account acts for
 * who->user, signed with the key in service_account_file (Google's JSON file,
 * or PEM).  ${url}: the endpoint that it is for, malloc'ed, if SP_OK.
 * SP_ECONFIG: the account or the endpoint is not known, or not https; else as
 * above.
 */
SP_CHECK enum sp_code sp_oauth_assertion_service(const struct sp_oauth_who *who,
    char **url, struct sp_buf *out, struct sp_err *err);

#endif

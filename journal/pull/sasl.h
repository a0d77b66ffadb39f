/*
 * Client side of SASL for POP3 and IMAP: the strings, no I/O.  All are base64
 * as they go over the wire, and secret: wipe them with sp_sasl_wipe.
 * PLAIN: RFC 4616; OAUTHBEARER: RFC 7628; XOAUTH2: as Google and Microsoft
 * document it.  pop3_login.c and imap_login.c send them.
 */
#ifndef SP_PULL_SASL_H
#define SP_PULL_SASL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_SASL_MAX (64u << 10) /* bytes of a response, before base64 */

/* Append the initial response.  SP_EUSAGE, nothing appended: the name or the
 * secret is empty, too long, or has a byte that the mechanism cannot carry. */
SP_CHECK enum sp_code sp_sasl_plain(struct sp_buf *out, struct sp_view user,
    struct sp_view password, struct sp_err *err);
SP_CHECK enum sp_code sp_sasl_xoauth2(struct sp_buf *out, struct sp_view user,
    struct sp_view token, struct sp_err *err);
/* The same; ${host} and ${port} are those of the server, port 0 is not sent. */
SP_CHECK enum sp_code sp_sasl_oauthbearer(struct sp_buf *out,
    struct sp_view user, struct sp_view token, const char *host, uint16_t port,
    struct sp_err *err);

/* What a server says in the challenge that announces a failure of XOAUTH2 or
 * OAUTHBEARER. */
enum sp_sasl_failure {
	SP_SASL_UNREADABLE, /* no such challenge */
	SP_SASL_TOKEN, /* expired or unknown: get a fresh one, try once more */
	SP_SASL_SCOPE, /* the token does not allow this: configuration */
	SP_SASL_REQUEST, /* the request is wrong, for instance the user */
	SP_SASL_OTHER
};
/* Read the challenge ${base64} (RFC 7628 section 3.2.2).  Its reason goes to
 * ${why} of ${size} bytes, one line without secrets; NULL: not wanted. */
enum sp_sasl_failure sp_sasl_failure(
    struct sp_view base64, char *why, size_t size);
/* What a client must answer to that challenge, without CRLF (RFC 7628 section
 * 3.2.3: a single 0x01). */
#define SP_SASL_DUMMY_OAUTHBEARER "AQ=="
#define SP_SASL_DUMMY_XOAUTH2	  ""

/* Overwrite and free the bytes of ${b}, which may be used again. */
void sp_sasl_wipe(struct sp_buf *b);

/* Whether a server's text repeats the secret: then it is not to be shown. */
bool sp_sasl_reveals_secret(struct sp_view text, struct sp_view secret);

#endif

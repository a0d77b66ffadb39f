/*
 * Forms: the bodies of requests to a token endpoint (RFC 6749 appendix B,
 * application/x-www-form-urlencoded), and the query of an authorization URL.
 * No I/O.
 */
#ifndef SP_OAUTH_OAUTH_FORM_H
#define SP_OAUTH_OAUTH_FORM_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

#define SP_OAUTH_FORM_MAX 65536u /* bytes of a request */

/* Append "&name=value", both escaped; the first without "&".  SP_ELIMIT: no
 * room, and what ${form} holds then is of no use. */
SP_CHECK enum sp_code sp_oauth_form_add(
    struct sp_buf *form, const char *name, struct sp_view value);
/* Append ${text} with all but the unreserved characters (RFC 3986 section 2.3)
 * as %XX.  SP_ELIMIT as above. */
SP_CHECK enum sp_code sp_oauth_escape(struct sp_buf *out, struct sp_view text);

#endif

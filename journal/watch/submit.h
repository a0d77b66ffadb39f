/*
 * Handing a mail of our own to the site's mail server (RFC 5321, 6409), over
 * libcurl: alarms and canaries, nothing else.  Blocking.
 */
#ifndef SP_WATCH_SUBMIT_H
#define SP_WATCH_SUBMIT_H

#include <stddef.h>

#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"
#include "base/view.h"

struct sp_submit_mail { /* borrowed for the call */
	const char *const *to; /* addresses */
	size_t nto;
	struct sp_view text; /* header and body, lines end in CR LF */
};

/*
 * Send it by the server of section submit, from cfg->submit_from.  The server
 * is verified wherever TLS is used.  SP_ECONFIG: the section is not there;
 * SP_EKEY: its password cannot be read; SP_EPERM: refused for good; SP_EAGAIN:
 * not now.
 */
SP_CHECK enum sp_code sp_submit(const struct sp_config *cfg,
    const struct sp_submit_mail *mail, struct sp_err *err);

/* The header of such a mail: From, To, Subject, Date (now), Message-ID (with
 * ${id} before this host's name; written to ${msgid} without <>, of
 * SP_SUBMIT_ID_MAX bytes), and the empty line.  Control bytes of ${subject}
 * become blanks; it is UTF-8. */
#define SP_SUBMIT_ID_MAX 320
SP_CHECK enum sp_code sp_submit_header(const struct sp_config *cfg,
    const struct sp_submit_mail *mail, const char *subject, const char *id,
    char msgid[SP_SUBMIT_ID_MAX], struct sp_buf *out);

#endif

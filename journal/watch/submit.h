/*
 * Hands a mail of our own to the site's mail server (RFC 5321, 6409), over
 * libcurl: alarms and canaries, nothing else.  Blocking, up to a minute.
 *
 * app/cmd/cmd_canary.c and the alarms of the service (app/service/outbox.c)
 * build a header with sp_submit_header(), a text behind it, and send both.
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
 * Send ${mail} by the server of section submit, from cfg->submit_from.  SP_OK:
 * the server took it.  The server is verified wherever TLS is used.  SP_ECONFIG:
 * the section is not there; SP_EPERM: refused for good (5xx); SP_EAGAIN: not now
 * (4xx, or no answer); or the error of reading the password.
 */
SP_CHECK enum sp_code sp_submit(const struct sp_config *cfg,
    const struct sp_submit_mail *mail, struct sp_err *err);

#define SP_SUBMIT_ID_MAX 320 /* bytes of a Message-ID, NUL included */

/* Append the header of such a mail to ${out}: From, To, ${subject}, Date (now),
 * Message-ID and the empty line.  The Message-ID is ${id} before this host's
 * name, and goes to ${msgid} without <>.  ${subject} is UTF-8, encoded where it
 * is not plain.  SP_ELIMIT: no room in ${out}. */
SP_CHECK enum sp_code sp_submit_header(const struct sp_config *cfg,
    const struct sp_submit_mail *mail, const char *subject, const char *id,
    char msgid[SP_SUBMIT_ID_MAX], struct sp_buf *out);

#endif

/*
 * Paths of MAIL and RCPT (RFC 5321 section 4.1.2, RFC 6531), and which
 * recipients a listener takes.  An address is what was sent, never normalised.
 * Any bytes give a struct or a result; no I/O.
 */
#ifndef SP_SMTP_MAILBOX_H
#define SP_SMTP_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

/* Bytes of an address.  RFC 5321 section 4.5.3.1.3: at least 256. */
#define SP_MAILBOX_MAX 1024

enum sp_mailbox_result {
	SP_MAILBOX_OK,
	SP_MAILBOX_SYNTAX, /* not a path */
	SP_MAILBOX_LONG, /* beyond SP_MAILBOX_MAX */
	SP_MAILBOX_NULL, /* <> */
	SP_MAILBOX_RAW8 /* bytes that are neither ASCII nor UTF-8 */
};

struct sp_mailbox {
	struct sp_view addr; /* without <> and source route */
	bool utf8; /* holds bytes beyond ASCII */
};

/*
 * Parse a path at the start of ${in}: "<...>", or without brackets up to a
 * blank.  What follows it goes to ${rest}.  ${out} and ${rest} point into ${in}
 * and are good for SP_MAILBOX_OK and SP_MAILBOX_NULL.  A mailbox without a
 * domain ("<postmaster>", "<import>") is one.
 */
enum sp_mailbox_result sp_mailbox_parse(
    struct sp_view in, struct sp_mailbox *out, struct sp_view *rest);
/* Whether ${addr} is one of ${list} ("addr", "@domain"), ASCII case aside.
 * postmaster is always (RFC 5321 section 4.5.1). */
bool sp_mailbox_listed(struct sp_view addr, char *const *list, size_t n);

#endif

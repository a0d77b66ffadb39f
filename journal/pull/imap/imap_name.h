/*
 * Names of mailboxes and strings of IMAP commands: modified UTF-7 (RFC 3501
 * section 5.1.3) and quoted strings.  The configuration and the archive have
 * names in UTF-8; here they become what a server is sent, and back.  No I/O.
 */
#ifndef SP_PULL_IMAP_IMAP_NAME_H
#define SP_PULL_IMAP_IMAP_NAME_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/view.h"

/* Append ${utf8} in modified UTF-7.  SP_EFORMAT: not UTF-8, or with control
 * characters; SP_ELIMIT: ${out} is full. */
SP_CHECK enum sp_code sp_imap_name_encode(
    struct sp_view utf8, struct sp_buf *out);
/* Append what a server calls a mailbox, as UTF-8.  ${utf8}: the server sends
 * UTF-8 (RFC 6855, IMAP4rev2).  A name that is no modified UTF-7 is appended
 * as it is, so that it can be shown.  SP_ELIMIT. */
SP_CHECK enum sp_code sp_imap_name_decode(
    struct sp_view name, bool utf8, struct sp_buf *out);
/* Append ${v} as a quoted string of a command.  SP_EFORMAT, nothing appended,
 * where it holds NUL, CR or LF, or a byte beyond ASCII that ${utf8} does not
 * allow (such a string needs a literal); SP_ELIMIT. */
SP_CHECK enum sp_code sp_imap_quote(
    struct sp_view v, bool utf8, struct sp_buf *out);
/* Whether both name the same mailbox: the same bytes, or INBOX in any case
 * (RFC 3501 section 5.1). */
bool sp_imap_name_same(struct sp_view a, struct sp_view b);

#endif

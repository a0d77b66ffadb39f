/*
 * Names of mailboxes and strings of IMAP commands: modified UTF-7 (RFC 3501
 * section 5.1.3), quoted strings.
 */
#ifndef SP_PULL_IMAP_IMAP_NAME_H
#define SP_PULL_IMAP_IMAP_NAME_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/view.h"

/* UTF-8 to modified UTF-7; SP_EFORMAT: not UTF-8 or with control characters. */
SP_CHECK enum sp_code sp_imap_name_encode(
    struct sp_view utf8, struct sp_buf *out);
/*
 * What a server calls a mailbox, as UTF-8.  ${utf8}: the server was told that
 * we take UTF-8.  A name that is not well-formed is appended as it is.
 */
SP_CHECK enum sp_code sp_imap_name_decode(
    struct sp_view name, bool utf8, struct sp_buf *out);
/*
 * "..." for a command: SP_EFORMAT where it holds NUL, CR or LF, or, without
 * ${utf8}, 8-bit (such a string needs a literal).
 */
SP_CHECK enum sp_code sp_imap_quote(
    struct sp_view v, bool utf8, struct sp_buf *out);
/* Same mailbox: bytes, but INBOX in any case. */
bool sp_imap_name_same(struct sp_view a, struct sp_view b);

#endif

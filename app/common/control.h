/*
 * state/control: one request line, one reply line (doc/door.md).
 *   seal | reindex SINCE_US | sign SEQ BASE64 | keep | status | pull ACCOUNT |
 *   pulled ACCOUNT FROM HOST USER
 *   -> "ok TEXT" or "err CODE TEXT"
 */
#ifndef SP_APP_COMMON_CONTROL_H
#define SP_APP_COMMON_CONTROL_H

#include "base/buf.h"
#include "base/err.h"

#define SP_CONTROL_MAX (96u << 10) /* bytes of a request or reply */

/* Ask the running service.  SP_ENOTFOUND: none is running.  ${reply}: the
 * text behind "ok".  Waits as long as the service works on it. */
SP_CHECK enum sp_code sp_control_ask(const char *dir, const char *request,
    struct sp_buf *reply, struct sp_err *err);

/* Reply lines, and their reading. */
void sp_control_format(struct sp_buf *out, enum sp_code code, const char *text);
SP_CHECK enum sp_code sp_control_parse(
    struct sp_view line, struct sp_buf *reply, struct sp_err *err);

#endif

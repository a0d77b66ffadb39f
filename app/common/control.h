/*
 * state/control: how a command has the running service do something.  A
 * connection carries one request line and one reply line (doc/door.md):
 *
 *	alarms | acknowledge CAUSE|ID NOTE | canary TEXT |
 *	seal | reindex SINCE_US | sign SEQ BASE64 | keep | status | reload |
 *	pull ACCOUNT | pulled ACCOUNT FROM HOST USER
 *	-> "ok TEXT" or "err CODE TEXT"
 *
 * The supervisor accepts, checks who asks (app/service/clients.c) and passes
 * the line on to the worker concerned; CODE is the number of an sp_code.
 */
#ifndef SP_APP_COMMON_CONTROL_H
#define SP_APP_COMMON_CONTROL_H

#include "base/buf.h"
#include "base/err.h"

#define SP_CONTROL_MAX (96u << 10) /* bytes of a request or reply */

/*
 * Ask the service of the archive ${dir}; ${reply} gets the text behind "ok".
 * Waits as long as the service works on it.  SP_ENOTFOUND: no service is
 * running; SP_EAGAIN: it stopped before it answered; any other code is the
 * service's own, with its text.
 */
SP_CHECK enum sp_code sp_control_ask(const char *dir, const char *request,
    struct sp_buf *reply, struct sp_err *err);

/* Append a reply line without its line end: "ok ${text}", or "err CODE
 * ${text}" where ${code} is not SP_OK. */
void sp_control_format(struct sp_buf *out, enum sp_code code, const char *text);
/* Read such a line; ${reply} is cleared and gets the text behind "ok".  The
 * code of an "err" line with its text, SP_EFORMAT for anything else. */
SP_CHECK enum sp_code sp_control_parse(
    struct sp_view line, struct sp_buf *reply, struct sp_err *err);

#endif

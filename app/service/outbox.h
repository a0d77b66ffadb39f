/*
 * Telling people of an alarm, by the command and the mail addresses of section
 * `alarm`.  The pull worker does it, the only one that may connect out.
 */
#ifndef SP_APP_SERVICE_OUTBOX_H
#define SP_APP_SERVICE_OUTBOX_H

#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"
#include "base/view.h"

/*
 * Give ${alarm}, one JSON object, to the standard input of cfg->alarm_command,
 * and send it as a mail to cfg->alarm_mail; what the configuration does not
 * have counts as done.  ${way} says what is to be done, "all", "command" or
 * "mail", and after a failure what is left of it.  SP_EAGAIN, SP_EPERM: the
 * command did not exit with 0 in time, or the mail server did not take the
 * mail; SP_ELIMIT: the object is too long.
 */
SP_CHECK enum sp_code sp_outbox_tell(const struct sp_config *cfg,
    struct sp_view alarm, const char **way, struct sp_err *err);

#endif

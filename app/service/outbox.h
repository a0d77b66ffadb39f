/*
 * state/outbox: what the pull worker, the only one that may connect out, is to
 * carry out for the others; so far alarms.  A request is a file that survives
 * a crash and is removed once it was carried out.  Failing is not final: the
 * file stays and is tried again.
 */
#ifndef SP_APP_SERVICE_OUTBOX_H
#define SP_APP_SERVICE_OUTBOX_H

#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"

/*
 * Leave the alarm ${text} of ${worker} in the outbox of the archive ${dir};
 * durable on return.  SP_ELIMIT: 1,000 wait there already; the newest is
 * dropped, since the first ones say what began.
 */
SP_CHECK enum sp_code sp_outbox_alarm(
    const char *dir, const char *worker, const char *text, struct sp_err *err);

/*
 * Carry out what is there: give each alarm (one JSON object) to the standard
 * input of cfg->alarm_command, send it as a mail to cfg->alarm_mail, and
 * remove it once the command exited 0 and the mail server took the mail.  What
 * the configuration does not have counts as done; with neither the alarms are
 * just removed: the log has them.  ${failed}: how many are left.  SP_EAGAIN
 * with the cause of the first if any is; SP_EIO if the folder cannot be read.
 */
SP_CHECK enum sp_code sp_outbox_run(const char *dir,
    const struct sp_config *cfg, size_t *failed, struct sp_err *err);

#endif

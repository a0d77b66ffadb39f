/*
 * state/outbox: requests to the outside world, files carried out by the pull
 * worker (the only one that may connect out).  Alarms so far.
 */
#ifndef SP_APP_SERVICE_OUTBOX_H
#define SP_APP_SERVICE_OUTBOX_H

#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"

/* Leave an alarm (durable).  At most 1,000 wait; then the newest is dropped
 * with SP_ELIMIT, since the first ones say what began. */
SP_CHECK enum sp_code sp_outbox_alarm(
    const char *dir, const char *worker, const char *text, struct sp_err *err);

/* Carry out what is there: give each alarm (one JSON object) to the standard
 * input of cfg->alarm_command, and remove it once that exited 0 and, with
 * alarm.mail, the mail was taken by the mail server.  With neither they are
 * removed: the log has them.  ${failed}: how many are left. */
SP_CHECK enum sp_code sp_outbox_run(const char *dir,
    const struct sp_config *cfg, size_t *failed, struct sp_err *err);

#endif

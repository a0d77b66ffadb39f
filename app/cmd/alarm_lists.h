/*
 * The alarms as the commands see them: asked from the service, or read from its
 * file where none runs.  For `status` and `alarms`.
 */
#ifndef SP_APP_CMD_ALARM_LISTS_H
#define SP_APP_CMD_ALARM_LISTS_H

#include <jansson.h>

#include "app/common/app.h"

/*
 * The object {"open":[...],"ended":[...]} of the alarms of the archive ${app},
 * newest first (app/service/alarms_state.c has their members); the caller frees
 * ${out} by json_decref().  A file that cannot be used counts as none: it is a
 * cache.  SP_EPERM: this user may neither ask nor read.
 */
SP_CHECK enum sp_code sp_alarm_lists(
    const struct sp_app *app, json_t **out, struct sp_err *err);
/* Print an alarm of the lists as a line for a person: number, cause, count,
 * since when, the text. */
void sp_alarm_print(const struct sp_app *app, const json_t *alarm);

#endif

/*
 * The alarms of the service, in the supervisor: the register (alarms.h), its
 * file, and the way of each notice into the log (by receive) and to people (by
 * pull).  All of it runs in the supervisor's loop and waits for nobody.
 */
#ifndef SP_APP_SERVICE_SUPERVISOR_ALARMS_PRIV_H
#define SP_APP_SERVICE_SUPERVISOR_ALARMS_PRIV_H

#include "app/service/supervisor_priv.h"

/* Load state/alarms, and see how the service ended last: once the lock of the
 * service is held.  What cannot be read is logged. */
void sp_supervisor_alarms_open(struct sp_supervisor *s);
/* The service is over: write down how (${reason}; ${ok}: it was stopped by
 * order, else the start failed), save, free. */
void sp_supervisor_alarms_close(
    struct sp_supervisor *s, bool ok, const char *reason);

/* ${who} (a worker, or "supervisor") reports ${cause}, ${n} times. */
void sp_supervisor_alarms_raise(struct sp_supervisor *s, const char *who,
    struct sp_view cause, uint64_t n, struct sp_view text);
/* The supervisor's own: ${cause} with ${text}, and the end of it. */
void sp_supervisor_alarms_begin(
    struct sp_supervisor *s, const char *cause, const char *text);
void sp_supervisor_alarms_end(struct sp_supervisor *s, const char *cause);

/* One turn of the loop: what ends, what is repeated, what is to be sent and
 * saved. */
void sp_supervisor_alarms_step(struct sp_supervisor *s);
/* Whether ${id} is a request of ours, which ${text} answers. */
bool sp_supervisor_alarms_answer(
    struct sp_supervisor *s, uint64_t id, struct sp_view text);
/* The worker of ${role} is down: what it was asked is asked again. */
void sp_supervisor_alarms_fail(
    struct sp_supervisor *s, enum sp_worker_role role);
/* The configuration is another one: alarms of accounts and listeners that it
 * has no longer are over. */
void sp_supervisor_alarms_configured(struct sp_supervisor *s);

/* Append the lists of alarms to ${out}, as one JSON object. */
void sp_supervisor_alarms_list(
    const struct sp_supervisor *s, struct sp_buf *out);
/* "acknowledge KEY NOTE" of the account ${uid}.  SP_ENOTFOUND: no open alarm
 * has that cause or number. */
SP_CHECK enum sp_code sp_supervisor_alarms_acknowledge(
    struct sp_supervisor *s, const char *args, uid_t uid, struct sp_err *err);

#endif

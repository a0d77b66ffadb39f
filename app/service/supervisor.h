/*
 * The service: one supervisor and its four workers, until SIGTERM or SIGINT.
 * This is all that `sealpost serve` needs; the other headers of this room are
 * between the supervisor, its workers and their parts.
 */
#ifndef SP_APP_SERVICE_SUPERVISOR_H
#define SP_APP_SERVICE_SUPERVISOR_H

#include <stdbool.h>

#include "app/common/app.h"

/*
 * Run the service of the archive in the foreground.  ${app} is open
 * (sp_app_open()), and the log sink is; a reload replaces app->cfg.  With
 * ${accept_clock} the first start of the receive worker accepts a clock that
 * leapt forward, which it enters in the log.
 *
 * Returns the exit status: 0 after a signal asked it to end and all workers
 * did; 2 if it could not begin, which was printed: another service runs on the
 * archive, a certificate cannot be used, an address cannot be listened on.
 * May be called once in the life of a process, which must have no threads.
 */
int sp_supervisor_run(struct sp_app *app, bool accept_clock);

#endif

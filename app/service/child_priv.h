/*
 * Worker processes from the supervisor's side: forking one, and the messages
 * over its channel (worker.h has their form).
 */
#ifndef SP_APP_SERVICE_CHILD_PRIV_H
#define SP_APP_SERVICE_CHILD_PRIV_H

#include "app/service/supervisor_priv.h"

/* Fork the worker of ${role}, which is down, and set when it may be started
 * next.  A failure is logged; it is tried again after the delay. */
void sp_child_start(struct sp_supervisor *s, enum sp_worker_role role);
/* Send the request "${id} ${text}"; false if the worker is down or its channel
 * is full. */
bool sp_child_send(struct sp_supervisor *s, enum sp_worker_role role,
    uint64_t id, const char *text);
/* Read everything that waits on the worker's channel: replies go to the
 * clients, the rest changes the supervisor's state.  Closes the channel when
 * the worker has closed its end. */
void sp_child_receive(struct sp_supervisor *s, enum sp_worker_role role);

#endif

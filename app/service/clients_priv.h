/*
 * state/control: the connections of commands.  A client asks one thing at a
 * time; the reply closes the connection.
 */
#ifndef SP_APP_SERVICE_CLIENTS_PRIV_H
#define SP_APP_SERVICE_CLIENTS_PRIV_H

#include "app/service/supervisor_priv.h"

/* Accept a connection on state/control.  With all slots taken the oldest
 * connection that asks nothing is closed for it; without one, the new one. */
void sp_clients_accept(struct sp_supervisor *s);
/* Read what ${c} sent; a whole request line is answered or passed on. */
void sp_clients_input(struct sp_supervisor *s, struct sp_control_client *c);
/* A worker's reply "ok TEXT" or "err CODE TEXT" to request ${id}: on to its
 * client, if that is still there. */
void sp_clients_answer(
    struct sp_supervisor *s, uint64_t id, struct sp_view text);
/* The worker of ${role} went down: whoever waits for it is answered
 * SP_EAGAIN, or gets a `status` without its part. */
void sp_clients_fail(struct sp_supervisor *s, enum sp_worker_role role);
/* Close the connection and free its slot; nothing for a free one. */
void sp_clients_drop(struct sp_control_client *c);

#endif

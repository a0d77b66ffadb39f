/*
 * The roles of an archive held by this process when no service is running:
 * its writer, its sealer and its indexer (doc/architecture.md, "Roles and
 * locks"), each taken when it is first needed and held until the end.  Only
 * host.c uses this; the functions do what those of host.h promise.
 *
 * Each function acts as the archive's account and with the workers' umask for
 * the time of the call, so that what root writes can be read by the service.
 */
#ifndef SP_APP_HOST_HOST_LOCAL_H
#define SP_APP_HOST_HOST_LOCAL_H

#include "app/common/app.h"
#include "app/host/host.h"
#include "base/buf.h"

struct sp_local;

/* Find the archive's account; takes no role.  ${app} outlives ${out}.
 * SP_ECONFIG: there is no such account. */
SP_CHECK enum sp_code sp_local_new(
    struct sp_app *app, struct sp_local **out, struct sp_err *err);
/* Give up the roles.  Messages that were not flushed are dropped. */
void sp_local_free(struct sp_local *l); /* NULL is fine */

/* Take the role of the writer and recover the log: a last batch that a killed
 * writer did not mark becomes readable by it. */
SP_CHECK enum sp_code sp_local_open(struct sp_local *l, struct sp_err *err);
/* sp_host_event() */
SP_CHECK enum sp_code sp_local_event(struct sp_local *l, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);
/* sp_host_on_answer() */
void sp_local_on_answer(struct sp_local *l, sp_host_answer *answer, void *ctx);
/* sp_host_deliver(): messages are queued, and committed as one batch once the
 * queue holds 256 of them or 8 MiB. */
SP_CHECK enum sp_code sp_local_deliver(
    struct sp_local *l, const struct sp_host_message *m, struct sp_err *err);
/* sp_host_flush() */
SP_CHECK enum sp_code sp_local_flush(struct sp_local *l, struct sp_err *err);
/* sp_host_checkpoint() */
SP_CHECK enum sp_code sp_local_checkpoint(
    struct sp_local *l, struct sp_err *err);
/* sp_host_cover(); SP_EMISMATCH if a checkpoint just signed does not cover
 * ${seq}. */
SP_CHECK enum sp_code sp_local_cover(
    struct sp_local *l, uint64_t seq, struct sp_err *err);
/* sp_host_sign(); the event needs no check, this process wrote it. */
SP_CHECK enum sp_code sp_local_sign(struct sp_local *l, struct sp_view data,
    struct sp_buf *p7s, struct sp_err *err);
/* sp_host_seal() */
SP_CHECK enum sp_code sp_local_seal(
    struct sp_local *l, struct sp_buf *text, struct sp_err *err);
/* Bring the index up to date.  ${drop_since} of 0 or more: forget it from that
 * month on first (us); -1: do not. */
SP_CHECK enum sp_code sp_local_index(
    struct sp_local *l, int64_t drop_since, struct sp_err *err);

#endif

/*
 * The roles of an archive held by this process, taken one by one as they are
 * needed (ten seconds' wait for each), when no service is running.
 */
#ifndef SP_APP_HOST_HOST_LOCAL_H
#define SP_APP_HOST_HOST_LOCAL_H

#include "app/common/app.h"
#include "app/host/host.h"
#include "base/buf.h"

struct sp_local;

/* ${app} outlives it. */
SP_CHECK enum sp_code sp_local_new(
    struct sp_app *app, struct sp_local **out, struct sp_err *err);
void sp_local_free(struct sp_local *l); /* NULL is fine */

/* Take the role of the writer, recover the log. */
SP_CHECK enum sp_code sp_local_open(struct sp_local *l, struct sp_err *err);
/* See host.h for each. */
SP_CHECK enum sp_code sp_local_event(struct sp_local *l, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);
void sp_local_on_answer(struct sp_local *l, sp_host_answer *answer, void *ctx);
SP_CHECK enum sp_code sp_local_deliver(
    struct sp_local *l, const struct sp_host_message *m, struct sp_err *err);
SP_CHECK enum sp_code sp_local_flush(struct sp_local *l, struct sp_err *err);
SP_CHECK enum sp_code sp_local_checkpoint(
    struct sp_local *l, struct sp_err *err);
SP_CHECK enum sp_code sp_local_cover(
    struct sp_local *l, uint64_t seq, struct sp_err *err);
SP_CHECK enum sp_code sp_local_sign(struct sp_local *l, struct sp_view data,
    struct sp_buf *p7s, struct sp_err *err);
SP_CHECK enum sp_code sp_local_seal(
    struct sp_local *l, struct sp_buf *text, struct sp_err *err);
/* ${drop_since} >= 0: forget the index from there on first; -1: only update. */
SP_CHECK enum sp_code sp_local_index(
    struct sp_local *l, int64_t drop_since, struct sp_err *err);

#endif

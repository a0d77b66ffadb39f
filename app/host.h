/*
 * Acting on an archive, with the service running or without it: through the
 * two local sockets, or by taking the role's lock and running the same code.
 */
#ifndef SP_APP_HOST_H
#define SP_APP_HOST_H

#include "app/app.h"
#include "base/buf.h"

struct sp_host;

/* Decides once: is a service running?  ${app} outlives the host. */
SP_CHECK enum sp_code sp_host_open(
    struct sp_app *app, struct sp_host **out, struct sp_err *err);
bool sp_host_service(const struct sp_host *h);
/* Closes the roles; what was queued and not flushed is lost. */
void sp_host_close(struct sp_host *h); /* NULL is fine */

/* Append one event.  SP_EPERM: this user may only read (then the access is
 * not logged, which the caller says). */
SP_CHECK enum sp_code sp_host_event(struct sp_host *h, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);

/* A message to be taken in, grade "imported". */
struct sp_host_message {
	struct sp_view msg; /* borrowed for the call */
	struct sp_view source; /* members of "source", no braces */
	struct sp_view origin_date; /* RFC 3339, or empty */
	const char *flag; /* or NULL */
};
/* May be queued until sp_host_flush; after an error nothing queued is in. */
SP_CHECK enum sp_code sp_host_deliver(
    struct sp_host *h, const struct sp_host_message *m, struct sp_err *err);
SP_CHECK enum sp_code sp_host_flush(struct sp_host *h, struct sp_err *err);

/* Without a service: sign a checkpoint over what was appended, so that none of
 * it can go unseen.  With one: nothing, it does so each second. */
SP_CHECK enum sp_code sp_host_checkpoint(struct sp_host *h, struct sp_err *err);
/* Wait until a signed checkpoint covers entry ${seq}, and keep it for good. */
SP_CHECK enum sp_code sp_host_cover(
    struct sp_host *h, uint64_t seq, struct sp_err *err);
/* CMS signature over an export's tag manifest. */
SP_CHECK enum sp_code sp_host_sign(struct sp_host *h, struct sp_view data,
    uint64_t event_seq, struct sp_buf *p7s, struct sp_err *err);
/* Rotate, checkpoint, pack everything; ${text} says what was done. */
SP_CHECK enum sp_code sp_host_seal(
    struct sp_host *h, struct sp_buf *text, struct sp_err *err);
/* Wait until the index covers what the log has now; without a service do that
 * ourselves. */
SP_CHECK enum sp_code sp_host_index_all(struct sp_host *h, struct sp_err *err);
/* Without a service: bring the index up to date.  With one: nothing. */
SP_CHECK enum sp_code sp_host_index(struct sp_host *h, struct sp_err *err);
/* Rebuild the index from the month of ${since_us} on (0: everything). */
SP_CHECK enum sp_code sp_host_reindex(
    struct sp_host *h, int64_t since_us, struct sp_err *err);

#endif

/*
 * Acting on an archive, with the service running or without it: through the
 * two local sockets, or by taking the role's lock and running the same code.
 */
#ifndef SP_APP_HOST_HOST_H
#define SP_APP_HOST_HOST_H

#include "app/common/app.h"
#include "base/buf.h"

struct sp_host;

/* Decides once: is a service running?  ${app} outlives the host. */
SP_CHECK enum sp_code sp_host_open(
    struct sp_app *app, struct sp_host **out, struct sp_err *err);
bool sp_host_service(const struct sp_host *h);
/* Closes the roles; what was handed over and not flushed may be lost. */
void sp_host_close(struct sp_host *h); /* NULL is fine */

/* Append one event.  SP_EPERM: this user may only read (then the access is
 * not logged, which the caller says). */
SP_CHECK enum sp_code sp_host_event(struct sp_host *h, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);

#define SP_HOST_FLAGS 8

/* A message to be taken in: "import" and "imported", or what is said. */
struct sp_host_message {
	const char *via, *grade; /* NULL: import, imported */
	struct sp_view msg; /* borrowed for the call */
	struct sp_view source; /* members of "source", no braces */
	struct sp_view origin_date; /* RFC 3339, or empty */
	const char *flags[SP_HOST_FLAGS]; /* static text */
	size_t nflags;
	void *tag; /* handed to the answer */
};
/* What became of a message: durable with ${seq}, or refused for good (${why}
 * is not NULL).  Anything but SP_OK ends the work with that code. */
typedef enum sp_code sp_host_answer(void *ctx, void *tag, uint64_t seq,
    const struct sp_err *why, struct sp_err *err);
/* Before the first sp_host_deliver. */
void sp_host_on_answer(struct sp_host *h, sp_host_answer *answer, void *ctx);
/*
 * Several are on their way at once; each is answered, in order, from here or
 * from sp_host_flush.  After an error those without an answer may be in or not:
 * the log knows.
 */
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

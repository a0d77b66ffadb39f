/*
 * Acting on an archive whether or not its service is running.  With a service
 * everything goes through its two local sockets (state/door, state/control:
 * doc/door.md); without one this process takes the lock of each role as it
 * needs it and runs the same code (host_local.h).  A command opens a host,
 * acts, and closes it; which of the two it was is decided at the opening.
 */
#ifndef SP_APP_HOST_HOST_H
#define SP_APP_HOST_HOST_H

#include "app/common/app.h"
#include "base/buf.h"

struct sp_host;

/*
 * Look whether a service is running and connect to it.  ${app} is open and
 * outlives the host.  Nothing is locked yet without a service.  SP_EIO if the
 * service cannot be spoken to, SP_ECONFIG if the archive's account is none.
 */
SP_CHECK enum sp_code sp_host_open(
    struct sp_app *app, struct sp_host **out, struct sp_err *err);
/* Whether the host is a running service. */
bool sp_host_service(const struct sp_host *h);
/* Gives up the roles; messages that were delivered and not flushed may be
 * lost. */
void sp_host_close(struct sp_host *h); /* NULL is fine */

/*
 * Without a service any of the functions below may fail with SP_ELOCKED (the
 * role is held for more than ten seconds), SP_EPERM (this user may only read
 * the archive), SP_EROLLBACK, SP_EFORMAT (the log must not go on) or SP_ECLOCK;
 * with one, SP_EAGAIN (it stopped, or took too long).
 */

/*
 * Append the event ${name} with the JSON object ${detail}; durable on return,
 * ${seq} is its entry.  SP_EPERM: this user may only read, so the access is
 * not logged, which the caller says or refuses.
 */
SP_CHECK enum sp_code sp_host_event(struct sp_host *h, const char *name,
    struct sp_view detail, uint64_t *seq, struct sp_err *err);

/* A message to be appended; all is borrowed for the call but ${tag}. */
struct sp_host_message {
	struct sp_view msg; /* every byte */
	/* Where it comes from: the JSON object of XSEALPOST SOURCE
	 * (doc/door.md). */
	struct sp_view provenance;
	void *tag; /* given to the answer */
};
/* What became of a message: durable as entry ${seq}, or refused for good
 * (${why} is not NULL).  Anything but SP_OK ends the work with that code. */
typedef enum sp_code sp_host_answer(void *ctx, void *tag, uint64_t seq,
    const struct sp_err *why, struct sp_err *err);
/* Who gets the answers; to be called before the first sp_host_deliver(). */
void sp_host_on_answer(struct sp_host *h, sp_host_answer *answer, void *ctx);
/*
 * Append a message.  Several are on their way at once; each is answered, in
 * order, from here or from sp_host_flush().  After an error those without an
 * answer may be appended or not: the log knows.
 */
SP_CHECK enum sp_code sp_host_deliver(
    struct sp_host *h, const struct sp_host_message *m, struct sp_err *err);
/* Wait until all that were delivered are answered. */
SP_CHECK enum sp_code sp_host_flush(struct sp_host *h, struct sp_err *err);

/* Without a service: sign a checkpoint over what was appended, so that none of
 * it can be taken away unseen.  With one: nothing, it does so each second. */
SP_CHECK enum sp_code sp_host_checkpoint(struct sp_host *h, struct sp_err *err);
/* Wait until a signed checkpoint covers entry ${seq}, and keep that checkpoint
 * for good.  SP_EAGAIN: none did within a minute. */
SP_CHECK enum sp_code sp_host_cover(
    struct sp_host *h, uint64_t seq, struct sp_err *err);
/* Append to ${p7s} a CMS signature (DER) over ${data}, the tag manifest of the
 * export that event ${event_seq} announced and a checkpoint covers. */
SP_CHECK enum sp_code sp_host_sign(struct sp_host *h, struct sp_view data,
    uint64_t event_seq, struct sp_buf *p7s, struct sp_err *err);
/* Rotate the intake log, sign a checkpoint, pack everything.  Appends to
 * ${text} "PACKED END SIZE": entries packed now, packed in all, and in the
 * checkpoint. */
SP_CHECK enum sp_code sp_host_seal(
    struct sp_host *h, struct sp_buf *text, struct sp_err *err);
/* Have the index cover all that the log has now: wait for the service, at most
 * ten minutes, or index here.  SP_EINTERRUPT after Ctrl-C. */
SP_CHECK enum sp_code sp_host_index_all(struct sp_host *h, struct sp_err *err);
/* Without a service: bring the index up to date.  With one: nothing. */
SP_CHECK enum sp_code sp_host_index(struct sp_host *h, struct sp_err *err);
/* Build the index again from the month of ${since_us} on (0: all of it). */
SP_CHECK enum sp_code sp_host_reindex(
    struct sp_host *h, int64_t since_us, struct sp_err *err);

#endif

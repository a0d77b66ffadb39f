/*
 * Logins that are to be checked, on the loop's thread pool, a few at a time
 * (hashing a password takes a while, and the log needs the pool too); and who
 * guesses too often.  Loop's thread only.
 */
#ifndef SP_RECEIVE_LOGINS_H
#define SP_RECEIVE_LOGINS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "journal/smtp/session.h"

#define SP_LOGIN_RUNNING  2 /* checks at a time */
#define SP_LOGIN_DELAY_MS 2000 /* before a wrong one is answered */
/* Wrong ones of one peer (IPv6: of its /64) in a window; then it must wait. */
#define SP_LOGIN_FAILURES  20
#define SP_LOGIN_WINDOW_MS UINT64_C(600000)

struct sp_logins;

/* Embedded by its owner, borrowed until done. */
struct sp_login_job {
	struct sp_session *session; /* in CHECK, with work due */
	void (*done)(struct sp_login_job *job);
	struct sp_login_job *next;
	uv_work_t work;
	struct sp_logins *logins;
};

/* ${idle}: nothing is queued or running any more. */
struct sp_logins *sp_logins_new(
    uv_loop_t *loop, void (*idle)(void *ctx), void *ctx);
void sp_logins_free(struct sp_logins *l); /* only when idle; NULL is fine */
void sp_logins_push(struct sp_logins *l, struct sp_login_job *job);
bool sp_logins_idle(const struct sp_logins *l);
/* ${peer}: "192.0.2.7:51234", "[2001:db8::1]:25". */
void sp_logins_failed(struct sp_logins *l, const char *peer, uint64_t now);
bool sp_logins_may(const struct sp_logins *l, const char *peer, uint64_t now);

#endif

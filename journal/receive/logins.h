/*
 * Logins that are to be checked: passwords are hashed on the pool of the loop,
 * a few at a time, since that takes a while and the log needs the pool too.
 * And who guesses too often: wrong logins are counted by address.  All
 * functions are for the thread of the loop.
 */
#ifndef SP_RECEIVE_LOGINS_H
#define SP_RECEIVE_LOGINS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "journal/smtp/session.h"

#define SP_LOGIN_RUNNING  2 /* checks at a time */
#define SP_LOGIN_DELAY_MS 2000 /* before a wrong one is answered */
/* Wrong logins of one address (IPv6: one /64) within a window; then it must
 * wait until that is over. */
#define SP_LOGIN_FAILURES  20
#define SP_LOGIN_WINDOW_MS UINT64_C(600000)

struct sp_logins;

/* One login to check; embedded by its owner, borrowed until done. */
struct sp_login_job {
	struct sp_session *session; /* in CHECK, with work due */
	const void *who; /* whose it is: jobs of one take turns with others */
	void (*done)(struct sp_login_job *job); /* on the loop */
	struct sp_login_job *next;
	uint64_t turn;
	uv_work_t work;
	struct sp_logins *logins;
};

/* ${idle} is called whenever nothing is queued or running any more.  The caller
 * frees it with sp_logins_free(). */
struct sp_logins *sp_logins_new(
    uv_loop_t *loop, void (*idle)(void *ctx), void *ctx);
void sp_logins_free(struct sp_logins *l); /* only when idle; NULL is fine */
/* Have sp_session_check() run on the pool; nobody else may use the session
 * until job->done. */
void sp_logins_push(struct sp_logins *l, struct sp_login_job *job);
/* Whether nothing is queued or running. */
bool sp_logins_idle(const struct sp_logins *l);
/* A login of ${peer} was wrong: "192.0.2.7:51234", "[2001:db8::1]:25",
 * "unix:uid=1000".  ${now} in milliseconds of the loop's clock. */
void sp_logins_failed(struct sp_logins *l, const char *peer, uint64_t now);
/* Whether ${peer} may try to log in. */
bool sp_logins_may_try(
    const struct sp_logins *l, const char *peer, uint64_t now);

#endif

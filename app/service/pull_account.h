/*
 * An account in the pull worker: a thread that visits its mailbox again and
 * again, so that a server that hangs keeps nobody else waiting.
 *
 *	PAUSE -(poll is over, or sp_pull_account_visit_now())-> VISIT -> PAUSE
 *
 * A visit that failed makes the pause longer (doc/pull.md, "When something
 * fails").  A session of IMAP that waits for mail (IDLE) stays in VISIT, and
 * reports in between as if a visit were over.
 */
#ifndef SP_APP_SERVICE_PULL_ACCOUNT_H
#define SP_APP_SERVICE_PULL_ACCOUNT_H

#include <pthread.h>

#include "app/host/pull_run.h"
#include "app/service/worker.h"
#include "base/json.h"

#define SP_PULL_ACCOUNT_WAITING 8 /* requests that may wait for one visit */

struct sp_pull_account {
	struct sp_pull_run run;
	struct sp_worker *w;
	pthread_t thread;
	bool started; /* the thread runs */
	pthread_mutex_t
	    lock; /* of all below: the thread writes, status reads */
	/* the visit in work */
	bool busy;
	int64_t since; /* boot clock, us: what is counted next began here */
	/* what `status` shows */
	int64_t last_ok, last_try; /* wall clock, us; 0: never */
	uint64_t taken, bytes, deleted, visits; /* since the start */
	uint64_t
	    in_mailbox; /* messages in the mailbox at the last good visit */
	uint64_t doubtful; /* announced and not captured, at the last visit */
	char doubts[300]; /* the first few by name */
	uint64_t lost; /* uncaptured and announced no more, since the start */
	char losses[300]; /* the first few of the last visit that had some */
	/* failures */
	unsigned failures; /* visits that failed, in a row */
	unsigned logins; /* of them refused logins, in a row */
	enum sp_pull_trouble trouble; /* of the last one */
	char error[SP_ERR_MAX]; /* of the last one, or "" */
	bool alarmed; /* an alarm was given for this row of failures */
	int64_t good_at; /* boot clock, us: the last good visit, or the start */
	/* requests of state/control that are answered after the visit */
	uint64_t waiting[SP_PULL_ACCOUNT_WAITING];
	size_t nwaiting;
};

/* Prepare the account and start its thread; run.app, run.conf and run.secret
 * are set.  On failure, SP_ECONFIG or SP_EIO, the account stays as one that
 * only says why. */
SP_CHECK enum sp_code sp_pull_account_start(
    struct sp_pull_account *a, struct sp_worker *w, struct sp_err *err);
/* Visit now; request ${id} is answered at the end of the visit (0: nobody
 * asks), or at once if too many wait or the account could not be started. */
void sp_pull_account_visit_now(struct sp_pull_account *a, uint64_t id);
/* Ask the thread to end; does not wait. */
void sp_pull_account_stop(struct sp_pull_account *a);
/* Wait for the end of the thread, at most five seconds, and free what the
 * account has; a thread that hangs longer keeps it. */
void sp_pull_account_end(struct sp_pull_account *a);
/* Report that the account is stuck (cause `pull_stuck:NAME`). */
void sp_pull_account_alarm(struct sp_pull_account *a, const char *text);
/* Look whether there was a good visit in the last hours, to be called now and
 * then: an account may hang, or be put off again and again. */
void sp_pull_account_watch(struct sp_pull_account *a);
/* Append how the account is to ${j}, as an object; ${brief}: without the texts,
 * where those of all accounts do not fit. */
void sp_pull_account_status(
    struct sp_pull_account *a, struct sp_json *j, bool brief);

#endif

/*
 * An account in the pull worker: a thread that visits its mailbox again and
 * again, so that a server that hangs keeps nobody else waiting.
 *
 *	VISIT -> wait (poll, or longer after failures) -> VISIT
 *
 * What went wrong decides how long: doc/pull.md, "When something fails".
 */
#ifndef SP_APP_SERVICE_PULL_ACCOUNT_H
#define SP_APP_SERVICE_PULL_ACCOUNT_H

#include <pthread.h>

#include "app/host/pull_run.h"
#include "app/service/worker.h"
#include "base/json.h"

#define SP_PULL_ASKERS 8

struct sp_pull_account {
	struct sp_pull_run run;
	struct sp_worker *w;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of all below */
	/* what status shows */
	bool busy, ever;
	int64_t since; /* boot clock: of what is counted next */
	int64_t last_ok, last_try; /* wall clock; 0: never */
	uint64_t taken, bytes, deleted, visits; /* since the start */
	uint64_t there; /* messages in the mailbox */
	unsigned failures; /* in a row */
	unsigned logins; /* refused in a row */
	enum sp_pull_trouble trouble;
	char error[SP_ERR_MAX];
	bool alarmed;
	/* who waits for the end of a visit: requests of state/control */
	uint64_t asker[SP_PULL_ASKERS];
	size_t naskers;
};

/* ${a}->run has app, conf, secret. */
SP_CHECK enum sp_code sp_pull_account_start(
    struct sp_pull_account *a, struct sp_worker *w, struct sp_err *err);
/* Visit now; ${id} is answered at the end of the visit (0: nobody asks). */
void sp_pull_account_poke(struct sp_pull_account *a, uint64_t id);
void sp_pull_account_stop(struct sp_pull_account *a);
/* Wait for it, not for ever. */
void sp_pull_account_end(struct sp_pull_account *a);
/* An object for status. */
void sp_pull_account_status(struct sp_pull_account *a, struct sp_json *j);
/* Seconds to wait after a failure, before the jitter. */
uint64_t sp_pull_account_delay(
    enum sp_pull_trouble t, unsigned failures, uint64_t asked);

#endif

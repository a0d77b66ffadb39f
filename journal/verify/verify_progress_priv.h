/*
 * How far a verification is, and whether it shall end early.  Shared by the
 * threads that check segments: each reports the bytes it has done, and each
 * learns from the same call that the user interrupted or another thread
 * failed.
 */
#ifndef SP_VERIFY_VERIFY_PROGRESS_PRIV_H
#define SP_VERIFY_VERIFY_PROGRESS_PRIV_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "journal/verify/verify.h"

struct sp_verify_run {
	const struct sp_verify_opts *o; /* borrowed: progress(), ctx */
	pthread_mutex_t lock; /* for all below */
	uint64_t done, total; /* bytes; the total grows as files are found */
	bool stop; /* the user interrupted, or a thread failed */
};

/* ${o} is borrowed and must outlive ${r}. */
void sp_verify_run_init(
    struct sp_verify_run *r, const struct sp_verify_opts *o);
void sp_verify_run_done(struct sp_verify_run *r);

/*
 * ${n} more bytes are done (0 only asks).  Calls ${o}->progress, one thread at
 * a time.  SP_EINTERRUPT if that returned false now or before, or after
 * sp_verify_run_stop().
 */
SP_CHECK enum sp_code sp_verify_run_step(
    struct sp_verify_run *r, uint64_t n, struct sp_err *err);

/* Let the next sp_verify_run_step() of every thread give SP_EINTERRUPT. */
void sp_verify_run_stop(struct sp_verify_run *r);

#endif

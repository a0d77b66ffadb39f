/*
 * The progress of a verification, counted in bytes and safe for several
 * threads; verify_progress_priv.h has the contract.  The threads of
 * verify_segments.c, the intake check and the reading of a bag report to it;
 * the callback of sp_verify_opts is called from here alone.
 */
#include <string.h>

#include "journal/verify/verify_progress_priv.h"

void
sp_verify_run_init(struct sp_verify_run *r, const struct sp_verify_opts *o)
{
	memset(r, 0, sizeof(*r));
	r->o = o;
	(void)pthread_mutex_init(&r->lock, NULL);
}

void
sp_verify_run_done(struct sp_verify_run *r)
{
	(void)pthread_mutex_destroy(&r->lock);
}

enum sp_code
sp_verify_run_step(struct sp_verify_run *r, uint64_t n, struct sp_err *err)
{
	bool stop;

	(void)pthread_mutex_lock(&r->lock);
	r->done += n;
	if (r->done > r->total)
		r->total = r->done;
	if (!r->stop && r->o->progress != NULL &&
	    !r->o->progress(r->o->ctx, r->done, r->total))
		r->stop = true;
	stop = r->stop;
	(void)pthread_mutex_unlock(&r->lock);
	if (stop)
		return (sp_err_set(err, SP_EINTERRUPT, 0,
		    "interrupted before everything was looked at"));
	return (SP_OK);
}

void
sp_verify_run_stop(struct sp_verify_run *r)
{
	(void)pthread_mutex_lock(&r->lock);
	r->stop = true;
	(void)pthread_mutex_unlock(&r->lock);
}

/*
 * What the steps of sealing report to whoever opened the role (struct
 * sp_seal_report): what was done, and alarms about the bytes of the archive.
 */
#include <string.h>

#include "journal/seal/seal_priv.h"

void
sp_seal_emit(struct sp_seal *s, const char *what, const char *text)
{
	if (s->report.fn != NULL)
		s->report.fn(s->report.ctx, what, text);
}

const char *
sp_seal_cause(const struct sp_err *err)
{
	if (err->code == SP_EROLLBACK)
		return (SP_SEAL_ROLLBACK);
	if (err->code == SP_EFORMAT || err->code == SP_EMISMATCH ||
	    err->code == SP_EVERSION)
		return (SP_SEAL_DAMAGED);
	return (NULL);
}

/* The same failure comes again at each attempt, each second perhaps: only its
 * beginning is told.  Other errors are the caller's. */
void
sp_seal_alarm(struct sp_seal *s, const struct sp_err *err)
{
	const char *cause = sp_seal_cause(err);

	if (cause == NULL || s->last_cause == cause ||
	    (s->last_cause != NULL && strcmp(s->last_cause, cause) == 0))
		return;
	s->last_cause = cause;
	if (s->report.alarm != NULL)
		s->report.alarm(s->report.ctx, cause, err->msg);
}

void
sp_seal_guard_state(struct sp_seal *s, const struct sp_err *err)
{
	s->guard_failed = err != NULL;
	if (s->report.alarm != NULL)
		s->report.alarm(s->report.ctx, SP_SEAL_GUARD,
		    err != NULL ? err->msg : NULL);
}

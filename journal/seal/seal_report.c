/*
 * What the steps of sealing report to whoever opened the role (struct
 * sp_seal_report): what was done, and alarms about the bytes of the archive.
 */
#include <stdio.h>
#include <string.h>

#include "journal/seal/seal_priv.h"

void
sp_seal_emit(struct sp_seal *s, const char *what, const char *text)
{
	if (s->report.fn != NULL)
		s->report.fn(s->report.ctx, what, text);
}

/* Other errors (a full disk, a lock) are the caller's to log. */
void
sp_seal_alarm(struct sp_seal *s, const struct sp_err *err)
{
	bool about_bytes =
	    err->code == SP_EFORMAT || err->code == SP_EMISMATCH ||
	    err->code == SP_EVERSION || err->code == SP_EROLLBACK;

	/* The same error comes again at each attempt, each second perhaps. */
	if (!about_bytes || strcmp(s->last_alarm, err->msg) == 0)
		return;
	(void)snprintf(s->last_alarm, sizeof(s->last_alarm), "%s", err->msg);
	sp_seal_emit(s, "alarm", err->msg);
}

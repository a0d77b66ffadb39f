/*
 * The progress line of a command: at most five times a second, after the first
 * second.  Called between two units of work by import, export, reindex,
 * reconcile and the indexing that search and export do without a service.
 */
#include "app/common/progress.h"

#include <inttypes.h>
#include <unistd.h>

#include "app/common/human.h"
#include "app/common/interrupt.h"
#include "base/clock.h"

void
sp_progress_init(struct sp_progress *p, const struct sp_app *app,
    const char *what, const char *unit)
{
	*p = (struct sp_progress){ .what = what, .unit = unit };
	p->since = p->last = sp_clock_boot();
	p->off = app->quiet || isatty(STDERR_FILENO) == 0;
	sp_interrupt_catch();
}

bool
sp_progress_step(struct sp_progress *p, uint64_t done, uint64_t total)
{
	int64_t now;
	char a[32], b[32];

	if (sp_interrupted())
		return (false);
	if (p->off)
		return (true);
	now = sp_clock_boot();
	if (now - p->since < SP_SECOND || now - p->last < SP_SECOND / 5)
		return (true);
	p->last = now;
	p->shown = true;
	(void)fprintf(stderr, "\r%s: %s of %s %s (%" PRIu64 " %%)\033[K",
	    p->what, sp_text_count(done, a), sp_text_count(total, b), p->unit,
	    total > 0 ? done * 100 / total : 100);
	return (true);
}

void
sp_progress_end(struct sp_progress *p)
{
	if (p->shown)
		(void)fputs("\r\033[K", stderr);
	p->shown = false;
}

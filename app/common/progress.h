/*
 * Progress of long work ("indexing: 1,200 of 3,000 entries (40 %)"), one line
 * of standard error that is written over.  Nothing is shown with --quiet,
 * where standard error is no terminal, or in the first second.  The functions
 * that work call sp_progress_step() often; it also says whether to go on.
 */
#ifndef SP_APP_COMMON_PROGRESS_H
#define SP_APP_COMMON_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "app/common/app.h"

struct sp_progress { /* embed; sp_progress_init() before use */
	const char *what; /* "indexing" */
	const char *unit; /* what is counted: "entries", "bytes" */
	int64_t since, last; /* boot clock, us: of the start, the last line */
	bool shown; /* there is a line that must be removed */
	bool off; /* nothing is ever shown */
};

/* ${what} and ${unit} are borrowed until sp_progress_end().  Also begins to
 * catch Ctrl-C (app/common/interrupt.h). */
void sp_progress_init(struct sp_progress *p, const struct sp_app *app,
    const char *what, const char *unit);
/* ${done} of ${total} units are done (a total of 0 is shown as 100 %).  False
 * once the user pressed Ctrl-C: the caller stops with SP_EINTERRUPT. */
bool sp_progress_step(struct sp_progress *p, uint64_t done, uint64_t total);
/* Remove the line, so that what is printed next stands alone. */
void sp_progress_end(struct sp_progress *p);

#endif

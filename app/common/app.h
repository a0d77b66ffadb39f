/*
 * What all commands share: which archive, which configuration, how to fail.
 * app is the only room that prints, exits, or reads argv.
 */
#ifndef SP_APP_COMMON_APP_H
#define SP_APP_COMMON_APP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/config/config.h"
#include "base/err.h"
#include "base/view.h"

struct sp_app {
	const char *archive_opt; /* -A, or NULL */
	const char *config_opt; /* -c, or NULL */
	const char *tz; /* --tz, or NULL for UTC */
	bool quiet, verbose;
	char *dir; /* the archive, absolute; after sp_app_open */
	struct sp_config *cfg; /* after sp_app_open */
};

/* Find the archive (-A, $SEALPOST_ARCHIVE, the current directory if it holds
 * FORMAT, /var/lib/sealpost) and load its configuration. */
SP_CHECK enum sp_code sp_app_open(struct sp_app *app, struct sp_err *err);
/* Only find the archive. */
SP_CHECK enum sp_code sp_app_find(struct sp_app *app, struct sp_err *err);
void sp_app_close(struct sp_app *app);

/* Print "sealpost: MESSAGE" and return the exit status of the code. */
int sp_app_fail(const struct sp_err *err);
/* The same for a usage error found by a command; always 2. */
int sp_app_usage(const char *fmt, ...) SP_PRINTF(1, 2);
/* Flush standard output; a failed write (a full disk, a closed pipe) turns
 * ${status} into 2. */
int sp_app_finish(int status);
/* "sealpost 0.1.0 host": who wrote a record. */
const char *sp_app_by(void);

/* Progress on standard error, if it is a terminal and the work takes more than
 * a second.  ${unit} is what is counted ("entries", "bytes"). */
struct sp_progress {
	const char *what, *unit;
	int64_t since, last;
	bool shown, off;
};
void sp_progress_init(struct sp_progress *p, const struct sp_app *app,
    const char *what, const char *unit);
/* False once the user pressed Ctrl-C. */
bool sp_progress_step(struct sp_progress *p, uint64_t done, uint64_t total);
void sp_progress_end(struct sp_progress *p);
/* Ctrl-C and SIGTERM set a flag instead of ending the program. */
void sp_interrupt_catch(void);
bool sp_interrupted(void);

/* "1,234,567"; ${out} of 32 bytes. */
const char *sp_text_count(uint64_t n, char out[32]);
/* "17.8 KiB"; ${out} of 32 bytes. */
const char *sp_text_size(uint64_t n, char out[32]);

/* The resolved [since, until) of --since and --until. */
struct sp_range {
	bool have_since, have_until;
	int64_t since, until;
};
/* Either text may be NULL.  SP_EUSAGE for an impossible range. */
SP_CHECK enum sp_code sp_range_parse(const struct sp_app *app,
    const char *since, const char *until, struct sp_range *out,
    struct sp_err *err);

#endif

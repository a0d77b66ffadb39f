/*
 * What every command shares: which archive is meant, its configuration, and
 * how a failure is printed and becomes an exit status.  main.c fills in the
 * global options and passes one struct sp_app to the command; the rooms of
 * app are the only ones that print, exit or read argv.
 */
#ifndef SP_APP_COMMON_APP_H
#define SP_APP_COMMON_APP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/config/config.h"
#include "base/err.h"
#include "base/view.h"

/* How long a worker or a command waits for the lock of a role. */
#define SP_APP_LOCK_WAIT_MS 10000

/* The configuration with which the service last started or reloaded, or a
 * command last wrote without it. */
#define SP_APP_LAST_GOOD "state/config.good"

struct sp_app {
	/* the global options; borrowed from argv */
	const char *archive_opt; /* -A, or NULL */
	const char *config_opt; /* -c, or NULL */
	const char *tz; /* --tz, or NULL for UTC */
	bool quiet, verbose;
	/* filled in by sp_app_find() and sp_app_open(), owned */
	char *dir; /* the archive's directory, absolute and without links */
	struct sp_config *cfg; /* NULL until sp_app_open() succeeded */
};

/*
 * Find the archive and load its configuration.  SP_ENOTFOUND, SP_EFORMAT or
 * SP_EVERSION as sp_app_find(), SP_ECONFIG with file and line for a
 * configuration that cannot be used.
 */
SP_CHECK enum sp_code sp_app_open(struct sp_app *app, struct sp_err *err);
/*
 * The same for a command that only reads (search, show, export, verify ...): a
 * configuration file that cannot be used does not lock its users out.  They get
 * the last good one, which the service keeps in SP_APP_LAST_GOOD, and one line
 * of warning on standard error.  Not where FILE was given with -c, and not for
 * want of rights.
 */
SP_CHECK enum sp_code sp_app_open_reader(
    struct sp_app *app, struct sp_err *err);
/* Keep app->cfg, which works, for sp_app_open_reader(): for whoever serves the
 * archive or works in it without a service.  Nothing is written where it is
 * there already.  The caller is root or the archive's account; errors of
 * sp_account_find() and sp_io_replace(). */
SP_CHECK enum sp_code sp_app_keep_config(
    const struct sp_app *app, struct sp_err *err);
/*
 * Only find the archive, and set app->dir: -A, else $SEALPOST_ARCHIVE, else
 * the current directory if it holds FORMAT, else /var/lib/sealpost.
 * SP_ENOTFOUND: there is no directory or no archive there; SP_EFORMAT,
 * SP_EVERSION: its FORMAT cannot be used.  Does nothing once it succeeded.
 */
SP_CHECK enum sp_code sp_app_find(struct sp_app *app, struct sp_err *err);
/* Free what the two functions above set; the options stay. */
void sp_app_close(struct sp_app *app);

/* Where the error is a want of rights, add to its message which user or group
 * has them for the archive that was found. */
void sp_app_explain(struct sp_err *err);
/* Print "sealpost: MESSAGE" on standard error, explained; returns the exit status of the
 * code (sp_err_exit_status()). */
int sp_app_fail(const struct sp_err *err);
/* The same for a wrong option or argument; always returns 2. */
int sp_app_usage(const char *fmt, ...) SP_PRINTF(1, 2);
/* Whether standard output still takes what is printed, for a command that lists
 * much: SP_EIO once it does not.  Of a pipe whose reader has gone (`| head`)
 * sp_app_fail() says nothing. */
SP_CHECK enum sp_code sp_app_output(struct sp_err *err);
/* Flush standard output at the end of the program.  Returns ${status}, or 2
 * if not everything could be written: a full disk, which is said, or a pipe
 * whose reader has gone, which is not. */
int sp_app_finish(int status);
/* "sealpost VERSION HOST", what a record names as its writer.  Static text. */
const char *sp_app_by(void);

#endif

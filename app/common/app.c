/*
 * Which archive a command works on, its configuration, and how a command ends:
 * the one place where an error becomes a line of standard error and an exit
 * status.  Used by every command and by main().
 */
#include "app/common/app.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/layout.h"
#include "base/time_text.h"

#define DEFAULT_ARCHIVE "/var/lib/sealpost"

/* realpath() at once: later messages and the paths of sockets must not depend
 * on the current directory. */
enum sp_code
sp_app_find(struct sp_app *app, struct sp_err *err)
{
	const char *dir = app->archive_opt;
	char origin[SP_ORIGIN_MAX + 1];
	char *real;
	enum sp_code rc;

	if (app->dir != NULL)
		return (SP_OK);
	if (dir == NULL)
		dir = getenv("SEALPOST_ARCHIVE");
	if (dir == NULL && sp_io_exists("FORMAT"))
		dir = ".";
	if (dir == NULL)
		dir = DEFAULT_ARCHIVE;
	real = realpath(dir, NULL);
	if (real == NULL)
		return (sp_err_set(err, SP_ENOTFOUND, errno,
		    "no archive at %s (name one with -A DIR or $SEALPOST_ARCHIVE, or make one with `sealpost init DIR`)",
		    dir));
	rc = sp_layout_read_format(real, origin, err);
	if (rc != SP_OK) {
		free(real);
		return (rc);
	}
	app->dir = real;
	return (SP_OK);
}

enum sp_code
sp_app_open(struct sp_app *app, struct sp_err *err)
{
	enum sp_code rc = sp_app_find(app, err);
	char *path;

	if (rc != SP_OK)
		return (rc);
	path = app->config_opt != NULL
		   ? sp_xstrdup(app->config_opt)
		   : sp_layout_path(app->dir, "sealpost.conf");
	rc = sp_config_load(path, &app->cfg, err);
	free(path);
	return (rc);
}

void
sp_app_close(struct sp_app *app)
{
	free(app->dir);
	sp_config_free(app->cfg);
	app->dir = NULL;
	app->cfg = NULL;
}

/* Whether standard output is a pipe or socket that nobody reads any more. */
static bool
reader_gone(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return (poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0);
}

enum sp_code
sp_app_output(struct sp_err *err)
{
	if (!ferror(stdout))
		return (SP_OK);
	return (sp_err_set(err, SP_EIO, reader_gone() ? EPIPE : 0,
	    "standard output cannot be written"));
}

int
sp_app_fail(const struct sp_err *err)
{
	(void)fflush(stdout);
	if (err->errnum == EPIPE && ferror(stdout))
		return (sp_err_exit_status(err->code));
	(void)fprintf(stderr, "sealpost: %s\n", err->msg);
	return (sp_err_exit_status(err->code));
}

int
sp_app_usage(const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fputs("sealpost: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return (2);
}

int
sp_app_finish(int status)
{
	const bool failed = fflush(stdout) != 0;
	const char *why = failed ? strerror(errno) : "cannot be written";

	if (!failed && !ferror(stdout))
		return (status);
	if (!reader_gone())
		(void)fprintf(stderr,
		    "sealpost: standard output: %s; the output is not complete\n",
		    why);
	return (2);
}

const char *
sp_app_by(void)
{
	static char by[128];
	char host[64] = "localhost";

	if (by[0] == '\0') {
		(void)gethostname(host, sizeof(host) - 1);
		host[sizeof(host) - 1] = '\0';
		(void)snprintf(
		    by, sizeof(by), "sealpost " SP_VERSION " %s", host);
	}
	return (by);
}

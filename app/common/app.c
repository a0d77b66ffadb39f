/*
 * Which archive a command works on, its configuration, and how a command ends:
 * the one place where an error becomes a line of standard error and an exit
 * status.  Used by every command and by main().
 */
#include "app/common/app.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/common/account.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/layout.h"
#include "base/time_text.h"

#define DEFAULT_ARCHIVE "/var/lib/sealpost"

/* The directory that sp_app_find() found, also where it may not be read: what
 * sp_app_fail() gives advice about.  A process works on one archive. */
static char *found_dir;

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
	free(found_dir);
	found_dir = sp_xstrdup(real);
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
	rc = app->config_opt != NULL
		 ? sp_config_load_given(path, &app->cfg, err)
		 : sp_config_load(path, &app->cfg, err);
	free(path);
	return (rc);
}

/* When the file ${path} was written, in the zone ${tz}; "some time" if that
 * cannot be seen. */
static void
written_at(const char *path, const char *tz, char out[32])
{
	struct stat st;

	(void)snprintf(out, 32, "some time");
	if (stat(path, &st) == 0)
		sp_time_local(
		    (int64_t)st.st_mtim.tv_sec * INT64_C(1000000), tz, out);
}

enum sp_code
sp_app_keep_config(const struct sp_app *app, struct sp_err *err)
{
	const struct sp_config *cfg = app->cfg;
	char *path = sp_layout_path(app->dir, SP_APP_LAST_GOOD);
	struct sp_account acct;
	struct sp_buf had;
	enum sp_code rc;

	sp_buf_init(&had, cfg->source_n + 1);
	rc = sp_account_find(app->dir, cfg, &acct, err);
	if (rc == SP_OK) {
		sp_account_enter(&acct);
		if (sp_io_read_file(path, cfg->source_n, &had, NULL) != SP_OK ||
		    had.n != cfg->source_n ||
		    memcmp(had.p, cfg->source, had.n) != 0)
			rc = sp_io_replace(
			    path, cfg->source, cfg->source_n, 0640, err);
		sp_account_leave(&acct);
	}
	sp_buf_done(&had);
	free(path);
	return (rc);
}

/* The file itself stays as it is, for its administrator to mend. */
enum sp_code
sp_app_open_reader(struct sp_app *app, struct sp_err *err)
{
	char time[32];
	enum sp_code rc = sp_app_open(app, err);
	char *path;

	if (rc == SP_OK || app->dir == NULL || app->config_opt != NULL ||
	    err->errnum == EACCES || err->errnum == EPERM)
		return (rc);
	path = sp_layout_path(app->dir, SP_APP_LAST_GOOD);
	if (sp_config_load(path, &app->cfg, NULL) == SP_OK) {
		written_at(path, app->tz, time);
		(void)fprintf(stderr,
		    "sealpost: warning: %s; using the last good configuration, of %s (%s)\n",
		    err->msg, time, SP_APP_LAST_GOOD);
		rc = SP_OK;
	}
	free(path);
	return (rc);
}

void
sp_app_close(struct sp_app *app)
{
	free(app->dir);
	free(found_dir);
	found_dir = NULL;
	sp_config_free(app->cfg);
	app->dir = NULL;
	app->cfg = NULL;
}

/* Whether the group is one of this process's. */
static bool
is_member(gid_t gid)
{
	gid_t groups[256];
	int n = getgroups((int)SP_COUNTOF(groups), groups);

	for (int i = 0; i < n; i++) {
		if (groups[i] == gid)
			return (true);
	}
	return (getegid() == gid);
}

/* The name of a user or a group, or its number; ${out} is the caller's. */
static void
name_or_number(const char *name, unsigned long id, char out[64])
{
	if (name != NULL)
		(void)snprintf(out, 64, "%s", name);
	else
		(void)snprintf(out, 64, "%lu", id);
}

/* What a want of rights can be mended by: the owner of the archive may do
 * everything in it, the group of its directory may read. */
static void
advise(struct sp_err *err, const struct stat *st)
{
	const struct passwd *pw = getpwuid(st->st_uid);
	const struct group *gr = getgrgid(st->st_gid);
	char owner[64], group[64], self[64];

	name_or_number(pw == NULL ? NULL : pw->pw_name, st->st_uid, owner);
	name_or_number(gr == NULL ? NULL : gr->gr_name, st->st_gid, group);
	pw = getpwuid(geteuid());
	name_or_number(pw == NULL ? NULL : pw->pw_name, geteuid(), self);
	if (geteuid() == 0) /* root works in the archive as its user */
		(void)sp_err_set(err, err->code, 0,
		    "%s; the whole archive must belong to the user that sealpost.conf names: chown -R USER %s",
		    err->msg, found_dir);
	else if (geteuid() == st->st_uid)
		(void)sp_err_set(err, err->code, 0,
		    "%s; the archive is of user %s, who you are: give it back what others made in it (as root: chown -R %s %s)",
		    err->msg, owner, owner, found_dir);
	else if (is_member(st->st_gid))
		(void)sp_err_set(err, err->code, 0,
		    "%s; group %s may search, show, export and verify while the service runs: for anything else run it as user %s (sudo -u %s sealpost ...)",
		    err->msg, group, owner, owner);
	else
		(void)sp_err_set(err, err->code, 0,
		    "%s; to search, show, export and verify, add yourself to group %s (adduser %s %s, then log in again); for anything else run it as user %s (sudo -u %s sealpost ...)",
		    err->msg, group, self, group, owner, owner);
}

void
sp_app_explain(struct sp_err *err)
{
	const int errnum = err->errnum;
	struct stat st;

	if ((errnum != EACCES && errnum != EPERM && err->code != SP_EPERM) ||
	    found_dir == NULL || stat(found_dir, &st) != 0)
		return;
	advise(err, &st);
	err->errnum = errnum;
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
	struct sp_err told = *err;

	sp_app_explain(&told);
	(void)fflush(stdout);
	if (err->errnum == EPIPE && ferror(stdout))
		return (sp_err_exit_status(err->code));
	(void)fprintf(stderr, "sealpost: %s\n", told.msg);
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

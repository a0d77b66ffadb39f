#include "app/common/app.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/layout.h"
#include "base/time_text.h"

#define DEFAULT_ARCHIVE "/var/lib/sealpost"

static volatile sig_atomic_t interrupted;

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

int
sp_app_fail(const struct sp_err *err)
{
	(void)fflush(stdout);
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
	if (fflush(stdout) == 0 && !ferror(stdout))
		return (status);
	if (errno != EPIPE)
		(void)fprintf(stderr,
		    "sealpost: standard output: %s; the output is not complete\n",
		    strerror(errno));
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

static void
on_signal(int sig SP_UNUSED)
{
	interrupted = 1;
}

void
sp_interrupt_catch(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	/* The second Ctrl-C ends the program: what is durable stays. */
	sa.sa_flags = (int)SA_RESETHAND;
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
}

bool
sp_interrupted(void)
{
	return (interrupted != 0);
}

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

	if (interrupted)
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

const char *
sp_text_count(uint64_t n, char out[32])
{
	char plain[24];
	int len = snprintf(plain, sizeof(plain), "%" PRIu64, n);
	size_t at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = '\0';
	return (out);
}

const char *
sp_text_size(uint64_t n, char out[32])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB", "EiB" };
	double v = (double)n;
	size_t u = 0;

	while (v >= 1024 && u + 1 < SP_COUNTOF(units)) {
		v /= 1024;
		u++;
	}
	(void)snprintf(out, 32, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
	return (out);
}

enum sp_code
sp_range_parse(const struct sp_app *app, const char *since, const char *until,
    struct sp_range *out, struct sp_err *err)
{
	int64_t now = sp_clock_wall(), from, end;
	enum sp_code rc;

	*out = (struct sp_range){ 0 };
	if (since != NULL) {
		rc = sp_time_parse_human(
		    since, app->tz, now, &out->since, &end, err);
		if (rc != SP_OK)
			return (sp_err_prefix(err, "--since"));
		out->have_since = true;
	}
	if (until != NULL) {
		rc = sp_time_parse_human(
		    until, app->tz, now, &from, &out->until, err);
		if (rc != SP_OK)
			return (sp_err_prefix(err, "--until"));
		out->have_until = true;
	}
	if (out->have_since && out->have_until && out->since >= out->until)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "impossible range: --since %s is not before --until %s",
		    since, until));
	return (SP_OK);
}

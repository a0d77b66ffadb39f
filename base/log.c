/*
 * Writes log lines to standard error or syslog.  A line is made in one buffer
 * and written by one call, so that lines of several processes do not mix; what
 * a caller forgot to quote cannot break it into two.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/time_text.h"

#define LINE_MAX_LOG 4096 /* with its newline: one atomic write to a pipe */
#define NAME_MAX_LOG 32 /* bytes of a worker's or the program's name */

/* The log sink, one of the three things that may be global. */
static struct {
	_Atomic int level;
	bool syslog;
	bool journal; /* standard error leads to journald */
	char worker[NAME_MAX_LOG];
	char ident[NAME_MAX_LOG]; /* openlog keeps the pointer */
} sink = { .level = SP_LOG_INFO };

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[SP_LOG_DEBUG] = { "debug", LOG_DEBUG },
	[SP_LOG_INFO] = { "info", LOG_INFO },
	[SP_LOG_WARN] = { "warn", LOG_WARNING },
	[SP_LOG_ERROR] = { "error", LOG_ERR },
};

enum sp_code
sp_log_open(const char *target, enum sp_log_level level, const char *ident,
    struct sp_err *err)
{
	const char *stream = getenv("JOURNAL_STREAM");

	if (strcmp(target, "stderr") != 0 && strcmp(target, "syslog") != 0)
		return (sp_err_set(err, SP_ECONFIG, 0,
		    "unknown log target \"%s\"; expected stderr or syslog",
		    target));
	sp_log_set_level(level);
	sink.journal = stream != NULL && *stream != '\0';
	sink.syslog = strcmp(target, "syslog") == 0;
	(void)snprintf(sink.ident, sizeof(sink.ident), "%s", ident);
	if (sink.syslog)
		openlog(sink.ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
	return (SP_OK);
}

void
sp_log_set_level(enum sp_log_level level)
{
	atomic_store(&sink.level, (int)level);
}

void
sp_log_set_worker(const char *name)
{
	(void)snprintf(
	    sink.worker, sizeof(sink.worker), "%s", name == NULL ? "" : name);
}

static bool
is_enabled(enum sp_log_level level)
{
	return ((int)level >= atomic_load(&sink.level));
}

/* Replace control bytes that a caller forgot to quote. */
static void
tame(char *s)
{
	for (; *s != '\0'; s++) {
		const unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			*s = '?';
	}
}

/* Write what a line begins with, up to the event and the worker; returns its
 * length. */
static size_t
head(char *out, size_t size, enum sp_log_level level, const char *event)
{
	char when[SP_TIME_LEN + 1];
	int n;

	if (sink.syslog) {
		n = snprintf(out, size, "event=%s", event);
	} else if (sink.journal) {
		n = snprintf(
		    out, size, "<%d>event=%s", levels[level].priority, event);
	} else {
		sp_time_format(sp_clock_wall(), when);
		n = snprintf(out, size, "time=%s level=%s event=%s", when,
		    levels[level].name, event);
	}
	if (n > 0 && (size_t)n < size && sink.worker[0] != '\0') {
		int m = snprintf(
		    out + n, size - (size_t)n, " worker=%s", sink.worker);

		n += m > 0 ? m : 0;
	}
	return (n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1);
}

/* A line that is too long ends in "...". */
void
sp_log(enum sp_log_level level, const char *event, const char *fmt, ...)
{
	char line[LINE_MAX_LOG];
	const size_t size = sizeof(line) - 1; /* room for the newline */
	size_t n;
	va_list ap;
	int m = 0;

	if (!is_enabled(level))
		return;
	n = head(line, size, level, event);
	if (fmt != NULL && *fmt != '\0' && n + 1 < size) {
		line[n++] = ' ';
		va_start(ap, fmt);
		m = vsnprintf(line + n, size - n, fmt, ap);
		va_end(ap);
	}
	if (m > 0 && (size_t)m >= size - n)
		memcpy(line + size - 4, "...", 4);
	tame(line);
	if (sink.syslog) {
		syslog(levels[level].priority, "%s", line);
		return;
	}
	n = strlen(line);
	line[n++] = '\n';
	(void)fwrite(line, 1, n, stderr);
}

static bool
is_plain(struct sp_view v)
{
	for (size_t i = 0; i < v.n; i++) {
		const unsigned char c = (unsigned char)v.p[i];

		if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '=')
			return (false);
	}
	return (v.n > 0);
}

/* How many bytes of the character at ${p} may stand as they are; 0 if its first
 * byte must be escaped.  C1 controls (U+0080 to U+009F) act on terminals. */
static size_t
printable(const char *p, size_t n, bool utf8)
{
	const unsigned char c = (unsigned char)p[0];
	size_t len;

	if (c < 0x80)
		return (c >= 0x20 && c != 0x7f && c != '"' && c != '\\');
	if (!utf8)
		return (0);
	len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (len > n || (c == 0xc2 && (unsigned char)p[1] < 0xa0))
		return (0);
	return (len);
}

/* Characters of UTF-8 stay whole; in a value that is no UTF-8 every byte from
 * 0x80 on is escaped.  What is cut off leaves "..." before the quote. */
const char *
sp_log_quote(struct sp_view v, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	const size_t room = size >= 6 ? size - 5 : 0; /* ..." and NUL */
	const bool utf8 = sp_view_is_utf8(v);
	size_t n = 0, i = 0;

	if (size == 0)
		return ("");
	if (is_plain(v) && v.n < size) {
		memcpy(out, v.p, v.n);
		out[v.n] = '\0';
		return (out);
	}
	if (room == 0) {
		out[0] = '\0';
		return (out);
	}
	out[n++] = '"';
	while (i < v.n) {
		const size_t len = printable(v.p + i, v.n - i, utf8);

		if (n + (len > 0 ? len : 4) > room)
			break;
		if (len > 0) {
			memcpy(out + n, v.p + i, len);
			n += len;
			i += len;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[(unsigned char)v.p[i] >> 4];
		out[n++] = hex[(unsigned char)v.p[i] & 15];
		i++;
	}
	(void)snprintf(out + n, size - n, "%s\"", i < v.n ? "..." : "");
	return (out);
}

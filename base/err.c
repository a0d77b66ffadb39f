/*
 * Errors: filling them in, the codes of system calls, the exit status and the
 * names of codes.  Every function of the program that can fail uses this; what
 * an error means to a peer (SMTP replies) is journal/smtp/reply.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/view.h"

static const char *const names[] = {
	[SP_OK] = "ok",
	[SP_EUSAGE] = "usage",
	[SP_ECONFIG] = "config",
	[SP_EIO] = "io",
	[SP_ENOSPC] = "nospace",
	[SP_ESYNC] = "sync",
	[SP_ELIMIT] = "limit",
	[SP_EFORMAT] = "format",
	[SP_EVERSION] = "version",
	[SP_ENOTFOUND] = "notfound",
	[SP_EEXISTS] = "exists",
	[SP_ELOCKED] = "locked",
	[SP_EPERM] = "perm",
	[SP_EKEY] = "key",
	[SP_ECRYPTO] = "crypto",
	[SP_ECLOCK] = "clock",
	[SP_EROLLBACK] = "rollback",
	[SP_EMISMATCH] = "mismatch",
	[SP_EINTERRUPT] = "interrupt",
	[SP_EEND] = "end",
	[SP_EAGAIN] = "again",
};

/* Formatted text is cut to SP_ERR_MAX only when it is whole: a path may have
 * SP_PATH_MAX bytes. */
#define LONG_MAX 8192

/* How many bytes the character at ${s} has, 0 if it is none that may be
 * printed: invalid UTF-8, or a control character (C0 but the line end, DEL, C1),
 * which would act on a terminal. */
static size_t
printable(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80	 ? 1
		   : u[0] < 0xc0 ? 0
		   : u[0] < 0xe0 ? 2
		   : u[0] < 0xf0 ? 3
				 : 4;

	if (n == 1)
		return ((u[0] >= 0x20 && u[0] != 0x7f) || u[0] == '\n');
	if (u[0] == 0xc2 && u[1] < 0xa0)
		return (0);
	return (
	    n > 0 && strnlen(s, n) == n && sp_view_is_utf8(sp_view_mem(s, n))
		? n
		: 0);
}

/* Replace the bytes that may not be printed, which may come from a peer or out
 * of a file; ${lines}: line ends may. */
static void
tame(char *s, bool lines)
{
	while (*s != '\0') {
		size_t n = *s == '\n' && !lines ? 0 : printable(s);

		if (n == 0)
			*s = '?';
		s += n == 0 ? 1 : n;
	}
}

void
sp_err_tame(char *text)
{
	tame(text, false);
}

/* Copy ${text} to ${out}.  One that is too long loses its middle, where long
 * paths are: how it begins says what failed, and its end why. */
static void
fit(const char *text, char out[SP_ERR_MAX])
{
	static const char gap[] = " ... ";
	const size_t n = strlen(text), room = SP_ERR_MAX - sizeof(gap);
	size_t head = room / 3, tail = n - (room - head);

	if (n < SP_ERR_MAX) {
		memcpy(out, text, n + 1);
		return;
	}
	/* no half characters */
	while (head > 0 && ((unsigned char)text[head] & 0xc0) == 0x80)
		head--;
	while (((unsigned char)text[tail] & 0xc0) == 0x80)
		tail++;
	memcpy(out, text, head);
	memcpy(out + head, gap, sizeof(gap) - 1);
	memcpy(out + head + sizeof(gap) - 1, text + tail, n - tail + 1);
}

/* A NULL ${err} costs nothing: the message is then not even formatted. */
enum sp_code
sp_err_set(
    struct sp_err *err, enum sp_code code, int errnum, const char *fmt, ...)
{
	char whole[LONG_MAX], text[128];
	va_list ap;
	int n;

	if (err == NULL)
		return (code);
	err->code = code;
	err->errnum = errnum;
	va_start(ap, fmt);
	n = vsnprintf(whole, sizeof(whole) - sizeof(text) - 2, fmt, ap);
	va_end(ap);
	if (n < 0)
		whole[0] = '\0';
	if (errnum != 0 && n >= 0) {
		n = (int)strlen(whole);
		(void)snprintf(whole + n, sizeof(whole) - (size_t)n, ": %s",
		    strerror_r(errnum, text, sizeof(text)));
	}
	fit(whole, err->msg);
	tame(err->msg, true);
	return (code);
}

enum sp_code
sp_err_prefix(struct sp_err *err, const char *fmt, ...)
{
	char whole[LONG_MAX];
	va_list ap;
	size_t n;

	if (err == NULL)
		return (SP_EIO);
	va_start(ap, fmt);
	(void)vsnprintf(whole, sizeof(whole) - SP_ERR_MAX - 2, fmt, ap);
	va_end(ap);
	n = strlen(whole);
	(void)snprintf(whole + n, sizeof(whole) - n, ": %s", err->msg);
	fit(whole, err->msg);
	tame(err->msg, true);
	return (err->code);
}

enum sp_code
sp_err_code_of_errno(int errnum)
{
	return (errnum == ENOSPC || errnum == EDQUOT ? SP_ENOSPC : SP_EIO);
}

int
sp_err_exit_status(enum sp_code code)
{
	if (code == SP_OK)
		return (0);
	return (code == SP_EMISMATCH ? 1 : 2);
}

const char *
sp_err_name(enum sp_code code)
{
	return ((size_t)code < SP_COUNTOF(names) ? names[code] : "unknown");
}

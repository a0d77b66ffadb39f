/*
 * Errors: filling them in, the codes of system calls, the exit status and the
 * names of codes.  Every function of the program that can fail uses this; what
 * an error means to a peer (SMTP replies) is journal/smtp/reply.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* Replace control bytes, which may come from a peer and act on a terminal. */
static void
tame(char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c < 0x20 && c != '\n') || c == 0x7f)
			*s = '?';
	}
}

/* The message was longer than there is room for: its end says so. */
static void
mark_cut(struct sp_err *err)
{
	memcpy(
	    err->msg + sizeof(err->msg) - sizeof("..."), "...", sizeof("..."));
}

/* A NULL ${err} costs nothing: the message is then not even formatted. */
enum sp_code
sp_err_set(
    struct sp_err *err, enum sp_code code, int errnum, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (err == NULL)
		return (code);
	err->code = code;
	err->errnum = errnum;
	va_start(ap, fmt);
	n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		err->msg[0] = '\0';
	if (n >= (int)sizeof(err->msg))
		mark_cut(err);
	if (errnum != 0 && n >= 0 && (size_t)n < sizeof(err->msg)) {
		char text[128];

		(void)snprintf(err->msg + n, sizeof(err->msg) - (size_t)n,
		    ": %s", strerror_r(errnum, text, sizeof(text)));
	}
	tame(err->msg);
	return (code);
}

/* What does not fit is cut at the end of the old message, which says so. */
enum sp_code
sp_err_prefix(struct sp_err *err, const char *fmt, ...)
{
	char old[SP_ERR_MAX];
	va_list ap;
	size_t n, rest;

	if (err == NULL)
		return (SP_EIO);
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg) - 2, fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	memcpy(err->msg + n, ": ", 3);
	n += 2;
	rest = strnlen(old, sizeof(old) - 1 - n);
	memcpy(err->msg + n, old, rest);
	err->msg[n + rest] = '\0';
	if (rest < strlen(old))
		mark_cut(err);
	tame(err->msg);
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

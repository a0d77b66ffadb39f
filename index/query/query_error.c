/*
 * The messages about mistakes in a query: what is wrong, a piece of the query,
 * and a caret under the place.  Every file of this room reports through here;
 * `sealpost search` prints the message as it is.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "index/query/query_priv.h"

#define AROUND 60 /* bytes of the query shown on each side of an error */

/* Where the UTF-8 character at ${at} begins, at most 3 bytes before. */
static size_t
char_start(struct sp_view q, size_t at)
{
	for (size_t i = 0; i < 3 && at > 0 && at < q.n &&
			   ((unsigned char)q.p[at] & 0xc0) == 0x80;
	     i++)
		at--;
	return (at);
}

/* Columns of a terminal that ${v} takes, estimated: characters from U+3000 to
 * U+DFFF (Han, Kana, Hangul) take two. */
static size_t
columns(struct sp_view v)
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if ((c & 0xc0) == 0x80)
			continue;
		n += c >= 0xe3 && c <= 0xed ? 2 : 1;
	}
	return (n);
}

enum sp_code
sp_query_error(
    struct sp_err *err, struct sp_view q, size_t at, const char *fmt, ...)
{
	char what[400], line[2 * AROUND + 8];
	size_t from, to;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (at > q.n)
		at = q.n;
	from = char_start(q, at > AROUND ? at - AROUND : 0);
	to = q.n - at > AROUND ? char_start(q, at + AROUND) : q.n;
	memcpy(line, q.p + from, to - from);
	line[to - from] = '\0';
	for (char *p = line; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	return (sp_err_set(err, SP_EUSAGE, 0, "query: %s\n  %s\n  %*s^", what,
	    line, (int)columns((struct sp_view){ q.p + from, at - from }), ""));
}

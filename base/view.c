/*
 * Comparing, cutting and reading borrowed bytes.  Used by every parser; total,
 * no I/O, and no allocation but in sp_view_dup.
 */
#include "base/view.h"

#include <string.h>

#include "base/buf.h"

struct sp_view
sp_view_str(const char *s)
{
	return ((struct sp_view){ s, s == NULL ? 0 : strlen(s) });
}

struct sp_view
sp_view_mem(const void *p, size_t n)
{
	return ((struct sp_view){ p, n });
}

bool
sp_view_eq(struct sp_view a, struct sp_view b)
{
	return (a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0));
}

bool
sp_view_eq_str(struct sp_view a, const char *s)
{
	return (sp_view_eq(a, sp_view_str(s)));
}

static char
lower(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c);
}

static bool
ieq(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (lower(a[i]) != lower(b[i]))
			return (false);
	}
	return (true);
}

bool
sp_view_ieq_str(struct sp_view a, const char *s)
{
	return (a.n == strlen(s) && ieq(a.p, s, a.n));
}

bool
sp_view_starts(struct sp_view a, const char *prefix)
{
	size_t n = strlen(prefix);

	return (a.n >= n && (n == 0 || memcmp(a.p, prefix, n) == 0));
}

bool
sp_view_istarts(struct sp_view a, const char *prefix)
{
	size_t n = strlen(prefix);

	return (a.n >= n && ieq(a.p, prefix, n));
}

static bool
blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

struct sp_view
sp_view_trim(struct sp_view v)
{
	while (v.n > 0 && blank(v.p[0])) {
		v.p++;
		v.n--;
	}
	while (v.n > 0 && blank(v.p[v.n - 1]))
		v.n--;
	return (v);
}

struct sp_view
sp_view_cut(struct sp_view *rest, char c)
{
	struct sp_view head = *rest;
	const char *at = head.n == 0 ? NULL : memchr(head.p, c, head.n);

	if (at == NULL) {
		*rest = (struct sp_view){ NULL, 0 };
		return (head);
	}
	head.n = (size_t)(at - head.p);
	rest->p = at + 1;
	rest->n -= head.n + 1;
	return (head);
}

bool
sp_view_u64(struct sp_view v, uint64_t *out)
{
	uint64_t sum = 0;

	if (v.n == 0)
		return (false);
	for (size_t i = 0; i < v.n; i++) {
		uint64_t digit;

		if (v.p[i] < '0' || v.p[i] > '9')
			return (false);
		digit = (uint64_t)(v.p[i] - '0');
		if (sum > (UINT64_MAX - digit) / 10)
			return (false);
		sum = sum * 10 + digit;
	}
	*out = sum;
	return (true);
}

char *
sp_view_dup(struct sp_view v)
{
	char *s = sp_xmalloc(v.n + 1);

	if (v.n > 0)
		memcpy(s, v.p, v.n);
	s[v.n] = '\0';
	return (s);
}

/* The length of the well-formed UTF-8 sequence at ${p}, of which ${n} bytes are
 * there; 0 if there is none (RFC 3629 section 4). */
static size_t
sequence(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return (p[0] == 0 ? 0 : 1);
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return (n >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0);
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		unsigned lo = p[0] == 0xe0 ? 0xa0 : 0x80;
		unsigned hi = p[0] == 0xed ? 0x9f : 0xbf;

		return (
		    n >= 3 && p[1] >= lo && p[1] <= hi && (p[2] & 0xc0) == 0x80
			? 3
			: 0);
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		unsigned lo = p[0] == 0xf0 ? 0x90 : 0x80;
		unsigned hi = p[0] == 0xf4 ? 0x8f : 0xbf;

		return (n >= 4 && p[1] >= lo && p[1] <= hi &&
				(p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80
			    ? 4
			    : 0);
	}
	return (0);
}

bool
sp_view_is_utf8(struct sp_view v)
{
	size_t i = 0;

	while (i < v.n) {
		size_t n = sequence((const unsigned char *)v.p + i, v.n - i);

		if (n == 0)
			return (false);
		i += n;
	}
	return (true);
}

/*
 * Reads recipient patterns and finds the original recipient in an address that
 * follows one.  Used when the configuration is loaded and for each RCPT of a
 * listener with patterns (journal/smtp).
 */
#include "base/pattern.h"

#include <string.h>

#define LOCAL  "{local}"
#define DOMAIN "{domain}"

bool
sp_pattern_is(const char *text)
{
	return (strpbrk(text, "{}") != NULL);
}

/* Whether it may be a literal part of a pattern: no blank, control byte, brace,
 * @, angle bracket, comma, quote or backslash. */
static bool
is_literal(struct sp_view v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c <= 0x20 || c == 0x7f || strchr("{}@<>,\"\\", c) != NULL)
			return (false);
	}
	return (true);
}

/* Whether it holds a character that cannot stand in a domain.  Otherwise the
 * owner of a domain that contains the separator could have mail to him taken
 * for mail to another domain. */
static bool
separates(struct sp_view v)
{
	for (size_t i = 0; i < v.n; i++) {
		const unsigned char c = (unsigned char)v.p[i];

		if (c < 0x80 && strchr(".-_", c) == NULL &&
		    !(c >= '0' && c <= '9') &&
		    !((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			return (true);
	}
	return (false);
}

static struct sp_view
between(const char *from, const char *to)
{
	return (sp_view_mem(from, (size_t)(to - from)));
}

bool
sp_pattern_parse(const char *text, struct sp_pattern *out)
{
	const char *local = strstr(text, LOCAL), *domain, *host;

	if (local == NULL)
		return (false);
	domain = strstr(local, DOMAIN);
	if (domain == NULL)
		return (false);
	host = domain + strlen(DOMAIN);
	if (*host != '@')
		return (false);
	out->prefix = between(text, local);
	out->separator = between(local + strlen(LOCAL), domain);
	out->host = sp_view_str(host + 1);
	return (separates(out->separator) && out->host.n > 0 &&
		is_literal(out->prefix) && is_literal(out->separator) &&
		is_literal(out->host));
}

/* Split ${addr} at its last @: the local part is appended to ${out} without
 * quotes and escapes.  False without an @. */
static bool
split(struct sp_view addr, struct sp_buf *out, struct sp_view *host)
{
	const char *at = addr.n == 0 ? NULL : memrchr(addr.p, '@', addr.n);
	struct sp_view local;

	if (at == NULL)
		return (false);
	local = between(addr.p, at);
	*host = between(at + 1, addr.p + addr.n);
	if (local.n < 2 || local.p[0] != '"' || local.p[local.n - 1] != '"')
		return (sp_buf_addv(out, local) == SP_OK);
	for (size_t i = 1; i + 1 < local.n; i++) {
		if (local.p[i] == '\\' && i + 2 < local.n)
			i++;
		if (sp_buf_addc(out, local.p[i]) != SP_OK)
			return (false);
	}
	return (true);
}

/* Whether a local part must be quoted: it is no dot-string (RFC 5321 section
 * 4.1.2). */
static bool
needs_quotes(struct sp_view v)
{
	bool dot = true;

	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c == '.' && dot)
			return (true);
		dot = c == '.';
		if (c <= 0x20 || c == 0x7f ||
		    strchr("()<>[]:;@\\,\"", c) != NULL)
			return (true);
	}
	return (dot);
}

/* Whether it is one quoted string: Postfix puts one where $1 was quoted. */
static bool
is_quoted(struct sp_view v)
{
	if (v.n < 2 || v.p[0] != '"' || v.p[v.n - 1] != '"')
		return (false);
	for (size_t i = 1; i + 1 < v.n; i++) {
		if (v.p[i] == '"')
			return (false);
		if (v.p[i] == '\\' && ++i + 1 >= v.n)
			return (false);
	}
	return (true);
}

/* Append a local part, quoted where it must be. */
static enum sp_code
add_local(struct sp_buf *out, struct sp_view v)
{
	enum sp_code rc;

	if (!needs_quotes(v) || is_quoted(v))
		return (sp_buf_addv(out, v));
	rc = sp_buf_addc(out, '"');
	for (size_t i = 0; rc == SP_OK && i < v.n; i++) {
		if (v.p[i] == '"' || v.p[i] == '\\')
			rc = sp_buf_addc(out, '\\');
		if (rc == SP_OK)
			rc = sp_buf_addc(out, v.p[i]);
	}
	return (rc == SP_OK ? sp_buf_addc(out, '"') : rc);
}

static char
lower(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
}

/* Equal, but for the case of ASCII letters. */
static bool
equal_nocase(struct sp_view a, struct sp_view b)
{
	if (a.n != b.n)
		return (false);
	for (size_t i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return (false);
	}
	return (true);
}

/* Cut ${v} at the last ${separator}; both sides must have something in them. */
static bool
cut(struct sp_view v, struct sp_view separator, struct sp_view *before,
    struct sp_view *after)
{
	for (size_t i = v.n; i-- > 1;) {
		if (v.n - i <= separator.n)
			continue;
		if (memcmp(v.p + i, separator.p, separator.n) != 0)
			continue;
		*before = sp_view_mem(v.p, i);
		*after =
		    sp_view_mem(v.p + i + separator.n, v.n - i - separator.n);
		return (true);
	}
	return (false);
}

/* Whether it may be the domain of the original: no blank, control byte, @,
 * angle bracket, quote, backslash or comma. */
static bool
domain_ok(struct sp_view v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c <= 0x20 || c == 0x7f || strchr("@<>\"\\,", c) != NULL)
			return (false);
	}
	return (true);
}

/* First the local part is taken out of its quotes, since the original's @ or
 * separator may be what made them necessary. */
bool
sp_pattern_decode(
    const struct sp_pattern *p, struct sp_view addr, struct sp_buf *out)
{
	struct sp_view host, all, local, domain;
	size_t before = out->n;
	struct sp_buf plain;
	bool ok;

	sp_buf_init(&plain, addr.n + 1);
	ok = split(addr, &plain, &host) && equal_nocase(host, p->host);
	all = sp_buf_view(&plain);
	ok = ok && all.n > p->prefix.n &&
	     equal_nocase(sp_view_mem(all.p, p->prefix.n), p->prefix);
	if (ok) {
		all.p += p->prefix.n;
		all.n -= p->prefix.n;
		ok = cut(all, p->separator, &local, &domain) &&
		     domain_ok(domain);
	}
	ok = ok && add_local(out, local) == SP_OK &&
	     sp_buf_addc(out, '@') == SP_OK &&
	     sp_buf_addv(out, domain) == SP_OK;
	if (!ok)
		out->n = before;
	sp_buf_done(&plain);
	return (ok);
}

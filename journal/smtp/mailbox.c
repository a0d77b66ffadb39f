/*
 * Paths of MAIL and RCPT, and whether a listener takes a recipient.  Lenient
 * where a sender may be (a path without brackets, without a domain, beyond the
 * lengths of the RFC), strict where guessing would change the address.  Called
 * by command.c, milter_mail.c and session_mail.c.
 */
#include "journal/smtp/mailbox.h"

#include <string.h>

/* Find the character that ends one mailbox: ">" inside brackets, a blank or the
 * end outside.  A quoted string may hold anything printable.  ${len} is the
 * bytes before it, ${high} whether any is beyond ASCII. */
static enum sp_mailbox_result
scan(struct sp_view in, bool bracket, size_t *len, bool *high)
{
	bool quoted = false;
	size_t i;

	*high = false;
	for (i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];

		if (c >= 0x80)
			*high = true;
		if (c < 0x20 || c == 0x7f)
			return (SP_MAILBOX_SYNTAX);
		if (quoted) {
			if (c == '\\' && i + 1 < in.n)
				i++;
			else if (c == '"')
				quoted = false;
			continue;
		}
		if (c == '"')
			quoted = true;
		else if (c == '>' || c == ' ')
			break;
		else if (c == '<')
			return (SP_MAILBOX_SYNTAX);
	}
	if (quoted)
		return (SP_MAILBOX_SYNTAX);
	if (bracket && (i >= in.n || in.p[i] != '>'))
		return (SP_MAILBOX_SYNTAX);
	if (!bracket && i < in.n && in.p[i] != ' ')
		return (SP_MAILBOX_SYNTAX);
	*len = i;
	return (SP_MAILBOX_OK);
}

/* Cut the source route off "@a,@b:user@c"; it is ignored (RFC 5321 appendix C).
 * False: there is a route and no mailbox behind it. */
static bool
drop_route(struct sp_view *v)
{
	const char *colon;

	if (v->n == 0 || v->p[0] != '@')
		return (true);
	colon = memchr(v->p, ':', v->n);
	if (colon == NULL)
		return (false);
	v->n -= (size_t)(colon + 1 - v->p);
	v->p = colon + 1;
	return (v->n > 0);
}

/* The domain, behind the last unquoted "@"; {NULL, 0} if there is none. */
static struct sp_view
domain_of(struct sp_view addr)
{
	bool quoted = false;
	size_t at = addr.n;

	for (size_t i = 0; i < addr.n; i++) {
		if (addr.p[i] == '\\' && quoted)
			i++;
		else if (addr.p[i] == '"')
			quoted = !quoted;
		else if (addr.p[i] == '@' && !quoted)
			at = i;
	}
	if (at == addr.n)
		return ((struct sp_view){ NULL, 0 });
	return (sp_view_mem(addr.p + at + 1, addr.n - at - 1));
}

/* Whether there is a local part, and a domain that is not empty if there is
 * one. */
static bool
mailbox_ok(struct sp_view v)
{
	struct sp_view domain = domain_of(v);
	size_t local = domain.p == NULL ? v.n : v.n - domain.n - 1;

	return (local > 0 && (domain.p == NULL || domain.n > 0));
}

/* Cut the path out first, then look at its length, its bytes and its parts. */
enum sp_mailbox_result
sp_mailbox_parse(
    struct sp_view in, struct sp_mailbox *out, struct sp_view *rest)
{
	bool bracket = in.n > 0 && in.p[0] == '<', high;
	enum sp_mailbox_result rc;
	struct sp_view v = in;
	size_t len;

	if (bracket) {
		v.p++;
		v.n--;
	}
	rc = scan(v, bracket, &len, &high);
	if (rc != SP_MAILBOX_OK)
		return (rc);
	rest->p = v.p + len + bracket;
	rest->n = v.n - len - bracket;
	v.n = len;
	if (v.n > SP_MAILBOX_MAX)
		return (SP_MAILBOX_LONG);
	if (v.n == 0) {
		*out = (struct sp_mailbox){ .addr = v };
		return (bracket ? SP_MAILBOX_NULL : SP_MAILBOX_SYNTAX);
	}
	if (high && !sp_view_is_utf8(v))
		return (SP_MAILBOX_RAW8);
	if (!drop_route(&v) || !mailbox_ok(v))
		return (SP_MAILBOX_SYNTAX);
	*out = (struct sp_mailbox){ .addr = v, .utf8 = high };
	return (SP_MAILBOX_OK);
}

bool
sp_mailbox_listed(struct sp_view addr, char *const *list, size_t n)
{
	struct sp_view domain = domain_of(addr), local = addr;

	if (domain.p != NULL)
		local.n = addr.n - domain.n - 1;
	if (sp_view_ieq_str(local, "postmaster"))
		return (true);
	for (size_t i = 0; i < n; i++) {
		if (list[i][0] == '@') {
			if (domain.p != NULL &&
			    sp_view_ieq_str(domain, list[i] + 1))
				return (true);
		} else if (sp_view_ieq_str(addr, list[i]))
			return (true);
	}
	return (false);
}

/*
 * The attributes of XFORWARD and XCLIENT, from the argument of the command to
 * the members of the record.  session_claim.c decides who may send them; here
 * they are only understood.  A command with one attribute that is not
 * understood changes nothing.
 */
#include "journal/smtp/claim.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xtext.h"

/* What the value of an attribute must look like. */
enum claim_form { TEXT, ADDRESS, PORT, PROTO, SOURCE };

static const struct {
	const char *name, *member;
	enum claim_form form;
	bool xforward, xclient;
} attrs[SP_CLAIM_ATTRS] = {
	[SP_CLAIM_NAME] = { "NAME", "name", TEXT, true, true },
	[SP_CLAIM_ADDR] = { "ADDR", "addr", ADDRESS, true, true },
	[SP_CLAIM_PORT] = { "PORT", "port", PORT, true, true },
	[SP_CLAIM_PROTO] = { "PROTO", "proto", PROTO, true, true },
	[SP_CLAIM_HELO] = { "HELO", "helo", TEXT, true, true },
	[SP_CLAIM_IDENT] = { "IDENT", "ident", TEXT, true, false },
	[SP_CLAIM_SOURCE] = { "SOURCE", "source", SOURCE, true, false },
	[SP_CLAIM_LOGIN] = { "LOGIN", "login", TEXT, false, true },
	[SP_CLAIM_DESTADDR] = { "DESTADDR", "destaddr", ADDRESS, false, true },
	[SP_CLAIM_DESTPORT] = { "DESTPORT", "destport", PORT, false, true },
};

void
sp_claim_clear(struct sp_claim *c)
{
	if (!c->set)
		return;
	for (size_t i = 0; i < SP_CLAIM_ATTRS; i++)
		free(c->value[i]);
	memset(c, 0, sizeof(*c));
}

struct sp_view
sp_claim_get(const struct sp_claim *c, enum sp_claim_attr a)
{
	return ((struct sp_view){ c->value[a], c->n[a] });
}

void
sp_claim_json(const struct sp_claim *c, const char *key, struct sp_json *j)
{
	if (!c->set)
		return;
	sp_json_obj(j, key);
	for (size_t i = 0; i < SP_CLAIM_ATTRS; i++) {
		if (c->value[i] != NULL)
			sp_json_str(j, attrs[i].member,
			    sp_claim_get(c, (enum sp_claim_attr)i));
	}
	sp_json_obj_end(j);
}

/* ---- values ---------------------------------------------------------- */

/* Whether ${v} is an IPv4 address, or an IPv6 address with "IPV6:" in front,
 * which is cut off. */
static bool
address_ok(struct sp_view *v)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr any;
	bool six = sp_view_istarts(*v, "IPV6:");

	if (six) {
		v->p += 5;
		v->n -= 5;
	}
	if (v->n == 0 || v->n >= sizeof(text))
		return (false);
	memcpy(text, v->p, v->n);
	text[v->n] = '\0';
	return (strlen(text) == v->n &&
		inet_pton(six ? AF_INET6 : AF_INET, text, &any) == 1);
}

/* Whether ${v} has 1 to SP_CLAIM_VALUE_MAX bytes and no control bytes. */
static bool
text_ok(struct sp_view v)
{
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c < 0x20 || c == 0x7f)
			return (false);
	}
	return (v.n > 0 && v.n <= SP_CLAIM_VALUE_MAX);
}

/* Whether ${v} is one of ${n} texts, ASCII case aside. */
static bool
is_one_of(struct sp_view v, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (sp_view_ieq_str(v, list[i]))
			return (true);
	}
	return (false);
}

/* Whether the decoded value ${v} has the form of its attribute; the prefix of
 * an IPv6 address is cut off. */
static bool
value_ok(enum claim_form form, struct sp_view *v)
{
	static const char *const protos[] = { "SMTP", "ESMTP", "LMTP" };
	static const char *const sources[] = { "LOCAL", "REMOTE" };
	uint64_t port;

	if (!text_ok(*v))
		return (false);
	switch (form) {
	case TEXT:
		return (true);
	case ADDRESS:
		return (address_ok(v));
	case PORT:
		return (sp_view_u64(*v, &port) && port <= 65535);
	case PROTO:
		return (is_one_of(*v, protos, SP_COUNTOF(protos)));
	case SOURCE:
		break;
	}
	return (is_one_of(*v, sources, SP_COUNTOF(sources)));
}

/* Undo xtext (RFC 3461 section 4) into ${room}; what is no xtext is returned as
 * it is, since old clients do not encode. */
static struct sp_view
decode_xtext(struct sp_view v, char room[SP_CLAIM_VALUE_MAX * 3])
{
	size_t n;

	if (v.n > SP_CLAIM_VALUE_MAX * 3 || !sp_xtext_decode(v, room, &n))
		return (v);
	return (sp_view_mem(room, n));
}

/* ---- the command ----------------------------------------------------- */

/* The index of an attribute that the command has, or -1. */
static int
find_attr(struct sp_view name, bool xclient)
{
	for (int i = 0; i < SP_CLAIM_ATTRS; i++) {
		if ((xclient ? attrs[i].xclient : attrs[i].xforward) &&
		    sp_view_ieq_str(name, attrs[i].name))
			return (i);
	}
	return (-1);
}

/* What one command says of an attribute, before it is known whether the whole
 * command is understood. */
struct claim_change {
	bool given;
	char *value; /* NULL: not known */
	size_t n;
};

/* Understand one "NAME=value" and store it in ${all}.  False: not understood,
 * or given twice. */
static bool
parse_attr(
    struct claim_change all[SP_CLAIM_ATTRS], struct sp_view word, bool xclient)
{
	char room[SP_CLAIM_VALUE_MAX * 3];
	struct sp_view v = word, name = sp_view_cut(&v, '=');
	int at = find_attr(name, xclient);

	if (v.p == NULL || at < 0 || all[at].given)
		return (false);
	all[at].given = true;
	v = decode_xtext(v, room);
	if (sp_view_ieq_str(v, "[UNAVAILABLE]") ||
	    sp_view_ieq_str(v, "[TEMPUNAVAIL]"))
		return (true);
	if (!value_ok(attrs[at].form, &v))
		return (false);
	all[at].value = sp_view_dup(v);
	all[at].n = v.n;
	return (true);
}

/* Collect all attributes first; then take over those that were given, or, where
 * one is not understood, none. */
bool
sp_claim_parse(struct sp_claim *c, struct sp_view arg, bool xclient)
{
	struct claim_change all[SP_CLAIM_ATTRS] = { 0 };
	struct sp_view rest = arg;
	bool ok = true, any = false;

	while (ok && rest.n > 0) {
		struct sp_view word = sp_view_cut(&rest, ' ');

		if (word.n == 0)
			continue;
		ok = parse_attr(all, word, xclient);
		any = true;
	}
	ok = ok && any;
	for (size_t i = 0; i < SP_CLAIM_ATTRS; i++) {
		if (!ok)
			free(all[i].value);
		else if (all[i].given) {
			free(c->value[i]);
			c->value[i] = all[i].value;
			c->n[i] = all[i].n;
		}
	}
	c->set = c->set || ok;
	return (ok);
}

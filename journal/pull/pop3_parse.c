/*
 * Replies of a POP3 server, and the bytes of a message behind RETR
 * (pop3_parse.h): bytes in, facts out, no I/O.  The fuzz target is fuzz_pop3.
 */
#include "journal/pull/pop3_parse.h"

#include <string.h>

#include "base/attr.h"

/* The response code "[CODE]" at the start of ${text}, taken off it.  Codes are
 * hierarchical, and what is behind an unknown "/" is only detail (RFC 2449
 * section 8, RFC 3206). */
static enum sp_pop3_code
code_of(struct sp_view *text)
{
	static const struct {
		const char *name;
		enum sp_pop3_code code;
	} codes[] = { { "IN-USE", SP_POP3_IN_USE },
		{ "LOGIN-DELAY", SP_POP3_LOGIN_DELAY },
		{ "SYS/TEMP", SP_POP3_SYS_TEMP },
		{ "SYS/PERM", SP_POP3_SYS_PERM }, { "AUTH", SP_POP3_AUTH } };
	struct sp_view rest = *text, name;

	if (rest.n == 0 || rest.p[0] != '[')
		return (SP_POP3_NONE);
	rest = sp_view_mem(rest.p + 1, rest.n - 1);
	name = sp_view_cut(&rest, ']');
	if (rest.p == NULL)
		return (SP_POP3_NONE);
	*text = sp_view_trim(rest);
	for (size_t i = 0; i < SP_COUNTOF(codes); i++) {
		const size_t n = strlen(codes[i].name);

		if (sp_view_istarts(name, codes[i].name) &&
		    (name.n == n || name.p[n] == '/'))
			return (codes[i].code);
	}
	return (SP_POP3_OTHER);
}

void
sp_pop3_reply(struct sp_view line, struct sp_pop3_reply *out)
{
	struct sp_view rest = line, word = sp_view_cut(&rest, ' ');

	*out = (struct sp_pop3_reply){
		.status = SP_POP3_INVALID, .text = line, .line = line
	};
	if (sp_view_ieq_str(word, "+OK"))
		out->status = SP_POP3_OK;
	else if (sp_view_ieq_str(word, "-ERR"))
		out->status = SP_POP3_ERR;
	else if (sp_view_eq_str(word, "+"))
		out->status = SP_POP3_CONTINUE;
	else
		return;
	out->text = sp_view_trim(rest);
	if (out->status != SP_POP3_CONTINUE)
		out->code = code_of(&out->text);
}

/* The arguments of the SASL capability (RFC 2449 section 6.3). */
static void
sasl_mechanisms(struct sp_view list, struct sp_pop3_caps *caps)
{
	while (list.n > 0) {
		struct sp_view one = sp_view_cut(&list, ' ');

		caps->plain |= sp_view_ieq_str(one, "PLAIN");
		caps->xoauth2 |= sp_view_ieq_str(one, "XOAUTH2");
		caps->oauthbearer |= sp_view_ieq_str(one, "OAUTHBEARER");
	}
}

void
sp_pop3_capability(struct sp_view line, struct sp_pop3_caps *caps)
{
	struct sp_view rest = line, word = sp_view_cut(&rest, ' ');
	uint64_t n;

	caps->uidl |= sp_view_ieq_str(word, "UIDL");
	caps->pipelining |= sp_view_ieq_str(word, "PIPELINING");
	caps->stls |= sp_view_ieq_str(word, "STLS");
	caps->utf8 |= sp_view_ieq_str(word, "UTF8");
	caps->user |= sp_view_ieq_str(word, "USER");
	if (sp_view_ieq_str(word, "SASL"))
		sasl_mechanisms(rest, caps);
	/* "LOGIN-DELAY 900 USER": it may differ from user to user, and the true
	 * one then comes after the login (RFC 2449 section 6.5). */
	if (sp_view_ieq_str(word, "LOGIN-DELAY") &&
	    sp_view_u64(sp_view_cut(&rest, ' '), &n))
		caps->login_delay = n;
}

bool
sp_pop3_number(struct sp_view *text, uint64_t *n)
{
	if (!sp_view_u64(sp_view_cut(text, ' '), n))
		return (false);
	while (text->n > 0 && text->p[0] == ' ')
		*text = sp_view_mem(text->p + 1, text->n - 1);
	return (true);
}

bool
sp_pop3_two_numbers(struct sp_view text, uint64_t *a, uint64_t *b)
{
	return (sp_pop3_number(&text, a) &&
		sp_view_u64(sp_view_cut(&text, ' '), b));
}

bool
sp_pop3_uidl(struct sp_view line, uint64_t *n, struct sp_view *uid)
{
	if (!sp_pop3_number(&line, n))
		return (false);
	*uid = sp_view_cut(&line, ' ');
	if (uid->n == 0 || uid->n > SP_POP3_UID_MAX)
		return (false);
	for (size_t i = 0; i < uid->n; i++) {
		if (uid->p[i] <= 0x20 || uid->p[i] >= 0x7f)
			return (false);
	}
	return (true);
}

/* ---- a message ---------------------------------------------------------- */

/* How many bytes of ${in} are content as they are, from the inside of a line
 * on; stops behind CR LF where the next line begins with a dot, or where that
 * cannot be seen yet. */
static size_t
content_run(struct sp_pop3_body *b, struct sp_view in)
{
	size_t i = 0;

	while (i < in.n) {
		const char *cr;

		if (b->at == SP_POP3_CR) {
			b->at = in.p[i] == '\n'	  ? SP_POP3_LINE_START
				: in.p[i] == '\r' ? SP_POP3_CR
						  : SP_POP3_TEXT;
			i++;
			if (b->at == SP_POP3_LINE_START) {
				/* Only a dot at its start needs a look. */
				if (i == in.n || in.p[i] == '.')
					return (i);
				b->at = SP_POP3_TEXT;
			}
			continue;
		}
		cr = memchr(in.p + i, '\r', in.n - i);
		if (cr == NULL)
			return (in.n);
		i = (size_t)(cr - in.p) + 1;
		b->at = SP_POP3_CR;
	}
	return (i);
}

static void
consume(struct sp_view *in, size_t n)
{
	*in = sp_view_mem(in->p + n, in->n - n);
}

/* One step of the states in pop3_parse.h: a dot or the end is consumed without
 * content, anything else gives a run of content. */
bool
sp_pop3_body(struct sp_pop3_body *b, struct sp_view *in, struct sp_view *out)
{
	/* Consumed before they were content. */
	static const char cr[] = "\r", dot[] = ".", dot_cr[] = ".\r";
	size_t n;

	*out = sp_view_mem(in->p, 0);
	if (in->n == 0 || b->at == SP_POP3_END)
		return (b->at != SP_POP3_END);
	switch (b->at) {
	case SP_POP3_LINE_START:
		if (in->p[0] == '.') {
			b->at = SP_POP3_DOT;
			consume(in, 1);
			return (true);
		}
		b->at = SP_POP3_TEXT;
		break;
	case SP_POP3_DOT:
		if (in->p[0] == '\r') {
			b->at = SP_POP3_DOT_CR;
			consume(in, 1);
			return (true);
		}
		b->at = SP_POP3_TEXT;
		b->dots++;
		b->single += in->p[0] != '.';
		if (!b->keep_dots)
			break;
		*out = sp_view_str(dot);
		return (true);
	case SP_POP3_DOT_CR:
		if (in->p[0] == '\n') {
			b->at = SP_POP3_END;
			consume(in, 1);
			return (false);
		}
		b->dots++;
		b->single++;
		*out = sp_view_str(b->keep_dots ? dot_cr : cr);
		b->at = SP_POP3_CR;
		return (true);
	case SP_POP3_TEXT:
	case SP_POP3_CR:
	case SP_POP3_END:
		break;
	}
	n = content_run(b, *in);
	*out = sp_view_mem(in->p, n);
	consume(in, n);
	return (true);
}

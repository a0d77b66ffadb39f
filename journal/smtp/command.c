/*
 * The grammar of command lines, as tables and total functions: which verb it
 * is, the path of MAIL and RCPT with its ESMTP parameters, the size of BDAT.
 * The session (session.c) cuts the line out of the input; session_mail.c and
 * session_data.c decide what a command means.  Parameters are checked here, and
 * recorded by the caller as they came.
 */
#include "journal/smtp/command.h"

#include <string.h>

#include "base/xtext.h"

#define BDAT_DIGITS 18 /* of a chunk size; fit into 64 bits */

static const struct {
	const char *name;
	enum sp_verb verb;
} verbs[] = {
	{ "EHLO", SP_VERB_EHLO },
	{ "HELO", SP_VERB_HELO },
	{ "LHLO", SP_VERB_LHLO },
	{ "MAIL", SP_VERB_MAIL },
	{ "RCPT", SP_VERB_RCPT },
	{ "DATA", SP_VERB_DATA },
	{ "BDAT", SP_VERB_BDAT },
	{ "RSET", SP_VERB_RSET },
	{ "NOOP", SP_VERB_NOOP },
	{ "QUIT", SP_VERB_QUIT },
	{ "VRFY", SP_VERB_VRFY },
	{ "HELP", SP_VERB_HELP },
	{ "XSEALPOST", SP_VERB_XSEALPOST },
	{ "STARTTLS", SP_VERB_STARTTLS },
	{ "AUTH", SP_VERB_AUTH },
	{ "XFORWARD", SP_VERB_XFORWARD },
	{ "XCLIENT", SP_VERB_XCLIENT },
	{ "PROXY", SP_VERB_KNOWN },
	{ "EXPN", SP_VERB_KNOWN },
	{ "ETRN", SP_VERB_KNOWN },
	{ "TURN", SP_VERB_KNOWN },
	{ "ATRN", SP_VERB_KNOWN },
	{ "SEND", SP_VERB_KNOWN },
	{ "SOML", SP_VERB_KNOWN },
	{ "SAML", SP_VERB_KNOWN },
	{ "BURL", SP_VERB_KNOWN },
	{ "GET", SP_VERB_HTTP },
	{ "POST", SP_VERB_HTTP },
	{ "HEAD", SP_VERB_HTTP },
	{ "PUT", SP_VERB_HTTP },
	{ "DELETE", SP_VERB_HTTP },
	{ "OPTIONS", SP_VERB_HTTP },
	{ "CONNECT", SP_VERB_HTTP },
	{ "TRACE", SP_VERB_HTTP },
	{ "PATCH", SP_VERB_HTTP },
};

/* The verb ends at the first blank; blanks around it and around the argument
 * are forgiven. */
void
sp_command_parse(struct sp_view line, struct sp_command *out)
{
	struct sp_view rest = line, word = sp_view_cut(&rest, ' ');

	out->verb = SP_VERB_UNKNOWN;
	out->arg = sp_view_trim(rest);
	/* A tab behind a verb that has no argument is forgiven. */
	word = sp_view_trim(word);
	for (size_t i = 0; i < SP_COUNTOF(verbs); i++) {
		if (sp_view_ieq_str(word, verbs[i].name)) {
			out->verb = verbs[i].verb;
			return;
		}
	}
}

/* Whether ${k} is an esmtp-keyword: a letter or digit, then letters, digits and
 * hyphens (RFC 5321 section 4.1.2). */
static bool
keyword_ok(struct sp_view k)
{
	if (k.n == 0)
		return (false);
	for (size_t i = 0; i < k.n; i++) {
		char c = k.p[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9');

		if (!alnum && (c != '-' || i == 0))
			return (false);
	}
	return (true);
}

/* Check one parameter of MAIL, keyword ${k} and value ${v} (${has}: there is a
 * "="), and note what it says in ${c}.  SIZE is RFC 1870, BODY RFC 6152 and
 * 3030, SMTPUTF8 RFC 6531, AUTH RFC 4954 section 5, REQUIRETLS RFC 8689, RET
 * and ENVID RFC 3461. */
static enum sp_path_result
check_mail_param(
    struct sp_path_command *c, struct sp_view k, bool has, struct sp_view v)
{
	if (sp_view_ieq_str(k, "SIZE")) {
		c->has_size = true;
		/* 20 digits are allowed (RFC 1870 section 3), which is more
		 * than 64 bits hold: such a message is too large anyway. */
		if (v.n > 20 || v.n == 0 || v.p[0] < '0' || v.p[0] > '9')
			return (SP_PATH_VALUE);
		if (!sp_view_u64(v, &c->size)) {
			for (size_t i = 0; i < v.n; i++) {
				if (v.p[i] < '0' || v.p[i] > '9')
					return (SP_PATH_VALUE);
			}
			c->size = UINT64_MAX;
		}
		return (SP_PATH_OK);
	}
	if (sp_view_ieq_str(k, "BODY")) {
		if (sp_view_ieq_str(v, "7BIT"))
			c->body = SP_BODY_7BIT;
		else if (sp_view_ieq_str(v, "8BITMIME"))
			c->body = SP_BODY_8BIT;
		else if (sp_view_ieq_str(v, "BINARYMIME"))
			c->body = SP_BODY_BINARY;
		else
			return (SP_PATH_VALUE);
		return (SP_PATH_OK);
	}
	if (sp_view_ieq_str(k, "SMTPUTF8")) {
		c->smtputf8 = true;
		return (has ? SP_PATH_VALUE : SP_PATH_OK);
	}
	if (sp_view_ieq_str(k, "AUTH")) {
		c->auth = true;
		return (v.n > 0 && v.n <= SP_AUTH_PARAM_MAX &&
				(sp_xtext_ok(v) || sp_view_eq_str(v, "<>"))
			    ? SP_PATH_OK
			    : SP_PATH_VALUE);
	}
	if (sp_view_ieq_str(k, "REQUIRETLS")) {
		c->requiretls = true;
		return (has ? SP_PATH_VALUE : SP_PATH_OK);
	}
	if (sp_view_ieq_str(k, "RET"))
		return (sp_view_ieq_str(v, "FULL") || sp_view_ieq_str(v, "HDRS")
			    ? SP_PATH_OK
			    : SP_PATH_VALUE);
	if (sp_view_ieq_str(k, "ENVID"))
		return (v.n > 0 && v.n <= SP_ENVID_MAX && sp_xtext_ok(v)
			    ? SP_PATH_OK
			    : SP_PATH_VALUE);
	return (SP_PATH_PARAM);
}

/* NOTIFY: NEVER alone, or a list of SUCCESS, FAILURE and DELAY (RFC 3461
 * section 4.1). */
static enum sp_path_result
check_notify(struct sp_path_command *c, struct sp_view v)
{
	bool never = false, other = false;

	if (v.n == 0)
		return (SP_PATH_VALUE);
	while (v.p != NULL) {
		struct sp_view word = sp_view_cut(&v, ',');

		if (sp_view_ieq_str(word, "NEVER"))
			never = true;
		else if (sp_view_ieq_str(word, "SUCCESS"))
			other = c->notify_success = true;
		else if (sp_view_ieq_str(word, "FAILURE") ||
			 sp_view_ieq_str(word, "DELAY"))
			other = true;
		else
			return (SP_PATH_VALUE);
	}
	return (never && other ? SP_PATH_VALUE : SP_PATH_OK);
}

/* Whether ${v} is an address type, a semicolon and an xtext address (RFC 3461
 * section 4.2); with the type utf-8 also UTF-8 as it is (RFC 6533). */
static bool
orcpt_ok(struct sp_view v)
{
	struct sp_view rest = v, type = sp_view_cut(&rest, ';');

	if (v.n > SP_ORCPT_MAX || rest.p == NULL || !keyword_ok(type))
		return (false);
	/* utf-8 addresses (RFC 6533) may come as they are or as \x{...}. */
	if (sp_view_ieq_str(type, "utf-8"))
		return (sp_view_is_utf8(rest));
	return (sp_xtext_ok(rest));
}

/* The same for a parameter of RCPT: NOTIFY and ORCPT. */
static enum sp_path_result
check_rcpt_param(
    struct sp_path_command *c, struct sp_view k, bool has, struct sp_view v)
{
	(void)has;
	if (sp_view_ieq_str(k, "NOTIFY"))
		return (check_notify(c, v));
	if (sp_view_ieq_str(k, "ORCPT"))
		return (orcpt_ok(v) ? SP_PATH_OK : SP_PATH_VALUE);
	return (SP_PATH_PARAM);
}

/* Split ${param} at its "="; without one, ${has} is false and ${value}
 * empty. */
static struct sp_view
cut_keyword(struct sp_view param, bool *has, struct sp_view *value)
{
	struct sp_view k;

	*value = param;
	k = sp_view_cut(value, '=');
	*has = value->p != NULL;
	return (k);
}

/* Whether two keywords are the same; they hold letters, digits and hyphens
 * only, whose case bit is 0x20. */
static bool
same_keyword(struct sp_view a, struct sp_view b)
{
	if (a.n != b.n)
		return (false);
	for (size_t i = 0; i < a.n; i++) {
		if ((a.p[i] ^ b.p[i]) & ~0x20)
			return (false);
	}
	return (true);
}

/* Whether the keyword ${k} is among the parameters that were accepted
 * before. */
static bool
is_repeated(const struct sp_path_command *c, struct sp_view k)
{
	struct sp_view v;
	bool has;

	for (size_t i = 0; i < c->nparams; i++) {
		if (same_keyword(cut_keyword(c->params[i], &has, &v), k))
			return (true);
	}
	return (false);
}

/* Cut ${rest} into parameters, have ${one} check each, and list those that are
 * good in c->params. */
static enum sp_path_result
parse_params(struct sp_view rest, struct sp_path_command *c,
    enum sp_path_result (*one)(
	struct sp_path_command *, struct sp_view, bool, struct sp_view))
{
	while (rest.p != NULL) {
		struct sp_view p = sp_view_cut(&rest, ' '), k, v;
		enum sp_path_result rc;
		bool has;

		if (p.n == 0)
			continue;
		k = cut_keyword(p, &has, &v);
		if (!keyword_ok(k) || (has && v.n == 0))
			return (SP_PATH_SYNTAX);
		if (c->nparams == SP_PARAMS_MAX || is_repeated(c, k))
			return (SP_PATH_VALUE);
		rc = one(c, k, has, v);
		if (rc != SP_PATH_OK)
			return (rc);
		c->params[c->nparams++] = p;
	}
	return (SP_PATH_OK);
}

/* Parse "FROM:<path>" or "TO:<path>" (${word} is which) and leave the
 * parameters in ${rest}.  Blanks around the colon are forgiven.  ${allow_null}:
 * <> is a path. */
static enum sp_path_result
parse_path(struct sp_view arg, const char *word, bool allow_null,
    struct sp_path_command *out, struct sp_view *rest)
{
	struct sp_view v = arg;

	out->nparams = 0;
	out->has_size = out->smtputf8 = out->notify_success = false;
	out->auth = false;
	out->requiretls = false;
	out->size = 0;
	out->body = SP_BODY_NONE;
	if (!sp_view_istarts(v, word))
		return (SP_PATH_SYNTAX);
	v.p += strlen(word);
	v.n -= strlen(word);
	v = sp_view_trim(v);
	if (v.n == 0 || v.p[0] != ':')
		return (SP_PATH_SYNTAX);
	v.p++;
	v.n--;
	v = sp_view_trim(v);
	switch (sp_mailbox_parse(v, &out->path, rest)) {
	case SP_MAILBOX_OK:
		break;
	case SP_MAILBOX_NULL:
		if (!allow_null)
			return (SP_PATH_SYNTAX);
		break;
	case SP_MAILBOX_LONG:
		return (SP_PATH_LONG);
	case SP_MAILBOX_RAW8:
		return (SP_PATH_RAW8);
	case SP_MAILBOX_SYNTAX:
		return (SP_PATH_SYNTAX);
	}
	if (rest->n > 0 && rest->p[0] != ' ')
		return (SP_PATH_SYNTAX);
	return (SP_PATH_OK);
}

enum sp_path_result
sp_command_mail(struct sp_view arg, bool extended, struct sp_path_command *out)
{
	enum sp_path_result rc;
	struct sp_view rest;

	rc = parse_path(arg, "FROM", true, out, &rest);
	if (rc != SP_PATH_OK)
		return (rc);
	rest = sp_view_trim(rest);
	if (!extended && rest.n > 0)
		return (SP_PATH_PARAM);
	return (parse_params(rest, out, check_mail_param));
}

enum sp_path_result
sp_command_rcpt(struct sp_view arg, bool extended, struct sp_path_command *out)
{
	enum sp_path_result rc;
	struct sp_view rest;

	rc = parse_path(arg, "TO", false, out, &rest);
	if (rc != SP_PATH_OK)
		return (rc);
	rest = sp_view_trim(rest);
	if (!extended && rest.n > 0)
		return (SP_PATH_PARAM);
	return (parse_params(rest, out, check_rcpt_param));
}

bool
sp_command_bdat(struct sp_view arg, uint64_t *size, bool *last)
{
	struct sp_view rest = arg, digits = sp_view_cut(&rest, ' ');

	rest = sp_view_trim(rest);
	if (digits.n > BDAT_DIGITS || !sp_view_u64(digits, size))
		return (false);
	*last = rest.n > 0;
	return (rest.n == 0 || sp_view_ieq_str(rest, "LAST"));
}

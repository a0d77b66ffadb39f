/*
 * Reads lines of Exim's main log (its specification, chapter "Log files"), for
 * sp_maillog_parse() where a line is not Postfix's.  Pure.
 *
 *   2026-11-26 20:00:01 1vOabc-000000Ab-0X <= a@b.example H=... id=x@y
 *   2026-11-26 20:00:01 1vOabc-000000Ab-0X => c@d.example R=r T=t H=h [1.2.3.4]:25 C="250 ok"
 *   2026-11-26 20:00:01 1vOabc-000000Ab-0X Completed
 */
#include <ctype.h>
#include <string.h>

#include "journal/watch/maillog_priv.h"

/* Whether ${v} is "1vOabc-000abc-0X" or, since 4.97,
 * "1vOabc-00000000abc-0XYZ". */
static bool
is_id(struct sp_view v)
{
	size_t run = 0, runs[3] = { 0 }, k = 0;

	for (size_t i = 0; i <= v.n; i++) {
		if (i < v.n && isalnum((unsigned char)v.p[i])) {
			run++;
			continue;
		}
		if (k == 3 || (i < v.n && v.p[i] != '-'))
			return (false);
		runs[k++] = run;
		run = 0;
	}
	return (k == 3 && runs[0] == 6 && (runs[1] == 6 || runs[1] == 11) &&
		(runs[2] == 2 || runs[2] == 4));
}

/* The value of ${name} (" NAME=") in ${rest}, up to the next blank. */
static struct sp_view
field(struct sp_view rest, const char *name)
{
	struct sp_view v = sp_maillog_after(rest, name);

	return (v.p == NULL ? v : sp_maillog_word(&v));
}

/* What the next server answered: C="..." to its last quote. */
static struct sp_view
confirmation(struct sp_view rest)
{
	struct sp_view v = sp_maillog_after(rest, " C=\"");
	const char *end = v.n == 0 ? NULL : memrchr(v.p, '"', v.n);

	if (end != NULL)
		v.n = (size_t)(end - v.p);
	return (v);
}

/* Behind "<=": sender and Message-ID of a message that came in. */
static void
parse_arrival(struct sp_view rest, struct sp_maillog_line *out)
{
	struct sp_view from = sp_maillog_word(&rest);

	out->has_from = true;
	out->from = sp_view_eq_str(from, "<>") ? sp_view_mem(from.p, 0) : from;
	out->msgid = field(rest, " id=");
	/* It came without one: as Postfix says it, to distinguish it from a
	 * message whose arrival is in an older log. */
	if (out->msgid.n == 0)
		out->msgid = SP_VIEW_LIT("<>");
	out->kind = SP_MAILLOG_MESSAGE;
}

/* "R=router T=transport", the way that it went, in place of a relay: lines of
 * attempts that reached no host name none. */
static struct sp_view
route(struct sp_view rest)
{
	struct sp_view r = sp_maillog_after(rest, " R=");
	struct sp_view t = sp_maillog_after(r, " T=");
	const char *from;

	if (t.p == NULL)
		return ((struct sp_view){ NULL, 0 });
	from = r.p - 2;
	(void)sp_maillog_word(&t);
	return (sp_view_mem(from, (size_t)(t.p - from)));
}

/* Behind "=>" and its like: a delivery attempt. */
static void
parse_delivery(struct sp_view rest, enum sp_maillog_result result,
    struct sp_maillog_line *out)
{
	struct sp_view text, to = sp_maillog_word(&rest);

	/* "bob <bob@d.example>": a local user, then the address. */
	if (rest.n > 2 && rest.p[0] == ' ' && rest.p[1] == '<') {
		to = sp_maillog_word(&rest);
		to = sp_view_mem(to.p + 1, to.n - 1);
	}
	while (to.n > 0 && (to.p[to.n - 1] == ':' || to.p[to.n - 1] == '>'))
		to.n--;
	out->to = to;
	out->result = result;
	out->relay = route(rest);
	text = confirmation(rest);
	if (text.p == NULL) {
		text = sp_maillog_after(rest, ": ");
		if (text.p == NULL)
			text = rest;
	}
	out->reply = sp_view_trim(text);
	out->kind = SP_MAILLOG_DELIVERY;
}

/* The id of the message stands behind the time stamp, whose form the
 * configuration of Exim decides: among the first eight words. */
bool
sp_maillog_exim(struct sp_view line, struct sp_maillog_line *out)
{
	struct sp_view rest = line, word = { NULL, 0 }, op;

	for (int i = 0; i < 8; i++) {
		word = sp_maillog_word(&rest);
		if (is_id(word))
			break;
	}
	if (!is_id(word))
		return (false);
	out->time =
	    sp_view_trim(sp_view_mem(line.p, (size_t)(word.p - line.p)));
	out->id = word;
	op = sp_maillog_word(&rest);
	if (sp_view_eq_str(op, "<="))
		parse_arrival(rest, out);
	else if (sp_view_eq_str(op, "=>") || sp_view_eq_str(op, "->") ||
		 sp_view_eq_str(op, ">>"))
		parse_delivery(rest, SP_MAILLOG_SENT, out);
	else if (sp_view_eq_str(op, "=="))
		parse_delivery(rest, SP_MAILLOG_DEFERRED, out);
	else if (sp_view_eq_str(op, "**"))
		parse_delivery(rest, SP_MAILLOG_BOUNCED, out);
	else if (sp_view_eq_str(op, "Completed"))
		out->kind = SP_MAILLOG_GONE;
	return (true);
}

/*
 * The text of OK, NO, BAD, BYE and PREAUTH of an IMAP server, tagged or not,
 * with its response code.  imap_response.c calls it; what the codes mean for
 * the session is in imap_command.c.
 */
#include <string.h>

#include "journal/pull/imap/imap_scan.h"

/* RFC 3501 section 7.1, RFC 5530, 4315, 7162, 4978, 9051; ${number}: of no use
 * without one. */
static const struct {
	const char *name;
	enum sp_imap_code code;
	bool number;
} codes[] = {
	{ "ALERT", SP_IMAP_C_ALERT, false },
	{ "APPENDUID", SP_IMAP_C_APPENDUID, false },
	{ "AUTHENTICATIONFAILED", SP_IMAP_C_AUTHENTICATIONFAILED, false },
	{ "AUTHORIZATIONFAILED", SP_IMAP_C_AUTHORIZATIONFAILED, false },
	{ "CAPABILITY", SP_IMAP_C_CAPABILITY, false },
	{ "CLOSED", SP_IMAP_C_CLOSED, false },
	{ "CONTACTADMIN", SP_IMAP_C_CONTACTADMIN, false },
	{ "COPYUID", SP_IMAP_C_COPYUID, false },
	{ "CORRUPTION", SP_IMAP_C_CORRUPTION, false },
	{ "EXPIRED", SP_IMAP_C_EXPIRED, false },
	{ "HIGHESTMODSEQ", SP_IMAP_C_HIGHESTMODSEQ, true },
	{ "INUSE", SP_IMAP_C_INUSE, false },
	{ "LIMIT", SP_IMAP_C_LIMIT, false },
	{ "NOMODSEQ", SP_IMAP_C_NOMODSEQ, false },
	{ "NONEXISTENT", SP_IMAP_C_NONEXISTENT, false },
	{ "NOPERM", SP_IMAP_C_NOPERM, false },
	{ "OVERQUOTA", SP_IMAP_C_OVERQUOTA, false },
	{ "PERMANENTFLAGS", SP_IMAP_C_PERMANENTFLAGS, false },
	{ "PRIVACYREQUIRED", SP_IMAP_C_PRIVACYREQUIRED, false },
	{ "READ-ONLY", SP_IMAP_C_READ_ONLY, false },
	{ "READ-WRITE", SP_IMAP_C_READ_WRITE, false },
	{ "SERVERBUG", SP_IMAP_C_SERVERBUG, false },
	{ "THROTTLED", SP_IMAP_C_THROTTLED, false },
	{ "TRYCREATE", SP_IMAP_C_TRYCREATE, false },
	{ "UIDNEXT", SP_IMAP_C_UIDNEXT, true },
	{ "UIDNOTSTICKY", SP_IMAP_C_UIDNOTSTICKY, false },
	{ "UIDVALIDITY", SP_IMAP_C_UIDVALIDITY, true },
	{ "UNAVAILABLE", SP_IMAP_C_UNAVAILABLE, false },
	{ "UNKNOWN-CTE", SP_IMAP_C_UNKNOWN_CTE, false },
};

bool
sp_imap_cond(struct sp_view v, enum sp_imap_cond *out)
{
	static const char *const names[] = { "OK", "NO", "BAD", "BYE",
		"PREAUTH" };

	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		if (sp_view_ieq_str(v, names[i])) {
			*out = (enum sp_imap_cond)i;
			return (true);
		}
	}
	return (false);
}

/* Cut "[NAME args]" off the front of ${v}. */
static void
parse_code(struct sp_view *v, struct sp_imap_status *st)
{
	const char *end;

	if (v->n == 0 || v->p[0] != '[')
		return;
	end = memchr(v->p, ']', v->n);
	if (end == NULL)
		return;
	st->args = sp_view_mem(v->p + 1, (size_t)(end - v->p) - 1);
	v->n -= (size_t)(end - v->p) + 1;
	v->p = end + 1;
	st->name = sp_view_cut(&st->args, ' ');
	st->code = SP_IMAP_C_UNKNOWN;
	for (size_t i = 0; i < SP_COUNTOF(codes); i++) {
		if (!sp_view_ieq_str(st->name, codes[i].name))
			continue;
		st->code = codes[i].code;
		st->has_number =
		    codes[i].number &&
		    sp_imap_number(sp_view_trim(st->args), &st->number);
		if (codes[i].number && !st->has_number)
			st->code = SP_IMAP_C_UNKNOWN;
	}
}

void
sp_imap_status_parse(struct sp_view v, struct sp_imap_status *st)
{
	v = sp_view_trim(v);
	parse_code(&v, st);
	st->text = sp_view_trim(v);
}

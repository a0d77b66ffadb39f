#include "app/show_journal.h"

#include <stdio.h>

#include "app/common.h"
#include "base/buf.h"

#define CELL_MAX ((size_t)64 << 10)

static const char *
what(const struct sp_journal *j)
{
	if (sp_view_eq_str(sp_view_str(j->kind), "exchange-2007"))
		return ("Exchange 2007 or later, or Microsoft 365");
	if (sp_view_eq_str(sp_view_str(j->kind), "exchange-2003"))
		return ("Exchange 2000 or 2003");
	if (sp_view_eq_str(sp_view_str(j->kind), "zimbra-intercept"))
		return ("Zimbra legal intercept");
	return ("capture as a delivery status");
}

static const char *
role(const struct sp_journal_rcpt *r)
{
	switch (r->role) {
	case SP_JOURNAL_TO:
		return ("To");
	case SP_JOURNAL_CC:
		return ("Cc");
	case SP_JOURNAL_BCC:
		return ("Bcc");
	case SP_JOURNAL_RCPT:
	case SP_JOURNAL_ROLES:
		break;
	}
	switch (r->presumed) {
	case SP_JOURNAL_TO:
		return ("role not stated; named in To");
	case SP_JOURNAL_CC:
		return ("role not stated; named in Cc");
	case SP_JOURNAL_BCC:
		return ("role not stated; not named in the header");
	case SP_JOURNAL_RCPT:
	case SP_JOURNAL_ROLES:
		break;
	}
	return ("role not stated");
}

static void
recipient(const struct sp_journal_rcpt *r, bool first)
{
	static const char *const hows[SP_JOURNAL_HOWS] = { "member of",
		"forwarded for", "addressed as" };
	struct sp_buf b;

	sp_buf_init(&b, CELL_MAX);
	(void)!sp_buf_addf(&b, "%s  (%s", r->addr, role(r));
	for (unsigned i = 0; i < r->nvia; i++)
		(void)!sp_buf_addf(
		    &b, "; %s %s", hows[r->via[i].how], r->via[i].addr);
	(void)!sp_buf_addc(&b, ')');
	if (sp_buf_cstr(&b) != NULL)
		sp_common_field(first ? "Went to" : "", sp_buf_cstr(&b));
	sp_buf_done(&b);
}

static void
line(const char *name, const char *text)
{
	if (text != NULL)
		sp_common_field(name, text[0] == '\0' ? "<>" : text);
}

void
sp_show_journal(const struct sp_mail *m)
{
	const struct sp_journal *j = m->journal;

	if (j == NULL && m->journal_why == NULL)
		return;
	if (j == NULL) {
		printf("%-12s not unwrapped: %s\n", "Report", m->journal_why);
		return;
	}
	printf("%-12s %s; what follows is the original (--part inner)\n",
	    "Report", what(j));
	if (j->truncated)
		printf("%-12s the end of the report is missing\n", "");
	if (j->rms)
		printf("%-12s the clear copy is shown; the protected one is"
		       " --part %s\n",
		    "", j->sealed_path);
	if (j->ndrs > 0)
		printf("%-12s it came back undelivered first\n", "");
	line("Sender", j->sender);
	line("  for", j->on_behalf_of);
	line("Mailbox", j->mailbox);
	line("Label", j->label);
	for (size_t i = 0; i < j->nrcpts; i++)
		recipient(&j->rcpts[i], i == 0);
}

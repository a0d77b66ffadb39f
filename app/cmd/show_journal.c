/*
 * `sealpost show --format text`: what a journal report says of its message
 * (doc/journal-reports.md), who got it by fields of the header, and what the
 * copies of the message in other entries say together (index/family.h).  Called
 * by cmd_show.c between the envelope and the text.
 */
#include "app/cmd/show_journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/common/app.h"
#include "app/common/cell.h"
#include "base/buf.h"
#include "index/links.h"

#define LINE_BYTES    ((size_t)64 << 10) /* of one recipient */
#define ENTRIES_SHOWN 20u /* copies, by number */
#define LINES_MAX     200u /* recipients by header, and by the copies */

/* Whose report it is, in words. */
static const char *
report_kind(const struct sp_journal *j)
{
	if (sp_view_eq_str(sp_view_str(j->kind), "exchange-2007"))
		return ("Exchange 2007 or later, or Microsoft 365");
	if (sp_view_eq_str(sp_view_str(j->kind), "exchange-2003"))
		return ("Exchange 2000 or 2003");
	if (sp_view_eq_str(sp_view_str(j->kind), "zimbra-intercept"))
		return ("Zimbra legal intercept");
	return ("capture as a delivery status");
}

/* The role of a recipient in words: as the report states it, else as the
 * message's header lets one presume. */
static const char *
role_name(const struct sp_journal_rcpt *r)
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

/* "bob@corp.example  (Cc; member of all@corp.example)", behind ${label}. */
static void
print_recipient(const struct sp_journal_rcpt *r, const char *label)
{
	static const char *const hows[SP_JOURNAL_HOWS] = { "member of",
		"forwarded for", "addressed as" };
	struct sp_buf b;

	sp_buf_init(&b, LINE_BYTES);
	(void)!sp_buf_addf(&b, "%s  (%s", r->addr, role_name(r));
	for (unsigned i = 0; i < r->nvia; i++)
		(void)!sp_buf_addf(
		    &b, "; %s %s", hows[r->via[i].how], r->via[i].addr);
	(void)!sp_buf_addc(&b, ')');
	if (sp_buf_cstr(&b) != NULL)
		sp_cell_field(label, sp_buf_cstr(&b));
	sp_buf_done(&b);
}

/* A line of the report; nothing where ${text} is NULL. */
static void
print_optional(const char *name, const char *text)
{
	if (text != NULL)
		sp_cell_field(name, text[0] == '\0' ? "<>" : text);
}

/* What a report says that somebody changed, and why it is doubted. */
static void
print_doubted(const struct sp_journal *j)
{
	if (j == NULL)
		return;
	for (unsigned bit = 1; bit < SP_JOURNAL_DOUBTS_END; bit <<= 1)
		if ((j->doubts & bit) != 0)
			printf("%-12s doubtful: %s (%s)\n", "",
			    sp_journal_doubt_words(bit),
			    sp_journal_doubt_name(bit));
	printf("%-12s what it claims, and nobody vouches for:\n", "");
	if (j->inner_path != NULL)
		printf("%-12s the original is --part %s\n", "", j->inner_path);
	print_optional("Sender?", j->sender);
	print_optional("  for?", j->on_behalf_of);
	print_optional("Mailbox?", j->mailbox);
	for (size_t i = 0; i < j->nrcpts; i++)
		print_recipient(&j->rcpts[i], i == 0 ? "Went to?" : "");
}

/* The message shown behind it is the original, so what is said here is about
 * the report. */
void
sp_show_journal(const struct sp_mail *m)
{
	const struct sp_journal *j = m->journal;

	if (j == NULL && m->journal_why == NULL)
		return;
	if (j == NULL) {
		printf("%-12s not unwrapped: %s\n", "Report", m->journal_why);
		print_doubted(m->doubted);
		return;
	}
	printf("%-12s %s; what follows is the original (--part inner)\n",
	    "Report", report_kind(j));
	if (j->truncated)
		printf("%-12s the end of the report is missing\n", "");
	if (j->rms)
		printf(
		    "%-12s the clear copy is shown; the protected one is --part %s\n",
		    "", j->sealed_path);
	if (j->ndrs > 0)
		printf("%-12s it came back undelivered first\n", "");
	print_optional("Sender", j->sender);
	print_optional("  for", j->on_behalf_of);
	print_optional("Mailbox", j->mailbox);
	print_optional("Label", j->label);
	for (size_t i = 0; i < j->nrcpts; i++)
		print_recipient(&j->rcpts[i], i == 0 ? "Went to" : "");
}

void
sp_show_traces(const struct sp_mail *m)
{
	struct sp_buf b;
	size_t n = 0;

	for (size_t i = 0; i < m->traces.n && n < LINES_MAX; i++) {
		const struct sp_trace *t = &m->traces.v[i];

		if (t->kind != SP_TRACE_RCPT)
			continue;
		sp_buf_init(&b, LINE_BYTES);
		(void)!sp_buf_addf(
		    &b, "%s  (header field %s)", t->addr, t->field);
		if (sp_buf_cstr(&b) != NULL)
			sp_cell_field(
			    n++ == 0 ? "By header" : "", sp_buf_cstr(&b));
		sp_buf_done(&b);
	}
}

/* "bcc by report in entry 12" */
static void
add_fact(struct sp_buf *b, const struct sp_family_fact *x)
{
	if (x->role != NULL && strcmp(x->role, "recipient") != 0)
		(void)!sp_buf_addf(b, "%s ", x->role);
	else if (x->presumed != NULL)
		(void)!sp_buf_addf(b, "%s ", x->presumed);
	(void)!sp_buf_addf(b, "by %s in entry %" PRIu64, x->evidence, x->seq);
	if (x->how != NULL)
		(void)!sp_buf_addf(b, ", %s from %s", x->how, x->via);
}

/* A line for each recipient, with all that says so: the facts are sorted by
 * recipient. */
static void
print_facts(const struct sp_family *f)
{
	struct sp_buf b;
	size_t lines = 0;

	sp_buf_init(&b, LINE_BYTES);
	for (size_t i = 0; i < f->nfacts; i++) {
		const struct sp_family_fact *x = &f->facts[i];
		bool last = i + 1 == f->nfacts ||
			    strcmp(x->key, f->facts[i + 1].key) != 0;

		if (b.n == 0)
			(void)!sp_buf_addf(&b, "%s  (", x->addr);
		else
			(void)!sp_buf_adds(&b, "; ");
		add_fact(&b, x);
		if (!last)
			continue;
		(void)!sp_buf_addc(&b, ')');
		if (lines++ < LINES_MAX && sp_buf_cstr(&b) != NULL)
			sp_cell_field("", sp_buf_cstr(&b));
		sp_buf_clear(&b);
	}
	sp_buf_done(&b);
	if (lines > LINES_MAX)
		printf("%-12s and %zu more: --format json\n", "",
		    lines - LINES_MAX);
}

void
sp_show_family(const struct sp_family *f, uint64_t seq)
{
	if (f->indexed && f->duplicate_of != SP_LINK_NONE)
		printf("%-12s the same bytes as entry %" PRIu64 "\n",
		    "Duplicate", f->duplicate_of);
	if (f->indexed && f->conflict_with != SP_LINK_NONE)
		printf("%-12s entry %" PRIu64
		       " has the same Message-ID and is another message\n",
		    "Conflict", f->conflict_with);
	if (!f->indexed || f->nseqs < 2)
		return;
	printf("%-12s entries", "Also");
	for (size_t i = 0, n = 0; i < f->nseqs && n < ENTRIES_SHOWN; i++)
		if (f->seqs[i] != seq)
			printf("%s %" PRIu64, n++ == 0 ? "" : ",", f->seqs[i]);
	if (f->nseqs > ENTRIES_SHOWN + 1)
		printf(" and %zu more", f->nseqs - ENTRIES_SHOWN - 1);
	printf("; together %zu recipients%s (search family:%" PRIu64 ")\n",
	    f->nrcpts, f->nread < f->nseqs ? " in the first of them" : "", seq);
	print_facts(f);
}

/*
 * The JSON of what an unwrapped journal report says, and of all claims about
 * the envelope (doc/journal-reports.md, "What comes of it").
 * The index stores the claims, and show prints both.
 */
#include <inttypes.h>
#include <stdio.h>

#include "index/mail/mail.h"

/* How a recipient was reached, and from which address. */
static void
via(struct sp_json *j, const char *key, const struct sp_journal_via *v)
{
	sp_json_obj(j, key);
	sp_json_cstr(j, "how", sp_journal_how_name(v->how));
	sp_json_cstr(j, "addr", v->addr);
	sp_json_obj_end(j);
}

/* The presumed role, where the report leaves the role open. */
static void
presumed(struct sp_json *j, const struct sp_journal_rcpt *r)
{
	if (r->role == SP_JOURNAL_RCPT && r->presumed != SP_JOURNAL_RCPT)
		sp_json_cstr(j, "presumed",
		    r->presumed == SP_JOURNAL_BCC
			? "unlisted"
			: sp_journal_role_name(r->presumed));
}

static void
recipient(struct sp_json *j, const struct sp_journal_rcpt *r)
{
	sp_json_obj(j, NULL);
	sp_json_cstr(j, "role", sp_journal_role_name(r->role));
	sp_json_cstr(j, "addr", r->addr);
	if (r->name[0] != '\0')
		sp_json_cstr(j, "name", r->name);
	presumed(j, r);
	if (r->nvia == 0)
		sp_json_null(j, "via");
	else
		via(j, "via", &r->via[0]);
	if (r->nvia > 1) {
		sp_json_arr(j, "earlier");
		for (unsigned i = 1; i < r->nvia; i++)
			via(j, NULL, &r->via[i]);
		sp_json_arr_end(j);
	}
	sp_json_obj_end(j);
}

/* A member that is left out where there is no value. */
static void
optional(struct sp_json *j, const char *key, const char *value)
{
	if (value != NULL)
		sp_json_cstr(j, key, value);
}

/* The names of the doubts of a report. */
static void
doubts(struct sp_json *j, unsigned set)
{
	if (set == 0)
		return;
	sp_json_arr(j, "doubt");
	for (unsigned bit = 1; bit < SP_JOURNAL_DOUBTS_END; bit <<= 1)
		if ((set & bit) != 0)
			sp_json_cstr(j, NULL, sp_journal_doubt_name(bit));
	sp_json_arr_end(j);
}

/*
 * The object "journal" of a report that was unwrapped, or of one that is
 * doubted; members without a value are left out, but kind and sender are null.
 */
void
sp_mail_json_journal(const struct sp_mail *m, struct sp_json *j)
{
	const struct sp_journal *r =
	    m->journal != NULL ? m->journal : m->doubted;

	optional(j, "journal_problem", m->journal_why);
	if (r == NULL)
		return;
	sp_json_obj(j, "journal");
	sp_json_bool(j, "report", true);
	doubts(j, r->doubts);
	if (m->accepted_by != UINT64_MAX)
		sp_json_u64(j, "accepted_by", m->accepted_by);
	sp_json_cstr(j, "kind", r->kind);
	sp_json_cstr(j, "sender", r->sender);
	optional(j, "on_behalf_of", r->on_behalf_of);
	optional(j, "subject", r->subject);
	optional(j, "message_id", r->message_id);
	optional(j, "report_id", r->wrapper_id);
	optional(j, "label", r->label);
	optional(j, "mailbox", r->mailbox);
	optional(j, "sent_utc", r->sent_utc);
	optional(j, "received_utc", r->received_utc);
	sp_json_arr(j, "recipients");
	for (size_t i = 0; i < r->nrcpts; i++)
		recipient(j, &r->rcpts[i]);
	sp_json_arr_end(j);
	sp_json_cstr(j, "inner", r->inner_path);
	if (r->inner_path != NULL) {
		sp_json_u64(j, "inner_size", r->inner.n);
		sp_json_hex(j, "inner_sha256", r->inner_sha256,
		    sizeof(r->inner_sha256));
	}
	optional(j, "sealed", r->sealed_path);
	if (r->ndrs > 0)
		sp_json_u64(j, "ndrs", r->ndrs);
	sp_json_obj_end(j);
}

/* Begin a claim; the caller adds the evidence and ends the object. */
static void
claim(struct sp_json *j, const char *role, const char *addr, const char *name)
{
	sp_json_obj(j, NULL);
	sp_json_cstr(j, "role", role);
	sp_json_cstr(j, "addr", addr);
	if (name[0] != '\0')
		sp_json_cstr(j, "name", name);
}

void
sp_mail_evidence(const struct sp_mail *m, char out[SP_MAIL_EVIDENCE_MAX])
{
	unsigned set = m->doubted == NULL ? 0 : m->doubted->doubts;
	size_t n;
	char sep = ':';

	if (m->doubted == NULL && m->accepted_by != UINT64_MAX) {
		(void)snprintf(out, SP_MAIL_EVIDENCE_MAX,
		    "accepted-report:%" PRIu64, m->accepted_by);
		return;
	}
	n = (size_t)snprintf(out, SP_MAIL_EVIDENCE_MAX, "%s",
	    set == 0 ? "report" : "doubtful-report");
	for (unsigned bit = 1; bit < SP_JOURNAL_DOUBTS_END; bit <<= 1) {
		if ((set & bit) == 0 || n >= SP_MAIL_EVIDENCE_MAX)
			continue;
		n += (size_t)snprintf(out + n, SP_MAIL_EVIDENCE_MAX - n, "%c%s",
		    sep, sp_journal_doubt_name(bit));
		sep = ',';
	}
}

/* What the report says of sender and recipients. */
static void
report_claims(
    struct sp_json *j, const struct sp_journal *r, const char *evidence)
{
	if (r->sender != NULL) {
		claim(j, "sender", r->sender, r->sender_name);
		sp_json_cstr(j, "evidence", evidence);
		sp_json_obj_end(j);
	}
	if (r->on_behalf_of != NULL) {
		claim(j, "on_behalf_of", r->on_behalf_of, "");
		sp_json_cstr(j, "evidence", evidence);
		sp_json_obj_end(j);
	}
	for (size_t i = 0; i < r->nrcpts; i++) {
		const struct sp_journal_rcpt *x = &r->rcpts[i];

		claim(j, sp_journal_role_name(x->role), x->addr, x->name);
		presumed(j, x);
		if (x->nvia > 0)
			via(j, "via", &x->via[0]);
		sp_json_cstr(j, "evidence", evidence);
		sp_json_obj_end(j);
	}
}

/* First what the report says, then what header fields of the way say. */
void
sp_mail_json_claims(const struct sp_mail *m, struct sp_json *j)
{
	static const char *const roles[] = { [SP_TRACE_SENDER] = "sender",
		[SP_TRACE_RCPT] = "recipient",
		[SP_TRACE_LIST] = "list" };
	char evidence[SP_MAIL_EVIDENCE_MAX];

	sp_json_arr(j, "claims");
	sp_mail_evidence(m, evidence);
	if (m->journal != NULL)
		report_claims(j, m->journal, evidence);
	else if (m->doubted != NULL)
		report_claims(j, m->doubted, evidence);
	for (size_t i = 0; i < m->traces.n; i++) {
		const struct sp_trace *t = &m->traces.v[i];

		(void)snprintf(
		    evidence, sizeof(evidence), "header:%s", t->field);
		claim(j, roles[t->kind], t->addr, t->name);
		sp_json_cstr(j, "evidence", evidence);
		sp_json_obj_end(j);
	}
	sp_json_arr_end(j);
	if (m->journal != NULL)
		sp_json_hex(j, "inner_sha256", m->journal->inner_sha256,
		    sizeof(m->journal->inner_sha256));
	else
		sp_json_null(j, "inner_sha256");
}

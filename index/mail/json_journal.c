/*
 * The JSON of what an unwrapped journal report says, and of all claims about
 * the envelope (doc/journal-reports.md, "What comes of it").
 * The index stores the claims, and show prints both.
 */
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

/*
 * The object "journal" of an unwrapped report; members without a value are
 * left out, but kind and sender are null.
 */
void
sp_mail_json_journal(const struct sp_mail *m, struct sp_json *j)
{
	const struct sp_journal *r = m->journal;

	optional(j, "journal_problem", m->journal_why);
	if (r == NULL)
		return;
	sp_json_obj(j, "journal");
	sp_json_bool(j, "report", true);
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
	sp_json_u64(j, "inner_size", r->inner.n);
	sp_json_hex(
	    j, "inner_sha256", r->inner_sha256, sizeof(r->inner_sha256));
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

/* What the report says of sender and recipients. */
static void
report_claims(struct sp_json *j, const struct sp_journal *r)
{
	if (r->sender != NULL) {
		claim(j, "sender", r->sender, r->sender_name);
		sp_json_cstr(j, "evidence", "report");
		sp_json_obj_end(j);
	}
	if (r->on_behalf_of != NULL) {
		claim(j, "on_behalf_of", r->on_behalf_of, "");
		sp_json_cstr(j, "evidence", "report");
		sp_json_obj_end(j);
	}
	for (size_t i = 0; i < r->nrcpts; i++) {
		const struct sp_journal_rcpt *x = &r->rcpts[i];

		claim(j, sp_journal_role_name(x->role), x->addr, x->name);
		presumed(j, x);
		if (x->nvia > 0)
			via(j, "via", &x->via[0]);
		sp_json_cstr(j, "evidence", "report");
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
	char evidence[96];

	sp_json_arr(j, "claims");
	if (m->journal != NULL)
		report_claims(j, m->journal);
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

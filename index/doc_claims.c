/*
 * What others claim of the envelope: an unwrapped journal report, header fields
 * that servers added on the way (doc/journal-reports.md), the export of another
 * archive.  Each claim becomes a row and words in the columns of its kind.
 * Also the ids by which entries belong together, which rest on the same facts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/doc_fill_priv.h"
#include "index/schema/token.h"

#define LOOK_BACK 16u /* claims among which a repeated address is looked for */
#define FROM_MAX  16u /* addresses of From that count for the family */

static const enum sp_column col_of[SP_CLAIM_ROLES] = {
	[SP_CLAIM_SENDER] = SP_COL_REP_FROM,
	[SP_CLAIM_BEHALF] = SP_COL_REP_FROM,
	[SP_CLAIM_TO] = SP_COL_REP_TO,
	[SP_CLAIM_CC] = SP_COL_REP_CC,
	[SP_CLAIM_BCC] = SP_COL_REP_BCC,
	[SP_CLAIM_RCPT] = SP_COL_REP_RCPT,
};

/* Whether one of the last LOOK_BACK claims put the words of ${c} into
 * ${col}. */
static bool
has_words(
    const struct sp_doc *d, const struct sp_doc_claim *c, enum sp_column col)
{
	size_t from = d->nclaims > LOOK_BACK ? d->nclaims - LOOK_BACK : 0;

	for (size_t i = from; i < d->nclaims; i++) {
		const struct sp_doc_claim *o = &d->claims[i];

		if (o->col == col &&
		    sp_view_eq(
			sp_doc_str(d, o->addr), sp_doc_str(d, c->addr)) &&
		    sp_view_eq(sp_doc_str(d, o->name), sp_doc_str(d, c->name)))
			return (true);
	}
	return (false);
}

/* Add a claim with its words.  NULL where a limit was reached. */
static struct sp_doc_claim *
add_claim(struct sp_doc *d, enum sp_claim_role role, enum sp_column col,
    const char *addr, const char *name)
{
	struct sp_doc_claim *c;

	if (d->nclaims >= SP_DOC_PARTIES_MAX)
		return (NULL);
	if (d->nclaims == d->claim_room) {
		d->claim_room = d->claim_room == 0 ? 16 : d->claim_room * 2;
		d->claims =
		    sp_xrealloc(d->claims, d->claim_room * sizeof(*d->claims));
	}
	c = &d->claims[d->nclaims];
	*c = (struct sp_doc_claim){ .role = role, .col = col };
	if (!sp_doc_store_str(d, sp_view_str(addr), &c->addr) ||
	    !sp_doc_store_str(d, sp_view_str(name), &c->name))
		return (NULL);
	/* The words of a repeated address need not be stored again. */
	if (!has_words(d, c, col) &&
	    sp_doc_add_words(&d->col[col], sp_view_str(addr), sp_view_str(name),
		col == SP_COL_TRACE_FROM || col == SP_COL_TRACE_TO) != SP_OK)
		return (NULL);
	d->nclaims++;
	return (c);
}

/* The claim's role for a role of the mail layer. */
static enum sp_claim_role
role_of(enum sp_journal_role r)
{
	switch (r) {
	case SP_JOURNAL_TO:
		return (SP_CLAIM_TO);
	case SP_JOURNAL_CC:
		return (SP_CLAIM_CC);
	case SP_JOURNAL_BCC:
		return (SP_CLAIM_BCC);
	case SP_JOURNAL_RCPT:
	case SP_JOURNAL_ROLES:
		break;
	}
	return (SP_CLAIM_RCPT);
}

/* The column of a role.  What a doubted report says stands with the claims of
 * header fields, where nothing is certain either. */
static enum sp_column
column_of(enum sp_claim_role role, bool doubted)
{
	if (!doubted)
		return (col_of[role]);
	return (role == SP_CLAIM_SENDER || role == SP_CLAIM_BEHALF
		    ? SP_COL_TRACE_FROM
		    : SP_COL_TRACE_TO);
}

/* A recipient of a report, and the lists and mailboxes that it was redirected
 * from: the first one into the row, all into the column.  False where a limit
 * was reached, as in all functions below. */
static bool
add_report_rcpt(struct sp_doc *d, const struct sp_journal_rcpt *r, bool doubted)
{
	enum sp_claim_role role = role_of(r->role);
	enum sp_column via = doubted ? SP_COL_TRACE_TO : SP_COL_REP_VIA;
	struct sp_doc_claim *c =
	    add_claim(d, role, column_of(role, doubted), r->addr, r->name);
	struct sp_view none = { NULL, 0 };

	if (c == NULL)
		return (false);
	if (role == SP_CLAIM_RCPT && r->presumed != SP_JOURNAL_RCPT)
		c->presumed = role_of(r->presumed);
	for (unsigned i = 0; i < r->nvia; i++)
		if (sp_doc_add_words(&d->col[via], sp_view_str(r->via[i].addr),
			none, doubted) != SP_OK)
			return (false);
	if (r->nvia > 0) {
		c->how = (enum sp_claim_how)(r->via[0].how + 1);
		return (
		    sp_doc_store_str(d, sp_view_str(r->via[0].addr), &c->via));
	}
	return (true);
}

/* Sender and recipients of a journal report. */
static bool
add_report(struct sp_doc *d, const struct sp_journal *j)
{
	bool doubted = j->doubts != 0, ok = true;

	if (j->sender != NULL)
		ok = add_claim(d, SP_CLAIM_SENDER,
			 column_of(SP_CLAIM_SENDER, doubted), j->sender,
			 j->sender_name) != NULL;
	if (ok && j->on_behalf_of != NULL)
		ok = add_claim(d, SP_CLAIM_BEHALF,
			 column_of(SP_CLAIM_BEHALF, doubted), j->on_behalf_of,
			 "") != NULL;
	for (size_t i = 0; ok && i < j->nrcpts; i++)
		ok = add_report_rcpt(d, &j->rcpts[i], doubted);
	return (ok);
}

/* What header fields of the way say. */
static bool
add_traces(struct sp_doc *d, const struct sp_traces *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct sp_trace *v = &t->v[i];
		struct sp_doc_claim *c;

		c = add_claim(d,
		    v->kind == SP_TRACE_SENDER ? SP_CLAIM_SENDER
		    : v->kind == SP_TRACE_LIST ? SP_CLAIM_LIST
					       : SP_CLAIM_RCPT,
		    v->kind == SP_TRACE_SENDER ? SP_COL_TRACE_FROM
					       : SP_COL_TRACE_TO,
		    v->addr, v->name);
		if (c == NULL)
			return (false);
		c->evidence = v->field;
	}
	return (true);
}

/* The address that member ${key} of ${obj} has, if there is one. */
static bool
add_export_address(struct sp_doc *d, const json_t *obj, const char *key,
    enum sp_claim_role role, enum sp_column col)
{
	struct sp_doc_claim *c;
	struct sp_view v;
	struct sp_buf tmp;
	char *addr;

	sp_buf_init(&tmp, SP_RECORD_MAX);
	if (!sp_json_get_str(obj, key, &tmp, &v) || v.n == 0) {
		sp_buf_done(&tmp);
		return (true);
	}
	addr = sp_view_dup(v);
	c = add_claim(d, role, col, addr, "");
	if (c != NULL)
		c->evidence = SP_DOC_EVIDENCE_EXPORT;
	free(addr);
	sp_buf_done(&tmp);
	return (c != NULL);
}

/* The envelope that another archive had, in an import of its export. */
static bool
add_export_envelope(struct sp_doc *d)
{
	const json_t *e = json_object_get(
	    json_object_get(d->rec.json, "source"), "claimed_envelope");
	const char *by = json_string_value(json_object_get(e, "by"));
	const json_t *one;
	size_t i;
	bool ok;

	/* That of Piler stands in the header too, where the traces are. */
	if (by == NULL || strcmp(by, "export") != 0)
		return (true);
	ok = add_export_address(
	    d, e, "from", SP_CLAIM_SENDER, SP_COL_TRACE_FROM);
	json_array_foreach(json_object_get(e, "to"), i, one) ok =
	    ok &&
	    add_export_address(d, one, "addr", SP_CLAIM_RCPT, SP_COL_TRACE_TO);
	return (ok);
}

void
sp_doc_fill_claims(struct sp_doc *d)
{
	bool ok = add_export_envelope(d);

	if (!ok)
		d->cut = true;
	if (!ok || !d->parsed)
		return;
	if (d->mail->journal != NULL)
		ok = add_report(d, d->mail->journal);
	else if (d->mail->doubted != NULL)
		ok = add_report(d, d->mail->doubted);
	if (!ok || !add_traces(d, &d->mail->traces))
		d->cut = true;
}

/* The family of a message with a Message-ID; addresses of From count in
 * whatever case they are written. */
static void
set_family(struct sp_doc *d)
{
	const struct sp_mail *m = d->mail;
	const char *from[FROM_MAX] = { NULL };
	struct sp_buf folded[FROM_MAX];
	size_t n = 0;

	for (; n < m->from.n && n < FROM_MAX; n++) {
		sp_buf_init(&folded[n], (size_t)1 << 20);
		from[n] = m->from.v[n].addr;
		if (sp_token_fold(sp_view_str(from[n]), &folded[n]) == SP_OK &&
		    sp_buf_cstr(&folded[n]) != NULL)
			from[n] = sp_buf_cstr(&folded[n]);
	}
	sp_links_family_by_msgid(
	    m->message_id, from, n, m->body_id, d->ids.family);
	while (n > 0)
		sp_buf_done(&folded[--n]);
}

void
sp_doc_fill_ids(struct sp_doc *d)
{
	struct sp_link_ids *ids = &d->ids;
	const uint8_t *inner = d->rec.sha256;

	if (d->parsed && d->mail->journal != NULL)
		inner = d->mail->journal->inner_sha256;
	ids->seq = d->seq;
	ids->known = true;
	memcpy(ids->raw, d->rec.sha256, SP_LINK_ID);
	memcpy(ids->inner, inner, SP_LINK_ID);
	ids->has_msgid = d->parsed && d->mail->message_id != NULL &&
			 d->mail->message_id[0] != '\0';
	if (ids->has_msgid) {
		sp_links_msgid_key(
		    sp_view_str(d->mail->message_id), ids->msgid);
		memcpy(ids->stable, d->mail->stable_id, SP_LINK_ID);
		set_family(d);
	} else {
		sp_links_family_by_bytes(inner, ids->family);
	}
}

void
sp_doc_evidence(const struct sp_doc *d, const char *evidence,
    char out[SP_MAIL_EVIDENCE_MAX])
{
	if (evidence == NULL)
		sp_mail_evidence(d->mail, out);
	else if (strcmp(evidence, SP_DOC_EVIDENCE_EXPORT) == 0)
		(void)snprintf(out, SP_MAIL_EVIDENCE_MAX, "export");
	else
		(void)snprintf(
		    out, SP_MAIL_EVIDENCE_MAX, "header:%s", evidence);
}

#include "index/put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "index/db.h"
#include "index/token.h"
#include "index/traffic.h"
#include "index/zone.h"

#define KNOWN_SLOTS 4096u /* a power of two */

struct sp_known {
	struct {
		uint8_t digest[SP_SHA256_LEN];
		sqlite3_int64 id; /* 0: empty */
	} slot[KNOWN_SLOTS];
};

struct sp_known *
sp_known_new(void)
{
	return (sp_xcalloc(1, sizeof(struct sp_known)));
}

void
sp_known_clear(struct sp_known *k)
{
	if (k != NULL)
		memset(k, 0, sizeof(*k));
}

void
sp_known_free(struct sp_known *k)
{
	free(k);
}

/* SHA-256 over address, NUL and name.  The table keeps 48 bits of it and
 * compares the row, the memory of addresses keeps all: nobody can make one
 * address pass for another. */
static void
address_digest(
    struct sp_view addr, struct sp_view name, uint8_t out[SP_SHA256_LEN])
{
	char small[512];

	if (addr.n + name.n + 1 > sizeof(small)) {
		sp_sha256_two(addr.p, addr.n, name.p, name.n, out);
		return;
	}
	memcpy(small, addr.p, addr.n);
	small[addr.n] = '\0';
	if (name.n > 0)
		memcpy(small + addr.n + 1, name.p, name.n);
	sp_sha256_once(small, addr.n + name.n + 1, out);
}

static int
find_address(struct sp_shard *s, uint64_t hash, struct sp_view addr,
    struct sp_view name, sqlite3_int64 *id)
{
	sqlite3_stmt *st = s->st[SP_ST_ADDRESS_FIND];
	int rc;

	*id = 0;
	(void)sp_db_bind_u64(st, 1, hash);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct sp_view a = sp_db_view(st, 1), n = sp_db_view(st, 2);

		if (sp_view_eq(a, addr) && sp_view_eq(n, name)) {
			*id = sqlite3_column_int64(st, 0);
			rc = SQLITE_DONE;
			break;
		}
	}
	(void)sqlite3_reset(st);
	return (rc == SQLITE_DONE ? SQLITE_OK : rc);
}

static int
address_id(struct sp_shard *s, struct sp_view addr, struct sp_view name,
    sqlite3_int64 *id)
{
	sqlite3_stmt *st = s->st[SP_ST_ADDRESS_ADD];
	uint8_t digest[SP_SHA256_LEN];
	uint64_t hash;
	size_t slot;
	int rc;

	address_digest(addr, name, digest);
	hash = sp_le64_get(digest) & UINT64_C(0xffffffffffff);
	slot = (size_t)hash & (KNOWN_SLOTS - 1);
	if (s->known->slot[slot].id != 0 &&
	    memcmp(s->known->slot[slot].digest, digest, sizeof(digest)) == 0) {
		*id = s->known->slot[slot].id;
		return (SQLITE_OK);
	}
	rc = find_address(s, hash, addr, name, id);
	if (rc == SQLITE_OK && *id == 0) {
		(void)sp_db_bind_u64(st, 1, hash);
		(void)sp_db_bind_view(st, 2, addr);
		(void)sp_db_bind_view(
		    st, 3, name.n > 0 ? name : (struct sp_view){ NULL, 0 });
		rc = sp_db_run(st);
		*id = sqlite3_last_insert_rowid(s->db);
	}
	if (rc == SQLITE_OK) {
		memcpy(s->known->slot[slot].digest, digest, sizeof(digest));
		s->known->slot[slot].id = *id;
	}
	return (rc);
}

static int
put_parties(struct sp_shard *s, const struct sp_doc *d)
{
	sqlite3_stmt *st = s->st[SP_ST_PARTY];
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < d->nparties; i++) {
		const struct sp_doc_party *p = &d->parties[i];
		sqlite3_int64 id = 0;

		rc = address_id(
		    s, sp_doc_str(d, p->addr), sp_doc_str(d, p->name), &id);
		if (rc != SQLITE_OK)
			break;
		(void)sp_db_bind_u64(st, 1, d->seq);
		(void)sqlite3_bind_int(st, 2, (int)p->role);
		(void)sqlite3_bind_int64(st, 3, p->n);
		(void)sqlite3_bind_int64(st, 4, id);
		rc = sp_db_run(st);
	}
	return (rc);
}

static int
evidence_id(struct sp_shard *s, const char *header, sqlite3_int64 *id)
{
	sqlite3_stmt *st = s->st[SP_ST_EVIDENCE_FIND];
	size_t slot = 0;
	char name[96];
	int rc;

	/* There are few, and each is one string of ours. */
	for (; slot < s->nevidence; slot++)
		if (s->evidence[slot].header == header) {
			*id = s->evidence[slot].id;
			return (SQLITE_OK);
		}
	if (header != NULL && header[0] == '=')
		(void)snprintf(name, sizeof(name), "%s", header + 1);
	else
		(void)snprintf(name, sizeof(name), "%s%s",
		    header == NULL ? "report" : "header:",
		    header == NULL ? "" : header);
	(void)sp_db_bind_view(st, 1, sp_view_str(name));
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*id = sqlite3_column_int64(st, 0);
	(void)sqlite3_reset(st);
	if (rc == SQLITE_DONE) {
		st = s->st[SP_ST_EVIDENCE_ADD];
		(void)sp_db_bind_view(st, 1, sp_view_str(name));
		rc = sp_db_run(st);
		*id = sqlite3_last_insert_rowid(s->db);
	} else if (rc == SQLITE_ROW) {
		rc = SQLITE_OK;
	}
	if (rc == SQLITE_OK && slot < SP_COUNTOF(s->evidence)) {
		s->evidence[slot].header = header;
		s->evidence[slot].id = *id;
		s->nevidence++;
	}
	return (rc);
}

static void
bind_small(sqlite3_stmt *st, int i, sqlite3_int64 v)
{
	if (v == 0)
		(void)sqlite3_bind_null(st, i);
	else
		(void)sqlite3_bind_int64(st, i, v);
}

static int
put_claim(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_doc_claim *c, size_t n, sqlite3_int64 evidence)
{
	sqlite3_stmt *st = s->st[SP_ST_CLAIM];
	struct sp_view none = { NULL, 0 };
	sqlite3_int64 id = 0, via = 0;
	int rc;

	rc = address_id(s, sp_doc_str(d, c->addr), sp_doc_str(d, c->name), &id);
	if (rc == SQLITE_OK && c->how != 0)
		rc = address_id(s, sp_doc_str(d, c->via), none, &via);
	if (rc != SQLITE_OK)
		return (rc);
	(void)sp_db_bind_u64(st, 1, d->seq);
	(void)sp_db_bind_u64(st, 2, n);
	(void)sqlite3_bind_int64(st, 3, evidence);
	(void)sqlite3_bind_int(st, 4, (int)c->role);
	(void)sqlite3_bind_int64(st, 5, id);
	bind_small(st, 6, (sqlite3_int64)c->presumed);
	bind_small(st, 7, (sqlite3_int64)c->how);
	bind_small(st, 8, via);
	return (sp_db_run(st));
}

static int
put_claims(struct sp_shard *s, const struct sp_doc *d)
{
	const char *last = NULL;
	sqlite3_int64 evidence = 0;
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < d->nclaims; i++) {
		const struct sp_doc_claim *c = &d->claims[i];

		if (i == 0 || c->evidence != last)
			rc = evidence_id(s, c->evidence, &evidence);
		last = c->evidence;
		if (rc == SQLITE_OK)
			rc = put_claim(s, d, c, i, evidence);
	}
	return (rc);
}

static int
put_attachments(struct sp_shard *s, const struct sp_doc *d)
{
	sqlite3_stmt *st = s->st[SP_ST_ATTACHMENT];
	int rc = SQLITE_OK, n = 0;

	for (size_t i = 0; d->parsed && i < d->mail->nparts; i++) {
		const struct sp_mail_part *p = &d->mail->parts[i];

		if (!p->attachment)
			continue;
		(void)sp_db_bind_u64(st, 1, d->seq);
		(void)sqlite3_bind_int(st, 2, n++);
		(void)sp_db_bind_view(st, 3, sp_view_str(p->name));
		(void)sp_db_bind_view(st, 4, sp_view_str(p->type));
		(void)sp_db_bind_view(st, 5, sp_view_str(p->detected));
		(void)sp_db_bind_u64(st, 6, p->size);
		(void)sqlite3_bind_blob(
		    st, 7, p->sha256, SP_SHA256_LEN, SQLITE_STATIC);
		rc = sp_db_run(st);
		if (rc != SQLITE_OK)
			return (rc);
	}
	return (rc);
}

static int
source_id(struct sp_shard *s, const struct sp_record *r, sqlite3_int64 *id)
{
	sqlite3_stmt *st = s->st[SP_ST_SOURCE_FIND];
	int rc;

	(void)sp_db_bind_view(st, 1, sp_view_str(r->grade));
	(void)sp_db_bind_view(st, 2, sp_view_str(r->via));
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*id = sqlite3_column_int64(st, 0);
	(void)sqlite3_reset(st);
	if (rc != SQLITE_DONE)
		return (rc == SQLITE_ROW ? SQLITE_OK : rc);
	st = s->st[SP_ST_SOURCE_ADD];
	(void)sp_db_bind_view(st, 1, sp_view_str(r->grade));
	(void)sp_db_bind_view(st, 2, sp_view_str(r->via));
	rc = sp_db_run(st);
	*id = sqlite3_last_insert_rowid(s->db);
	return (rc);
}

/* The sender's zone in minutes where that gives the date back, else the text
 * of the date itself. */
static void
bind_date(sqlite3_stmt *st, const struct sp_mail *m)
{
	int minutes;

	if (m == NULL || m->date == NULL || m->date_us == INT64_MIN) {
		(void)sqlite3_bind_null(st, 3);
		(void)sp_db_bind_view(
		    st, 4, sp_view_str(m == NULL ? NULL : m->date));
		return;
	}
	(void)sqlite3_bind_int64(st, 3, m->date_us / SP_SECOND);
	if (sp_zone_of(m->date, m->date_us, &minutes))
		(void)sqlite3_bind_int(st, 4, minutes);
	else
		(void)sp_db_bind_view(st, 4, sp_view_str(m->date));
}

/* The message's flags with those that its links give, in order. */
static struct sp_view
flags(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found)
{
	const char *own[2] = { NULL, NULL };
	struct sp_view rest = sp_buf_view(&d->flags), word;
	enum sp_code rc = SP_OK;
	size_t i = 0;

	if (found->conflict_with != SP_LINK_NONE)
		own[1] = "msgid_conflict";
	if (found->duplicate_of != SP_LINK_NONE)
		own[0] = "duplicate";
	else if (found->same_as != SP_LINK_NONE) {
		own[0] = own[1] != NULL ? own[1] : "same_message";
		own[1] = own[1] != NULL ? "same_message" : NULL;
	}
	if (own[0] == NULL) {
		own[0] = own[1];
		own[1] = NULL;
	}
	if (own[0] == NULL)
		return (rest);
	sp_buf_clear(&s->flags);
	while (rc == SP_OK && (rest.n > 0 || (i < 2 && own[i] != NULL))) {
		struct sp_view next = rest;

		word = sp_view_cut(&next, ' ');
		if (i < 2 && own[i] != NULL &&
		    (word.n == 0 || strncmp(own[i], word.p, word.n) <= 0))
			word = sp_view_str(own[i++]);
		else
			rest = next;
		if (s->flags.n > 0)
			rc = sp_buf_addc(&s->flags, ' ');
		if (rc == SP_OK)
			rc = sp_buf_addv(&s->flags, word);
	}
	return (sp_buf_view(&s->flags));
}

static void
bind_seq(sqlite3_stmt *st, int i, uint64_t seq)
{
	if (seq == SP_LINK_NONE)
		(void)sqlite3_bind_null(st, i);
	else
		(void)sp_db_bind_u64(st, i, seq);
}

static void
bind_links(
    sqlite3_stmt *st, const struct sp_doc *d, const struct sp_link_found *found)
{
	const struct sp_link_ids *ids = &d->ids;
	const struct sp_journal *j = d->parsed ? d->mail->journal : NULL;

	(void)sqlite3_bind_int64(st, 13, (sqlite3_int64)d->nclaims);
	if (j != NULL)
		(void)sqlite3_bind_blob(
		    st, 14, j->inner_sha256, SP_SHA256_LEN, SQLITE_STATIC);
	else
		(void)sqlite3_bind_null(st, 14);
	if (ids->has)
		(void)sqlite3_bind_blob(
		    st, 15, ids->family, SP_LINK_ID, SQLITE_STATIC);
	else
		(void)sqlite3_bind_null(st, 15);
	if (ids->has && ids->has_msgid)
		(void)sqlite3_bind_blob(
		    st, 16, ids->stable, SP_LINK_ID, SQLITE_STATIC);
	else
		(void)sqlite3_bind_null(st, 16);
	bind_seq(st, 17, found->duplicate_of);
	bind_seq(st, 18, found->same_as);
	bind_seq(st, 19, found->conflict_with);
}

static int
put_row(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found, struct sp_view names)
{
	const struct sp_mail *m = d->parsed ? d->mail : NULL;
	sqlite3_stmt *st = s->st[SP_ST_MESSAGE];
	sqlite3_int64 source = 0;
	int rc = source_id(s, &d->rec, &source);

	if (rc != SQLITE_OK)
		return (rc);
	(void)sp_db_bind_u64(st, 1, d->seq);
	(void)sqlite3_bind_int64(st, 2, d->received);
	bind_date(st, m);
	(void)sp_db_bind_u64(st, 5, d->rec.size);
	(void)sqlite3_bind_int64(st, 6, source);
	(void)sqlite3_bind_blob(
	    st, 7, d->rec.sha256, SP_SHA256_LEN, SQLITE_STATIC);
	(void)sp_db_bind_view(
	    st, 8, sp_view_str(m == NULL ? NULL : m->message_id));
	(void)sp_db_bind_view(
	    st, 9, sp_view_str(m == NULL ? NULL : m->subject));
	(void)sp_db_bind_view(
	    st, 10, names.n > 0 ? names : (struct sp_view){ NULL, 0 });
	(void)sqlite3_bind_int64(st, 11, d->heads);
	(void)sqlite3_bind_int64(st, 12, d->attachments);
	bind_links(st, d, found);
	return (sp_db_run(st));
}

/* Text that is not changed on its way is bound where the mail layer has it. */
static struct sp_view
column(const struct sp_doc *d, enum sp_col c)
{
	if (d->col[c].n > 0)
		return (sp_buf_view(&d->col[c]));
	if (c == SP_COL_BODY && d->parsed && d->mail->text_len > 0)
		return (sp_view_mem(d->mail->text, d->mail->text_len));
	if (c == SP_COL_SUBJECT && d->parsed)
		return (sp_view_str(d->mail->subject));
	return ((struct sp_view){ NULL, 0 });
}

static void
meta_flag(struct sp_buf *b, uint64_t seq, const char *name)
{
	if (seq != SP_LINK_NONE)
		(void)!sp_buf_addf(b, "%c%s%s%c", SP_TOKEN_MARK, SP_META_FLAG,
		    name, SP_TOKEN_MARK);
}

/* The verbatim tokens, with those of flags that its links give. */
static struct sp_view
meta(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found)
{
	struct sp_view v = column(d, SP_COL_META);

	if (found->duplicate_of == SP_LINK_NONE &&
	    found->same_as == SP_LINK_NONE &&
	    found->conflict_with == SP_LINK_NONE)
		return (v);
	sp_buf_clear(&s->meta);
	if (sp_buf_addv(&s->meta, v) != SP_OK)
		return (v);
	if (found->duplicate_of == SP_LINK_NONE)
		meta_flag(&s->meta, found->same_as, "same_message");
	meta_flag(&s->meta, found->duplicate_of, "duplicate");
	meta_flag(&s->meta, found->conflict_with, "msgid_conflict");
	return (sp_buf_view(&s->meta));
}

static int
put_text(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found)
{
	sqlite3_stmt *st = s->st[SP_ST_TEXT];
	int at = 1;

	(void)sp_db_bind_u64(st, at++, d->seq);
	for (int c = 0; c < SP_COL_COUNT; c++)
		if (c == SP_COL_META)
			(void)sp_db_bind_view(st, at++, meta(s, d, found));
		else if (c != SP_COL_ATTACHED)
			(void)sp_db_bind_view(
			    st, at++, column(d, (enum sp_col)c));
	return (sp_db_run(st));
}

static int
put_event(struct sp_shard *s, const struct sp_doc *d)
{
	sqlite3_stmt *st = s->st[SP_ST_EVENT];
	int rc;

	(void)sp_db_bind_u64(st, 1, d->seq);
	(void)sqlite3_bind_int64(st, 2, d->received);
	(void)sp_db_bind_view(st, 3, sp_view_str(d->rec.event));
	(void)sp_db_bind_view(st, 4, sp_buf_view(&d->actor));
	(void)sp_db_bind_view(st, 5, sp_buf_view(&d->detail));
	rc = sp_db_run(st);
	st = s->st[SP_ST_EVENT_SEQ];
	for (size_t i = 0; rc == SQLITE_OK && i < d->nruns; i++) {
		(void)sp_db_bind_u64(st, 1, d->seq);
		(void)sp_db_bind_u64(st, 2, d->runs[i].first);
		(void)sp_db_bind_u64(st, 3, d->runs[i].last);
		rc = sp_db_run(st);
	}
	return (rc);
}

enum sp_code
sp_put_doc(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found, struct sp_err *err)
{
	int rc = SQLITE_OK;

	if (!d->has_record)
		return (SP_OK);
	if (d->rec.kind == SP_KIND_EVENT) {
		rc = put_event(s, d);
	} else {
		rc = put_row(s, d, found, flags(s, d, found));
		if (rc == SQLITE_OK)
			rc = put_parties(s, d);
		if (rc == SQLITE_OK)
			rc = put_claims(s, d);
		if (rc == SQLITE_OK)
			rc = put_attachments(s, d);
		if (rc == SQLITE_OK)
			rc = put_text(s, d, found);
		if (rc == SQLITE_OK)
			rc = sp_traffic_note(s, d);
		s->added++;
	}
	return (rc == SQLITE_OK ? SP_OK : sp_db_error(s->db, rc, s->path, err));
}

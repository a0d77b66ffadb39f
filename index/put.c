/*
 * A document as rows: one of "messages" with its people, claims, attachments
 * and text, or one of "events" with the entries that it names
 * (doc/format-index.md, "Tables").  Addresses, sources and evidence have rows
 * of their own, which many messages share; an id is looked up in known.h, then
 * in the table, then added.
 */
#include "index/put.h"

#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/sha256.h"
#include "index/db.h"
#include "index/known.h"
#include "index/schema/column.h"
#include "index/schema/token.h"
#include "index/traffic.h"
#include "index/zone.h"

/* Parameters of SP_ST_MESSAGE: the columns of messages, in their order. */
enum message_param {
	M_SEQ = 1,
	M_RECEIVED,
	M_DATE,
	M_ZONE,
	M_SIZE,
	M_SOURCE,
	M_SHA256,
	M_MSGID,
	M_SUBJECT,
	M_FLAGS,
	M_HEADS,
	M_ATTACHMENTS,
	M_CLAIMS,
	M_ORIGINAL,
	M_FAMILY,
	M_STABLE,
	M_DUPLICATE_OF,
	M_SAME_AS,
	M_CONFLICT_WITH
};

/* ---- rows that messages share ---------------------------------------- */

/* SHA-256 over address, NUL and name.  The table keeps 48 bits of it, and the
 * row that they find is compared; known.h keeps all of it.  So nobody can make
 * one address pass for another. */
static void
address_digest(
    struct sp_view addr, struct sp_view name, uint8_t out[SP_SHA256_LEN])
{
	char small[512];
	struct sp_sha256 *s;

	if (addr.n + name.n + 1 > sizeof(small)) {
		s = sp_sha256_new();
		sp_sha256_add(s, addr.p, addr.n);
		sp_sha256_add(s, "", 1);
		sp_sha256_add(s, name.p, name.n);
		sp_sha256_end(s, out);
		sp_sha256_free(s);
		return;
	}
	memcpy(small, addr.p, addr.n);
	small[addr.n] = '\0';
	if (name.n > 0)
		memcpy(small + addr.n + 1, name.p, name.n);
	sp_sha256_once(small, addr.n + name.n + 1, out);
}

/* The id of the row with this address and name, or 0.  The hash alone is not
 * unique. */
static int
find_address(struct sp_shard *s, uint64_t hash, struct sp_view addr,
    struct sp_view name, sqlite3_int64 *id)
{
	sqlite3_stmt *st = s->st[SP_ST_ADDRESS_FIND];
	int rc;

	*id = 0;
	(void)sp_db_bind_u64(st, 1, hash);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct sp_view a = sp_db_column_view(st, 1),
			       n = sp_db_column_view(st, 2);

		if (sp_view_eq(a, addr) && sp_view_eq(n, name)) {
			*id = sqlite3_column_int64(st, 0);
			rc = SQLITE_DONE;
			break;
		}
	}
	(void)sqlite3_reset(st);
	return (rc == SQLITE_DONE ? SQLITE_OK : rc);
}

/* The id of the row of an address, added if need be. */
static int
address_id(struct sp_shard *s, struct sp_view addr, struct sp_view name,
    sqlite3_int64 *id)
{
	sqlite3_stmt *st = s->st[SP_ST_ADDRESS_ADD];
	uint8_t digest[SP_SHA256_LEN];
	uint64_t hash;
	int rc;

	address_digest(addr, name, digest);
	hash = sp_le64_get(digest) & UINT64_C(0xffffffffffff);
	*id = sp_known_address(s->known, digest);
	if (*id != 0)
		return (SQLITE_OK);
	rc = find_address(s, hash, addr, name, id);
	if (rc == SQLITE_OK && *id == 0) {
		(void)sp_db_bind_u64(st, 1, hash);
		(void)sp_db_bind_view(st, 2, addr);
		(void)sp_db_bind_view(
		    st, 3, name.n > 0 ? name : (struct sp_view){ NULL, 0 });
		rc = sp_db_run(st);
		*id = sqlite3_last_insert_rowid(s->db.handle);
	}
	if (rc == SQLITE_OK)
		sp_known_add_address(s->known, digest, *id);
	return (rc);
}

/* The id of the row for the evidence of a claim, added if need be. */
static int
evidence_id(struct sp_shard *s, const struct sp_doc *d, const char *evidence,
    sqlite3_int64 *id)
{
	sqlite3_stmt *st = s->st[SP_ST_EVIDENCE_FIND];
	char name[SP_MAIL_EVIDENCE_MAX];
	int rc;

	sp_doc_evidence(d, evidence, name);
	*id = sp_known_evidence(s->known, name);
	if (*id != 0)
		return (SQLITE_OK);
	(void)sp_db_bind_view(st, 1, sp_view_str(name));
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*id = sqlite3_column_int64(st, 0);
	(void)sqlite3_reset(st);
	if (rc == SQLITE_DONE) {
		st = s->st[SP_ST_EVIDENCE_ADD];
		(void)sp_db_bind_view(st, 1, sp_view_str(name));
		rc = sp_db_run(st);
		*id = sqlite3_last_insert_rowid(s->db.handle);
	} else if (rc == SQLITE_ROW) {
		rc = SQLITE_OK;
	}
	if (rc == SQLITE_OK)
		sp_known_add_evidence(s->known, name, *id);
	return (rc);
}

/* The id of the row for grade and protocol of the entry, added if need be. */
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
	*id = sqlite3_last_insert_rowid(s->db.handle);
	return (rc);
}

/* ---- parts of a message ----------------------------------------------- */

/* Rows of parties. */
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

/* Bind a number, 0 as NULL. */
static void
bind_or_null(sqlite3_stmt *st, int i, sqlite3_int64 v)
{
	if (v == 0)
		(void)sqlite3_bind_null(st, i);
	else
		(void)sqlite3_bind_int64(st, i, v);
}

/* The row of claim number ${n}. */
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
	bind_or_null(st, 6, (sqlite3_int64)c->presumed);
	bind_or_null(st, 7, (sqlite3_int64)c->how);
	bind_or_null(st, 8, via);
	return (sp_db_run(st));
}

/* Rows of claims; neighbours mostly have the same evidence. */
static int
put_claims(struct sp_shard *s, const struct sp_doc *d)
{
	const char *last = NULL;
	sqlite3_int64 evidence = 0;
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < d->nclaims; i++) {
		const struct sp_doc_claim *c = &d->claims[i];

		if (i == 0 || c->evidence != last)
			rc = evidence_id(s, d, c->evidence, &evidence);
		last = c->evidence;
		if (rc == SQLITE_OK)
			rc = put_claim(s, d, c, i, evidence);
	}
	return (rc);
}

/* Rows of attachments, numbered in the order of the message. */
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

/* ---- the message ------------------------------------------------------ */

/* Bind the message's own date: its instant, and the sender's zone in minutes
 * where these give the text back, else the text itself. */
static void
bind_date(sqlite3_stmt *st, const struct sp_mail *m)
{
	int minutes;

	if (m == NULL || m->date == NULL || m->date_us == INT64_MIN) {
		(void)sqlite3_bind_null(st, M_DATE);
		(void)sp_db_bind_view(
		    st, M_ZONE, sp_view_str(m == NULL ? NULL : m->date));
		return;
	}
	(void)sqlite3_bind_int64(st, M_DATE, m->date_us / SP_SECOND);
	if (sp_zone_parse(m->date, m->date_us, &minutes))
		(void)sqlite3_bind_int(st, M_ZONE, minutes);
	else
		(void)sp_db_bind_view(st, M_ZONE, sp_view_str(m->date));
}

/* The flags that the links of an entry give; their number, at most 2. */
static size_t
link_flags(const struct sp_link_found *found, const char *out[2])
{
	size_t n = 0;

	if (found->duplicate_of != SP_LINK_NONE)
		out[n++] = "duplicate";
	else if (found->same_as != SP_LINK_NONE)
		out[n++] = "same_message";
	if (found->conflict_with != SP_LINK_NONE)
		out[n++] = "msgid_conflict";
	return (n);
}

/* The message's flags with those of its links, sorted, separated by blanks;
 * borrowed from ${d} or from the shard. */
static struct sp_view
all_flags(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found)
{
	const char *own[2];
	size_t n = link_flags(found, own), i = 0;
	struct sp_view rest = sp_buf_view(&d->flags), word;
	enum sp_code rc = SP_OK;

	if (n == 0)
		return (rest);
	if (n == 2 && strcmp(own[0], own[1]) > 0) {
		const char *first = own[1];

		own[1] = own[0];
		own[0] = first;
	}
	sp_buf_clear(&s->flags);
	while (rc == SP_OK && (rest.n > 0 || i < n)) {
		struct sp_view next = rest;

		word = sp_view_cut(&next, ' ');
		if (i < n &&
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

/* Bind an earlier entry, SP_LINK_NONE as NULL. */
static void
bind_seq(sqlite3_stmt *st, int i, uint64_t seq)
{
	if (seq == SP_LINK_NONE)
		(void)sqlite3_bind_null(st, i);
	else
		(void)sp_db_bind_u64(st, i, seq);
}

/* Bind what the row says of copies and claims; see doc/format-index.md,
 * "Families". */
static void
bind_links(
    sqlite3_stmt *st, const struct sp_doc *d, const struct sp_link_found *found)
{
	const struct sp_link_ids *ids = &d->ids;
	const struct sp_journal *j = d->parsed ? d->mail->journal : NULL;

	(void)sqlite3_bind_int64(st, M_CLAIMS, (sqlite3_int64)d->nclaims);
	if (j != NULL)
		(void)sqlite3_bind_blob(st, M_ORIGINAL, j->inner_sha256,
		    SP_SHA256_LEN, SQLITE_STATIC);
	else
		(void)sqlite3_bind_null(st, M_ORIGINAL);
	if (ids->known)
		(void)sqlite3_bind_blob(
		    st, M_FAMILY, ids->family, SP_LINK_ID, SQLITE_STATIC);
	else
		(void)sqlite3_bind_null(st, M_FAMILY);
	if (ids->known && ids->has_msgid)
		(void)sqlite3_bind_blob(
		    st, M_STABLE, ids->stable, SP_LINK_ID, SQLITE_STATIC);
	else
		(void)sqlite3_bind_null(st, M_STABLE);
	bind_seq(st, M_DUPLICATE_OF, found->duplicate_of);
	bind_seq(st, M_SAME_AS, found->same_as);
	bind_seq(st, M_CONFLICT_WITH, found->conflict_with);
}

/* The row of messages. */
static int
put_message(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found)
{
	const struct sp_mail *m = d->parsed ? d->mail : NULL;
	sqlite3_stmt *st = s->st[SP_ST_MESSAGE];
	struct sp_view flags = all_flags(s, d, found);
	sqlite3_int64 source = 0;
	int rc = source_id(s, &d->rec, &source);

	if (rc != SQLITE_OK)
		return (rc);
	(void)sp_db_bind_u64(st, M_SEQ, d->seq);
	(void)sqlite3_bind_int64(st, M_RECEIVED, d->received);
	bind_date(st, m);
	(void)sp_db_bind_u64(st, M_SIZE, d->rec.size);
	(void)sqlite3_bind_int64(st, M_SOURCE, source);
	(void)sqlite3_bind_blob(
	    st, M_SHA256, d->rec.sha256, SP_SHA256_LEN, SQLITE_STATIC);
	(void)sp_db_bind_view(
	    st, M_MSGID, sp_view_str(m == NULL ? NULL : m->message_id));
	(void)sp_db_bind_view(
	    st, M_SUBJECT, sp_view_str(m == NULL ? NULL : m->subject));
	(void)sp_db_bind_view(
	    st, M_FLAGS, flags.n > 0 ? flags : (struct sp_view){ NULL, 0 });
	(void)sqlite3_bind_int64(st, M_HEADS, d->heads);
	(void)sqlite3_bind_int64(st, M_ATTACHMENTS, d->attachments);
	bind_links(st, d, found);
	return (sp_db_run(st));
}

/* The text of a column; where it is not changed on its way, that of the mail
 * layer is bound without a copy. */
static struct sp_view
column_text(const struct sp_doc *d, enum sp_column c)
{
	if (d->col[c].n > 0)
		return (sp_buf_view(&d->col[c]));
	if (c == SP_COL_BODY && d->parsed && d->mail->text_len > 0)
		return (sp_view_mem(d->mail->text, d->mail->text_len));
	if (c == SP_COL_SUBJECT && d->parsed)
		return (sp_view_str(d->mail->subject));
	return ((struct sp_view){ NULL, 0 });
}

/* The properties of the entry, with those of the flags that its links give;
 * one that finds no room is left out. */
static struct sp_view
meta_text(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found)
{
	struct sp_view v = column_text(d, SP_COL_META);
	const char *own[2];
	size_t n = link_flags(found, own);

	if (n == 0)
		return (v);
	sp_buf_clear(&s->meta);
	if (sp_buf_addv(&s->meta, v) != SP_OK)
		return (v);
	for (size_t i = 0; i < n; i++)
		(void)!sp_buf_addf(&s->meta, "%c%s%s%c", SP_TOKEN_MARK,
		    SP_META_FLAG, own[i], SP_TOKEN_MARK);
	return (sp_buf_view(&s->meta));
}

/* The row of the full text, with one column after the other; ${st} puts it in
 * or takes it out. */
static int
put_text(struct sp_shard *s, sqlite3_stmt *st, const struct sp_doc *d,
    const struct sp_link_found *found)
{
	for (int c = 0; c < SP_COL_COUNT; c++)
		(void)sp_db_bind_view(st, c + 1,
		    c == SP_COL_META ? meta_text(s, d, found)
				     : column_text(d, (enum sp_column)c));
	(void)sp_db_bind_u64(st, SP_COL_COUNT + 1, d->seq);
	return (sp_db_run(st));
}

/* ---- events ----------------------------------------------------------- */

/* The row of an event, and those of the entries that it names. */
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

static int
put_all(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found)
{
	int rc = put_message(s, d, found);

	if (rc == SQLITE_OK)
		rc = put_parties(s, d);
	if (rc == SQLITE_OK)
		rc = put_claims(s, d);
	if (rc == SQLITE_OK)
		rc = put_attachments(s, d);
	if (rc == SQLITE_OK)
		rc = put_text(s, s->st[SP_ST_TEXT], d, found);
	return (rc);
}

enum sp_code
sp_put_again(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found, struct sp_err *err)
{
	int rc = put_all(s, d, found);

	return (rc == SQLITE_OK ? SP_OK : sp_db_error(&s->db, rc, err));
}

/* FTS5 is given every column once more, as it was. */
enum sp_code
sp_put_remove(struct sp_shard *s, const struct sp_doc *d,
    const struct sp_link_found *found, struct sp_err *err)
{
	static const char *const sql[] = {
		"DELETE FROM messages WHERE seq = ?1",
		"DELETE FROM parties WHERE seq = ?1",
		"DELETE FROM claims WHERE seq = ?1",
		"DELETE FROM attachments WHERE seq = ?1",
	};
	static const char text[] =
	    "INSERT INTO fulltext(" SP_COLUMN_SQL_NAMES
	    "rowid, fulltext) VALUES(" SP_COLUMN_SQL_PARAMS "?, 'delete')";
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i <= SP_COUNTOF(sql); i++) {
		bool row = i < SP_COUNTOF(sql);
		sqlite3_stmt *st = NULL;

		rc = sp_db_prepare(&s->db, row ? sql[i] : text, false, &st);
		if (rc == SQLITE_OK && row) {
			(void)sp_db_bind_u64(st, 1, d->seq);
			rc = sp_db_run(st);
		} else if (rc == SQLITE_OK) {
			rc = put_text(s, st, d, found);
		}
		(void)sqlite3_finalize(st);
	}
	return (rc == SQLITE_OK ? SP_OK : sp_db_error(&s->db, rc, err));
}

/* A message is also counted for traffic, in the same transaction. */
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
		rc = put_all(s, d, found);
		if (rc == SQLITE_OK)
			rc = sp_traffic_count(s, d);
		s->added++;
	}
	return (rc == SQLITE_OK ? SP_OK : sp_db_error(&s->db, rc, err));
}

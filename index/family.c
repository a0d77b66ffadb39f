/*
 * Families of copies (family.h): the entry's own row gives its family, the
 * links its members, and the shards of the members what each says about who got
 * the message.  `sealpost show` prints it; searches for "family:" use the
 * members alone.
 */
#include "index/family.h"

#include <stdlib.h>
#include <string.h>

#include "base/layout.h"
#include "index/db.h"
#include "index/links.h"
#include "index/schema/column.h"
#include "index/schema/schema.h"
#include "index/schema/token.h"
#include "index/shards.h"

#define KEY_MAX ((size_t)64 << 10) /* bytes of a folded address */

/* The shard that holds the entry, or NULL. */
static struct sp_shard *
shard_of(const struct sp_shards *s, uint64_t seq)
{
	for (size_t i = 0; i < s->n; i++)
		if (seq >= s->v[i]->info.first && seq < s->v[i]->info.next)
			return (s->v[i]);
	return (NULL);
}

/* Column ${i} as an entry, SP_LINK_NONE for NULL. */
static uint64_t
link_column(sqlite3_stmt *st, int i)
{
	return (sqlite3_column_type(st, i) == SQLITE_NULL
		    ? SP_LINK_NONE
		    : sp_db_column_u64(st, i));
}

/* The row of the entry itself: its family (*has: it has one), and what it is
 * linked to. */
static enum sp_code
read_own_row(struct sp_shard *s, uint64_t seq, struct sp_family *f,
    uint8_t family[SP_LINK_ID], bool *has, struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(&s->db,
	    "SELECT family, duplicate_of, same_as, conflict_with, (SELECT event FROM accepted a WHERE a.seq = m.seq) FROM messages m WHERE seq = ?",
	    false, &st);

	if (rc == SQLITE_OK) {
		(void)sp_db_bind_u64(st, 1, seq);
		rc = sqlite3_step(st);
	}
	if (rc == SQLITE_ROW) {
		f->indexed = true;
		*has = sqlite3_column_bytes(st, 0) == SP_LINK_ID;
		if (*has)
			memcpy(family, sqlite3_column_blob(st, 0), SP_LINK_ID);
		f->duplicate_of = link_column(st, 1);
		f->same_as = link_column(st, 2);
		f->conflict_with = link_column(st, 3);
		f->accepted_by = link_column(st, 4);
	}
	(void)sqlite3_finalize(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return (sp_db_error(&s->db, rc, err));
	return (SP_OK);
}

/* The members by the links; the entry alone where there are none. */
static enum sp_code
read_members(const char *dir, uint64_t seq, struct sp_family *f,
    const uint8_t family[SP_LINK_ID], bool has, struct sp_err *err)
{
	char origin[SP_ORIGIN_MAX + 1];
	struct sp_links *l = NULL;
	enum sp_code rc =
	    has ? sp_layout_read_format(dir, origin, err) : SP_ENOTFOUND;

	if (rc == SP_OK)
		rc = sp_links_open_read(dir, origin, &l, err);
	if (rc == SP_OK)
		rc = sp_links_members(l, family, &f->seqs, &f->nseqs, err);
	sp_links_close(l);
	if (rc == SP_ENOTFOUND)
		rc = SP_OK;
	if (rc == SP_OK && f->nseqs == 0) {
		free(f->seqs);
		f->seqs = sp_xcalloc(1, sizeof(*f->seqs));
		f->seqs[f->nseqs++] = seq;
	}
	return (rc);
}

static char *
text_dup(struct sp_view v)
{
	return (v.p == NULL ? NULL : sp_view_dup(v));
}

/* Add a fact, or NULL if there are too many. */
static struct sp_family_fact *
add_fact(struct sp_family *f, uint64_t seq, struct sp_view addr,
    const char *evidence)
{
	struct sp_family_fact *x;
	struct sp_buf b;

	if (f->nfacts >= SP_FAMILY_FACTS)
		return (NULL);
	/* full: the capacity is the next power of two */
	if ((f->nfacts & (f->nfacts - 1)) == 0)
		f->facts = sp_xrealloc(f->facts,
		    (f->nfacts == 0 ? 1 : 2 * f->nfacts) * sizeof(*f->facts));
	x = &f->facts[f->nfacts++];
	sp_buf_init(&b, KEY_MAX);
	*x = (struct sp_family_fact){
		.seq = seq,
		.key = sp_token_fold(addr, &b) == SP_OK
			   ? sp_view_dup(sp_buf_view(&b))
			   : sp_view_dup(addr),
		.addr = sp_view_dup(addr),
		.evidence = sp_xstrdup(evidence),
	};
	sp_buf_done(&b);
	return (x);
}

/* What the envelope of an entry says, except for an unwrapped report: its own
 * recipient is the journal mailbox. */
static int
add_envelope_facts(struct sp_shard *s, uint64_t seq, struct sp_family *f)
{
	static const char sql[] =
	    "SELECT p.role, a.addr, g.grade, EXISTS(SELECT 1 FROM parties q WHERE q.seq = p.seq AND q.role = ?2 AND q.n = p.n) FROM parties p JOIN addresses a ON a.id = p.address JOIN messages m ON m.seq = p.seq JOIN sources g ON g.id = m.source WHERE p.seq = ?1 AND p.role IN (?3, ?4) AND m.original IS NULL ORDER BY p.role, p.n";
	enum { ROLE, ADDR, GRADE, HAS_ENV_AS };
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(&s->db, sql, false, &st);

	if (rc != SQLITE_OK)
		return (rc);
	(void)sp_db_bind_u64(st, 1, seq);
	(void)sqlite3_bind_int(st, 2, SP_PARTY_ENV_AS);
	(void)sqlite3_bind_int(st, 3, SP_PARTY_ENV_TO);
	(void)sqlite3_bind_int(st, 4, SP_PARTY_ORCPT);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *evidence = "envelope";

		if (sqlite3_column_int(st, ROLE) == SP_PARTY_ORCPT)
			evidence = "orcpt";
		else if (sqlite3_column_int(st, HAS_ENV_AS) != 0)
			evidence = "original";
		else if (sp_view_eq_str(sp_db_column_view(st, GRADE),
			     sp_grade_name[SP_GRADE_WITNESSED]))
			evidence = "smtp";
		(void)add_fact(f, seq, sp_db_column_view(st, ADDR), evidence);
	}
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_DONE ? SQLITE_OK : rc);
}

/* What a report or header fields say of recipients. */
static int
add_claim_facts(struct sp_shard *s, uint64_t seq, struct sp_family *f)
{
	static const char sql[] =
	    "SELECT c.role, a.addr, e.name, c.presumed, c.how, v.addr FROM claims c JOIN addresses a ON a.id = c.address JOIN evidence e ON e.id = c.evidence LEFT JOIN addresses v ON v.id = c.via WHERE c.seq = ?1 AND c.role BETWEEN ?2 AND ?3 ORDER BY c.n";
	enum { ROLE, ADDR, EVIDENCE, PRESUMED, HOW, VIA };
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(&s->db, sql, false, &st);

	if (rc != SQLITE_OK)
		return (rc);
	(void)sp_db_bind_u64(st, 1, seq);
	(void)sqlite3_bind_int(st, 2, SP_CLAIM_TO);
	(void)sqlite3_bind_int(st, 3, SP_CLAIM_RCPT);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		char *evidence = sp_view_dup(sp_db_column_view(st, EVIDENCE));
		struct sp_family_fact *x =
		    add_fact(f, seq, sp_db_column_view(st, ADDR), evidence);
		int how = sqlite3_column_int(st, HOW);

		free(evidence);
		if (x == NULL)
			break;
		x->role = sp_claim_role_name[sqlite3_column_int(st, ROLE)];
		x->presumed =
		    sp_schema_presumed_name(sqlite3_column_int(st, PRESUMED));
		if (how > 0 && how < SP_CLAIM_HOWS) {
			x->how = sp_claim_how_name[how];
			x->via = text_dup(sp_db_column_view(st, VIA));
		}
	}
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc);
}

/* Order of facts: by address, then by entry. */
static int
by_key(const void *a, const void *b)
{
	const struct sp_family_fact *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	if (c != 0)
		return (c);
	if (x->seq != y->seq)
		return (x->seq < y->seq ? -1 : 1);
	return (strcmp(x->evidence, y->evidence));
}

/* The facts of the first SP_FAMILY_READ members, sorted, and the number of
 * addresses in them. */
static enum sp_code
read_facts(
    const struct sp_shards *shards, struct sp_family *f, struct sp_err *err)
{
	for (; f->nread < f->nseqs && f->nread < SP_FAMILY_READ; f->nread++) {
		uint64_t seq = f->seqs[f->nread];
		struct sp_shard *s = shard_of(shards, seq);
		int rc;

		/* Its shard is missing: it is being built again. */
		if (s == NULL)
			continue;
		rc = add_envelope_facts(s, seq, f);
		if (rc == SQLITE_OK)
			rc = add_claim_facts(s, seq, f);
		if (rc != SQLITE_OK)
			return (sp_db_error(&s->db, rc, err));
	}
	if (f->nfacts > 0)
		qsort(f->facts, f->nfacts, sizeof(*f->facts), by_key);
	for (size_t i = 0; i < f->nfacts; i++)
		if (i == 0 || strcmp(f->facts[i].key, f->facts[i - 1].key) != 0)
			f->nrcpts++;
	return (SP_OK);
}

/* As sp_family_read(); without ${with_facts} only the entries. */
static enum sp_code
read_family(const char *dir, uint64_t seq, bool with_facts,
    struct sp_family *out, struct sp_err *err)
{
	struct sp_family f = { .duplicate_of = SP_LINK_NONE,
		.same_as = SP_LINK_NONE,
		.conflict_with = SP_LINK_NONE,
		.accepted_by = SP_LINK_NONE };
	uint8_t family[SP_LINK_ID];
	struct sp_shards shards;
	struct sp_shard *s;
	bool has = false;
	enum sp_code rc = sp_shards_open(dir, &shards, err);

	if (rc != SP_OK)
		return (rc);
	s = shard_of(&shards, seq);
	if (s != NULL)
		rc = read_own_row(s, seq, &f, family, &has, err);
	if (rc == SP_OK && f.indexed)
		rc = read_members(dir, seq, &f, family, has, err);
	if (rc == SP_OK && f.indexed && with_facts)
		rc = read_facts(&shards, &f, err);
	if (rc == SP_OK)
		rc = sp_shards_unchanged(&shards, err);
	sp_shards_close(&shards);
	if (rc == SP_OK)
		*out = f;
	else
		sp_family_done(&f);
	return (rc);
}

enum sp_code
sp_family_read(
    const char *dir, uint64_t seq, struct sp_family *out, struct sp_err *err)
{
	return (read_family(dir, seq, true, out, err));
}

/* The event that accepted ${seq}, by its shard. */
static int
read_accepted(struct sp_shard *s, uint64_t seq, uint64_t *event)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(
	    &s->db, "SELECT event FROM accepted WHERE seq = ?", false, &st);

	if (rc == SQLITE_OK) {
		(void)sp_db_bind_u64(st, 1, seq);
		rc = sqlite3_step(st);
	}
	if (rc == SQLITE_ROW)
		*event = sp_db_column_u64(st, 0);
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc);
}

enum sp_code
sp_family_accepted(const char *dir, const uint64_t *seqs, size_t n,
    uint64_t *events, struct sp_err *err)
{
	struct sp_shards shards;
	enum sp_code rc = sp_shards_open(dir, &shards, err);

	if (rc != SP_OK)
		return (rc);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		struct sp_shard *s = shard_of(&shards, seqs[i]);
		int db = SQLITE_OK;

		events[i] = SP_LINK_NONE;
		if (s != NULL)
			db = read_accepted(s, seqs[i], &events[i]);
		if (db != SQLITE_OK)
			rc = sp_db_error(&s->db, db, err);
	}
	if (rc == SP_OK)
		rc = sp_shards_unchanged(&shards, err);
	sp_shards_close(&shards);
	return (rc);
}

enum sp_code
sp_family_seqs(const char *dir, uint64_t seq, uint64_t **seqs, size_t *n,
    struct sp_err *err)
{
	struct sp_family f;
	enum sp_code rc = read_family(dir, seq, false, &f, err);

	if (rc != SP_OK)
		return (rc);
	*seqs = f.seqs;
	*n = f.nseqs;
	f.seqs = NULL;
	sp_family_done(&f);
	return (SP_OK);
}

void
sp_family_done(struct sp_family *f)
{
	for (size_t i = 0; i < f->nfacts; i++) {
		free(f->facts[i].key);
		free(f->facts[i].addr);
		free(f->facts[i].evidence);
		free(f->facts[i].via);
	}
	free(f->facts);
	free(f->seqs);
	*f = (struct sp_family){ .indexed = false };
}

/* ---- JSON -------------------------------------------------------------- */

/* An entry, or null. */
static void
json_seq(struct sp_json *j, const char *key, bool there, uint64_t seq)
{
	if (there && seq != SP_LINK_NONE)
		sp_json_u64(j, key, seq);
	else
		sp_json_null(j, key);
}

/* One fact as an object. */
static void
json_fact(struct sp_json *j, const struct sp_family_fact *x)
{
	sp_json_obj(j, NULL);
	sp_json_u64(j, "seq", x->seq);
	sp_json_cstr(j, "evidence", x->evidence);
	if (x->role != NULL)
		sp_json_cstr(j, "role", x->role);
	if (x->presumed != NULL)
		sp_json_cstr(j, "presumed", x->presumed);
	if (x->how != NULL) {
		sp_json_obj(j, "via");
		sp_json_cstr(j, "how", x->how);
		sp_json_cstr(j, "addr", x->via);
		sp_json_obj_end(j);
	}
	sp_json_obj_end(j);
}

/* Facts with the same address stand in one object under it. */
void
sp_family_json(const struct sp_family *f, struct sp_json *j)
{
	json_seq(j, "duplicate_of", f->indexed, f->duplicate_of);
	json_seq(j, "same_as", f->indexed, f->same_as);
	json_seq(j, "msgid_conflict_with", f->indexed, f->conflict_with);
	if (!f->indexed) {
		sp_json_null(j, "family");
		return;
	}
	sp_json_obj(j, "family");
	sp_json_u64(j, "count", f->nseqs);
	sp_json_arr(j, "entries");
	for (size_t i = 0; i < f->nseqs; i++)
		sp_json_u64(j, NULL, f->seqs[i]);
	sp_json_arr_end(j);
	sp_json_arr(j, "recipients");
	for (size_t i = 0; i < f->nfacts; i++) {
		bool first =
		    i == 0 || strcmp(f->facts[i].key, f->facts[i - 1].key) != 0;
		bool last = i + 1 == f->nfacts ||
			    strcmp(f->facts[i].key, f->facts[i + 1].key) != 0;

		if (first) {
			sp_json_obj(j, NULL);
			sp_json_cstr(j, "addr", f->facts[i].addr);
			sp_json_arr(j, "facts");
		}
		json_fact(j, &f->facts[i]);
		if (last) {
			sp_json_arr_end(j);
			sp_json_obj_end(j);
		}
	}
	sp_json_arr_end(j);
	sp_json_obj_end(j);
}

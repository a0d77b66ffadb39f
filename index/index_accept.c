/*
 * Journal reports that were accepted after they had come (doc/journal-reports.md,
 * "Accepted later"): the event "journal_accept" names entries that are to be
 * read as if their source had been trusted.  The index is then what it would be
 * if it had known that from the beginning.
 *
 *   the event is indexed --> sp_index_accept: each entry that it names is read
 *        again, its rows and words are taken out and put in anew, in the shard
 *        of its month; the event is written beside it (table "accepted")
 *   a shard is made again while later ones stay --> sp_index_load_accepts: the
 *        events in those say how its entries are to be read
 *   the log is another one --> sp_index_check_accepts: a shard that rests on an
 *        event which is not there is dropped
 *
 * Words are taken out by giving them to SQLite once more as they were put in:
 * the same entry, read the same way, with the links that its row has.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "index/db.h"
#include "index/index_priv.h"
#include "index/put.h"

/* An entry that is being read again. */
struct accept_entry {
	struct sp_index *ix;
	struct sp_shard *shard; /* of its month, in a transaction */
	const struct sp_doc *event;
	struct sp_doc *before, *after;
};

bool
sp_index_is_accept(const struct sp_doc *d)
{
	return (d->has_record && d->rec.kind == SP_KIND_EVENT &&
		strcmp(d->rec.event, SP_INDEX_ACCEPT) == 0);
}

/* ---- the table "accepted" ------------------------------------------ */

enum sp_code
sp_index_put_accepted(struct sp_shard *s, uint64_t seq, uint64_t event,
    const uint8_t leaf[SP_SHA256_LEN], struct sp_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(&s->db,
	    "INSERT OR REPLACE INTO accepted VALUES(?, ?, ?)", false, &st);

	if (rc == SQLITE_OK) {
		(void)sp_db_bind_u64(st, 1, seq);
		(void)sp_db_bind_u64(st, 2, event);
		(void)sqlite3_bind_blob(
		    st, 3, leaf, SP_SHA256_LEN, SQLITE_STATIC);
		rc = sp_db_run(st);
	}
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_OK ? SP_OK : sp_db_error(&s->db, rc, err));
}

/* ---- one entry --------------------------------------------------------- */

/* A column of links as they were, NULL as SP_LINK_NONE. */
static uint64_t
link_column(sqlite3_stmt *st, int i)
{
	return (sqlite3_column_type(st, i) == SQLITE_NULL
		    ? SP_LINK_NONE
		    : sp_db_column_u64(st, i));
}

/* Whether the shard has a message ${seq} that is not accepted yet (*has), and
 * the links of its row. */
static int
read_row(struct sp_shard *s, uint64_t seq, bool *has, struct sp_link_found *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sp_db_prepare(&s->db,
	    "SELECT duplicate_of, same_as, conflict_with FROM messages WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM accepted WHERE seq = ?1)",
	    false, &st);

	*has = false;
	if (rc == SQLITE_OK) {
		(void)sp_db_bind_u64(st, 1, seq);
		rc = sqlite3_step(st);
	}
	if (rc == SQLITE_ROW) {
		*has = true;
		*out = (struct sp_link_found){ link_column(st, 0),
			link_column(st, 1), link_column(st, 2) };
	}
	(void)sqlite3_finalize(st);
	return (rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc);
}

/* Read an entry as what it is (${accepted} false) and as a report.  *report:
 * it is one. */
static enum sp_code
read_both(struct accept_entry *a, struct sp_reader *log, uint64_t seq,
    bool *report, struct sp_err *err)
{
	struct sp_mail_opts o = {
		.max_text = a->ix->max_text, .detect = true, .digests = true
	};
	struct sp_entry e;
	enum sp_code rc = sp_reader_get(log, seq, &e, err);

	*report = false;
	if (rc != SP_OK || !e.has_record || !e.has_message)
		return (rc);
	rc = sp_doc_fill(
	    a->before, e.record, e.msg, true, SP_DOC_PARSE, &o, err);
	if (rc != SP_OK || a->before->rec.kind != SP_KIND_MESSAGE ||
	    a->before->rec.journal)
		return (rc);
	o.accepted = true;
	o.accepted_by = a->event->seq;
	rc =
	    sp_doc_fill(a->after, e.record, e.msg, true, SP_DOC_PARSE, &o, err);
	*report = rc == SP_OK;
	return (rc);
}

/* Take the entry out and put it in as a report, in shard and links. */
static enum sp_code
put_again(
    struct accept_entry *a, const struct sp_link_found *was, struct sp_err *err)
{
	struct sp_link_found found;
	enum sp_code rc = sp_links_replace(
	    a->ix->links, &a->before->ids, &a->after->ids, &found, err);

	if (rc == SP_OK && was != NULL)
		rc = sp_put_remove(a->shard, a->before, was, err);
	if (rc == SP_OK && was != NULL)
		rc = sp_put_again(a->shard, a->after, &found, err);
	if (rc == SP_OK && was != NULL)
		rc = sp_index_put_accepted(a->shard, a->after->seq,
		    a->event->seq, a->event->leaf, err);
	return (rc);
}

/* Accept entry ${seq}.  After an interruption its row may be new already, and
 * its links not: they are put again in any case. */
static enum sp_code
accept_one(struct accept_entry *a, struct sp_reader *log, uint64_t seq,
    struct sp_err *err)
{
	struct sp_link_found was;
	bool has = false, report = false;
	int db = read_row(a->shard, seq, &has, &was);
	enum sp_code rc;

	if (db != SQLITE_OK)
		return (sp_db_error(&a->shard->db, db, err));
	rc = read_both(a, log, seq, &report, err);
	if (rc != SP_OK || !report)
		return (rc == SP_ENOTFOUND ? SP_OK : rc);
	return (put_again(a, has ? &was : NULL, err));
}

/* ---- an event ---------------------------------------------------------- */

/* The shard that has entry ${seq}: the open writer, or another one, opened and
 * in a transaction.  NULL: none has it. */
static enum sp_code
open_shard_of(struct accept_entry *a, uint64_t seq, struct sp_err *err)
{
	struct sp_index *ix = a->ix;
	enum sp_code rc;

	a->shard = NULL;
	if (ix->writer != NULL && ix->writer->info.first <= seq) {
		a->shard = ix->writer;
		return (SP_OK);
	}
	for (size_t i = 0; i < ix->nshards; i++) {
		if (ix->shards[i].first > seq || ix->shards[i].next <= seq)
			continue;
		rc = sp_shard_open_write(
		    ix->dir, ix->shards[i].key, &a->shard, err);
		if (rc == SP_OK)
			rc = sp_shard_begin(a->shard, err);
		return (rc);
	}
	return (SP_OK);
}

/* Commit and close a shard that is not the open writer; its cursor stays. */
static enum sp_code
close_shard(struct accept_entry *a, enum sp_code rc, struct sp_err *err)
{
	struct sp_shard *s = a->shard;

	a->shard = NULL;
	if (s == NULL || s == a->ix->writer)
		return (rc);
	if (rc == SP_OK)
		rc = sp_shard_commit(s, s->info.next, s->info.leaf, err);
	if (rc != SP_OK) {
		sp_shard_rollback(s);
		sp_shard_abandon(s);
		return (rc);
	}
	sp_shard_close(s);
	return (SP_OK);
}

/* Accept the entries [first, last] that lie before the event. */
static enum sp_code
accept_run(struct accept_entry *a, struct sp_reader *log,
    const struct sp_doc_run *run, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	uint64_t end =
	    run->last < a->event->seq ? run->last + 1 : a->event->seq;

	for (uint64_t seq = run->first; rc == SP_OK && seq < end; seq++) {
		const struct sp_shard_info *i =
		    a->shard == NULL ? NULL : &a->shard->info;

		/* Another month, or the first entry. */
		if (i == NULL || seq < i->first ||
		    (a->shard != a->ix->writer && seq >= i->next)) {
			rc = close_shard(a, SP_OK, err);
			if (rc == SP_OK)
				rc = open_shard_of(a, seq, err);
		}
		if (rc == SP_OK && a->shard != NULL)
			rc = accept_one(a, log, seq, err);
	}
	return (rc);
}

/* Shards of other months are committed before the one that has the event: after
 * an interruption the event comes again. */
enum sp_code
sp_index_accept(
    struct sp_index *ix, const struct sp_doc *event, struct sp_err *err)
{
	struct accept_entry a = { .ix = ix, .event = event };
	struct sp_reader *log = NULL;
	enum sp_code rc = sp_reader_open(ix->dir, &log, err);

	a.before = sp_doc_new();
	a.after = sp_doc_new();
	for (size_t i = 0; rc == SP_OK && i < event->nruns; i++)
		rc = accept_run(&a, log, &event->runs[i], err);
	rc = close_shard(&a, rc, err);
	sp_doc_free(a.before);
	sp_doc_free(a.after);
	sp_reader_close(log);
	return (rc);
}

/* ---- a shard that is made again ----------------------------------------- */

/* Add the entries [first, last] that ${event} accepts; its leaf hash is read
 * from the log now, while nobody else reads there. */
static enum sp_code
add_run(struct sp_index *ix, uint64_t event, uint64_t first, uint64_t last,
    struct sp_err *err)
{
	struct sp_index_accept_run *r;
	enum sp_code rc = SP_OK;

	ix->accepts =
	    sp_xrealloc(ix->accepts, (ix->naccepts + 1) * sizeof(*ix->accepts));
	r = &ix->accepts[ix->naccepts];
	*r = (struct sp_index_accept_run){ event, first, last, { 0 } };
	if (ix->naccepts > 0 && r[-1].event == event)
		memcpy(r->leaf, r[-1].leaf, sizeof(r->leaf));
	else
		rc = sp_index_leaf(ix, event, r->leaf, err);
	if (rc == SP_OK)
		ix->naccepts++;
	return (rc);
}

/* Add the entries that the events of one shard accept. */
static enum sp_code
load_shard(struct sp_index *ix, int key, struct sp_err *err)
{
	struct sp_shard *s = NULL;
	sqlite3_stmt *st = NULL;
	enum sp_code rc = sp_shard_open(ix->dir, key, &s, err);
	int db;

	if (rc != SP_OK)
		return (rc);
	db = sp_db_prepare(&s->db,
	    "SELECT r.event, r.first, r.last FROM events e JOIN event_seqs r ON r.event = e.seq WHERE e.name = '" SP_INDEX_ACCEPT
	    "' ORDER BY r.event",
	    false, &st);
	while (rc == SP_OK && db == SQLITE_OK &&
	       (db = sqlite3_step(st)) == SQLITE_ROW) {
		db = SQLITE_OK;
		rc = add_run(ix, sp_db_column_u64(st, 0),
		    sp_db_column_u64(st, 1), sp_db_column_u64(st, 2), err);
	}
	if (rc == SP_OK && db != SQLITE_DONE)
		rc = sp_db_error(&s->db, db, err);
	(void)sqlite3_finalize(st);
	sp_shard_close(s);
	return (rc);
}

enum sp_code
sp_index_load_accepts(struct sp_index *ix, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	free(ix->accepts);
	ix->accepts = NULL;
	ix->naccepts = 0;
	for (size_t i = 0; rc == SP_OK && i < ix->nshards; i++)
		if (ix->shards[i].first >= ix->cursor)
			rc = load_shard(ix, ix->shards[i].key, err);
	return (rc);
}

bool
sp_index_accepted(void *ctx, uint64_t seq, uint64_t *event)
{
	const struct sp_index *ix = ctx;

	for (size_t i = 0; i < ix->naccepts; i++) {
		const struct sp_index_accept_run *r = &ix->accepts[i];

		if (r->first > seq || r->last < seq || r->event <= seq)
			continue;
		*event = r->event;
		return (true);
	}
	return (false);
}

enum sp_code
sp_index_note_accepted(
    struct sp_index *ix, const struct sp_doc *d, struct sp_err *err)
{
	if (d->accepted_by == SP_LINK_NONE)
		return (SP_OK);
	for (size_t i = 0; i < ix->naccepts; i++)
		if (ix->accepts[i].event == d->accepted_by)
			return (sp_index_put_accepted(ix->writer, d->seq,
			    d->accepted_by, ix->accepts[i].leaf, err));
	return (SP_OK);
}

/* ---- at the start -------------------------------------------------------- */

/* Whether the log has the event on which a row of table accepted rests. */
static enum sp_code
has_event(struct sp_index *ix, sqlite3_stmt *st, bool *ok, struct sp_err *err)
{
	uint8_t leaf[SP_SHA256_LEN];
	enum sp_code rc = sp_index_leaf(ix, sp_db_column_u64(st, 0), leaf, err);

	*ok = rc == SP_OK && sqlite3_column_bytes(st, 1) == SP_SHA256_LEN &&
	      memcmp(sqlite3_column_blob(st, 1), leaf, SP_SHA256_LEN) == 0;
	return (rc == SP_ENOTFOUND ? SP_OK : rc);
}

/* Whether every event at or behind the cursor that a shard rests on is there;
 * those before it lie in shards that agree with the log. */
static enum sp_code
check_shard(struct sp_index *ix, int key, bool *ok, struct sp_err *err)
{
	struct sp_shard *s = NULL;
	sqlite3_stmt *st = NULL;
	enum sp_code rc = sp_shard_open(ix->dir, key, &s, err);
	int db;

	*ok = true;
	if (rc != SP_OK)
		return (rc);
	db = sp_db_prepare(&s->db,
	    "SELECT DISTINCT event, leaf FROM accepted WHERE event >= ?1",
	    false, &st);
	if (db == SQLITE_OK)
		(void)sp_db_bind_u64(st, 1, ix->cursor);
	while (rc == SP_OK && *ok && db == SQLITE_OK &&
	       (db = sqlite3_step(st)) == SQLITE_ROW) {
		db = SQLITE_OK;
		rc = has_event(ix, st, ok, err);
	}
	if (rc == SP_OK && *ok && db != SQLITE_DONE)
		rc = sp_db_error(&s->db, db, err);
	(void)sqlite3_finalize(st);
	sp_shard_close(s);
	return (rc);
}

enum sp_code
sp_index_check_accepts(struct sp_index *ix, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = ix->nshards; rc == SP_OK && i > 0; i--) {
		int key = ix->shards[i - 1].key;
		bool ok = true;

		rc = check_shard(ix, key, &ok, err);
		if (rc == SP_OK && !ok)
			rc = sp_index_remove(ix, key, "rewound",
			    "it rests on an acceptance that the log does not have",
			    err);
	}
	return (rc);
}

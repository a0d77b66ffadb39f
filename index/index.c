/*
 * The indexer (index.h).  Entries come in order from the pipe and go to the
 * shard of their month; rows and cursor are committed together, so that a death
 * at any point loses only work.
 *
 *   sp_index_update: as long as something is new
 *       sp_index_sync_links   links cover what the shards cover
 *       run_once         pipe -> put_one -> commit ...
 *           recover      a damaged shard, or the links, are dropped
 */
#include "index/index.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/sha256.h"
#include "index/index_priv.h"
#include "index/put.h"
#include "index/shards.h"

#define FEW 64u /* fewer entries than this are not worth a thread */

/* After so many entries or bytes of documents a commit is due. */
#define BATCH_DEFAULT 1000u
#define BATCH_BYTES   ((size_t)128 << 20)

/* Bytes of text that are indexed of one message. */
#define TEXT_DEFAULT ((uint64_t)4 << 20)
#define TEXT_MAX     ((uint64_t)32 << 20)

/* The scan compares the shards with the log before anything is indexed. */
enum sp_code
sp_index_open(const char *dir, const struct sp_config *cfg, int lock_wait_ms,
    const struct sp_index_report *rep, struct sp_index **out,
    struct sp_err *err)
{
	struct sp_index *ix = sp_xcalloc(1, sizeof(*ix));
	char *lock = sp_layout_path(dir, "state/index.lock");
	struct sp_err local;
	enum sp_code rc;

	if (err == NULL)
		err = &local;
	ix->dir = sp_xstrdup(dir);
	ix->lock = -1;
	if (rep != NULL)
		ix->rep = *rep;
	ix->batch = cfg != NULL && cfg->index_batch > 0 ? cfg->index_batch
							: BATCH_DEFAULT;
	ix->max_text = cfg != NULL && cfg->index_max_text > 0
			   ? cfg->index_max_text
			   : TEXT_DEFAULT;
	if (ix->max_text > TEXT_MAX)
		ix->max_text = TEXT_MAX;
	rc = sp_layout_read_format(dir, ix->origin, err);
	if (rc == SP_OK)
		rc = sp_io_lock(lock, lock_wait_ms, &ix->lock, err);
	if (rc == SP_OK)
		rc = sp_reader_open(dir, &ix->reader, err);
	if (rc == SP_OK) {
		sp_mail_global_init();
		rc = sp_index_scan(ix, err);
	}
	free(lock);
	if (rc != SP_OK) {
		sp_index_close(ix);
		return (rc);
	}
	ix->careful = sp_careful_open(dir, ix->cursor);
	*out = ix;
	return (SP_OK);
}

uint64_t
sp_index_cursor(const struct sp_index *ix)
{
	return (ix->cursor);
}

/* Close the open shard; ${clean} false after an error, when what was put since
 * the last commit is undone. */
static void
close_writer(struct sp_index *ix, bool clean)
{
	if (ix->writer == NULL)
		return;
	if (clean) {
		sp_shard_close(ix->writer);
	} else {
		sp_shard_rollback(ix->writer);
		sp_shard_abandon(ix->writer);
	}
	ix->writer = NULL;
}

void
sp_index_close(struct sp_index *ix)
{
	if (ix == NULL)
		return;
	close_writer(ix, true);
	sp_links_close(ix->links);
	sp_careful_close(ix->careful);
	sp_reader_close(ix->reader);
	if (ix->lock >= 0)
		(void)sp_io_close(ix->lock, NULL);
	free(ix->accepts);
	free(ix->shards);
	free(ix->dir);
	free(ix);
}

enum sp_code
sp_index_drop(struct sp_index *ix, int64_t since_us, struct sp_err *err)
{
	int key = since_us == 0 ? 0 : sp_shard_key(since_us);
	enum sp_code rc = SP_OK;

	close_writer(ix, true);
	while (rc == SP_OK && ix->nshards > 0 &&
	       ix->shards[ix->nshards - 1].key >= key)
		rc = sp_index_remove(
		    ix, ix->shards[ix->nshards - 1].key, NULL, NULL, err);
	return (rc);
}

/* ---- one update ----------------------------------------------------- */

/* One run over new entries, as far as one pipe gives them. */
struct index_run {
	struct sp_index *ix;
	struct sp_pipe *pipe;
	uint64_t first, end; /* what the pipe gives */
	uint64_t next; /* next entry to be put */
	uint8_t leaf[SP_SHA256_LEN]; /* of entry next - 1 */
	size_t docs, bytes; /* since the last commit */
	/* what failed, of shards and links; see recover() */
	int damaged; /* key of the shard, or -1 */
	bool links_failed;
};

/* The month that entry ${d} goes to: its own, never one before that of an
 * earlier entry. */
static int
month_of(const struct sp_index *ix, const struct sp_doc *d)
{
	int key = sp_shard_key(d->received);

	for (size_t i = ix->nshards; i > 0; i--)
		if (ix->shards[i - 1].first <= d->seq)
			return (key > ix->shards[i - 1].key
				    ? key
				    : ix->shards[i - 1].key);
	return (key);
}

/* Commit what was put into links and shard.  r->damaged or r->links_failed says
 * which of them failed. */
static enum sp_code
commit(struct index_run *r, struct sp_err *err)
{
	struct sp_index *ix = r->ix;
	enum sp_code rc;

	if (ix->writer == NULL || !ix->writer->db.in_txn)
		return (SP_OK);
	/* First the links: where they are ahead of the shards, they are cut
	 * before anything more is put. */
	rc = sp_links_commit(ix->links, r->next, err);
	if (rc != SP_OK) {
		r->links_failed = true;
		return (rc);
	}
	rc = sp_shard_commit(ix->writer, r->next, r->leaf, err);
	if (rc != SP_OK) {
		r->damaged = ix->writer->info.key;
		return (rc);
	}
	r->docs = r->bytes = 0;
	sp_index_set_shard(ix, &ix->writer->info);
	sp_careful_committed(ix->careful, ix->cursor);
	return (SP_OK);
}

/* Open or make the shard of ${key} as the writer, expecting ${seq} next. */
static enum sp_code
switch_shard(struct index_run *r, int key, uint64_t seq, struct sp_err *err)
{
	struct sp_index *ix = r->ix;
	int at = sp_index_find(ix, key);
	enum sp_code rc = commit(r, err);

	if (rc != SP_OK)
		return (rc);
	close_writer(ix, true);
	r->damaged = key;
	if (at >= 0 && ix->shards[at].next != seq)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "it begins after entry %" PRIu64 " of its month", seq));
	if (at >= 0)
		rc = sp_shard_open_write(ix->dir, key, &ix->writer, err);
	else
		rc = sp_shard_create(
		    ix->dir, key, ix->origin, seq, &ix->writer, err);
	if (rc != SP_OK)
		return (rc == SP_EVERSION ? SP_EFORMAT : rc);
	if (ix->writer->info.next != seq)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "its cursor is not where it was left"));
	r->damaged = -1;
	sp_index_set_shard(ix, &ix->writer->info);
	return (SP_OK);
}

/* Put a document into its shard and the links, without a commit. */
static enum sp_code
put_one(struct index_run *r, const struct sp_doc *d, struct sp_err *err)
{
	struct sp_index *ix = r->ix;
	struct sp_link_found found;
	int key = month_of(ix, d);
	enum sp_code rc = SP_OK;

	if (ix->writer == NULL || ix->writer->info.key != key)
		rc = switch_shard(r, key, d->seq, err);
	if (rc != SP_OK)
		return (rc);
	r->damaged = key;
	if (!ix->writer->db.in_txn)
		rc = sp_shard_begin(ix->writer, err);
	if (rc != SP_OK)
		return (rc);
	rc = sp_links_put(ix->links, &d->ids, &found, err);
	if (rc != SP_OK) {
		r->damaged = -1;
		r->links_failed = true;
		return (rc);
	}
	rc = sp_put_doc(ix->writer, d, &found, err);
	if (rc == SP_OK)
		rc = sp_index_note_accepted(ix, d, err);
	/* Twice the indexer died at it: then it is left. */
	if (rc == SP_OK && sp_index_is_accept(d) &&
	    (sp_careful_needed(ix->careful, d->seq) == false ||
		sp_careful_begin(ix->careful, d->seq) == SP_DOC_PARSE))
		rc = sp_index_accept(ix, d, err);
	if (rc != SP_OK)
		return (rc);
	r->damaged = -1;
	memcpy(r->leaf, d->leaf, sizeof(r->leaf));
	r->next = d->seq + 1;
	r->docs++;
	r->bytes += d->weight;
	return (SP_OK);
}

/* Put every document of the pipe, with a commit after each batch.  What was put
 * before the log could not be read any further is committed too. */
static enum sp_code
put_all(struct index_run *r, struct sp_err *err)
{
	struct sp_index *ix = r->ix;
	const struct sp_doc *d = NULL;
	enum sp_code rc, last;

	while ((rc = sp_pipe_next(r->pipe, &d, err)) == SP_OK) {
		rc = put_one(r, d, err);
		if (rc != SP_OK)
			return (rc);
		if (r->docs < ix->batch && r->bytes < BATCH_BYTES)
			continue;
		rc = commit(r, err);
		if (rc != SP_OK)
			return (rc);
		if (ix->rep.progress != NULL &&
		    !ix->rep.progress(
			ix->rep.ctx, r->next - r->first, r->end - r->first))
			return (sp_err_set(err, SP_EINTERRUPT, 0,
			    "indexing was interrupted at entry %" PRIu64,
			    r->next));
	}
	last = commit(r, rc == SP_EEND ? err : NULL);
	return (rc == SP_EEND || last != SP_OK ? last : rc);
}

/* Callback of the pipe: see careful.h. */
static enum sp_doc_parse
may_parse(void *ctx, uint64_t seq)
{
	struct sp_index *ix = ctx;

	return (sp_careful_begin(ix->careful, seq));
}

/* How many threads parse: none for a few entries, or where each must be parsed
 * alone. */
static unsigned
threads_for(const struct index_run *r)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (r->end - r->first < FEW ||
	    sp_careful_needed(r->ix->careful, r->first))
		return (0);
	if (cpus <= 2)
		return (1);
	return (cpus > SP_PIPE_THREADS ? SP_PIPE_THREADS : (unsigned)cpus - 1);
}

/* After a failed run: drop the shard or the links that failed as only damage
 * fails, and go on (SP_OK); any other error stays as it is. */
static enum sp_code
recover(struct index_run *r, enum sp_code rc, struct sp_err *err)
{
	struct sp_index *ix = r->ix;
	char why[SP_ERR_MAX];

	close_writer(ix, false);
	/* What is not in the shards must not be in the links. */
	sp_links_close(ix->links);
	ix->links = NULL;
	if (rc != SP_EFORMAT || (r->damaged < 0 && !r->links_failed))
		return (rc);
	if (++ix->drops > SP_INDEX_DROPS_MAX)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "index: shards are damaged again and again; check the disk"));
	memcpy(why, err->msg, sizeof(why));
	if (r->links_failed)
		return (sp_index_drop_links(ix, why, err));
	return (sp_index_remove(ix, r->damaged, "shard_damaged", why, err));
}

/* Index [cursor, end), or less: up to the next shard that is already there, or
 * to the end of what must be parsed carefully. */
static enum sp_code
run_once(struct sp_index *ix, uint64_t end, struct sp_err *err)
{
	struct index_run r = {
		.ix = ix, .first = ix->cursor, .next = ix->cursor, .damaged = -1
	};
	struct sp_pipe_opts o = { 0 };
	enum sp_code rc;

	for (size_t i = 0; i < ix->nshards; i++)
		if (ix->shards[i].first > ix->cursor &&
		    ix->shards[i].first < end)
			end = ix->shards[i].first;
	r.end = end;
	if (sp_careful_needed(ix->careful, r.first) &&
	    r.end - r.first > SP_CAREFUL_ENTRIES)
		r.end = r.first + SP_CAREFUL_ENTRIES;
	o.mail = (struct sp_mail_opts){
		.max_text = ix->max_text, .detect = true, .digests = true
	};
	o.first = r.first;
	o.end = r.end;
	o.threads = threads_for(&r);
	o.before_parse = may_parse;
	o.accepted = sp_index_accepted;
	o.erased_line = sp_index_erased_line;
	o.ctx = ix;
	if (o.threads > 0)
		o.before_parse = NULL;
	rc = sp_index_load_accepts(ix, err);
	if (rc == SP_OK)
		rc = sp_pipe_open(ix->reader, &o, &r.pipe, err);
	if (rc == SP_OK)
		rc = put_all(&r, err);
	sp_pipe_close(r.pipe);
	return (rc == SP_OK ? SP_OK : recover(&r, rc, err));
}

/* Each run moves the cursor, or drops something that is damaged, at most
 * SP_INDEX_DROPS_MAX times. */
enum sp_code
sp_index_update(
    struct sp_index *ix, uint64_t max, uint64_t *behind, struct sp_err *err)
{
	uint64_t end = 0, from = ix->cursor, goal;
	int64_t start = sp_clock_boot();
	struct sp_err local;
	enum sp_code rc;

	if (err == NULL)
		err = &local;
	rc = sp_reader_end(ix->reader, &end, err);
	if (rc != SP_OK)
		return (rc);
	goal = max > 0 && end > from && end - from > max ? from + max : end;
	ix->drops = 0;
	if (ix->nshards > 0)
		rc = sp_index_sync_links(ix, err);
	while (rc == SP_OK && ix->cursor < goal) {
		rc = sp_index_sync_links(ix, err);
		if (rc == SP_OK)
			rc = run_once(ix, goal, err);
	}
	if (ix->cursor > from)
		sp_index_emit(ix, "indexed",
		    "first=%" PRIu64 " entries=%" PRIu64 " ms=%" PRId64, from,
		    ix->cursor - from, (sp_clock_boot() - start) / 1000);
	if (behind != NULL)
		*behind = end > ix->cursor ? end - ix->cursor : 0;
	return (rc);
}

enum sp_code
sp_index_reach(const char *dir, uint64_t *cursor, struct sp_err *err)
{
	struct sp_shards shards;
	enum sp_code rc = sp_shards_open(dir, &shards, err);

	if (rc != SP_OK)
		return (rc);
	*cursor = shards.cursor;
	sp_shards_close(&shards);
	return (SP_OK);
}

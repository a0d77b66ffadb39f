/*
 * The pipe (pipe.h).  Documents live in slots; a worker claims the next seq and
 * copies its bytes out of the reader under the lock, and parses without it.
 *
 *   EMPTY --(a worker claims the next seq, under the lock)--> BUSY
 *   BUSY  --(parsed, or failed)--> READY
 *   READY --(given to the caller; back at the next call)--> EMPTY
 *
 * Slot number is seq modulo SP_PIPE_SLOTS, so order costs nothing.  After a
 * failure no worker claims anything more; the caller meets the failure at its
 * place in the order, after all documents before it.
 */
#include "index/pipe.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/line.h"

enum pipe_state { EMPTY, BUSY, READY };

struct pipe_slot {
	enum pipe_state state;
	enum sp_code code;
	struct sp_err err;
	struct sp_doc *doc;
};

struct sp_pipe {
	struct sp_pipe_opts o;
	/* threads */
	pthread_t threads[SP_PIPE_THREADS];
	unsigned nthreads;
	pthread_mutex_t line_lock; /* around o.erased_line() */
	pthread_mutex_t lock; /* around everything below */
	pthread_cond_t room; /* a slot became empty, or stop */
	pthread_cond_t ready; /* a slot became ready */
	/* between reader and caller */
	struct sp_reader *reader;
	uint64_t next_in; /* next seq that a worker claims */
	uint64_t next_out; /* next seq that the caller gets */
	size_t waiting; /* bytes of the documents that are ready */
	bool stop; /* after a failure, or at the end */
	struct pipe_slot slot[SP_PIPE_SLOTS];
};

/* What a worker copies out under the lock. */
struct pipe_entry {
	uint64_t seq;
	struct sp_buf record, msg;
	bool has_record, has_message;
};

/* The slot of an entry. */
static struct pipe_slot *
slot_of(struct sp_pipe *p, uint64_t seq)
{
	return (&p->slot[seq % SP_PIPE_SLOTS]);
}

/* The document of an entry whose record was erased: its line alone. */
static enum sp_code
fill_erased(
    struct sp_pipe *p, struct sp_doc *d, uint64_t seq, struct sp_err *err)
{
	struct sp_line line = { 0 };
	enum sp_code rc;

	sp_doc_clear(d);
	(void)pthread_mutex_lock(&p->line_lock);
	rc = p->o.erased_line(p->o.ctx, seq, &line, d->leaf, err);
	(void)pthread_mutex_unlock(&p->line_lock);
	d->seq = seq;
	d->received = line.received;
	return (rc);
}

/* The document of an entry from its bytes. */
static enum sp_code
fill(struct sp_pipe *p, struct sp_doc *d, uint64_t seq, struct sp_view record,
    struct sp_view msg, bool has_record, bool has_message, struct sp_err *err)
{
	enum sp_doc_parse how = SP_DOC_PARSE;
	struct sp_mail_opts o = p->o.mail;
	enum sp_code rc;

	if (!has_record)
		return (fill_erased(p, d, seq, err));
	if (p->o.before_parse != NULL)
		how = p->o.before_parse(p->o.ctx, seq);
	o.accepted = p->o.accepted != NULL &&
		     p->o.accepted(p->o.ctx, seq, &o.accepted_by);
	rc = sp_doc_fill(d, record, msg, has_message, how, &o, err);
	if (rc == SP_OK && d->seq != seq)
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "entry %llu: its record says %llu", (unsigned long long)seq,
		    (unsigned long long)d->seq);
	return (rc);
}

/* The next entry of the log, which must be ${seq}; an erased one is not an
 * error. */
static enum sp_code
read_entry(
    struct sp_pipe *p, uint64_t seq, struct sp_entry *e, struct sp_err *err)
{
	enum sp_code rc = sp_reader_next(p->reader, e, err);

	if (rc == SP_EEND)
		return (sp_err_set(err, SP_EAGAIN, 0,
		    "entry %llu cannot be read now", (unsigned long long)seq));
	if (rc == SP_OK && e->seq != seq)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "%s: entry %llu where %llu was expected", e->where,
		    (unsigned long long)e->seq, (unsigned long long)seq));
	return (rc);
}

/* Copy the bytes of entry j->seq out of the reader; locked. */
static enum sp_code
copy(struct sp_pipe *p, struct pipe_entry *j, struct sp_err *err)
{
	struct sp_entry e = { 0 };
	enum sp_code rc = read_entry(p, j->seq, &e, err);

	if (rc != SP_OK)
		return (rc);
	sp_buf_clear(&j->record);
	sp_buf_clear(&j->msg);
	j->has_record = e.has_record;
	j->has_message = e.has_message;
	if (e.has_record)
		rc = sp_buf_addv(&j->record, e.record);
	if (rc == SP_OK && e.has_message)
		rc = sp_buf_addv(&j->msg, e.msg);
	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0, "%s: too large", e.where);
	return (rc);
}

/* Wait for an entry to work on; false: there is none any more.  Locked. */
static bool
claim(struct sp_pipe *p, struct pipe_entry *j)
{
	while (!p->stop && p->next_in < p->o.end &&
	       (slot_of(p, p->next_in)->state != EMPTY ||
		   p->waiting > SP_PIPE_BYTES))
		(void)pthread_cond_wait(&p->room, &p->lock);
	if (p->stop || p->next_in >= p->o.end)
		return (false);
	j->seq = p->next_in++;
	slot_of(p, j->seq)->state = BUSY;
	return (true);
}

/* A worker thread. */
static void *
work(void *arg)
{
	struct sp_pipe *p = arg;
	struct pipe_entry j = { 0 };

	sp_buf_init(&j.record, SP_RECORD_MAX + 1);
	sp_buf_init(&j.msg, SIZE_MAX / 2);
	(void)pthread_mutex_lock(&p->lock);
	while (claim(p, &j)) {
		struct pipe_slot *s = slot_of(p, j.seq);
		enum sp_code rc = copy(p, &j, &s->err);

		if (rc == SP_OK) {
			(void)pthread_mutex_unlock(&p->lock);
			rc = fill(p, s->doc, j.seq, sp_buf_view(&j.record),
			    sp_buf_view(&j.msg), j.has_record, j.has_message,
			    &s->err);
			(void)pthread_mutex_lock(&p->lock);
		}
		s->code = rc;
		s->state = READY;
		p->waiting += s->doc->weight;
		if (rc != SP_OK)
			p->stop = true;
		(void)pthread_cond_broadcast(&p->ready);
	}
	(void)pthread_cond_broadcast(&p->room);
	(void)pthread_mutex_unlock(&p->lock);
	sp_buf_done(&j.record);
	sp_buf_done(&j.msg);
	return (NULL);
}

enum sp_code
sp_pipe_open(struct sp_reader *r, const struct sp_pipe_opts *o,
    struct sp_pipe **out, struct sp_err *err)
{
	struct sp_pipe *p = sp_xcalloc(1, sizeof(*p));
	size_t docs = o->threads == 0 ? 1 : SP_PIPE_SLOTS;

	(void)err;
	p->o = *o;
	p->reader = r;
	p->next_in = p->next_out = o->first;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_mutex_init(&p->line_lock, NULL);
	(void)pthread_cond_init(&p->room, NULL);
	(void)pthread_cond_init(&p->ready, NULL);
	for (size_t i = 0; i < docs; i++)
		p->slot[i].doc = sp_doc_new();
	sp_reader_seek(r, o->first);
	while (p->nthreads < o->threads && p->nthreads < SP_PIPE_THREADS &&
	       pthread_create(&p->threads[p->nthreads], NULL, work, p) == 0)
		p->nthreads++;
	*out = p;
	return (SP_OK);
}

/* The next document without threads: read and parsed here. */
static enum sp_code
next_inline(struct sp_pipe *p, const struct sp_doc **out, struct sp_err *err)
{
	struct sp_doc *d = p->slot[0].doc;
	struct sp_entry e = { 0 };
	enum sp_code rc = read_entry(p, p->next_out, &e, err);

	if (rc == SP_OK)
		rc = fill(p, d, p->next_out, e.record, e.msg, e.has_record,
		    e.has_message, err);
	if (rc != SP_OK)
		return (rc);
	p->next_out++;
	*out = d;
	return (SP_OK);
}

/* Gives the slot of the document before back to the workers, then waits for the
 * next one. */
enum sp_code
sp_pipe_next(struct sp_pipe *p, const struct sp_doc **out, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	struct pipe_slot *s;

	if (p->next_out >= p->o.end)
		return (SP_EEND);
	if (p->nthreads == 0)
		return (next_inline(p, out, err));
	(void)pthread_mutex_lock(&p->lock);
	if (p->next_out > p->o.first) {
		s = slot_of(p, p->next_out - 1);
		p->waiting -= s->doc->weight;
		s->doc->weight = 0;
		s->state = EMPTY;
		(void)pthread_cond_signal(&p->room);
	}
	s = slot_of(p, p->next_out);
	while (s->state != READY)
		(void)pthread_cond_wait(&p->ready, &p->lock);
	rc = s->code;
	if (rc == SP_OK) {
		p->next_out++;
		*out = s->doc;
	} else if (err != NULL) {
		*err = s->err;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return (rc);
}

void
sp_pipe_close(struct sp_pipe *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->stop = true;
	(void)pthread_cond_broadcast(&p->room);
	(void)pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->nthreads; i++)
		(void)pthread_join(p->threads[i], NULL);
	for (size_t i = 0; i < SP_PIPE_SLOTS; i++)
		sp_doc_free(p->slot[i].doc);
	(void)pthread_cond_destroy(&p->room);
	(void)pthread_cond_destroy(&p->ready);
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_mutex_destroy(&p->line_lock);
	free(p);
}

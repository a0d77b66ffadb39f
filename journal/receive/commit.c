/*
 * Group commit on libuv's thread pool.  Everything to be appended queues up in
 * the thread of the loop; one batch at a time goes to the pool, which appends
 * and syncs it; back on the loop its owners are answered while the next batch
 * is syncing already.
 *
 *	push --> waiting --(start_batch)--> in flight on the pool
 *	                                        |
 *	answered <--(on_batch_done)-------------'
 *
 * The appender is used on the pool alone, by one batch at a time.
 */
#include "journal/receive/commit.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"

struct sp_commit {
	uv_loop_t *loop;
	uv_work_t work;
	struct sp_append *append;
	struct sp_commit_hooks hooks;
	struct sp_commit_job *head, **tail; /* jobs that wait */
	bool tick_due; /* housekeeping is due with the next batch */
	bool running; /* a batch is in flight */
	uint64_t batches;

	/* The batch in flight; only the thread of the pool touches it while
	 * ${running}. */
	struct sp_commit_job *jobs[SP_COMMIT_ITEMS];
	struct sp_append_item items[SP_COMMIT_ITEMS];
	enum sp_code codes[SP_COMMIT_ITEMS];
	size_t n;
	bool tick, rotate; /* what is done besides or instead */
	enum sp_code code; /* SP_OK, or the last failure of the batch */
	enum sp_code tick_code;
	struct sp_err err, tick_err;
	uint64_t next_seq; /* entries below it are durable */
	uint64_t announced_seq; /* what hook committed was told last */
};

struct sp_commit *
sp_commit_new(uv_loop_t *loop, struct sp_append *append,
    const struct sp_commit_hooks *hooks)
{
	struct sp_commit *c = sp_xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->append = append;
	c->hooks = *hooks;
	c->tail = &c->head;
	c->work.data = c;
	if (append != NULL)
		c->next_seq = c->announced_seq = sp_append_next_seq(append);
	return (c);
}

void
sp_commit_free(struct sp_commit *c)
{
	if (c == NULL)
		return;
	assert(sp_commit_idle(c));
	free(c);
}

bool
sp_commit_idle(const struct sp_commit *c)
{
	return (!c->running && c->head == NULL);
}

uint64_t
sp_commit_batches(const struct sp_commit *c)
{
	return (c->batches);
}

/* One item of the batch is too large for an entry and kept all of them out:
 * append each alone, so that the others are stored. */
static void
commit_singly(struct sp_commit *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct sp_err err;
		enum sp_code rc;

		rc = sp_append_commit(c->append, &c->items[i], 1, &err);
		c->codes[i] = rc;
		if (rc != SP_OK) {
			c->code = rc;
			c->err = err;
		}
	}
}

/* Mail, and what clients say happened; not our own events, which are small and
 * few. */
static bool
needs_room(const struct sp_commit *c, size_t i)
{
	return (c->items[i].event == NULL || c->jobs[i]->guest);
}

/* Whether what needs room in this batch may be written; else the status for it,
 * with the reason in c->err. */
static enum sp_code
check_room(struct sp_commit *c)
{
	uint64_t bytes = 0;
	bool any = false;

	for (size_t i = 0; i < c->n; i++) {
		any |= needs_room(c, i);
		bytes += c->items[i].msg.n;
		if (c->items[i].event != NULL)
			bytes += c->items[i].event->detail.n;
	}
	if (!any || c->hooks.room == NULL)
		return (SP_OK);
	return (c->hooks.room(c->hooks.ctx, bytes, &c->err));
}

/* There is no room: what needs it fails with ${code}, while our own events of
 * the batch are appended. */
static void
commit_events(struct sp_commit *c, enum sp_code code)
{
	struct sp_err err;

	c->code = code;
	for (size_t i = 0; i < c->n; i++)
		c->codes[i] = needs_room(c, i) ? code
					       : sp_append_commit(c->append,
						     &c->items[i], 1, &err);
}

/* Append the batch; every item gets a status of its own. */
static void
commit_batch(struct sp_commit *c)
{
	enum sp_code full = check_room(c);

	if (full != SP_OK) {
		commit_events(c, full);
		return;
	}
	c->code = sp_append_commit(c->append, c->items, c->n, &c->err);
	for (size_t i = 0; i < c->n; i++)
		c->codes[i] = c->code;
	if (c->code == SP_ELIMIT && c->n > 1) {
		c->code = SP_OK;
		commit_singly(c);
	}
}

/* On the pool: housekeeping if it is due, then the rotation or the batch. */
static void
run_batch(uv_work_t *work)
{
	struct sp_commit *c = work->data;

	c->code = c->tick_code = SP_OK;
	if (c->append == NULL) {
		c->code = sp_err_set(&c->err, SP_EROLLBACK, 0,
		    "the intake log is not open: nothing can be entered");
		for (size_t i = 0; i < c->n; i++)
			c->codes[i] = c->code;
		return;
	}
	if (c->tick)
		c->tick_code = sp_append_tick(c->append, &c->tick_err);
	if (c->rotate)
		c->codes[0] = c->code = sp_append_rotate(c->append, &c->err);
	else if (c->n > 0)
		commit_batch(c);
	c->next_seq = sp_append_next_seq(c->append);
}

static void start_batch(struct sp_commit *c);

/* The results of a batch, kept while the next one takes its place in ${c}. */
struct outcome {
	struct sp_commit_job *jobs[SP_COMMIT_ITEMS];
	enum sp_code codes[SP_COMMIT_ITEMS];
	size_t n;
	struct sp_err err;
};

/* Copy the results, and give seq and time to the items of their owners. */
static void
collect_outcome(struct sp_commit *c, struct outcome *o)
{
	o->n = c->n;
	o->err = c->err;
	for (size_t i = 0; i < c->n; i++) {
		o->jobs[i] = c->jobs[i];
		o->codes[i] = c->codes[i];
		if (c->codes[i] != SP_OK || c->jobs[i]->item == NULL)
			continue;
		c->jobs[i]->item->seq = c->items[i].seq;
		c->jobs[i]->item->received = c->items[i].received;
	}
}

/* Back on the loop: report failures, announce what is durable, start the next
 * batch, and only then answer this one: the disk works meanwhile. */
static void
on_batch_done(uv_work_t *work, int status)
{
	struct sp_commit *c = work->data;
	struct outcome o;

	(void)status;
	c->running = false;
	collect_outcome(c, &o);
	if (o.n > 0)
		c->batches++;
	if (c->tick_code != SP_OK)
		c->hooks.failed(c->hooks.ctx, &c->tick_err);
	if (c->code != SP_OK)
		c->hooks.failed(c->hooks.ctx, &o.err);
	if (c->next_seq != c->announced_seq) {
		c->announced_seq = c->next_seq;
		c->hooks.committed(c->hooks.ctx, c->next_seq);
	}
	start_batch(c);
	for (size_t i = 0; i < o.n; i++)
		o.jobs[i]->done(o.jobs[i], o.codes[i], &o.err);
	if (sp_commit_idle(c))
		c->hooks.idle(c->hooks.ctx);
}

/* About how many bytes an item adds to its batch: the message, and what goes
 * into the record, which a peer can make as large. */
static uint64_t
weight_of(const struct sp_append_item *item)
{
	const struct sp_facts *f = item->facts;
	uint64_t n = item->msg.n;

	if (item->event != NULL)
		return (n + item->event->detail.n);
	n += f->from.n + f->source.n;
	for (size_t i = 0; i < f->nfrom_params; i++)
		n += f->from_params[i].n;
	for (size_t i = 0; i < f->nto; i++) {
		n += f->to[i].addr.n + f->to[i].original.n;
		for (size_t k = 0; k < f->to[i].nparams; k++)
			n += f->to[i].params[k].n;
	}
	for (size_t i = 0; i < f->nrefused; i++) {
		n += f->refused[i].addr.n + f->refused[i].reply.n;
		for (size_t k = 0; k < f->refused[i].nparams; k++)
			n += f->refused[i].params[k].n;
	}
	return (n);
}

/* Take the next batch off the queue: a rotation alone, or items up to the
 * limits of a batch. */
static void
gather_batch(struct sp_commit *c)
{
	uint64_t bytes = 0;

	c->n = 0;
	c->rotate = false;
	while (c->head != NULL && c->n < SP_COMMIT_ITEMS) {
		struct sp_commit_job *job = c->head;
		uint64_t weight = job->item == NULL ? 0 : weight_of(job->item);

		if (job->item == NULL && c->n > 0)
			break;
		if (c->n > 0 && bytes + weight > SP_COMMIT_BYTES)
			break;
		c->head = job->next;
		if (c->head == NULL)
			c->tail = &c->head;
		c->jobs[c->n++] = job;
		if (job->item == NULL) {
			c->rotate = true;
			break;
		}
		c->items[c->n - 1] = *job->item;
		bytes += weight;
	}
}

/* Give the pool its next batch, if there is something to do and none in
 * flight. */
static void
start_batch(struct sp_commit *c)
{
	if (c->running || (c->head == NULL && !c->tick_due))
		return;
	gather_batch(c);
	c->tick = c->tick_due;
	c->tick_due = false;
	c->running = true;
	if (uv_queue_work(c->loop, &c->work, run_batch, on_batch_done) != 0)
		abort();
}

void
sp_commit_push(struct sp_commit *c, struct sp_commit_job *job)
{
	job->next = NULL;
	*c->tail = job;
	c->tail = &job->next;
	start_batch(c);
}

void
sp_commit_tick(struct sp_commit *c)
{
	c->tick_due = c->append != NULL;
	start_batch(c);
}

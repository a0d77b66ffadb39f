#include "journal/receive/commit.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"

struct sp_commit {
	uv_loop_t *loop;
	uv_work_t work;
	struct sp_append *append;
	struct sp_commit_hooks hooks;
	struct sp_commit_job *head, **tail; /* waiting */
	bool tick_due;
	bool running;
	uint64_t batches;

	/* in flight; the pool's thread alone while running */
	struct sp_commit_job *jobs[SP_COMMIT_ITEMS];
	struct sp_append_item items[SP_COMMIT_ITEMS];
	enum sp_code codes[SP_COMMIT_ITEMS];
	size_t n;
	bool tick, rotate;
	enum sp_code code, tick_code; /* code: SP_OK, or one failure */
	struct sp_err err, tick_err;
	uint64_t next_seq, announced_seq;
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

/* One of them is too large: find out which, so that the others pass. */
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

/* SP_OK where the messages of this batch may be written. */
static enum sp_code
check_room(struct sp_commit *c)
{
	uint64_t bytes = 0;
	bool any = false;

	for (size_t i = 0; i < c->n; i++) {
		any |= c->items[i].event == NULL;
		bytes += c->items[i].msg.n;
	}
	if (!any || c->hooks.room == NULL)
		return (SP_OK);
	return (c->hooks.room(c->hooks.ctx, bytes, &c->err));
}

/* The messages have failed already; a few events still find a place. */
static void
commit_events(struct sp_commit *c, enum sp_code code)
{
	struct sp_err err;

	c->code = code;
	for (size_t i = 0; i < c->n; i++)
		c->codes[i] =
		    c->items[i].event == NULL
			? code
			: sp_append_commit(c->append, &c->items[i], 1, &err);
}

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

/* On the pool. */
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

/* What is to be told, and to whom. */
struct outcome {
	struct sp_commit_job *jobs[SP_COMMIT_ITEMS];
	enum sp_code codes[SP_COMMIT_ITEMS];
	size_t n;
	struct sp_err err;
};

/* The results go to their owners' items before the next batch starts. */
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

/* Back on the loop. */
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
	/* The disk works on the next batch while this one is answered. */
	start_batch(c);
	for (size_t i = 0; i < o.n; i++)
		o.jobs[i]->done(o.jobs[i], o.codes[i], &o.err);
	if (sp_commit_idle(c))
		c->hooks.idle(c->hooks.ctx);
}

/* Take the next batch off the queue. */
static void
gather_batch(struct sp_commit *c)
{
	uint64_t bytes = 0;

	c->n = 0;
	c->rotate = false;
	while (c->head != NULL && c->n < SP_COMMIT_ITEMS) {
		struct sp_commit_job *job = c->head;

		/* A rotation goes alone. */
		if (job->item == NULL && c->n > 0)
			break;
		if (c->n > 0 && bytes + job->item->msg.n > SP_COMMIT_BYTES)
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
		bytes += job->item->msg.n;
	}
}

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

/*
 * Collects the lines of a mail server's log by the queue id, until the server
 * is done with the message: see journal/watch/delivered.h.  Which relays are us
 * may only turn out in the course of the log, so the last attempt without a
 * receipt is kept, and judged when the message is concluded.
 */
#include "journal/watch/delivered.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define SLOTS	 262144u /* of the table of messages; a power of two */
#define TEXT_MAX 512u /* bytes kept of an address, a relay, a reply */

/* A text of its own, at most TEXT_MAX bytes. */
struct log_text {
	char *p;
	size_t n;
};

/* A message in the server's queue. */
struct queued_mail {
	struct queued_mail *next; /* in its slot */
	struct log_text id, time, from, msgid;
	bool has_from, sent_elsewhere;
	/* the last receipt, so that several recipients of one are one call */
	bool has_receipt;
	struct sp_maillog_receipt receipt;
	/* the last attempt without a receipt, at us if any was */
	bool has_attempt;
	enum sp_maillog_result result;
	struct log_text to, relay, reply;
};

struct sp_delivered {
	struct sp_delivered_opts opts;
	struct queued_mail *slot[SLOTS];
	size_t open; /* messages in the slots */
	uint64_t lines;
	/* relays that gave a receipt: they are us */
	char *learned[SP_DELIVERED_RELAY_MAX];
	size_t nlearned;
};

static void
set_text(struct log_text *t, struct sp_view v)
{
	free(t->p);
	if (v.n > TEXT_MAX)
		v.n = TEXT_MAX;
	t->p = sp_view_dup(v);
	t->n = v.n;
}

static struct sp_view
view(const struct log_text *t)
{
	return (sp_view_mem(t->p, t->n));
}

static void
queued_free(struct queued_mail *m)
{
	free(m->id.p);
	free(m->time.p);
	free(m->from.p);
	free(m->msgid.p);
	free(m->to.p);
	free(m->relay.p);
	free(m->reply.p);
	free(m);
}

/* FNV-1a: only spreads, and nobody gains by collisions beyond slowness. */
static size_t
slot_of(struct sp_view id)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * UINT64_C(1099511628211);
	return ((size_t)(h & (SLOTS - 1)));
}

/* Where the message of ${id} hangs, or would. */
static struct queued_mail **
find(struct sp_delivered *d, struct sp_view id)
{
	struct queued_mail **at = &d->slot[slot_of(id)];

	while (*at != NULL && !sp_view_eq(view(&(*at)->id), id))
		at = &(*at)->next;
	return (at);
}

/* The message of the line ${l}, made where it is new; NULL: too many. */
static struct queued_mail *
find_or_add(
    struct sp_delivered *d, const struct sp_maillog_line *l, struct sp_err *err)
{
	struct queued_mail **at = find(d, l->id), *m = *at;

	if (m != NULL)
		return (m);
	if (d->open >= SP_DELIVERED_OPEN_MAX) {
		(void)sp_err_set(err, SP_ELIMIT, 0,
		    "more than %u messages are in the queue at a time; give the log in parts",
		    SP_DELIVERED_OPEN_MAX);
		return (NULL);
	}
	m = sp_xcalloc(1, sizeof(*m));
	set_text(&m->id, l->id);
	set_text(&m->time, l->time);
	*at = m;
	d->open++;
	return (m);
}

static bool
contains(struct sp_view v, const char *what)
{
	return (v.n > 0 && memmem(v.p, v.n, what, strlen(what)) != NULL);
}

/* Whether the attempt went to us, as far as is known by now.  Where nobody
 * answered, Postfix says relay=none and names the address in the reason. */
static bool
is_us(const struct sp_delivered *d, struct sp_view relay, struct sp_view to,
    struct sp_view reply)
{
	for (size_t i = 0; i < d->opts.nrelays; i++) {
		if (contains(relay, d->opts.relays[i]) ||
		    contains(to, d->opts.relays[i]) ||
		    contains(reply, d->opts.relays[i]))
			return (true);
	}
	for (size_t i = 0; i < d->nlearned; i++) {
		if (sp_view_eq_str(relay, d->learned[i]) ||
		    contains(reply, d->learned[i]))
			return (true);
	}
	return (false);
}

/* Whether the attempt that is kept went to us. */
static bool
attempt_is_us(const struct sp_delivered *d, const struct queued_mail *m)
{
	return (m->has_attempt &&
		is_us(d, view(&m->relay), view(&m->to), view(&m->reply)));
}

/* A receipt came from ${relay}: it is one of our names from now on. */
static void
learn_relay(struct sp_delivered *d, struct sp_view relay)
{
	if (relay.n == 0 || relay.n > TEXT_MAX ||
	    d->nlearned >= SP_DELIVERED_RELAY_MAX ||
	    is_us(d, relay, (struct sp_view){ NULL, 0 },
		(struct sp_view){ NULL, 0 }))
		return;
	d->learned[d->nlearned++] = sp_view_dup(relay);
}

/* Call for ${m}: ${c} has all that is not of the message itself. */
static enum sp_code
report(const struct sp_delivered *d, const struct queued_mail *m,
    struct sp_delivered_case *c, struct sp_err *err)
{
	c->id = view(&m->id);
	c->time = view(&m->time);
	c->has_from = m->has_from;
	c->from = view(&m->from);
	c->msgid = view(&m->msgid);
	return (d->opts.fn(d->opts.ctx, c, err));
}

/* An attempt that we acknowledged; called for once a receipt, however many
 * recipients it stands for. */
static enum sp_code
on_receipt(struct sp_delivered *d, struct queued_mail *m,
    const struct sp_maillog_line *l, const struct sp_maillog_receipt *r,
    struct sp_err *err)
{
	struct sp_delivered_case c = { .what = SP_DELIVERED_RECEIPT,
		.to = l->to,
		.relay = l->relay,
		.reply = l->reply,
		.receipt = *r };

	learn_relay(d, l->relay);
	/* It was tried again, and taken. */
	if (m->has_attempt && sp_view_eq(view(&m->to), l->to))
		m->has_attempt = false;
	if (m->has_receipt && m->receipt.seq == r->seq &&
	    memcmp(m->receipt.sha256, r->sha256, sizeof(r->sha256)) == 0)
		return (SP_OK);
	m->has_receipt = true;
	m->receipt = *r;
	return (report(d, m, &c, err));
}

/* One attempt for one recipient. */
static enum sp_code
on_delivery(struct sp_delivered *d, struct queued_mail *m,
    const struct sp_maillog_line *l, struct sp_err *err)
{
	struct sp_maillog_receipt r;

	/* Others can write the same words; where our names are given, only
	 * they are believed. */
	if (l->result == SP_MAILLOG_SENT && sp_maillog_receipt(l->reply, &r) &&
	    (d->opts.nrelays == 0 || is_us(d, l->relay, l->to, l->reply)))
		return (on_receipt(d, m, l, &r, err));
	/* Which of the attempts were at us may only turn out later: the last
	 * failed one is kept, but not in place of one at us. */
	if (is_us(d, l->relay, l->to, l->reply) ||
	    (l->result != SP_MAILLOG_SENT && !attempt_is_us(d, m))) {
		m->has_attempt = true;
		m->result = l->result;
		set_text(&m->to, l->to);
		set_text(&m->relay, l->relay);
		set_text(&m->reply, l->reply);
	} else if (l->result == SP_MAILLOG_SENT) {
		m->sent_elsewhere = true;
	}
	return (SP_OK);
}

/* What became of ${m} in the end.  No call where it was acknowledged already,
 * or left the queue before any attempt. */
static enum sp_code
conclude(const struct sp_delivered *d, const struct queued_mail *m,
    struct sp_err *err)
{
	struct sp_delivered_case c = { .what = SP_DELIVERED_ELSEWHERE };

	if (attempt_is_us(d, m)) {
		c.what = m->result == SP_MAILLOG_SENT ? SP_DELIVERED_UNCONFIRMED
			 : m->result == SP_MAILLOG_BOUNCED
			     ? SP_DELIVERED_REFUSED
			     : SP_DELIVERED_WAITING;
		c.to = view(&m->to);
		c.relay = view(&m->relay);
		c.reply = view(&m->reply);
	} else if (!m->has_receipt && m->msgid.n == 0) {
		/* Its first lines are in an older log. */
		c.what = SP_DELIVERED_CUT;
	} else if (m->has_receipt || (!m->sent_elsewhere && !m->has_attempt)) {
		return (SP_OK);
	}
	return (report(d, m, &c, err));
}

/* The queue is done with the message ${id}: conclude it and forget it. */
static enum sp_code
on_gone(struct sp_delivered *d, struct sp_view id, struct sp_err *err)
{
	struct queued_mail **at = find(d, id), *m = *at;
	enum sp_code rc;

	if (m == NULL)
		return (SP_OK);
	rc = conclude(d, m, err);
	*at = m->next;
	queued_free(m);
	d->open--;
	return (rc);
}

struct sp_delivered *
sp_delivered_new(const struct sp_delivered_opts *opts)
{
	struct sp_delivered *d = sp_xcalloc(1, sizeof(*d));

	d->opts = *opts;
	return (d);
}

/* A line of an unknown queue id opens a message, unless it is its last one. */
enum sp_code
sp_delivered_line(
    struct sp_delivered *d, struct sp_view line, struct sp_err *err)
{
	struct sp_maillog_line l;
	struct queued_mail *m;

	sp_maillog_parse(line, &l);
	if (l.kind == SP_MAILLOG_OTHER)
		return (SP_OK);
	d->lines++;
	if (l.kind == SP_MAILLOG_GONE)
		return (on_gone(d, l.id, err));
	m = find_or_add(d, &l, err);
	if (m == NULL)
		return (SP_ELIMIT);
	if (l.kind == SP_MAILLOG_DELIVERY)
		return (on_delivery(d, m, &l, err));
	if (l.has_from) {
		m->has_from = true;
		set_text(&m->from, l.from);
	}
	if (l.msgid.n > 0)
		set_text(&m->msgid, l.msgid);
	return (SP_OK);
}

enum sp_code
sp_delivered_finish(struct sp_delivered *d, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < SLOTS; i++) {
		while (rc == SP_OK && d->slot[i] != NULL)
			rc = on_gone(d, view(&d->slot[i]->id), err);
	}
	return (rc);
}

uint64_t
sp_delivered_lines(const struct sp_delivered *d)
{
	return (d->lines);
}

bool
sp_delivered_knows_us(const struct sp_delivered *d)
{
	return (d->nlearned > 0 || d->opts.nrelays > 0);
}

void
sp_delivered_free(struct sp_delivered *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		while (d->slot[i] != NULL) {
			struct queued_mail *m = d->slot[i];

			d->slot[i] = m->next;
			queued_free(m);
		}
	}
	for (size_t i = 0; i < d->nlearned; i++)
		free(d->learned[i]);
	free(d);
}

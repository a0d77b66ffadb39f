/*
 * An IMAP session: the content of a message on its way from the parser to the
 * engine.  imap_command.c hands the parser's events here.  The content of a
 * FETCH is the engine's only if it was asked for, which the UID says; the UID
 * may stand before the content or behind it:
 *
 *	UID before	PASS: every piece goes on as it comes
 *	UID behind	HOLD: kept (up to 4 MiB), then passed on; a larger one
 *			goes on at once where it was asked for alone, and is
 *			taken back if its UID is another
 *	no UID		by its sequence number, where that still holds, or
 *			because nothing else was asked for
 *	a sentinel	LOOK: only its beginning is kept (imap_sentinel.c)
 *	not asked for	DROP
 *
 * A message that was not cut ends with its FETCH; one in slices is ended by
 * imap_fetch.c.  Whether what came is the message the engine judges.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "journal/pull/imap/imap_priv.h"

#define EXTRA_MAX (256u << 10)

/* Append the members of "source" that only Gmail's messages have. */
static enum sp_code
gmail_members(const struct sp_imap_fetch *f, struct sp_buf *out)
{
	struct sp_json j;

	if (f->gm_msgid.p == NULL)
		return (SP_OK);
	sp_json_init(&j, out);
	sp_json_str(&j, "gm_msgid", f->gm_msgid);
	if (f->gm_thrid.p != NULL)
		sp_json_str(&j, "gm_thrid", f->gm_thrid);
	sp_json_arr(&j, "gm_labels");
	for (size_t i = 0; i < f->nlabels; i++)
		sp_json_str(&j, NULL, f->labels[i]);
	sp_json_arr_end(&j);
	if (f->more_labels > 0)
		sp_json_u64(&j, "gm_labels_more", f->more_labels);
	return (sp_json_end(&j));
}

/* Begin the message with the engine. */
static enum sp_code
begin_message(struct sp_imap *m, const struct sp_imap_item *it,
    const struct sp_imap_fetch *f, struct sp_err *err)
{
	struct sp_imap_meta meta;
	struct sp_buf b;
	enum sp_code rc;

	sp_imap_meta(m, it, &meta);
	sp_buf_init(&b, EXTRA_MAX);
	rc = gmail_members(f, &b);
	if (rc != SP_OK)
		rc = sp_err_set(
		    err, rc, 0, "the labels of a message are too long");
	meta.meta.extra = sp_buf_view(&b);
	if (rc == SP_OK)
		rc = sp_pull_begin(m->pull, &meta.meta, err);
	m->receiving.begun = rc == SP_OK;
	sp_buf_clear(&m->receiving.head);
	sp_buf_done(&b);
	return (rc);
}

/* The engine's judgement decides whether it is done, asked for again, left on the
 * server, or may go from there at once. */
enum sp_code
sp_imap_submit_message(
    struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err)
{
	enum sp_code rc;

	m->receiving.begun = false;
	it->look = sp_imap_look(sp_buf_view(&m->receiving.head));
	it->state = SP_IMAP_S_SUBMITTED;
	rc = sp_pull_end(m->pull, err);
	if (rc != SP_OK)
		return (rc);
	m->server.refusals = 0;
	switch (sp_pull_fate(m->pull)) {
	case SP_PULL_HANDED_OVER:
		if (it->verify)
			sp_imap_note_renumbered(m);
		sp_imap_keep_sentinel(&m->box, it->uid, it->look);
		break;
	case SP_PULL_FETCH_AGAIN:
		it->state = SP_IMAP_S_LISTED;
		it->alone = true;
		break;
	case SP_PULL_DOUBTFUL:
		it->state = SP_IMAP_S_DOUBTFUL;
		break;
	case SP_PULL_ARCHIVED:
		it->state = SP_IMAP_S_ARCHIVED;
		if (m->conf->then != SP_PULL_KEEP && !it->deleted)
			m->removal.uids[m->removal.n++] = it->uid;
		break;
	}
	return (SP_OK);
}

void
sp_imap_forget_message(struct sp_imap *m)
{
	if (m->receiving.begun)
		sp_pull_abort(m->pull);
	m->receiving.begun = false;
}

/* The message of the list that this FETCH is of; NULL: none that we know.
 * Without a UID the sequence number says it; where that says nothing it is the
 * only message that was asked for. */
static struct sp_imap_item *
item_of(struct sp_imap *m, const struct sp_imap_fetch *f)
{
	struct sp_imap_item *single = m->receiving.single, *it;

	if (m->phase != SP_IMAP_P_FETCH)
		return (NULL);
	if (f->uid != 0) {
		it = sp_imap_item(m, f->uid);
		/* The UID of one and the number of another: whose is it? */
		if (it != NULL && it != single && m->listing.numbered &&
		    it->msn != 0 && it->msn != f->msn)
			return (NULL);
		return (it);
	}
	if (single != NULL &&
	    (!m->listing.numbered || single->msn == 0 || single->msn == f->msn))
		return (single);
	return (sp_imap_item_by_number(m, f->msn));
}

/* Whose content it is is known (${item}; NULL: nobody's): pass it on if it is
 * what was asked for (a message, or its next slice), else drop it.  Some
 * servers name a whole message as the slice from 0. */
static enum sp_code
match_request(struct sp_imap *m, struct sp_imap_item *item,
    const struct sp_imap_fetch *f, struct sp_err *err)
{
	struct sp_imap_receiving *t = &m->receiving;

	t->item = item;
	t->how = DROP;
	if (item == NULL || item->state != SP_IMAP_S_REQUESTED)
		return (SP_OK);
	if (m->slices.active
		? !t->partial || t->offset != m->slices.offset || m->slices.came
		: t->partial && t->offset > 0)
		return (SP_OK);
	t->how = PASS;
	if (m->slices.active && t->offset > 0)
		return (SP_OK); /* goes on */
	return (begin_message(m, t->item, f, err));
}

/* Content begins.  ${size} is its length, ${head} what stood before it.  What is
 * dropped here because it cannot be held is asked for alone later. */
enum sp_code
sp_imap_on_body(struct sp_imap *m, const struct sp_imap_fetch *head,
    bool partial, uint64_t offset, uint64_t size, struct sp_err *err)
{
	struct sp_imap_receiving *t = &m->receiving;

	sp_buf_clear(&t->held);
	t->item = NULL;
	t->partial = partial;
	t->offset = offset;
	t->got = 0;
	t->unsure = false;
	t->how = DROP;
	if (size > m->conf->max_message &&
	    size - m->conf->max_message > SP_IMAP_DRAIN_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the server announces content of %" PRIu64 " bytes", size));
	if (m->phase == SP_IMAP_P_SENTINEL && offset == 0) {
		sp_buf_clear(&t->head);
		t->how = LOOK;
	}
	if (m->phase != SP_IMAP_P_FETCH)
		return (SP_OK);
	if (head->uid != 0)
		return (match_request(m, item_of(m, head), head, err));
	if (size <= t->held.max) {
		t->how = HOLD;
		return (SP_OK);
	}
	t->unsure = true;
	return (match_request(m, t->single, head, err));
}

/* Keep of ${v} what belongs to the first bytes of the content. */
static enum sp_code
keep_head(struct sp_imap *m, struct sp_view v, struct sp_err *err)
{
	struct sp_buf *head = &m->receiving.head;

	if (v.n > SP_IMAP_HEAD_MAX - head->n)
		v.n = SP_IMAP_HEAD_MAX - head->n;
	if (v.n == 0 || sp_buf_addv(head, v) == SP_OK)
		return (SP_OK);
	return (sp_err_set(err, SP_ELIMIT, 0, "no room for a header"));
}

/* Pass a piece on to the engine. */
static enum sp_code
pass_on(struct sp_imap *m, struct sp_view v, struct sp_err *err)
{
	enum sp_code rc = keep_head(m, v, err);

	if (rc != SP_OK)
		return (rc);
	m->receiving.got += v.n;
	return (v.n == 0 ? SP_OK : sp_pull_data(m->pull, v, err));
}

enum sp_code
sp_imap_on_data(struct sp_imap *m, const char *p, size_t n, struct sp_err *err)
{
	struct sp_imap_receiving *t = &m->receiving;

	if (t->how == PASS)
		return (pass_on(m, sp_view_mem(p, n), err));
	if (t->how == LOOK)
		return (keep_head(m, sp_view_mem(p, n), err));
	if (t->how == HOLD && sp_buf_add(&t->held, p, n) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "a message is larger than the server announced"));
	return (SP_OK);
}

/* Content that was held finds its message now; a slice is noted for
 * fetch_slices(). */
enum sp_code
sp_imap_on_fetch_end(
    struct sp_imap *m, const struct sp_imap_fetch *f, struct sp_err *err)
{
	struct sp_imap_receiving *t = &m->receiving;
	enum sp_code rc = SP_OK;

	if (f->body != SP_IMAP_BODY_GIVEN)
		return (SP_OK);
	if (t->how == LOOK) {
		t->how = DROP;
		sp_imap_on_sentinel(m, f);
	}
	if (t->how == HOLD) {
		rc = match_request(m, item_of(m, f), f, err);
		if (rc == SP_OK && t->how == PASS)
			rc = pass_on(m, sp_buf_view(&t->held), err);
	}
	if (rc != SP_OK || t->how != PASS)
		return (rc);
	t->how = DROP;
	if (t->unsure && item_of(m, f) != t->item) {
		sp_imap_forget_message(m);
		return (SP_OK);
	}
	if (!m->slices.active)
		return (sp_imap_submit_message(m, t->item, err));
	m->slices.got = t->got;
	m->slices.came = true;
	return (SP_OK);
}

/*
 * An IMAP session: the content of a message on its way from the parser to the
 * engine.  imap_command.c hands the parser's events here.  The content of a
 * FETCH is the engine's only if it was asked for, which the UID says; the UID
 * may stand before the content or behind it:
 *
 *	UID before	PASS: every piece goes on as it comes
 *	UID behind	HOLD: kept (up to 4 MiB), then passed on
 *	not asked for	DROP
 *
 * A message that was not cut ends with its FETCH; one in slices is ended by
 * imap_fetch.c.  Where the size is not the announced one it is fetched again,
 * since a short answer must not pass for the message.
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
	sp_buf_done(&b);
	return (rc);
}

enum sp_code
sp_imap_submit_message(struct sp_imap *m, struct sp_err *err)
{
	m->receiving.begun = false;
	return (sp_pull_end(m->pull, err));
}

void
sp_imap_forget_message(struct sp_imap *m)
{
	if (m->receiving.begun)
		sp_pull_abort(m->pull);
	m->receiving.begun = false;
}

/* The UID is known: pass the content on if it is what was asked for (a
 * message, or its next slice), else drop it. */
static enum sp_code
match_request(
    struct sp_imap *m, const struct sp_imap_fetch *f, struct sp_err *err)
{
	struct sp_imap_receiving *t = &m->receiving;

	t->item = m->phase == SP_IMAP_P_FETCH ? sp_imap_item(m, f->uid) : NULL;
	t->how = DROP;
	if (t->item == NULL || t->item->state != SP_IMAP_S_REQUESTED ||
	    t->partial != m->slices.active ||
	    (t->partial && (t->offset != m->slices.offset || m->slices.came)))
		return (SP_OK);
	t->how = PASS;
	if (t->partial && t->offset > 0)
		return (SP_OK); /* goes on */
	return (begin_message(m, t->item, f, err));
}

/* Content begins.  ${size} is its length, ${head} what stood before it.
 * SP_ELIMIT: its UID stands behind it, and it is too large to be held. */
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
	t->how = HOLD;
	if (m->phase != SP_IMAP_P_FETCH)
		t->how = DROP;
	else if (head->uid != 0)
		return (match_request(m, head, err));
	else if (size > t->held.max)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the server says the UID of a message behind its content, which is larger than %zu bytes",
		    t->held.max));
	return (SP_OK);
}

/* Pass a piece on to the engine. */
static enum sp_code
pass_on(struct sp_imap *m, struct sp_view v, struct sp_err *err)
{
	m->receiving.got += v.n;
	return (v.n == 0 ? SP_OK : sp_pull_data(m->pull, v, err));
}

enum sp_code
sp_imap_on_data(struct sp_imap *m, const char *p, size_t n, struct sp_err *err)
{
	struct sp_imap_receiving *t = &m->receiving;

	if (t->how == PASS)
		return (pass_on(m, sp_view_mem(p, n), err));
	if (t->how == HOLD && sp_buf_add(&t->held, p, n) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "a message is larger than the server announced"));
	return (SP_OK);
}

/* A message that was not cut is here.  Where its size is not the one that was
 * announced it is forgotten and fetched once more; with the same size again
 * the server's sizes are wrong, which is noted once. */
static enum sp_code
end_whole(struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err)
{
	uint64_t got = m->receiving.got;
	bool differs = it->size != SP_PULL_SIZE_UNKNOWN && it->size != got;

	if (differs && !m->server.sizes_inexact && !it->alone) {
		sp_imap_forget_message(m);
		it->first_size = got;
		it->alone = true;
		it->state = SP_IMAP_S_LISTED;
		return (SP_OK);
	}
	if (differs && !m->server.sizes_inexact && it->first_size == got) {
		m->server.sizes_inexact = true;
		sp_pull_note(m->pull,
		    "size_differs uid=%" PRIu32 " said=%" PRIu64 " got=%" PRIu64
		    ": this server's sizes are not exact; both are recorded",
		    it->uid, it->size, got);
	}
	it->state = SP_IMAP_S_SUBMITTED;
	return (sp_imap_submit_message(m, err));
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
	if (t->how == HOLD) {
		rc = match_request(m, f, err);
		if (rc == SP_OK && t->how == PASS)
			rc = pass_on(m, sp_buf_view(&t->held), err);
	}
	if (rc != SP_OK || t->how != PASS)
		return (rc);
	t->how = DROP;
	if (!m->slices.active)
		return (end_whole(m, t->item, err));
	m->slices.got = t->got;
	m->slices.came = true;
	return (SP_OK);
}

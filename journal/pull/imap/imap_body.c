#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "journal/pull/imap/imap_priv.h"

#define EXTRA_MAX (256u << 10)

/* Members of "source" that only some servers have. */
static enum sp_code
extra(const struct sp_imap_fetch *f, struct sp_buf *out)
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

static enum sp_code
begin(struct sp_imap *m, const struct sp_imap_item *it,
    const struct sp_imap_fetch *f, struct sp_err *err)
{
	struct sp_imap_meta meta;
	struct sp_buf b;
	enum sp_code rc;

	sp_imap_meta(m, it, &meta);
	sp_buf_init(&b, EXTRA_MAX);
	rc = extra(f, &b);
	if (rc != SP_OK)
		rc = sp_err_set(
		    err, rc, 0, "the labels of a message are too long");
	meta.meta.extra = sp_buf_view(&b);
	if (rc == SP_OK)
		rc = sp_pull_begin(m->pull, &meta.meta, err);
	m->begun = rc == SP_OK;
	sp_buf_done(&b);
	return (rc);
}

enum sp_code
sp_imap_take_done(struct sp_imap *m, struct sp_err *err)
{
	m->begun = false;
	return (sp_pull_end(m->pull, err));
}

void
sp_imap_take_abort(struct sp_imap *m)
{
	if (m->begun)
		sp_pull_abort(m->pull);
	m->begun = false;
}

/* Now that the UID is known: is it one that was asked for? */
static enum sp_code
meet(struct sp_imap *m, const struct sp_imap_fetch *f, struct sp_err *err)
{
	struct sp_imap_taking *t = &m->taking;

	t->item = m->phase == SP_IMAP_P_FETCH ? sp_imap_item(m, f->uid) : NULL;
	t->how = DROP;
	if (t->item == NULL || t->item->state != SP_IMAP_S_ASKED ||
	    t->partial != m->slicing ||
	    (t->partial && (t->offset != m->slice_at || m->slice_came)))
		return (SP_OK);
	t->how = PASS;
	if (t->partial && t->offset > 0)
		return (SP_OK); /* goes on */
	return (begin(m, t->item, f, err));
}

enum sp_code
sp_imap_take_body(struct sp_imap *m, const struct sp_imap_fetch *head,
    bool partial, uint64_t offset, uint64_t size, struct sp_err *err)
{
	struct sp_imap_taking *t = &m->taking;

	sp_buf_clear(&t->held);
	t->item = NULL;
	t->partial = partial;
	t->offset = offset;
	t->got = 0;
	t->how = HOLD;
	if (m->phase != SP_IMAP_P_FETCH)
		t->how = DROP;
	else if (head->uid != 0)
		return (meet(m, head, err));
	else if (size > t->held.max)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the server says the UID of a message behind its content, which is larger than %zu bytes",
		    t->held.max));
	return (SP_OK);
}

static enum sp_code
pass(struct sp_imap *m, struct sp_view v, struct sp_err *err)
{
	m->taking.got += v.n;
	return (v.n == 0 ? SP_OK : sp_pull_data(m->pull, v, err));
}

enum sp_code
sp_imap_take_data(
    struct sp_imap *m, const char *p, size_t n, struct sp_err *err)
{
	struct sp_imap_taking *t = &m->taking;

	if (t->how == PASS)
		return (pass(m, sp_view_mem(p, n), err));
	if (t->how == HOLD && sp_buf_add(&t->held, p, n) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "a message is larger than the server announced"));
	return (SP_OK);
}

/*
 * All of a message that was not cut.  Where its size is not the one that was
 * announced, it is fetched once more: what comes then is what there is.
 */
static enum sp_code
whole(struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err)
{
	uint64_t got = m->taking.got;
	bool differs = it->size != SP_PULL_SIZE_UNKNOWN && it->size != got;

	if (differs && !m->sizes_wrong && !it->alone) {
		sp_imap_take_abort(m);
		it->first = got;
		it->alone = true;
		it->state = SP_IMAP_S_LISTED;
		return (SP_OK);
	}
	if (differs && !m->sizes_wrong && it->first == got) {
		m->sizes_wrong = true;
		sp_pull_note(m->pull,
		    "size_differs uid=%" PRIu32 " said=%" PRIu64 " got=%" PRIu64
		    ": this server's sizes are not exact; both are recorded",
		    it->uid, it->size, got);
	}
	it->state = SP_IMAP_S_TAKEN;
	return (sp_imap_take_done(m, err));
}

enum sp_code
sp_imap_take_end(
    struct sp_imap *m, const struct sp_imap_fetch *f, struct sp_err *err)
{
	struct sp_imap_taking *t = &m->taking;
	enum sp_code rc = SP_OK;

	if (f->body != SP_IMAP_BODY_GIVEN)
		return (SP_OK);
	if (t->how == HOLD) {
		rc = meet(m, f, err);
		if (rc == SP_OK && t->how == PASS)
			rc = pass(m, sp_buf_view(&t->held), err);
	}
	if (rc != SP_OK || t->how != PASS)
		return (rc);
	t->how = DROP;
	if (!m->slicing)
		return (whole(m, t->item, err));
	m->slice_got = t->got;
	m->slice_came = true;
	return (SP_OK);
}

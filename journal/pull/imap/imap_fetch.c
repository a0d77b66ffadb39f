#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "journal/pull/imap/imap_priv.h"

#define BATCHES	  (SP_IMAP_FLIGHT - 1) /* on their way; one slot stays free */
#define DELETE_AT 1000 /* durable messages that are deleted in between */

struct batch {
	unsigned tag;
	size_t from, to; /* items that are ASKED in there */
};

static const char *
gmail(const struct sp_imap *m)
{
	return (m->caps & SP_IMAP_CAP_GMAIL
		    ? " X-GM-MSGID X-GM-THRID X-GM-LABELS"
		    : "");
}

static bool
large(const struct sp_imap_item *it)
{
	return (it->size != SP_PULL_SIZE_UNKNOWN && it->size > SP_IMAP_SLICE);
}

/* Ask for the next small items from ${next} on; tag 0: there are none. */
static enum sp_code
ask(struct sp_imap *m, size_t *next, struct batch *b, struct sp_err *err)
{
	uint32_t uids[SP_IMAP_BATCH_MESSAGES];
	uint64_t bytes = 0;
	size_t n = 0, i = *next;
	enum sp_code rc;

	*b = (struct batch){ .from = i };
	for (; i < m->nitems && n < SP_IMAP_BATCH_MESSAGES &&
	       bytes < SP_IMAP_BATCH_BYTES;
	     i++) {
		struct sp_imap_item *it = &m->items[i];

		if (it->state != SP_IMAP_S_LISTED || it->alone || large(it))
			continue;
		it->state = SP_IMAP_S_ASKED;
		uids[n++] = it->uid;
		bytes += it->size == SP_PULL_SIZE_UNKNOWN ? 0 : it->size;
	}
	b->to = *next = i;
	if (n == 0)
		return (SP_OK);
	rc = sp_buf_adds(&m->out, "UID FETCH ");
	if (rc == SP_OK &&
	    sp_imap_set_put(&m->out, uids, n, SP_IMAP_COMMAND_MAX) != n)
		rc = SP_ELIMIT;
	if (rc == SP_OK)
		rc = sp_buf_addf(&m->out, " (UID%s BODY.PEEK[])", gmail(m));
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0, "a command is too long"));
	return (sp_imap_send_out(m, false, &b->tag, err));
}

/* The answer to a batch: what did not come is asked for once more, alone. */
static enum sp_code
settle(struct sp_imap *m, const struct batch *b, struct sp_err *err)
{
	struct sp_imap_done d;
	enum sp_code rc = sp_imap_await(m, b->tag, &d, err);

	if (rc != SP_OK)
		return (rc);
	if (d.cond != SP_IMAP_OK &&
	    (sp_imap_trouble(d.code) != SP_PULL_NETWORK ||
		d.code == SP_IMAP_C_UNAVAILABLE))
		return (sp_imap_refused(m, "to give messages", &d, err));
	for (size_t i = b->from; i < b->to; i++) {
		struct sp_imap_item *it = &m->items[i];

		if (it->state != SP_IMAP_S_ASKED)
			continue;
		it->state = SP_IMAP_S_LISTED;
		it->alone = true;
	}
	sp_imap_durable(m);
	return (m->ndoomed >= DELETE_AT ? sp_imap_after(m, err) : SP_OK);
}

static enum sp_code
small_ones(struct sp_imap *m, struct sp_err *err)
{
	struct batch q[BATCHES];
	size_t n = 0, next = 0;
	enum sp_code rc = SP_OK;

	for (;;) {
		while (rc == SP_OK && n < BATCHES && next < m->nitems) {
			rc = ask(m, &next, &q[n], err);
			n += rc == SP_OK && q[n].tag != 0;
		}
		if (rc != SP_OK || n == 0)
			return (rc);
		rc = settle(m, &q[0], err);
		memmove(&q[0], &q[1], --n * sizeof(q[0]));
	}
}

/* Nothing came, and the server sees nothing wrong in that. */
static enum sp_code
missing(struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err)
{
	struct sp_imap_done d;
	struct sp_imap_meta meta;
	char name[200];
	enum sp_code rc;

	m->search_uid = it->uid;
	m->search_hit = false;
	rc = sp_imap_do(m, &d, err, "UID SEARCH UID %" PRIu32, it->uid);
	m->search_uid = 0;
	if (rc != SP_OK)
		return (rc);
	sp_imap_meta(m, it, &meta);
	if (m->search_hit) {
		it->state = SP_IMAP_S_SKIPPED;
		sp_pull_skip(m->pull, &meta.meta,
		    "the server lists it but does not give it");
		return (SP_OK);
	}
	it->state = SP_IMAP_S_VANISHED;
	sp_pull_note(m->pull,
	    "vanished mailbox=%s messages=1 first_uid=%" PRIu32
	    ": gone before it was fetched; does somebody else delete from this mailbox?",
	    sp_log_quote(sp_view_str(m->box.name->utf8), name, sizeof(name)),
	    it->uid);
	return (SP_OK);
}

/* It was asked for alone, and ${d} is the answer. */
static enum sp_code
after_one(struct sp_imap *m, struct sp_imap_item *it,
    const struct sp_imap_done *d, struct sp_err *err)
{
	struct sp_imap_meta meta;

	if (it->state != SP_IMAP_S_ASKED)
		return (SP_OK);
	if (d->cond == SP_IMAP_OK)
		return (missing(m, it, err));
	if (sp_imap_trouble(d->code) != SP_PULL_NETWORK ||
	    d->code == SP_IMAP_C_UNAVAILABLE)
		return (sp_imap_refused(m, "to give a message", d, err));
	sp_imap_meta(m, it, &meta);
	it->state = SP_IMAP_S_SKIPPED;
	sp_pull_skip(m->pull, &meta.meta, d->text);
	return (SP_OK);
}

static enum sp_code
one(struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err)
{
	struct sp_imap_done d;
	enum sp_code rc;

	it->state = SP_IMAP_S_ASKED;
	rc = sp_imap_do(m, &d, err, "UID FETCH %" PRIu32 " (UID%s BODY.PEEK[])",
	    it->uid, gmail(m));
	return (rc == SP_OK ? after_one(m, it, &d, err) : rc);
}

/* A large one, piece by piece, until a piece is short. */
static enum sp_code
slices(struct sp_imap *m, struct sp_imap_item *it, uint64_t *total,
    struct sp_err *err)
{
	struct sp_imap_done d;
	enum sp_code rc;

	*total = 0;
	do {
		m->slice_at = *total;
		m->slice_came = false;
		rc = sp_imap_do(m, &d, err,
		    "UID FETCH %" PRIu32 " (UID%s BODY.PEEK[]<%" PRIu64 ".%u>)",
		    it->uid, gmail(m), *total, SP_IMAP_SLICE);
		if (rc != SP_OK)
			return (rc);
		if (!m->slice_came) {
			sp_imap_take_abort(m);
			if (d.cond != SP_IMAP_OK || *total > 0)
				return (after_one(m, it, &d, err));
			/* It does not know slices, or the message is gone. */
			it->alone = true;
			it->state = SP_IMAP_S_LISTED;
			return (SP_OK);
		}
		*total += m->slice_got;
	} while (
	    m->slice_got == SP_IMAP_SLICE && *total <= m->conf->max_message);
	return (SP_OK);
}

static enum sp_code
large_one(struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err)
{
	uint64_t total = 0;
	enum sp_code rc;

	it->state = SP_IMAP_S_ASKED;
	m->slicing = true;
	rc = slices(m, it, &total, err);
	m->slicing = false;
	if (rc != SP_OK || it->state != SP_IMAP_S_ASKED)
		return (rc);
	if (total == it->size || total > m->conf->max_message ||
	    m->sizes_wrong) {
		it->state = SP_IMAP_S_TAKEN;
		return (sp_imap_take_done(m, err));
	}
	/* Not the size that was announced: once more, in one piece. */
	sp_imap_take_abort(m);
	it->first = total;
	it->alone = true;
	it->state = SP_IMAP_S_LISTED;
	return (SP_OK);
}

enum sp_code
sp_imap_fetch_items(struct sp_imap *m, struct sp_err *err)
{
	enum sp_code rc;

	m->phase = SP_IMAP_P_FETCH;
	rc = small_ones(m, err);
	for (size_t i = 0; rc == SP_OK && i < m->nitems; i++) {
		struct sp_imap_item *it = &m->items[i];

		if (it->state == SP_IMAP_S_LISTED && large(it) && !it->alone)
			rc = large_one(m, it, err);
		/* Twice where its size is not the one that was announced. */
		for (int n = 0;
		     n < 2 && rc == SP_OK && it->state == SP_IMAP_S_LISTED; n++)
			rc = one(m, it, err);
		if (rc == SP_OK)
			sp_imap_durable(m);
	}
	m->phase = SP_IMAP_P_NONE;
	return (rc);
}

/*
 * An IMAP session: fetching the content of the messages on the list that the
 * archive has not.  imap_list.c calls sp_imap_fetch_items() for each window;
 * what comes goes through imap_body.c to the engine.
 *
 *	small messages	many with one UID FETCH, two commands on their way
 *	large ones	one by one, in slices of SP_IMAP_SLICE
 *	once more	one by one, whole: what did not come, or with another
 *			size than the server had announced
 *
 * Content is fetched with BODY.PEEK[], which does not set \Seen.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "journal/pull/imap/imap_priv.h"

#define BATCHES \
	(SP_IMAP_PIPELINE_MAX - 1) /* the last is for UID STORE and so on */
#define DELETE_AT 1000 /* so many durable messages are removed in between */

struct imap_batch {
	unsigned tag;
	size_t from,
	    to; /* the items of the list that it asks for lie in there */
};

/* The FETCH items that only Gmail has (X-GM-EXT-1), where it is Gmail. */
static const char *
gmail_items(const struct sp_imap *m)
{
	return (m->server.caps & SP_IMAP_CAP_GMAIL
		    ? " X-GM-MSGID X-GM-THRID X-GM-LABELS"
		    : "");
}

/* Whether the message is fetched in slices. */
static bool
is_large(const struct sp_imap_item *it)
{
	return (it->size != SP_PULL_SIZE_UNKNOWN && it->size > SP_IMAP_SLICE);
}

/* Ask for the next small messages of the list from ${next} on; tag 0: there
 * are none. */
static enum sp_code
request_batch(
    struct sp_imap *m, size_t *next, struct imap_batch *b, struct sp_err *err)
{
	uint32_t uids[SP_IMAP_BATCH_MESSAGES];
	uint64_t bytes = 0;
	size_t n = 0, i = *next;
	enum sp_code rc;

	*b = (struct imap_batch){ .from = i };
	for (; i < m->listing.n && n < SP_IMAP_BATCH_MESSAGES &&
	       bytes < SP_IMAP_BATCH_BYTES;
	     i++) {
		struct sp_imap_item *it = &m->listing.items[i];

		if (it->state != SP_IMAP_S_LISTED || it->alone || is_large(it))
			continue;
		it->state = SP_IMAP_S_REQUESTED;
		uids[n++] = it->uid;
		bytes += it->size == SP_PULL_SIZE_UNKNOWN ? 0 : it->size;
	}
	b->to = *next = i;
	if (n == 0)
		return (SP_OK);
	rc = sp_buf_adds(&m->channel.out, "UID FETCH ");
	if (rc == SP_OK && sp_imap_append_set(&m->channel.out, uids, n,
			       SP_IMAP_COMMAND_MAX) != n)
		rc = SP_ELIMIT;
	if (rc == SP_OK)
		rc = sp_buf_addf(
		    &m->channel.out, " (UID%s BODY.PEEK[])", gmail_items(m));
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0, "a command is too long"));
	return (sp_imap_send_out(m, false, &b->tag, err));
}

/*
 * Wait for the reply to a batch: what did not come will be asked for once
 * more, alone.  Meanwhile, remove what is durable when that has become much.
 */
static enum sp_code
finish_batch(struct sp_imap *m, const struct imap_batch *b, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc = sp_imap_await(m, b->tag, &d, err);

	if (rc != SP_OK)
		return (rc);
	if (d.cond != SP_IMAP_OK &&
	    (sp_imap_trouble(d.code) != SP_PULL_NETWORK ||
		d.code == SP_IMAP_C_UNAVAILABLE))
		return (sp_imap_refused(m, "to give messages", &d, err));
	for (size_t i = b->from; i < b->to; i++) {
		struct sp_imap_item *it = &m->listing.items[i];

		if (it->state != SP_IMAP_S_REQUESTED)
			continue;
		it->state = SP_IMAP_S_LISTED;
		it->alone = true;
	}
	sp_imap_collect_durable(m);
	return (m->removal.n >= DELETE_AT ? sp_imap_remove_archived(m, err)
					  : SP_OK);
}

/* Fetch all small messages of the list. */
static enum sp_code
fetch_small(struct sp_imap *m, struct sp_err *err)
{
	struct imap_batch q[BATCHES];
	size_t n = 0, next = 0;
	enum sp_code rc = SP_OK;

	for (;;) {
		while (rc == SP_OK && n < BATCHES && next < m->listing.n) {
			rc = request_batch(m, &next, &q[n], err);
			n += rc == SP_OK && q[n].tag != 0;
		}
		if (rc != SP_OK || n == 0)
			return (rc);
		rc = finish_batch(m, &q[0], err);
		memmove(&q[0], &q[1], --n * sizeof(q[0]));
	}
}

/* The server says OK and gave nothing: find out whether the message is still
 * in the mailbox.  If it is, the server cannot give it (skipped); else it
 * vanished. */
static enum sp_code
explain_missing(struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err)
{
	struct sp_imap_reply d;
	struct sp_imap_meta meta;
	char name[200];
	enum sp_code rc;

	m->search.uid = it->uid;
	m->search.found = false;
	rc = sp_imap_command(m, &d, err, "UID SEARCH UID %" PRIu32, it->uid);
	m->search.uid = 0;
	if (rc != SP_OK)
		return (rc);
	sp_imap_meta(m, it, &meta);
	if (m->search.found) {
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

/* A message was asked for alone, and ${d} is the reply: where nothing came,
 * what to make of that. */
static enum sp_code
finish_single(struct sp_imap *m, struct sp_imap_item *it,
    const struct sp_imap_reply *d, struct sp_err *err)
{
	struct sp_imap_meta meta;

	if (it->state != SP_IMAP_S_REQUESTED)
		return (SP_OK);
	if (d->cond == SP_IMAP_OK)
		return (explain_missing(m, it, err));
	if (sp_imap_trouble(d->code) != SP_PULL_NETWORK ||
	    d->code == SP_IMAP_C_UNAVAILABLE)
		return (sp_imap_refused(m, "to give a message", d, err));
	sp_imap_meta(m, it, &meta);
	it->state = SP_IMAP_S_SKIPPED;
	sp_pull_skip(m->pull, &meta.meta, d->text);
	return (SP_OK);
}

/* Fetch one message, whole. */
static enum sp_code
fetch_single(struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc;

	it->state = SP_IMAP_S_REQUESTED;
	rc = sp_imap_command(m, &d, err,
	    "UID FETCH %" PRIu32 " (UID%s BODY.PEEK[])", it->uid,
	    gmail_items(m));
	return (rc == SP_OK ? finish_single(m, it, &d, err) : rc);
}

/* Fetch a large message slice by slice, until one is short or max_message is
 * passed; ${total} bytes came.  A server that gives no slice at the start does
 * not know them, or the message is gone: it is tried whole then. */
static enum sp_code
fetch_slices(struct sp_imap *m, struct sp_imap_item *it, uint64_t *total,
    struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc;

	*total = 0;
	do {
		m->slices.offset = *total;
		m->slices.came = false;
		rc = sp_imap_command(m, &d, err,
		    "UID FETCH %" PRIu32 " (UID%s BODY.PEEK[]<%" PRIu64 ".%u>)",
		    it->uid, gmail_items(m), *total, SP_IMAP_SLICE);
		if (rc != SP_OK)
			return (rc);
		if (!m->slices.came) {
			sp_imap_forget_message(m);
			if (d.cond != SP_IMAP_OK || *total > 0)
				return (finish_single(m, it, &d, err));
			it->alone = true;
			it->state = SP_IMAP_S_LISTED;
			return (SP_OK);
		}
		*total += m->slices.got;
	} while (
	    m->slices.got == SP_IMAP_SLICE && *total <= m->conf->max_message);
	return (SP_OK);
}

/* Fetch one large message.  Where its slices do not add up to the size that
 * was announced it is forgotten and asked for once more, whole. */
static enum sp_code
fetch_large(struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err)
{
	uint64_t total = 0;
	enum sp_code rc;

	it->state = SP_IMAP_S_REQUESTED;
	m->slices.active = true;
	rc = fetch_slices(m, it, &total, err);
	m->slices.active = false;
	if (rc != SP_OK || it->state != SP_IMAP_S_REQUESTED)
		return (rc);
	if (total == it->size || total > m->conf->max_message ||
	    m->server.sizes_inexact) {
		it->state = SP_IMAP_S_SUBMITTED;
		return (sp_imap_submit_message(m, err));
	}
	sp_imap_forget_message(m);
	it->first_size = total;
	it->alone = true;
	it->state = SP_IMAP_S_LISTED;
	return (SP_OK);
}

/* All small ones first; then, in order, the large ones and what must be asked
 * for once more. */
enum sp_code
sp_imap_fetch_items(struct sp_imap *m, struct sp_err *err)
{
	enum sp_code rc;

	m->phase = SP_IMAP_P_FETCH;
	rc = fetch_small(m, err);
	for (size_t i = 0; rc == SP_OK && i < m->listing.n; i++) {
		struct sp_imap_item *it = &m->listing.items[i];

		if (it->state == SP_IMAP_S_LISTED && is_large(it) && !it->alone)
			rc = fetch_large(m, it, err);
		/* Twice where the size is not the one that was announced: the
		 * second time it is believed. */
		for (int n = 0;
		     n < 2 && rc == SP_OK && it->state == SP_IMAP_S_LISTED; n++)
			rc = fetch_single(m, it, err);
		if (rc == SP_OK)
			sp_imap_collect_durable(m);
	}
	m->phase = SP_IMAP_P_NONE;
	return (rc);
}

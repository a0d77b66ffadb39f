/*
 * An IMAP session: fetching the content of the messages on the list that the
 * archive has not.  imap_list.c calls sp_imap_fetch_items() for each window;
 * what comes goes through imap_body.c to the engine.
 *
 *	small messages	many with one UID FETCH, two commands on their way
 *	large ones	one by one, in slices of SP_IMAP_SLICE
 *	once more	one by one, whole: what did not come, or what the engine
 *			doubts
 *	last		one by one, when all others are durable: those at which a
 *			session broke before
 *	missing		what did not come alone either: is it still listed?
 *
 * Content is fetched with BODY.PEEK[], which does not set \Seen.  The engine
 * knows which message is being asked for, so that it can tell at which one a
 * session broke.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "journal/pull/imap/imap_priv.h"

#define BATCHES \
	(SP_IMAP_PIPELINE_MAX - 1) /* the last is for UID STORE and so on */
#define DELETE_AT     1000 /* so many durable messages are removed in between */
#define CAREFUL_BATCH 8 /* messages of one command after a session broke */
#define TRIES_MAX     3 /* fetches of one message in one session */

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

/* Whether an answer to a command for content ends the session: it asks to be left
 * alone (with OK, too), or the login has expired.  Any other refusal is one of the
 * messages that were asked for. */
static bool
ends_session(struct sp_imap *m, const struct sp_imap_reply *d)
{
	enum sp_pull_trouble why;

	if (d->cond == SP_IMAP_OK && !d->throttled)
		return (false);
	why = sp_imap_reply_trouble(m, d);
	return (why == SP_PULL_THROTTLE || why == SP_PULL_AUTH);
}

/* Ask for the next small messages of the list from ${next} on; tag 0: there
 * are none. */
static enum sp_code
request_batch(
    struct sp_imap *m, size_t *next, struct imap_batch *b, struct sp_err *err)
{
	size_t most =
	    m->listing.careful ? CAREFUL_BATCH : SP_IMAP_BATCH_MESSAGES;
	uint32_t uids[SP_IMAP_BATCH_MESSAGES];
	uint64_t bytes = 0;
	size_t n = 0, i = *next;
	enum sp_code rc;

	*b = (struct imap_batch){ .from = i };
	for (; i < m->listing.n && n < most && bytes < SP_IMAP_BATCH_BYTES;
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
	if (ends_session(m, &d))
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

/* The session broke while batches were on their way: tell the engine at which
 * message, which is the one whose content was coming, or else the first that
 * did not come. */
static void
blame(struct sp_imap *m)
{
	const struct sp_imap_item *it = m->receiving.item;
	struct sp_imap_meta meta;

	if (m->box.renumbered)
		return; /* no message's fault */
	if (!m->receiving.begun)
		it = NULL;
	for (size_t i = 0; it == NULL && i < m->listing.n; i++) {
		if (m->listing.items[i].state == SP_IMAP_S_REQUESTED)
			it = &m->listing.items[i];
	}
	if (it == NULL)
		return;
	sp_imap_meta(m, it, &meta);
	sp_pull_asking(m->pull, &meta.meta);
}

/* Fetch all small messages of the list. */
static enum sp_code
fetch_small(struct sp_imap *m, struct sp_err *err)
{
	size_t most = m->listing.careful ? 1 : BATCHES, n = 0, next = 0;
	struct imap_batch q[BATCHES];
	enum sp_code rc = SP_OK;

	for (;;) {
		while (rc == SP_OK && n < most && next < m->listing.n) {
			rc = request_batch(m, &next, &q[n], err);
			n += rc == SP_OK && q[n].tag != 0;
		}
		if (rc != SP_OK || n == 0)
			break;
		rc = finish_batch(m, &q[0], err);
		memmove(&q[0], &q[1], --n * sizeof(q[0]));
	}
	if (rc != SP_OK)
		blame(m);
	return (rc);
}

/* A message was asked for alone, and ${d} is the reply: where nothing came,
 * what to make of that.  With OK it is missing; a refusal is its failure, unless
 * the server refuses one message after the other. */
static enum sp_code
finish_single(struct sp_imap *m, struct sp_imap_item *it,
    const struct sp_imap_reply *d, struct sp_err *err)
{
	struct sp_imap_meta meta;

	if (ends_session(m, d))
		return (sp_imap_refused(m, "to give a message", d, err));
	if (it->state != SP_IMAP_S_REQUESTED)
		return (SP_OK);
	it->state = SP_IMAP_S_MISSING;
	if (d->cond == SP_IMAP_OK)
		return (SP_OK);
	it->state = SP_IMAP_S_SKIPPED;
	sp_imap_meta(m, it, &meta);
	sp_pull_refused(m->pull, &meta.meta, d->text);
	if (++m->server.refusals < SP_IMAP_REFUSALS_MAX)
		return (SP_OK);
	return (sp_imap_refused(m, "one message after the other", d, err));
}

/* Send ${what}, "BODY.PEEK[]" or a slice of it, for one message and wait for the
 * reply.  If the session breaks meanwhile, it broke at this message. */
static enum sp_code
ask_single(struct sp_imap *m, struct sp_imap_item *it, const char *what,
    struct sp_imap_reply *d, struct sp_err *err)
{
	struct sp_imap_meta meta;
	enum sp_code rc;

	sp_imap_meta(m, it, &meta);
	sp_pull_asking(m->pull, &meta.meta);
	m->receiving.single = it;
	rc = sp_imap_command(m, d, err, "UID FETCH %" PRIu32 " (UID%s %s)",
	    it->uid, gmail_items(m), what);
	m->receiving.single = NULL;
	if (rc == SP_OK || m->box.renumbered)
		sp_pull_asking(m->pull, NULL);
	return (rc);
}

/* Fetch one message, whole. */
static enum sp_code
fetch_single(struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc;

	it->state = SP_IMAP_S_REQUESTED;
	rc = ask_single(m, it, "BODY.PEEK[]", &d, err);
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
	char what[64];
	enum sp_code rc;

	*total = 0;
	do {
		m->slices.offset = *total;
		m->slices.came = false;
		(void)snprintf(what, sizeof(what),
		    "BODY.PEEK[]<%" PRIu64 ".%u>", *total, SP_IMAP_SLICE);
		rc = ask_single(m, it, what, &d, err);
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
	if (total == it->size || total > m->conf->max_message)
		return (sp_imap_submit_message(m, it, err));
	sp_imap_forget_message(m);
	it->alone = true;
	it->state = SP_IMAP_S_LISTED;
	return (SP_OK);
}

/* Fetch, one by one, the large messages, what must be asked for once more, and
 * (${last}) those at which a session broke before. */
static enum sp_code
fetch_singles(struct sp_imap *m, bool last, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < m->listing.n; i++) {
		struct sp_imap_item *it = &m->listing.items[i];

		if (it->last != last)
			continue;
		if (it->state == SP_IMAP_S_LISTED && is_large(it) && !it->alone)
			rc = fetch_large(m, it, err);
		for (int n = 0; n < TRIES_MAX && rc == SP_OK &&
				it->state == SP_IMAP_S_LISTED;
		     n++)
			rc = fetch_single(m, it, err);
		if (rc == SP_OK)
			sp_imap_collect_durable(m);
	}
	return (rc);
}

/* ---- what did not come -------------------------------------------------- */

void
sp_imap_on_rechecked(struct sp_imap *m, const struct sp_imap_fetch *f)
{
	struct sp_imap_item *it = f->uid == 0 ? NULL : sp_imap_item(m, f->uid);

	if (it != NULL)
		it->there = true;
}

/* Ask which of the ${n} messages ${uid} are still listed.  A server that refuses
 * to say counts as if all were. */
static enum sp_code
recheck(struct sp_imap *m, const uint32_t *uid, size_t n, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc = sp_buf_adds(&m->channel.out, "UID FETCH ");

	if (rc == SP_OK && sp_imap_append_set(&m->channel.out, uid, n,
			       SP_IMAP_COMMAND_MAX) != n)
		rc = SP_ELIMIT;
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0, "a command is too long"));
	m->phase = SP_IMAP_P_RECHECK;
	rc = sp_imap_send_listing(m, &d, err);
	m->phase = SP_IMAP_P_FETCH;
	if (rc != SP_OK || d.cond == SP_IMAP_OK)
		return (rc);
	if (ends_session(m, &d))
		return (sp_imap_refused(m, "the list of messages", &d, err));
	for (size_t i = 0; i < n; i++)
		sp_imap_item(m, uid[i])->there = true;
	return (SP_OK);
}

/* Tell of the messages that did not come: those that are listed are missing,
 * and asked for at every visit; the others vanished. */
static void
tell_missing(struct sp_imap *m, const uint32_t *uid, size_t n)
{
	char name[200];
	uint32_t first = 0;
	size_t gone = 0;

	for (size_t i = 0; i < n; i++) {
		struct sp_imap_item *it = sp_imap_item(m, uid[i]);
		struct sp_imap_meta meta;

		sp_imap_meta(m, it, &meta);
		if (it->there) {
			sp_pull_missing(m->pull, &meta.meta, "OK without it");
			continue;
		}
		it->state = SP_IMAP_S_VANISHED;
		if (gone++ == 0)
			first = it->uid;
	}
	if (gone > 0)
		sp_pull_note(m->pull,
		    "vanished mailbox=%s messages=%zu first_uid=%" PRIu32
		    ": gone before it was fetched; does somebody else delete from this mailbox?",
		    sp_log_quote(
			sp_view_str(m->box.name->utf8), name, sizeof(name)),
		    gone, first);
}

/* Find out what became of the messages that did not come, with one command for
 * many of them. */
static enum sp_code
explain_missing(struct sp_imap *m, struct sp_err *err)
{
	uint32_t uid[SP_IMAP_BATCH_MESSAGES];
	enum sp_code rc = SP_OK;
	size_t i = 0, n;

	do {
		for (n = 0; i < m->listing.n && n < SP_COUNTOF(uid); i++) {
			if (m->listing.items[i].state == SP_IMAP_S_MISSING &&
			    !m->listing.items[i].there)
				uid[n++] = m->listing.items[i].uid;
		}
		if (n > 0)
			rc = recheck(m, uid, n, err);
		if (rc == SP_OK)
			tell_missing(m, uid, n);
	} while (rc == SP_OK && n > 0);
	return (rc);
}

/* All small ones first; then, in order, the large ones and what must be asked
 * for once more. */
enum sp_code
sp_imap_fetch_items(struct sp_imap *m, bool last, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	m->phase = SP_IMAP_P_FETCH;
	if (!last)
		rc = fetch_small(m, err);
	if (rc == SP_OK)
		rc = fetch_singles(m, last, err);
	if (rc == SP_OK)
		rc = explain_missing(m, err);
	m->phase = SP_IMAP_P_NONE;
	return (rc);
}

/*
 * An IMAP session: which messages the selected mailbox has, and which of them
 * the archive has not.  imap.c calls sp_imap_process_mailbox() for each
 * mailbox; fetching is in imap_fetch.c, deleting in imap_remove.c.
 *
 * The list is bounded: messages are listed and worked off in windows of UIDs,
 * each as wide as messages are sparse.  With after = keep the first window
 * begins behind what the memo says is archived, and has the memo's exceptions
 * in it; where mail is deleted or moved all UIDs are listed.
 *
 *	window: list --> gaps --> classify --> fetch, flush, remove --> memo
 *	        and once more for the messages at which sessions broke
 *	next window: behind it, wider where few messages were in this one
 *
 * A message that the server announces (EXISTS) and does not list is looked for
 * by its sequence number (imap_gaps.c); the memo does not go beyond it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/pull/imap/imap_priv.h"

#define WIDTH_MIN (SP_IMAP_LIST_MAX / 2) /* UIDs of a window: all fit */

/* Whether ${uid} is an exception of the memo. */
static bool
is_except(const struct sp_imap_selected *b, uint32_t uid)
{
	for (size_t i = 0; i < b->nexcept; i++) {
		if (b->except[i] == uid)
			return (true);
	}
	return (false);
}

void
sp_imap_on_expunged(struct sp_imap *m)
{
	m->listing.numbered = false;
	m->listing.next_msn = m->box.last_msn = 0;
}

/* "n:*" gives the last message, whatever its UID (RFC 3501 section 6.4.8), and
 * that one is left out.  What the server says of size and date may be missing
 * or nonsense: the message is there all the same. */
void
sp_imap_on_listed(struct sp_imap *m, const struct sp_imap_fetch *f)
{
	struct sp_imap_listing *l = &m->listing;
	bool except = is_except(&m->box, f->uid);
	struct sp_imap_item *it;

	if (f->uid == 0) {
		/* Flags may come for any message; they are no list. */
		l->nameless += f->has_size || f->internaldate.p != NULL;
		return;
	}
	if (!except && f->msn > l->top_msn)
		l->top_msn = f->msn;
	if ((f->uid < l->low || f->uid > l->high) && !except)
		return;
	if (l->n == SP_IMAP_LIST_MAX) {
		l->overflow = true;
		return;
	}
	it = &l->items[l->n++];
	*it = (struct sp_imap_item){ .uid = f->uid,
		.msn = f->msn,
		.size = f->has_size ? f->size : SP_PULL_SIZE_UNKNOWN };
	it->deleted = f->flags.n > 0 &&
		      memmem(f->flags.p, f->flags.n, "\\Deleted", 8) != NULL;
	if (f->internaldate.p == NULL ||
	    !sp_imap_date(f->internaldate, it->date))
		it->date[0] = '\0';
}

/* The flags are needed only where \Deleted stays on messages, without
 * UIDPLUS. */
enum sp_code
sp_imap_send_listing(
    struct sp_imap *m, struct sp_imap_reply *d, struct sp_err *err)
{
	bool flags = m->conf->then != SP_PULL_KEEP &&
		     (m->server.caps & SP_IMAP_CAP_UIDPLUS) == 0;

	return (sp_imap_send_set(m,
	    flags ? "(UID RFC822.SIZE INTERNALDATE FLAGS)"
		  : "(UID RFC822.SIZE INTERNALDATE)",
	    d, err));
}

/* List all messages from listing.low to listing.high, and the memo's exceptions
 * where ${except}.  A server that refuses after it has listed some could not
 * list the others: with what came it goes on, and the memo ends there. */
static enum sp_code
list_window(struct sp_imap *m, bool except, struct sp_err *err)
{
	struct sp_imap_selected *b = &m->box;
	struct sp_imap_reply d;
	enum sp_code rc = sp_buf_adds(&m->channel.out, "UID FETCH ");

	for (size_t i = 0; rc == SP_OK && except && i < b->nexcept; i++)
		rc = sp_buf_addf(&m->channel.out, "%" PRIu32 ",", b->except[i]);
	if (rc == SP_OK)
		rc = sp_buf_addf(
		    &m->channel.out, "%" PRIu32 ":", m->listing.low);
	if (rc == SP_OK && m->listing.high == UINT32_MAX)
		rc = sp_buf_adds(&m->channel.out, "*");
	else if (rc == SP_OK)
		rc = sp_buf_addf(&m->channel.out, "%" PRIu32, m->listing.high);
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0, "a command is too long"));
	m->listing.n = 0;
	m->listing.overflow = false;
	m->listing.numbered = true;
	m->listing.top_msn = m->listing.nameless = 0;
	m->phase = SP_IMAP_P_LIST;
	rc = sp_imap_send_listing(m, &d, err);
	m->phase = SP_IMAP_P_NONE;
	if (rc == SP_OK && d.cond != SP_IMAP_OK) {
		m->listing.memo_ends = m->listing.incomplete = true;
		m->listing.partial = true;
		if (m->listing.n == 0 ||
		    sp_imap_reply_trouble(m, &d) != SP_PULL_NETWORK)
			rc =
			    sp_imap_refused(m, "the list of messages", &d, err);
		else
			sp_pull_note(m->pull,
			    "the server lists only some messages: %s", d.text);
	}
	if (rc == SP_OK)
		sp_imap_sort_items(m);
	return (rc);
}

/* Whether the archive has this message, which is counted then.  Where messages
 * are deleted the first look of a session sees all that is there, so that the
 * engine can forget what stays away; where names do not last it needs to know
 * which are in use. */
static bool
is_archived(struct sp_imap *m, const struct sp_pull_id *id)
{
	bool has = sp_pull_known(m->pull, id) > 0;

	if ((m->conf->then != SP_PULL_KEEP || m->box.by_content) &&
	    m->listing.first_look && !m->first_round_done)
		(void)sp_pull_match_listed(m->pull, id);
	else if (has)
		sp_pull_count_archived(m->pull, 1);
	return (has);
}

/* Whether a message that the archive has by its UID must be compared by its
 * content: where UIDs were given away, and, before it is deleted or moved, where
 * no sentinel says that they were not, or one that they were.  it->verify says so from then on. */
static bool
must_verify(const struct sp_imap *m, struct sp_imap_item *it)
{
	bool removes = m->conf->then != SP_PULL_KEEP && !it->deleted;

	it->verify = it->uid <= m->box.verify_to ||
		     (removes && (m->box.same == 0 || m->box.different > 0));
	return (it->verify);
}

/* Decide what becomes of a message of the list: archived, skipped (also where
 * the engine puts it off), or (left as it is) to be fetched.  What is archived
 * may go from the server. */
static void
classify(struct sp_imap *m, struct sp_imap_item *it)
{
	struct sp_imap_meta meta;

	sp_imap_meta(m, it, &meta);
	if (is_archived(m, &meta.meta.id) && !must_verify(m, it)) {
		it->state = SP_IMAP_S_ARCHIVED;
		if (m->conf->then != SP_PULL_KEEP && !it->deleted)
			m->removal.uids[m->removal.n++] = it->uid;
	} else if (sp_pull_skipped(m->pull, &meta.meta.id)) {
		it->state = SP_IMAP_S_SKIPPED;
	} else if (it->size != SP_PULL_SIZE_UNKNOWN &&
		   it->size > m->conf->max_message) {
		it->state = SP_IMAP_S_SKIPPED;
		sp_pull_skip(m->pull, &meta.meta, "larger than max_message");
	} else {
		switch (sp_pull_turn(m->pull, &meta.meta)) {
		case SP_PULL_FIRST:
			break;
		case SP_PULL_LAST:
			it->last = it->alone = true;
			m->listing.careful = true;
			break;
		case SP_PULL_LATER:
			it->state = SP_IMAP_S_SKIPPED;
			break;
		}
	}
}

/* What of this window is done: the last UID that the archive has, and the ones
 * below it that it has not (${except}: also those of the memo were listed
 * again).  With too many of those it ends at the first, and at a gap.  What
 * vanished is asked for once more at the next visit: a server may announce a
 * message before it can give it. */
static void
update_memo(struct sp_imap *m, bool except)
{
	struct sp_imap_selected *b = &m->box;
	size_t kept = 0, pending = 0;
	bool ends = false;

	if (m->listing.n > 0 &&
	    m->listing.items[m->listing.n - 1].uid > b->seen)
		b->seen = m->listing.items[m->listing.n - 1].uid;
	if (m->listing.memo_ends)
		return;
	for (size_t i = 0; i < b->nexcept; i++) {
		if (!except && (b->except[i] < m->listing.low ||
				   b->except[i] > m->listing.high))
			b->except[kept++] = b->except[i];
	}
	b->nexcept = kept;
	for (size_t i = 0; i < m->listing.n && !ends; i++) {
		const struct sp_imap_item *it = &m->listing.items[i];

		ends = it->gap;
		if (ends)
			break;
		if (it->state != SP_IMAP_S_ARCHIVED &&
		    it->state != SP_IMAP_S_DURABLE) {
			if (b->nexcept + pending == SP_IMAP_EXCEPT_MAX) {
				ends = true;
				break;
			}
			b->except[b->nexcept + pending++] = it->uid;
			continue;
		}
		b->nexcept += pending;
		pending = 0;
		if (it->uid > b->last) {
			b->last = it->uid;
			b->last_msn = m->listing.numbered ? it->msn : 0;
		}
	}
	/* Those that are below the last one of an earlier window. */
	while (pending-- > 0) {
		if (b->except[b->nexcept] < b->last)
			b->nexcept++;
	}
	m->listing.memo_ends_here = ends;
	sp_imap_save_memo(m);
}

/* Fetch what is to be fetched (${last}: the messages at which sessions broke,
 * else all others), wait until it is durable, delete or move, save the memo. */
static enum sp_code
work_off(struct sp_imap *m, bool except, bool last, struct sp_err *err)
{
	/* What an earlier session left goes first: this one may break. */
	enum sp_code rc = sp_imap_remove_archived(m, err);

	if (rc == SP_OK)
		rc = sp_imap_fetch_items(m, last, err);
	if (rc == SP_OK)
		rc = sp_pull_flush(m->pull, err);
	sp_imap_collect_durable(m);
	if (rc == SP_OK)
		rc = sp_imap_remove_archived(m, err);
	if (rc == SP_OK)
		update_memo(m, except);
	return (rc);
}

/* Work off the messages that were listed, or report them. */
static enum sp_code
process_window(struct sp_imap *m, bool except, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	bool last = false;

	m->listing.total += m->listing.n;
	if (sp_pull_mode(m->pull) != SP_PULL_FETCH) {
		for (size_t i = 0; rc == SP_OK && i < m->listing.n; i++) {
			struct sp_imap_meta meta;

			sp_imap_meta(m, &m->listing.items[i], &meta);
			rc = sp_pull_report_listed(m->pull, &meta.meta, err);
		}
		return (rc);
	}
	for (size_t i = 0; i < m->listing.n; i++) {
		classify(m, &m->listing.items[i]);
		last |= m->listing.items[i].last;
	}
	m->listing.memo_ends_here = false;
	rc = work_off(m, except, false, err);
	if (rc == SP_OK && last)
		rc = work_off(m, except, true, err);
	m->listing.memo_ends |= m->listing.memo_ends_here;
	return (rc);
}

/* Where the window ends: nowhere, or, where ${closed}, when it is as wide as
 * listing.width; ${strict}: also where that is behind the last message. */
static uint32_t
window_end(const struct sp_imap *m, bool closed, bool strict)
{
	uint64_t end = m->listing.low + m->listing.width - 1;

	if (!closed || end >= UINT32_MAX ||
	    (!strict && m->box.uidnext > 0 && end + 1 >= m->box.uidnext))
		return (UINT32_MAX);
	return ((uint32_t)end);
}

/* More came than a list may have: choose a narrower window.  False: it is as
 * narrow as it can be, and the server lists more than there can be. */
static bool
narrow_window(struct sp_imap *m, bool strict)
{
	if (!strict && m->listing.high == UINT32_MAX)
		return (true); /* first the same with an end */
	if (m->listing.width <= WIDTH_MIN)
		return (false);
	m->listing.width =
	    m->listing.width / 4 < WIDTH_MIN ? WIDTH_MIN : m->listing.width / 4;
	return (true);
}

/* All windows from listing.low on.  A window without an end is tried first
 * where the mailbox is small, since then it is the only one. */
static enum sp_code
process_windows(struct sp_imap *m, bool except, struct sp_err *err)
{
	bool closed = m->box.exists > SP_IMAP_LIST_MAX && m->listing.low == 1;
	bool strict = false;
	enum sp_code rc;

	m->listing.width = WIDTH_MIN;
	for (;;) {
		m->listing.high = window_end(m, closed, strict);
		rc = list_window(m, except, err);
		if (rc == SP_OK && !m->listing.overflow)
			rc = sp_imap_list_gaps(m, err);
		if (rc != SP_OK)
			return (rc);
		if (m->listing.overflow) {
			if (!narrow_window(m, strict))
				return (sp_err_set(err, SP_EFORMAT, 0,
				    "the server lists more messages than there can be"));
			closed = strict = true;
			continue;
		}
		rc = process_window(m, except, err);
		if (rc != SP_OK || m->listing.high == UINT32_MAX)
			return (rc);
		if (m->listing.n < SP_IMAP_LIST_MAX / 8 &&
		    m->listing.width < UINT32_MAX / 4)
			m->listing.width *= 4;
		except = strict = false;
		m->listing.low = m->listing.high + 1;
	}
}

/* Messages that are announced and cannot be named, since they are not listed, are
 * one doubt of the mailbox. */
static void
tell_unlisted(struct sp_imap *m)
{
	struct sp_pull_meta meta = {
		.id = { .mailbox = sp_view_str(m->box.name->utf8),
		    .uidvalidity = m->box.uidvalidity },
		.size = SP_PULL_SIZE_UNKNOWN,
	};
	char *slot =
	    sp_xasprintf("%s, announced and not listed", m->box.name->utf8);

	meta.slot = sp_view_str(slot);
	if (m->listing.unlisted > 0 || m->listing.partial)
		sp_pull_missing(m->pull, &meta, "it has no UID");
	else
		sp_pull_settled(m->pull, &meta);
	free(slot);
}

/* Nothing is listed where the mailbox is empty, or where UIDNEXT says that
 * nothing came since the memo. */
enum sp_code
sp_imap_process_mailbox(struct sp_imap *m, struct sp_err *err)
{
	struct sp_imap_selected *b = &m->box;
	bool resume = sp_pull_mode(m->pull) == SP_PULL_FETCH &&
		      m->conf->then == SP_PULL_KEEP && b->last > 0;
	uint64_t modseq = b->modseq;
	enum sp_code rc = SP_OK;

	sp_imap_note_vanished(m);
	m->listing.total = m->listing.unlisted = 0;
	m->listing.partial = false;
	m->listing.memo_ends = m->listing.careful = false;
	m->listing.low =
	    resume && b->last < UINT32_MAX ? (uint32_t)b->last + 1 : 1;
	if (b->exists > 0 &&
	    !(resume && b->nexcept == 0 && !m->box.new_mail && b->uidnext > 0 &&
		b->uidnext <= m->listing.low)) {
		m->box.new_mail = false;
		m->listing.next_msn = m->listing.low == 1 ? 1
				      : b->last_msn > 0	  ? b->last_msn + 1
							  : 0;
		rc = process_windows(m, resume, err);
	}
	/* What was not listed is what the memo says is archived. */
	m->listing.total += m->listing.unlisted;
	if (resume && m->listing.first_look && b->exists > m->listing.total)
		sp_pull_count_archived(m->pull, b->exists - m->listing.total);
	m->listing.first_look = false;
	if (rc == SP_OK && sp_pull_mode(m->pull) == SP_PULL_FETCH) {
		tell_unlisted(m);
		b->last_modseq = modseq;
		sp_imap_save_memo(m);
	}
	return (rc);
}

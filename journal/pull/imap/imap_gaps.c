/*
 * An IMAP session: messages that the server announces (EXISTS) and does not
 * list.  imap_list.c calls sp_imap_list_gaps() for each window.  The list has
 * the sequence number of each message; they follow each other without a gap
 * (RFC 3501 section 2.3.1.2), so that one that is missing is seen, and can be
 * asked for by its number.
 *
 *	list has 1 2 5, EXISTS 6 --> FETCH 3:4,6 --> listed, or told
 *
 * Only while nothing was expunged since the window was listed: then the numbers
 * are others.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "journal/pull/imap/imap_priv.h"

struct imap_gaps {
	struct {
		uint64_t low, high;
	} v[SP_IMAP_GAPS_MAX];
	size_t n;
	uint64_t
	    messages; /* in all gaps, also those that ${v} has no room for */
	uint64_t first; /* the first of them; 0: none */
	uint64_t next; /* the number behind the window; 0: not known */
	bool disorder; /* the numbers do not ascend with the UIDs: no use */
};

/* Note that the numbers from ${low} to ${high} are not on the list. */
static void
add_gap(struct imap_gaps *g, uint64_t low, uint64_t high)
{
	if (g->n < SP_IMAP_GAPS_MAX) {
		g->v[g->n].low = low;
		g->v[g->n++].high = high;
	}
	g->messages += high - low + 1;
	if (g->first == 0)
		g->first = low;
}

/* The number behind the last message of the mailbox that was seen; 0: none was
 * seen.  A list of new messages that is empty has the last one nevertheless
 * ("n:*"), and its number says that nothing is missing behind it. */
static uint64_t
number_behind(const struct sp_imap *m, uint64_t next)
{
	if (m->listing.top_msn + 1 > next && m->listing.top_msn > 0)
		return (m->listing.top_msn + 1);
	return (next);
}

/* Find the gaps of the window; those before a message are marked with it. */
static void
find_gaps(struct sp_imap *m, struct imap_gaps *g)
{
	uint64_t next = m->listing.next_msn;

	*g = (struct imap_gaps){ .n = 0 };
	for (size_t i = 0; i < m->listing.n && !g->disorder; i++) {
		struct sp_imap_item *it = &m->listing.items[i];

		it->gap = false;
		if (it->uid < m->listing.low)
			continue; /* an exception of the memo */
		g->disorder = it->msn == 0 || it->msn < next;
		if (next > 0 && it->msn > next) {
			add_gap(g, next, it->msn - 1);
			it->gap = true;
		}
		next = it->msn + 1;
	}
	if (m->listing.high == UINT32_MAX) {
		next = number_behind(m, next);
		if (next > 0 && next <= m->box.exists)
			add_gap(g, next, m->box.exists);
	}
	g->next = next;
	if (!m->listing.numbered || g->disorder)
		*g = (struct imap_gaps){ .disorder = true };
}

/* Ask for the messages of the gaps by their numbers. */
static enum sp_code
ask_for_gaps(struct sp_imap *m, const struct imap_gaps *g, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc = sp_buf_adds(&m->channel.out, "FETCH ");

	for (size_t i = 0; rc == SP_OK && i < g->n; i++) {
		rc = sp_buf_addf(&m->channel.out, "%s%" PRIu64,
		    i > 0 ? "," : "", g->v[i].low);
		if (rc == SP_OK && g->v[i].high > g->v[i].low)
			rc = sp_buf_addf(
			    &m->channel.out, ":%" PRIu64, g->v[i].high);
	}
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0, "a command is too long"));
	m->phase = SP_IMAP_P_LIST;
	m->listing.nameless = 0;
	rc = sp_imap_send_listing(m, &d, err);
	m->phase = SP_IMAP_P_NONE;
	if (rc == SP_OK && d.cond != SP_IMAP_OK &&
	    sp_imap_reply_trouble(m, &d) == SP_PULL_THROTTLE)
		rc = sp_imap_refused(m, "the list of messages", &d, err);
	if (rc == SP_OK)
		sp_imap_sort_items(m);
	return (rc);
}

/* In the modes CHECK and LIST a message without a UID is reported by its
 * number, so that nobody takes the mailbox for complete. */
static enum sp_code
report_gaps(struct sp_imap *m, const struct imap_gaps *g, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; i < g->n; i++) {
		for (uint64_t k = g->v[i].low; rc == SP_OK && k <= g->v[i].high;
		     k++) {
			char text[40];
			const struct sp_pull_meta meta = {
				.id = { .mailbox =
					    sp_view_str(m->box.name->utf8),
				    .uidvalidity = m->box.uidvalidity,
				    .uid = sp_view_mem(text,
					(size_t)snprintf(text, sizeof(text),
					    "none, number %" PRIu64, k)) },
				.size = SP_PULL_SIZE_UNKNOWN
			};

			rc = sp_pull_report_listed(m->pull, &meta, err);
		}
	}
	return (rc);
}

/* What is still missing is told: without a UID it cannot be fetched. */
static void
tell_gaps(struct sp_imap *m, const struct imap_gaps *g)
{
	char name[200];

	m->listing.unlisted += g->messages;
	m->listing.incomplete = true;
	sp_pull_note(m->pull,
	    "not_listed mailbox=%s messages=%" PRIu64 " first_number=%" PRIu64
	    " without_uid=%" PRIu64
	    ": the server says that they are there and does not list them; they are not archived, and are asked for at every visit",
	    sp_log_quote(sp_view_str(m->box.name->utf8), name, sizeof(name)),
	    g->messages, g->first, m->listing.nameless);
}

enum sp_code
sp_imap_list_gaps(struct sp_imap *m, struct sp_err *err)
{
	struct imap_gaps g;
	enum sp_code rc;

	find_gaps(m, &g);
	if (g.messages > 0) {
		rc = ask_for_gaps(m, &g, err);
		if (rc != SP_OK || m->listing.overflow)
			return (rc);
		find_gaps(m, &g);
		if (g.messages > 0)
			tell_gaps(m, &g);
		if (sp_pull_mode(m->pull) != SP_PULL_FETCH)
			rc = report_gaps(m, &g, err);
		if (rc != SP_OK)
			return (rc);
	}
	m->listing.next_msn = g.next;
	return (SP_OK);
}

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/pull/imap/imap_priv.h"

#define WIDTH_MIN (SP_IMAP_LIST_MAX / 2) /* UIDs of a window: all fit */

/* Two digits, or a blank and one. */
static bool
two(const char *p, unsigned max, unsigned *out)
{
	char tens = p[0] == ' ' ? '0' : p[0];

	if (tens < '0' || tens > '9' || p[1] < '0' || p[1] > '9')
		return (false);
	*out = (unsigned)(tens - '0') * 10 + (unsigned)(p[1] - '0');
	return (*out <= max);
}

bool
sp_imap_date(struct sp_view v, char out[SP_IMAP_DATE_LEN + 1])
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	unsigned day, century, year, hour, min, sec, zh, zm, mon = 0;

	/* " 7-Jul-1996 02:44:25 -0700" */
	if (v.n != 26 || v.p[2] != '-' || v.p[6] != '-' || v.p[11] != ' ' ||
	    v.p[14] != ':' || v.p[17] != ':' || v.p[20] != ' ' ||
	    (v.p[21] != '+' && v.p[21] != '-'))
		return (false);
	while (mon < 12 && !sp_view_ieq_str(sp_view_mem(months + 3 * mon, 3),
			       (char[]){ v.p[3], v.p[4], v.p[5], '\0' }))
		mon++;
	if (mon == 12 || !two(v.p, 31, &day) || day == 0 ||
	    !two(v.p + 7, 99, &century) || v.p[7] == ' ' ||
	    !two(v.p + 9, 99, &year) || !two(v.p + 12, 23, &hour) ||
	    !two(v.p + 15, 59, &min) || !two(v.p + 18, 60, &sec) ||
	    !two(v.p + 22, 23, &zh) || !two(v.p + 24, 59, &zm) ||
	    century + year == 0)
		return (false);
	(void)snprintf(out, SP_IMAP_DATE_LEN + 1,
	    "%02u%02u-%02u-%02uT%02u:%02u:%02u%c%02u:%02u", century % 100,
	    year % 100, mon + 1, day % 100, hour % 100, min % 100, sec % 100,
	    v.p[21], zh % 100, zm % 100);
	return (true);
}

void
sp_imap_meta(const struct sp_imap *m, const struct sp_imap_item *it,
    struct sp_imap_meta *out)
{
	(void)snprintf(out->uid, sizeof(out->uid), "%" PRIu32, it->uid);
	out->meta = (struct sp_pull_meta){
		.id = { .mailbox = sp_view_str(m->box.name->utf8),
		    .uidvalidity = m->box.uidvalidity,
		    .uid = sp_view_str(out->uid) },
		.size = it->size,
		.origin_date = sp_view_str(it->date),
		.tag = it->uid,
	};
}

static bool
is_except(const struct sp_imap_box *b, uint32_t uid)
{
	for (size_t i = 0; i < b->nexcept; i++) {
		if (b->except[i] == uid)
			return (true);
	}
	return (false);
}

/* "n:*" gives the last message, whatever its UID. */
void
sp_imap_listed(struct sp_imap *m, const struct sp_imap_fetch *f)
{
	struct sp_imap_item *it;

	if (f->uid == 0 || (!f->has_size && f->internaldate.p == NULL) ||
	    ((f->uid < m->low || f->uid > m->high) &&
		!is_except(&m->box, f->uid)))
		return;
	if (m->nitems == SP_IMAP_LIST_MAX) {
		m->overflow = true;
		return;
	}
	it = &m->items[m->nitems++];
	*it = (struct sp_imap_item){ .uid = f->uid,
		.size = f->has_size ? f->size : SP_PULL_SIZE_UNKNOWN };
	it->deleted = f->flags.n > 0 &&
		      memmem(f->flags.p, f->flags.n, "\\Deleted", 8) != NULL;
	if (f->internaldate.p == NULL ||
	    !sp_imap_date(f->internaldate, it->date))
		it->date[0] = '\0';
}

static int
by_uid(const void *a, const void *b)
{
	const struct sp_imap_item *x = a, *y = b;

	return ((x->uid > y->uid) - (x->uid < y->uid));
}

struct sp_imap_item *
sp_imap_item(struct sp_imap *m, uint32_t uid)
{
	const struct sp_imap_item key = { .uid = uid };

	return (bsearch(&key, m->items, m->nitems, sizeof(*m->items), by_uid));
}

/* Some servers say a message twice. */
static void
sort_items(struct sp_imap *m)
{
	size_t n = 0;

	qsort(m->items, m->nitems, sizeof(*m->items), by_uid);
	for (size_t i = 0; i < m->nitems; i++) {
		if (n == 0 || m->items[n - 1].uid != m->items[i].uid)
			m->items[n++] = m->items[i];
	}
	m->nitems = n;
}

/* What there is from m->low to m->high; with ${except} those of the memo. */
static enum sp_code
list(struct sp_imap *m, bool except, struct sp_err *err)
{
	bool flags = m->conf->then != SP_PULL_KEEP &&
		     (m->caps & SP_IMAP_CAP_UIDPLUS) == 0;
	struct sp_imap_box *b = &m->box;
	struct sp_imap_done d;
	enum sp_code rc = sp_buf_adds(&m->out, "UID FETCH ");
	unsigned tag;

	for (size_t i = 0; rc == SP_OK && except && i < b->nexcept; i++)
		rc = sp_buf_addf(&m->out, "%" PRIu32 ",", b->except[i]);
	if (rc == SP_OK)
		rc = sp_buf_addf(&m->out, "%" PRIu32 ":", m->low);
	if (rc == SP_OK && m->high == UINT32_MAX)
		rc = sp_buf_adds(&m->out, "*");
	else if (rc == SP_OK)
		rc = sp_buf_addf(&m->out, "%" PRIu32, m->high);
	if (rc == SP_OK)
		rc = sp_buf_addf(&m->out, " (UID RFC822.SIZE INTERNALDATE%s)",
		    flags ? " FLAGS" : "");
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0, "a command is too long"));
	m->nitems = 0;
	m->overflow = false;
	m->phase = SP_IMAP_P_LIST;
	rc = sp_imap_send_out(m, false, &tag, err);
	if (rc == SP_OK)
		rc = sp_imap_await(m, tag, &d, err);
	m->phase = SP_IMAP_P_NONE;
	if (rc == SP_OK && d.cond != SP_IMAP_OK)
		rc = sp_imap_refused(m, "the list of messages", &d, err);
	if (rc == SP_OK)
		sort_items(m);
	return (rc);
}

/* Where messages are deleted a look sees all there are; the engine forgets
 * what stays away. */
static bool
known(struct sp_imap *m, const struct sp_pull_id *id)
{
	bool has = sp_pull_known(m->pull, id) > 0;

	if (m->conf->then != SP_PULL_KEEP && m->first_look && !m->been_round)
		(void)sp_pull_seen(m->pull, id);
	else if (has)
		sp_pull_had(m->pull, 1);
	return (has);
}

static void
classify(struct sp_imap *m, struct sp_imap_item *it)
{
	struct sp_imap_meta meta;

	sp_imap_meta(m, it, &meta);
	if (known(m, &meta.meta.id)) {
		it->state = SP_IMAP_S_KNOWN;
		if (m->conf->then != SP_PULL_KEEP && !it->deleted)
			m->doomed[m->ndoomed++] = it->uid;
	} else if (sp_pull_skipped(m->pull, &meta.meta.id)) {
		it->state = SP_IMAP_S_SKIPPED;
	} else if (it->size != SP_PULL_SIZE_UNKNOWN &&
		   it->size > m->conf->max_message) {
		it->state = SP_IMAP_S_SKIPPED;
		sp_pull_skip(m->pull, &meta.meta, "larger than max_message");
	}
}

/*
 * What of this window is done: the last UID that the archive has, and the ones
 * below it that it has not.  With too many of those it ends at the first.
 */
static void
settle(struct sp_imap *m, bool except)
{
	struct sp_imap_box *b = &m->box;
	size_t kept = 0, open = 0;

	for (size_t i = 0; i < b->nexcept; i++) {
		if (!except &&
		    (b->except[i] < m->low || b->except[i] > m->high))
			b->except[kept++] = b->except[i];
	}
	b->nexcept = kept;
	for (size_t i = 0; i < m->nitems; i++) {
		const struct sp_imap_item *it = &m->items[i];

		if (it->state == SP_IMAP_S_VANISHED)
			continue;
		if (it->state != SP_IMAP_S_KNOWN &&
		    it->state != SP_IMAP_S_DURABLE) {
			if (b->nexcept + open == SP_IMAP_EXCEPT_MAX)
				break;
			b->except[b->nexcept + open++] = it->uid;
			continue;
		}
		b->nexcept += open;
		open = 0;
		if (it->uid > b->last)
			b->last = it->uid;
	}
	/* Below the last one by an earlier window. */
	while (open-- > 0) {
		if (b->except[b->nexcept] < b->last)
			b->nexcept++;
	}
	sp_imap_remember(m);
}

/* The messages of one window. */
static enum sp_code
window(struct sp_imap *m, bool except, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	m->listed += m->nitems;
	if (sp_pull_mode(m->pull) != SP_PULL_FETCH) {
		for (size_t i = 0; rc == SP_OK && i < m->nitems; i++) {
			struct sp_imap_meta meta;

			sp_imap_meta(m, &m->items[i], &meta);
			rc = sp_pull_listed(m->pull, &meta.meta, err);
		}
		return (rc);
	}
	for (size_t i = 0; i < m->nitems; i++)
		classify(m, &m->items[i]);
	rc = sp_imap_fetch_items(m, err);
	if (rc == SP_OK)
		rc = sp_pull_flush(m->pull, err);
	sp_imap_durable(m);
	if (rc == SP_OK)
		rc = sp_imap_after(m, err);
	if (rc == SP_OK)
		settle(m, except);
	return (rc);
}

/* Where this window ends: nowhere, or, where ${closed}, when it is wide enough;
 * ${strict}: also where that is behind the last message. */
static uint32_t
window_end(const struct sp_imap *m, bool closed, bool strict)
{
	uint64_t end = m->low + m->width - 1;

	if (!closed || end >= UINT32_MAX ||
	    (!strict && m->box.uidnext > 0 && end + 1 >= m->box.uidnext))
		return (UINT32_MAX);
	return ((uint32_t)end);
}

/* More came than a list may have: a narrower window. */
static bool
narrower(struct sp_imap *m, bool strict)
{
	if (!strict && m->high == UINT32_MAX)
		return (true); /* first the same with an end */
	if (m->width <= WIDTH_MIN)
		return (false);
	m->width = m->width / 4 < WIDTH_MIN ? WIDTH_MIN : m->width / 4;
	return (true);
}

/*
 * Windows of UIDs, so that the list is bounded: as wide as messages are
 * sparse.
 */
static enum sp_code
windows(struct sp_imap *m, bool except, struct sp_err *err)
{
	bool closed = m->box.exists > SP_IMAP_LIST_MAX && m->low == 1;
	bool strict = false;
	enum sp_code rc;

	m->width = WIDTH_MIN;
	for (;;) {
		m->high = window_end(m, closed, strict);
		rc = list(m, except, err);
		if (rc != SP_OK)
			return (rc);
		if (m->overflow) {
			if (!narrower(m, strict))
				return (sp_err_set(err, SP_EFORMAT, 0,
				    "the server lists more messages than there can be"));
			closed = strict = true;
			continue;
		}
		rc = window(m, except, err);
		if (rc != SP_OK || m->high == UINT32_MAX)
			return (rc);
		if (m->nitems < SP_IMAP_LIST_MAX / 8 &&
		    m->width < UINT32_MAX / 4)
			m->width *= 4;
		except = strict = false;
		m->low = m->high + 1;
	}
}

enum sp_code
sp_imap_work(struct sp_imap *m, struct sp_err *err)
{
	struct sp_imap_box *b = &m->box;
	bool on = sp_pull_mode(m->pull) == SP_PULL_FETCH &&
		  m->conf->then == SP_PULL_KEEP && b->last > 0;
	uint64_t modseq = b->modseq;
	enum sp_code rc = SP_OK;

	sp_imap_tell_vanished(m);
	m->listed = 0;
	m->low = on && b->last < UINT32_MAX ? (uint32_t)b->last + 1 : 1;
	/* Nothing is there, or nothing that was not there before. */
	if (b->exists > 0 && !(on && b->nexcept == 0 && !m->news &&
				 b->uidnext > 0 && b->uidnext <= m->low)) {
		m->news = false;
		rc = windows(m, on, err);
	}
	/* What was not listed is what the archive has. */
	if (on && m->first_look && b->exists > m->listed)
		sp_pull_had(m->pull, b->exists - m->listed);
	m->first_look = false;
	if (rc == SP_OK && sp_pull_mode(m->pull) == SP_PULL_FETCH) {
		b->last_modseq = modseq;
		sp_imap_remember(m);
	}
	return (rc);
}

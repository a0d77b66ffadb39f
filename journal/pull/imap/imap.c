/*
 * The order of an IMAP session (RFC 3501, 9051):
 *
 *	greeting (STARTTLS) login ENABLE
 *	for each mailbox: EXAMINE or SELECT
 *		for each window of UIDs: list, fetch what the archive has
 *		not, wait until it is durable, delete or move it
 *	IDLE, and again, where the service runs; else LOGOUT
 *
 * Nothing here sets \Seen.  A message is deleted only when the engine said
 * that it is durable, or that the archive has had it before.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "journal/pull/imap/imap_priv.h"
#include "journal/pull/imap/imap_name.h"
#include "journal/pull/sasl.h"

#define LOOKS 20 /* at one mailbox, while mail comes in, before the next */

struct names {
	struct sp_imap_name *v;
	size_t n;
};

static void
names_done(struct names *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].wire);
		free(l->v[i].utf8);
	}
	free(l->v);
}

static bool
changes(const struct sp_imap *m)
{
	return (sp_pull_mode(m->pull) == SP_PULL_FETCH &&
		m->conf->then != SP_PULL_KEEP);
}

static enum sp_code
find_target(struct sp_imap *m, const struct names *l, struct sp_err *err)
{
	enum sp_code rc;

	if (m->conf->then != SP_PULL_MOVE)
		return (SP_OK);
	rc = sp_imap_find(m, m->conf->move_to, &m->target, err);
	for (size_t i = 0; rc == SP_OK && i < l->n; i++) {
		if (sp_imap_name_same(
			sp_view_str(l->v[i].utf8), sp_view_str(m->target.utf8)))
			rc = sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_ECONFIG,
			    err, "after moves to %s, which is one of mailboxes",
			    m->target.utf8);
	}
	return (rc);
}

static enum sp_code
find_names(struct sp_imap *m, struct names *l, struct sp_err *err)
{
	const struct sp_texts *want = &m->conf->mailboxes;
	size_t n = want->n > 0 ? want->n : 1;
	enum sp_code rc = SP_OK;

	if (n > SP_IMAP_BOXES_MAX)
		return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_ECONFIG, err,
		    "more than %d mailboxes", SP_IMAP_BOXES_MAX));
	l->v = sp_xcalloc(n, sizeof(*l->v));
	for (size_t i = 0; rc == SP_OK && i < n; i++, l->n++)
		rc = sp_imap_find(
		    m, want->n > 0 ? want->v[i] : "INBOX", &l->v[i], err);
	return (rc == SP_OK ? find_target(m, l, err) : rc);
}

/* All of the open mailbox, and what comes meanwhile. */
static enum sp_code
mailbox(struct sp_imap *m, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	m->first_look = true;
	for (int i = 0; i < LOOKS && rc == SP_OK; i++) {
		rc = sp_imap_work(m, err);
		if (!m->news || sp_pull_mode(m->pull) != SP_PULL_FETCH)
			break;
		m->box.uidnext = 0;
	}
	return (rc);
}

/* All mailboxes once.  The one that is open stays so. */
static enum sp_code
round_trip(struct sp_imap *m, const struct names *l, struct sp_err *err)
{
	uint64_t there = 0;
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < l->n; i++) {
		if (!m->box.open || m->box.name != &l->v[i])
			rc = sp_imap_open(m, &l->v[i], changes(m), err);
		else
			m->box.uidnext = 0; /* it has grown since */
		if (rc == SP_OK)
			rc = mailbox(m, err);
		there += m->box.exists;
	}
	sp_pull_there(m->pull, there);
	if (rc == SP_OK && !m->been_round && changes(m))
		sp_pull_listing_complete(m->pull);
	m->been_round = true;
	return (rc);
}

/* ---- IDLE -------------------------------------------------------------- */

static bool
may_idle(const struct sp_imap *m)
{
	return (sp_pull_mode(m->pull) == SP_PULL_FETCH && m->conf->idle &&
		(m->caps & SP_IMAP_CAP_IDLE) != 0 && sp_pull_may_stay(m->pull));
}

static enum sp_code
start_idle(struct sp_imap *m, unsigned *tag, bool *idling, struct sp_err *err)
{
	struct sp_imap_done d;
	enum sp_code rc;

	m->go_on = false;
	*idling = false;
	rc = sp_imap_send(m, tag, err, "IDLE");
	while (rc == SP_OK && !m->go_on) {
		bool over = false;

		for (size_t i = 0; i < SP_IMAP_FLIGHT; i++)
			over |= m->done[i].tag == *tag && m->done[i].done;
		if (over) /* refused: ask from time to time instead */
			return (sp_imap_await(m, *tag, &d, err));
		rc = sp_imap_read(m, err);
	}
	m->go_on = false;
	*idling = rc == SP_OK;
	return (rc);
}

static bool
rung(struct sp_stream_bell *bell)
{
	return (bell != NULL && atomic_load(&bell->poke));
}

/* Until mail comes, somebody rings, or ${until}. */
static enum sp_code
idle(struct sp_imap *m, int64_t until, bool *idling, struct sp_err *err)
{
	struct sp_stream_bell *bell = sp_pull_bell(m->pull);
	struct sp_imap_done d;
	enum sp_code rc;
	unsigned tag;

	rc = start_idle(m, &tag, idling, err);
	if (rc != SP_OK || !*idling)
		return (rc);
	while (rc == SP_OK && !m->news && !rung(bell)) {
		int64_t left = until - sp_clock_boot();

		if (left <= 0)
			break;
		rc = sp_stream_wait(m->s, left, err);
		if (rc == SP_OK)
			rc = sp_imap_read(m, err);
		else if (rc == SP_EEND)
			rc = SP_OK; /* time, or the bell */
	}
	if (rc == SP_OK)
		rc = sp_stream_write(m->s, "DONE\r\n", 6, err);
	if (rc == SP_OK)
		rc = sp_imap_await(m, tag, &d, err);
	return (rc);
}

/*
 * Wait for the next round.  With several mailboxes only one can be watched:
 * the others are looked at after ${poll}.  ${again}: there is a next round in
 * this session.
 */
static enum sp_code
rest(struct sp_imap *m, const struct names *l, bool *again, struct sp_err *err)
{
	uint64_t seconds = SP_IMAP_IDLE_SECONDS;
	enum sp_code rc;

	if (l->n > 1 && m->conf->poll < seconds)
		seconds = m->conf->poll;
	rc = sp_pull_rest(m->pull, err);
	/* The first of the list is the one that is watched. */
	if (rc == SP_OK && m->box.name != &l->v[0]) {
		rc = sp_imap_open(m, &l->v[0], changes(m), err);
		if (rc == SP_OK)
			rc = sp_imap_work(m, err);
	}
	if (rc == SP_OK)
		rc = idle(m, sp_clock_boot() + (int64_t)seconds * SP_SECOND,
		    again, err);
	if (rc == SP_OK && *again && sp_pull_bell(m->pull) != NULL)
		atomic_store(&sp_pull_bell(m->pull)->poke, false);
	return (rc);
}

static void
logout(struct sp_imap *m)
{
	struct sp_imap_done d;
	struct sp_err err;

	/* All is done: however the server takes it. */
	m->leaving = true;
	if (sp_imap_do(m, &d, &err, "LOGOUT") != SP_OK)
		m->leaving = false;
}

static enum sp_code
session(struct sp_imap *m, struct sp_err *err)
{
	struct names l = { NULL, 0 };
	bool again = true;
	enum sp_code rc = sp_imap_login(m, err);

	if (rc == SP_OK)
		rc = find_names(m, &l, err);
	while (rc == SP_OK && again) {
		rc = round_trip(m, &l, err);
		again = may_idle(m);
		if (rc == SP_OK && again)
			rc = rest(m, &l, &again, err);
	}
	if (rc == SP_OK)
		logout(m);
	names_done(&l);
	return (rc);
}

enum sp_code
sp_imap_session(struct sp_pull *p, struct sp_stream *s, struct sp_err *err)
{
	struct sp_imap *m = sp_xcalloc(1, sizeof(*m));
	enum sp_code rc;

	m->pull = p;
	m->s = s;
	m->conf = sp_pull_conf(p);
	m->items = sp_xcalloc(SP_IMAP_LIST_MAX, sizeof(*m->items));
	m->doomed = sp_xcalloc(SP_IMAP_LIST_MAX, sizeof(*m->doomed));
	sp_buf_init(&m->out, SP_IMAP_SECRET_MAX + 1024);
	sp_buf_init(&m->go_on_text, SP_IMAP_SECRET_MAX);
	sp_buf_init(&m->taking.held, SP_IMAP_SLICE + 65536);
	rc = session(m, err);
	sp_imap_take_abort(m);
	sp_imap_parser_free(m->parser);
	sp_buf_done(&m->taking.held);
	sp_buf_done(&m->go_on_text);
	sp_sasl_wipe(&m->out);
	free(m->target.wire);
	free(m->target.utf8);
	free(m->found);
	free(m->doomed);
	free(m->items);
	free(m);
	return (rc);
}

/*
 * The order of an IMAP session (RFC 3501, 9051).  The pull engine calls
 * sp_imap_session() for each session of an account of type imap:
 *
 *	greeting (STARTTLS) login ENABLE
 *	for each mailbox: EXAMINE or SELECT
 *		for each window of UIDs: list, fetch what the archive has
 *		not, wait until it is durable, delete or move it
 *	IDLE, and again, where the service runs; else LOGOUT
 *
 * Nothing here sets \Seen.  A message is deleted only when the engine said
 * that it is durable, or that the archive had it before.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "journal/pull/imap/imap.h"
#include "journal/pull/imap/imap_priv.h"
#include "journal/pull/imap/imap_name.h"
#include "journal/pull/sasl.h"

#define LOOKS_MAX 20 /* at one mailbox, while mail comes in; then the next */

struct imap_names {
	struct sp_imap_mailbox_name *v;
	size_t n;
};

static void
imap_names_done(struct imap_names *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].wire);
		free(l->v[i].utf8);
	}
	free(l->v);
}

/* Whether this session deletes or moves what is archived, and so needs SELECT
 * instead of EXAMINE. */
static bool
removes_mail(const struct sp_imap *m)
{
	return (sp_pull_mode(m->pull) == SP_PULL_FETCH &&
		m->conf->then != SP_PULL_KEEP);
}

/* Resolve the mailbox of after = move:NAME; it cannot be one of those that are
 * pulled, or moving would never end. */
static enum sp_code
find_move_target(
    struct sp_imap *m, const struct imap_names *l, struct sp_err *err)
{
	enum sp_code rc;

	if (m->conf->then != SP_PULL_MOVE)
		return (SP_OK);
	rc = sp_imap_find_mailbox(m, m->conf->move_to, &m->removal.target, err);
	for (size_t i = 0; rc == SP_OK && i < l->n; i++) {
		if (sp_imap_name_same(sp_view_str(l->v[i].utf8),
			sp_view_str(m->removal.target.utf8)))
			rc = sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_ECONFIG,
			    err, "after moves to %s, which is one of mailboxes",
			    m->removal.target.utf8);
	}
	return (rc);
}

/* Resolve the mailboxes of the configuration, INBOX where it names none, and
 * the one that mail is moved to. */
static enum sp_code
find_mailboxes(struct sp_imap *m, struct imap_names *l, struct sp_err *err)
{
	const struct sp_texts *want = &m->conf->mailboxes;
	size_t n = want->n > 0 ? want->n : 1;
	enum sp_code rc = SP_OK;

	if (n > SP_IMAP_BOXES_MAX)
		return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_ECONFIG, err,
		    "more than %d mailboxes", SP_IMAP_BOXES_MAX));
	m->mailboxes = n;
	l->v = sp_xcalloc(n, sizeof(*l->v));
	for (size_t i = 0; rc == SP_OK && i < n; i++, l->n++)
		rc = sp_imap_find_mailbox(
		    m, want->n > 0 ? want->v[i] : "INBOX", &l->v[i], err);
	return (rc == SP_OK ? find_move_target(m, l, err) : rc);
}

/* Bring the selected mailbox up to date, and again while new mail is
 * announced. */
static enum sp_code
update_mailbox(struct sp_imap *m, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	m->listing.first_look = true;
	for (int i = 0; i < LOOKS_MAX && rc == SP_OK; i++) {
		rc = sp_imap_process_mailbox(m, err);
		if (!m->box.new_mail || sp_pull_mode(m->pull) != SP_PULL_FETCH)
			break;
		m->box.uidnext = 0;
	}
	return (rc);
}

/* Every mailbox was looked through: all messages that the archive lacks were
 * seen, and, where messages are deleted, all others too, so that the engine can
 * forget what stays away. */
static void
all_listed(struct sp_imap *m)
{
	if (removes_mail(m))
		sp_pull_listing_complete(m->pull);
	sp_pull_turns_complete(m->pull);
}

/* Bring all mailboxes up to date.  The last one stays selected, and is not
 * selected anew next time. */
static enum sp_code
visit_mailboxes(
    struct sp_imap *m, const struct imap_names *l, struct sp_err *err)
{
	uint64_t total = 0;
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < l->n; i++) {
		if (!m->box.open || m->box.name != &l->v[i])
			rc = sp_imap_select(m, &l->v[i], removes_mail(m), err);
		else
			m->box.uidnext = 0; /* of the time it was selected */
		if (rc == SP_OK)
			rc = update_mailbox(m, err);
		total += m->box.exists;
	}
	sp_pull_set_message_count(m->pull, total);
	if (rc == SP_OK && !m->first_round_done && !m->listing.incomplete)
		all_listed(m);
	m->first_round_done = true;
	return (rc);
}

/* ---- IDLE -------------------------------------------------------------- */

/* Whether the session may wait for mail after a round, instead of LOGOUT. */
static bool
may_idle(const struct sp_imap *m)
{
	return (sp_pull_mode(m->pull) == SP_PULL_FETCH && m->conf->idle &&
		(m->server.caps & SP_IMAP_CAP_IDLE) != 0 &&
		sp_pull_may_idle(m->pull));
}

/* IDLE (RFC 2177); ${idling}: the server has begun it. */
static enum sp_code
start_idle(struct sp_imap *m, unsigned *tag, bool *idling, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc;

	m->channel.continued = false;
	rc = sp_imap_send(m, tag, err, "IDLE");
	if (rc == SP_OK)
		rc = sp_imap_await_continuation(m, *tag, idling, err);
	/* Refused: ask from time to time instead. */
	if (rc == SP_OK && !*idling)
		rc = sp_imap_await(m, *tag, &d, err);
	return (rc);
}

static bool
is_poked(struct sp_stream_wakeup *wakeup)
{
	return (wakeup != NULL && atomic_load(&wakeup->poke));
}

/* IDLE until the server announces mail, another thread pokes, or ${until}
 * (boot clock) has come.  ${idling}: the server knows IDLE. */
static enum sp_code
idle(struct sp_imap *m, int64_t until, bool *idling, struct sp_err *err)
{
	struct sp_stream_wakeup *wakeup = sp_pull_wakeup(m->pull);
	struct sp_imap_reply d;
	enum sp_code rc;
	unsigned tag;

	rc = start_idle(m, &tag, idling, err);
	if (rc != SP_OK || !*idling)
		return (rc);
	while (rc == SP_OK && !m->box.new_mail && !is_poked(wakeup)) {
		int64_t left = until - sp_clock_boot();

		if (left <= 0)
			break;
		rc = sp_stream_wait(m->s, left, err);
		if (rc == SP_OK)
			rc = sp_imap_read(m, err);
		else if (rc == SP_EEND)
			rc = SP_OK; /* the time is over, or it was poked */
	}
	if (rc == SP_OK)
		rc = sp_stream_write(m->s, "DONE\r\n", 6, err);
	if (rc == SP_OK)
		rc = sp_imap_await(m, tag, &d, err);
	return (rc);
}

/* Wait for the next round.  With several mailboxes only the first of the list
 * can be watched: the others are looked at after `poll`.  ${again}: there is a
 * next round in this session. */
static enum sp_code
wait_for_mail(struct sp_imap *m, const struct imap_names *l, bool *again,
    struct sp_err *err)
{
	uint64_t seconds = SP_IMAP_IDLE_SECONDS;
	enum sp_code rc;

	if (l->n > 1 && m->conf->poll < seconds)
		seconds = m->conf->poll;
	rc = sp_pull_begin_idle(m->pull, err);
	if (rc == SP_OK && m->box.name != &l->v[0]) {
		rc = sp_imap_select(m, &l->v[0], removes_mail(m), err);
		if (rc == SP_OK)
			rc = sp_imap_process_mailbox(m, err);
	}
	if (rc == SP_OK)
		rc = idle(m, sp_clock_boot() + (int64_t)seconds * SP_SECOND,
		    again, err);
	if (rc == SP_OK && *again && sp_pull_wakeup(m->pull) != NULL)
		atomic_store(&sp_pull_wakeup(m->pull)->poke, false);
	return (rc);
}

/* LOGOUT.  All is done: how the server takes it does not matter. */
static void
logout(struct sp_imap *m)
{
	struct sp_imap_reply d;
	struct sp_err err;

	m->bye.logging_out = true;
	if (sp_imap_command(m, &d, &err, "LOGOUT") != SP_OK)
		m->bye.logging_out = false;
}

/* Log in, visit all mailboxes, wait for mail and visit them again as long as
 * the session may, log out. */
static enum sp_code
run_session(struct sp_imap *m, struct sp_err *err)
{
	struct imap_names l = { NULL, 0 };
	bool again = true;
	enum sp_code rc = sp_imap_login(m, err);

	if (rc == SP_OK)
		rc = find_mailboxes(m, &l, err);
	while (rc == SP_OK && again) {
		rc = visit_mailboxes(m, &l, err);
		again = may_idle(m);
		if (rc == SP_OK && again)
			rc = wait_for_mail(m, &l, &again, err);
	}
	if (rc == SP_OK)
		logout(m);
	else if (m->box.open && !m->box.renumbered &&
		 sp_pull_mode(m->pull) == SP_PULL_FETCH)
		sp_imap_save_memo(m); /* for its sentinels */
	imap_names_done(&l);
	return (rc);
}

/* Make the session, run it, free it; a message that was begun is forgotten. */
enum sp_code
sp_imap_session(struct sp_pull *p, struct sp_stream *s, struct sp_err *err)
{
	struct sp_imap *m = sp_xcalloc(1, sizeof(*m));
	enum sp_code rc;

	m->pull = p;
	m->s = s;
	m->conf = sp_pull_conf(p);
	m->listing.items =
	    sp_xcalloc(SP_IMAP_LIST_MAX, sizeof(*m->listing.items));
	m->removal.uids =
	    sp_xcalloc(SP_IMAP_LIST_MAX, sizeof(*m->removal.uids));
	sp_buf_init(&m->channel.out, SP_IMAP_SECRET_MAX + 1024);
	sp_buf_init(&m->channel.challenge, SP_IMAP_SECRET_MAX);
	sp_buf_init(&m->receiving.held, SP_IMAP_SLICE + 65536);
	sp_buf_init(&m->receiving.head, SP_IMAP_HEAD_MAX);
	rc = run_session(m, err);
	sp_imap_forget_message(m);
	sp_imap_parser_free(m->channel.parser);
	sp_buf_done(&m->receiving.held);
	sp_buf_done(&m->receiving.head);
	sp_buf_done(&m->channel.challenge);
	sp_sasl_wipe(&m->channel.out);
	free(m->removal.target.wire);
	free(m->removal.target.utf8);
	free(m->lookup.found);
	free(m->removal.uids);
	free(m->listing.items);
	free(m);
	return (rc);
}

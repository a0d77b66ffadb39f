/*
 * The pull engine: messages that are announced and not captured.  What came is
 * judged here (whole.h), what is not whole and where sessions broke is kept in
 * the table of doubts (doubts.h), and sources ask here when such a message is
 * to be fetched again.
 *
 *	no doubt --> FIRST --(came, not whole; or a session broke)--> LAST
 *	LAST, in the same visit or once it is due --(whole)--> no doubt
 *	                                          --(not)--> LATER, longer and
 *	                                                     longer
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "journal/pull/pull_priv.h"

#define TRIES_MAX 2 /* fetches of a doubtful message in a visit */
#define TOLD_MAX  100 /* messages that are named in a visit */

static struct sp_doubts *
doubts(const struct sp_pull *p)
{
	return (sp_ids_doubts(p->known));
}

void
sp_pull_slot(const struct sp_pull_meta *m, uint8_t slot[SP_IDS_KEY])
{
	const struct sp_pull_id id = { .mailbox = m->id.mailbox,
		.uidvalidity = UINT64_MAX,
		.uid = m->slot };

	sp_pull_key(m->slot.n > 0 ? &id : &m->id, slot);
}

char *
sp_pull_slot_name(const struct sp_pull_meta *m)
{
	return (m->slot.n > 0 ? sp_xasprintf("%.*s", (int)m->slot.n, m->slot.p)
			      : sp_pull_name(&m->id));
}

/* The entry of ${m}, made where there is none; NULL: there are too many. */
static struct sp_doubt *
doubt_of(struct sp_pull *p, const struct sp_pull_meta *m)
{
	uint8_t slot[SP_IDS_KEY];
	struct sp_doubt *d;
	char *name;

	sp_pull_slot(m, slot);
	name = sp_pull_slot_name(m);
	d = sp_doubts_add(doubts(p), slot, name);
	free(name);
	if (d != NULL) {
		d->seen = true;
		d->announced = m->size;
	}
	return (d);
}

/* Name a doubtful message to people, once a visit; of very many the first. */
static void
tell(struct sp_pull *p, struct sp_doubt *d, const char *detail)
{
	if (d->told)
		return;
	d->told = true;
	if (++p->told > TOLD_MAX)
		return;
	sp_pull_note(p, "message %s is NOT captured: %s%s%s", d->name,
	    sp_doubts_text(d->why), detail[0] == '\0' ? "" : ": ", detail);
}

/* ---- when to ask --------------------------------------------------------- */

enum sp_pull_turn
sp_pull_turn(struct sp_pull *p, const struct sp_pull_meta *m)
{
	uint8_t slot[SP_IDS_KEY];
	struct sp_doubt *d;

	sp_pull_slot(m, slot);
	d = sp_doubts_find(doubts(p), slot);
	if (d == NULL)
		return (SP_PULL_FIRST);
	d->seen = true;
	if (d->why == SP_DOUBT_MISSING)
		return (d->tries == 0 ? SP_PULL_FIRST : SP_PULL_LATER);
	if (d->tries < TRIES_MAX &&
	    (d->tries > 0 || sp_doubts_due(d, sp_clock_wall())))
		return (SP_PULL_LAST);
	tell(p, d, d->tries == 0 ? "it is asked for again later" : "");
	return (SP_PULL_LATER);
}

void
sp_pull_turns_complete(struct sp_pull *p)
{
	if (p->mode == SP_PULL_FETCH)
		sp_doubts_listing_complete(doubts(p));
}

void
sp_pull_renamed(struct sp_pull *p)
{
	p->renames = true;
}

void
sp_pull_settled(struct sp_pull *p, const struct sp_pull_meta *m)
{
	uint8_t slot[SP_IDS_KEY];

	sp_pull_slot(m, slot);
	sp_doubts_drop(doubts(p), slot);
}

/* ---- what did not come --------------------------------------------------- */

void
sp_pull_asking(struct sp_pull *p, const struct sp_pull_meta *m)
{
	char *name;

	p->asked.any = m != NULL;
	p->asked.counted = false;
	if (m == NULL)
		return;
	sp_pull_slot(m, p->asked.slot);
	p->asked.announced = m->size;
	name = sp_pull_slot_name(m);
	(void)snprintf(p->asked.name, sizeof(p->asked.name), "%s", name);
	free(name);
}

/* Count a failure to fetch the message of ${d}. */
static void
count_failure(struct sp_pull *p, struct sp_doubt *d)
{
	d->seen = true;
	d->tries++;
	p->fetches++;
	sp_doubts_put_off(d, sp_clock_wall());
	sp_doubts_touch(doubts(p));
}

void
sp_pull_refused(
    struct sp_pull *p, const struct sp_pull_meta *m, const char *why)
{
	struct sp_doubt *d = doubt_of(p, m);

	if (d == NULL)
		return;
	if (!d->past.any)
		d->why = SP_DOUBT_REFUSED;
	count_failure(p, d);
	tell(p, d, why);
}

/* What is only missing is asked for at each visit: it costs one command. */
void
sp_pull_missing(
    struct sp_pull *p, const struct sp_pull_meta *m, const char *why)
{
	struct sp_doubt *d = doubt_of(p, m);

	if (d == NULL)
		return;
	if (!d->past.any || d->why == SP_DOUBT_AGAIN)
		d->why = SP_DOUBT_MISSING;
	count_failure(p, d);
	tell(p, d, why);
}

/* The first break is only noted, since the message is tried once more in the
 * visit. */
bool
sp_pull_session_broke(struct sp_pull *p, const struct sp_err *err)
{
	struct sp_doubt *d;

	if (!p->asked.any || p->r.trouble != SP_PULL_NETWORK)
		return (false);
	p->asked.any = false;
	if (p->asked.counted) {
		sp_pull_note(p, "the session is over at message %s: %s",
		    p->asked.name, err->msg);
		return (++p->breaks <= SP_PULL_BREAKS);
	}
	d = sp_doubts_add(doubts(p), p->asked.slot, p->asked.name);
	if (d == NULL)
		return (false);
	d->announced = p->asked.announced;
	if (!d->past.any)
		d->why = SP_DOUBT_BROKE;
	count_failure(p, d);
	if (d->tries >= TRIES_MAX)
		tell(p, d, err->msg);
	else
		sp_pull_note(p,
		    "the session broke at message %s; it is asked for last: %s",
		    d->name, err->msg);
	return (++p->breaks <= SP_PULL_BREAKS);
}

/* ---- what came ----------------------------------------------------------- */

void
sp_pull_out_of_step(struct sp_pull *p)
{
	p->out_of_step = true;
}

void
sp_pull_set_unnamed_done(struct sp_pull *p)
{
	p->unnamed_done = true;
}

bool
sp_pull_unnamed_done(const struct sp_pull *p)
{
	return (p->unnamed_done);
}

enum sp_pull_fate
sp_pull_fate(const struct sp_pull *p)
{
	return (p->fate);
}

/* Keep what this fetch gave, for the next one. */
static void
remember(struct sp_doubt *d, const struct sp_whole_facts *f)
{
	struct sp_whole_past *past = &d->past;
	bool same = past->any &&
		    memcmp(past->sha256, f->sha256, sizeof(f->sha256)) == 0;

	/* A clock that was set back begins the wait anew. */
	if (!same || past->since > f->when) {
		past->since = f->when;
		past->session = f->session;
	}
	past->any = true;
	past->bytes = f->bytes;
	memcpy(past->sha256, f->sha256, sizeof(past->sha256));
	d->announced = f->announced;
}

/* It is whole.  The archive may have it under a name that the server does not
 * use any more, or (verify) under this one or any other. */
static bool
accept_whole(struct sp_pull *p, struct sp_pull_pending *a,
    const struct sp_whole_facts *f)
{
	p->fate = SP_PULL_HANDED_OVER;
	sp_doubts_settle_unnamed(doubts(p), f->announced);
	if (f->announced != SP_WHOLE_SIZE_UNKNOWN && f->bytes < f->announced &&
	    !sp_whole_agrees(f))
		sp_pull_note(p,
		    "message %s counts as captured with %" PRIu64
		    " bytes, although %" PRIu64
		    " are announced: sessions an hour apart gave the same",
		    a->name, f->bytes, f->announced);
	if (a->verify && sp_ids_rebind(p->known, a->key, a->content)) {
		p->fate = SP_PULL_ARCHIVED;
		sp_doubts_drop(doubts(p), a->slot);
		return (false);
	}
	if (!(a->by_content || (!a->lasting && p->listing_complete)) ||
	    !sp_ids_rename(p->known, a->key, a->content))
		return (true);
	p->fate = SP_PULL_ARCHIVED;
	p->r.known++;
	p->r.renamed++;
	sp_doubts_drop(doubts(p), a->slot);
	return (false);
}

/* It is not whole: whether it is evidence that the log does not have yet. */
static bool
doubt(struct sp_pull *p, struct sp_pull_pending *a, enum sp_whole_verdict v,
    const struct sp_whole_facts *f)
{
	struct sp_doubt *d = sp_doubts_add(doubts(p), a->slot, a->name);
	char text[120];

	p->fate = SP_PULL_DOUBTFUL;
	(void)snprintf(text, sizeof(text),
	    "%" PRIu64 " bytes came, %" PRIu64 " are announced", f->bytes,
	    f->announced);
	if (f->announced == SP_WHOLE_SIZE_UNKNOWN)
		(void)snprintf(
		    text, sizeof(text), "%" PRIu64 " bytes came", f->bytes);
	if (d == NULL) {
		sp_pull_note(p,
		    "message %s is NOT captured: %s (and more than %d others)",
		    a->name, sp_whole_text(v), SP_DOUBTS_MAX);
		return (false);
	}
	remember(d, f);
	count_failure(p, d);
	p->asked.counted = p->out_of_step;
	d->why = (enum sp_doubt_why)v;
	if (v == SP_WHOLE_AGAIN) {
		p->fate = SP_PULL_FETCH_AGAIN;
		return (false);
	}
	tell(p, d, text);
	if (f->bytes == 0)
		return (false);
	if (!sp_doubts_stored(doubts(p), a->content) &&
	    !(a->verify && sp_ids_rebind(p->known, a->key, a->content)))
		return (true);
	/* The log has these bytes: of this one, of a name that the server does
	 * not use any more, or as another message. */
	d->stored = true;
	memcpy(d->content, a->content, sizeof(d->content));
	return (false);
}

bool
sp_pull_judge(struct sp_pull *p, struct sp_pull_pending *a, const char **flag)
{
	struct sp_whole_facts f = { .announced = a->announced,
		.out_of_step = p->out_of_step,
		.when = sp_clock_wall(),
		.session = p->session };
	struct sp_whole_past past = { .any = false };
	const struct sp_doubt *d = sp_doubts_find(doubts(p), a->slot);
	enum sp_whole_verdict v;

	sp_whole_scan_end(p->scan, &f);
	memcpy(a->content, f.sha256, sizeof(a->content));
	if (d != NULL) {
		past = d->past;
		past.second = d->tries > 0;
	}
	v = sp_whole_judge(&f, &past);
	*flag = sp_whole_flag(v);
	a->evidence = *flag != NULL;
	return (v == SP_WHOLE ? accept_whole(p, a, &f) : doubt(p, a, v, &f));
}

void
sp_pull_stored_evidence(struct sp_pull *p, const struct sp_pull_pending *a)
{
	struct sp_doubt *d = sp_doubts_find(doubts(p), a->slot);

	if (d == NULL)
		return;
	d->stored = true;
	memcpy(d->content, a->content, sizeof(d->content));
	sp_doubts_touch(doubts(p));
}

/* Tell of the messages that the server has stopped announcing, and drop them.
 * Of one without a name the log says no more than that a bad copy came once: it
 * may have been told before state/pull was lost. */
static void
sum_losses(struct sp_pull *p)
{
	const bool renames = p->renames || p->r.renamed > 0;

	for (size_t i = 0; i < sp_doubts_count(doubts(p)); i++) {
		const struct sp_doubt *d = sp_doubts_at(doubts(p), i);

		if (!d->gone || renames || d->name[0] == '\0' ||
		    sp_ids_count(p->known, d->key) > 0 ||
		    sp_doubts_moved(doubts(p), d))
			continue;
		sp_doubts_add_name(
		    d, p->r.losses, sizeof(p->r.losses), p->r.lost == 0);
		if (++p->r.lost > TOLD_MAX)
			continue;
		sp_pull_note(p,
		    "message %s is LOST UNCAPTURED: the server does not announce it any more, and it never came whole (%s)%s",
		    d->name, sp_doubts_text(d->why),
		    d->stored
			? "; what came of it is in the archive: search flag:short, flag:substitute or flag:inconsistent"
			: "");
	}
	if (p->r.lost > TOLD_MAX)
		sp_pull_note(p, "%" PRIu64 " more messages are LOST UNCAPTURED",
		    p->r.lost - TOLD_MAX);
	sp_doubts_drop_gone(doubts(p));
}

void
sp_pull_sum_doubts(struct sp_pull *p)
{
	if (p->mode == SP_PULL_FETCH)
		sum_losses(p);
	p->r.doubtful = sp_doubts_count(doubts(p));
	if (p->told > TOLD_MAX)
		sp_pull_note(p, "%" PRIu64 " more messages are NOT captured",
		    p->told - TOLD_MAX);
	p->told = 0;
	sp_doubts_names(doubts(p), p->r.doubts, sizeof(p->r.doubts));
}

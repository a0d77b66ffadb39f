/*
 * The pull engine: messages on their way from a source to the sink, and the
 * answers to them.  A message:
 *
 *	begin --> (data) --> end --> pending --> answered: durable, too large
 *	   |        |                    '-----> unknown: ask the log
 *	   '--------'--> abort, or larger than max_message: dropped
 *
 * The source calls begin, data and end and later collects what is durable; the
 * sink calls sp_pull_answer().  The first failure of the sink ends all:
 * nothing more is handed over in this session.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/pull/pull_priv.h"

void
sp_pull_key(const struct sp_pull_id *id, uint8_t key[SP_IDS_KEY])
{
	sp_ids_key(id->mailbox, id->uidvalidity, id->uid, key);
}

size_t
sp_pull_known(const struct sp_pull *p, const struct sp_pull_id *id)
{
	uint8_t key[SP_IDS_KEY];

	sp_pull_key(id, key);
	return (sp_ids_count(p->known, key));
}

bool
sp_pull_match_listed(struct sp_pull *p, const struct sp_pull_id *id)
{
	uint8_t key[SP_IDS_KEY];
	bool known;

	sp_pull_key(id, key);
	known = sp_ids_match_listed(p->known, key);
	p->r.known += known;
	return (known);
}

void
sp_pull_listing_complete(struct sp_pull *p)
{
	if (p->mode != SP_PULL_FETCH)
		return;
	p->listing_complete = true;
	sp_ids_listing_complete(p->known);
}

enum sp_code
sp_pull_report_listed(
    struct sp_pull *p, const struct sp_pull_meta *m, struct sp_err *err)
{
	const struct sp_doubt *d;
	uint8_t key[SP_IDS_KEY];
	bool known;

	sp_pull_key(&m->id, key);
	known = sp_ids_match_listed(p->known, key);
	p->r.known += known;
	d = sp_doubts_find(sp_ids_doubts(p->known), key);
	return (
	    p->opts.listed == NULL
		? SP_OK
		: p->opts.listed(p->opts.ctx, m, known,
		      known || d == NULL ? NULL : sp_doubts_text(d->why), err));
}

/* ---- messages on their way ---------------------------------------------- */

/* Take a message out of the list of those that wait for an answer. */
static void
pending_unlink(struct sp_pull_pending *a)
{
	if (a->prev == NULL)
		return;
	a->prev->next = a->next;
	a->next->prev = a->prev;
}

/* Free a message that is in no list. */
static void
pending_free(struct sp_pull_pending *a)
{
	free(a->name);
	free(a);
}

/* What a message is called in notes and errors; the caller frees it. */
char *
sp_pull_name(const struct sp_pull_id *id)
{
	if (id->mailbox.n == 0)
		return (sp_xasprintf("UIDL %.*s", (int)id->uid.n, id->uid.p));
	return (sp_xasprintf("%.*s UID %.*s", (int)id->mailbox.n, id->mailbox.p,
	    (int)id->uid.n, id->uid.p));
}

/* What the sink's result ${rc} means for the session: SP_OK, or the first
 * failure of the sink, which is kept and from then on is the answer to
 * everything. */
static enum sp_code
sink_result(struct sp_pull *p, enum sp_code rc, struct sp_err *err)
{
	if (rc == SP_OK && p->sink_error.code == SP_OK)
		return (SP_OK);
	if (p->sink_error.code == SP_OK && err != NULL)
		p->sink_error = *err;
	else if (p->sink_error.code == SP_OK)
		p->sink_error = (struct sp_err){ .code = rc };
	else if (err != NULL)
		*err = p->sink_error;
	p->r.trouble = SP_PULL_STORE;
	return (p->sink_error.code);
}

/* Write the provenance and begin to hold the message; it is p->begun until it
 * ends. */
enum sp_code
sp_pull_begin(
    struct sp_pull *p, const struct sp_pull_meta *m, struct sp_err *err)
{
	struct sp_pull_pending *a;

	if (p->sink_error.code != SP_OK)
		return (sink_result(p, p->sink_error.code, err));
	sp_pull_hold_clear(p);
	if (sp_pull_provenance(p, m, &p->hold.provenance) != SP_OK)
		return (sp_err_set(
		    err, SP_ELIMIT, 0, "the provenance is too long"));
	sp_whole_scan_reset(p->scan);
	a = sp_xcalloc(1, sizeof(*a));
	a->p = p;
	a->tag = m->tag;
	a->announced = m->size;
	a->lasting = m->id.uidvalidity != 0;
	a->verify = m->verify;
	a->by_content = m->by_content;
	a->name = sp_pull_slot_name(m);
	sp_pull_key(&m->id, a->key);
	sp_pull_slot(m, a->slot);
	p->begun = a;
	p->oversize = p->out_of_step = false;
	return (SP_OK);
}

/* Remember that a message is not taken, and count it.  When the ring is full
 * the oldest is forgotten, and would be noted once more. */
static void
remember_skip(struct sp_pull *p, const uint8_t *key)
{
	memcpy(
	    p->skipped.keys[p->skipped.n++ % SP_PULL_SKIPS], key, SP_IDS_KEY);
	p->r.skipped++;
}

/* The message is still announced, whatever else is known of it. */
static void
see(const struct sp_pull *p, const uint8_t *key)
{
	struct sp_doubt *d = sp_doubts_find(sp_ids_doubts(p->known), key);

	if (d != NULL)
		d->seen = true;
}

static bool
was_skipped(const struct sp_pull *p, const uint8_t *key)
{
	size_t n = p->skipped.n < SP_PULL_SKIPS ? p->skipped.n : SP_PULL_SKIPS;

	for (size_t i = 0; i < n; i++) {
		if (memcmp(p->skipped.keys[i], key, SP_IDS_KEY) != 0)
			continue;
		see(p, key);
		return (true);
	}
	return (false);
}

bool
sp_pull_skipped(const struct sp_pull *p, const struct sp_pull_id *id)
{
	uint8_t key[SP_IDS_KEY];

	sp_pull_key(id, key);
	return (was_skipped(p, key));
}

bool
sp_pull_skipped_slot(const struct sp_pull *p, const struct sp_pull_meta *m)
{
	uint8_t key[SP_IDS_KEY];

	sp_pull_slot(m, key);
	return (was_skipped(p, key));
}

void
sp_pull_skip(struct sp_pull *p, const struct sp_pull_meta *m, const char *why)
{
	uint8_t key[SP_IDS_KEY];
	char *name;

	sp_pull_slot(m, key);
	if (was_skipped(p, key))
		return;
	name = sp_pull_slot_name(m);
	see(p, key);
	remember_skip(p, key);
	sp_pull_note(p, "message %s was not taken: %s", name, why);
	free(name);
}

/* Where the message grows beyond max_message it is noted and dropped, and the
 * rest of its bytes is only read. */
enum sp_code
sp_pull_data(struct sp_pull *p, struct sp_view bytes, struct sp_err *err)
{
	struct sp_pull_pending *a = p->begun;
	enum sp_code rc;

	if (p->oversize)
		return (SP_OK);
	a->size += bytes.n;
	if (a->size > p->opts.conf->max_message) {
		sp_pull_note(p,
		    "message %s was not taken: it has more than max_message = %" PRIu64
		    " bytes",
		    a->name, p->opts.conf->max_message);
		remember_skip(p, a->slot);
		sp_pull_hold_clear(p);
		p->oversize = true;
		return (SP_OK);
	}
	sp_whole_scan_add(p->scan, bytes);
	rc = sp_pull_hold_add(p, bytes, err);
	return (rc == SP_OK ? SP_OK : sink_result(p, rc, err));
}

/* Into the list before the sink is told: it may answer at once. */
enum sp_code
sp_pull_end(struct sp_pull *p, struct sp_err *err)
{
	struct sp_pull_pending *a = p->begun;
	const char *flag = NULL;
	enum sp_code rc;

	p->begun = NULL;
	p->fate = SP_PULL_DOUBTFUL;
	if (p->oversize || !sp_pull_judge(p, a, &flag)) {
		p->oversize = false;
		pending_free(a);
		sp_pull_hold_clear(p);
		return (SP_OK);
	}
	a->prev = p->pending.prev;
	a->next = &p->pending;
	a->prev->next = a->next->prev = a;
	rc = sp_pull_hold_deliver(p, a, flag, err);
	sp_pull_hold_clear(p);
	return (sink_result(p, rc, err));
}

void
sp_pull_abort(struct sp_pull *p)
{
	if (p->begun == NULL)
		return;
	sp_pull_hold_clear(p);
	p->oversize = false;
	pending_free(p->begun);
	p->begun = NULL;
}

/* ---- answers ------------------------------------------------------------ */

/* Keep the tag of a message that became durable until the source collects it;
 * the array starts again when all were collected. */
static void
add_durable(struct sp_pull *p, uint64_t tag)
{
	if (p->durable.next == p->durable.n)
		p->durable.next = p->durable.n = 0;
	if (p->durable.n == p->durable.cap) {
		p->durable.cap = p->durable.cap == 0 ? 64 : p->durable.cap * 2;
		p->durable.tags = sp_xrealloc(
		    p->durable.tags, p->durable.cap * sizeof(*p->durable.tags));
	}
	p->durable.tags[p->durable.n++] = tag;
}

/* Durable: the archive has it, and the source may delete it, unless it is only
 * evidence.  Too large:
 * skipped.  Anything else is the sink's failure; where nobody knows whether it
 * is in, the log is asked before the next session. */
void
sp_pull_answer(void *tag, const struct sp_pull_answer *a)
{
	struct sp_pull_pending *one = tag;
	struct sp_pull *p = one->p;

	if (a->rc == SP_OK && one->evidence) {
		sp_pull_stored_evidence(p, one);
	} else if (a->rc == SP_OK) {
		sp_ids_add_content(p->known, one->key, one->content);
		sp_doubts_drop(sp_ids_doubts(p->known), one->slot);
		add_durable(p, one->tag);
		p->r.taken++;
		p->r.bytes += one->size;
	} else if (a->rc == SP_ELIMIT && !a->unknown) {
		remember_skip(p, one->slot);
		sp_pull_note(
		    p, "message %s was not taken: %s", one->name, a->why);
	} else {
		if (p->sink_error.code == SP_OK)
			(void)sp_err_set(&p->sink_error, SP_EAGAIN, 0,
			    "message %s: %s", one->name, a->why);
		if (a->unknown)
			p->known_complete = false;
	}
	pending_unlink(one);
	pending_free(one);
}

void
sp_pull_reset(struct sp_pull *p)
{
	struct sp_pull_pending *a, *next;

	if (p->begun != NULL)
		pending_free(p->begun);
	p->begun = NULL;
	p->opts.sink.reset(p->opts.sink.ctx);
	a = p->pending.next;
	if (a != &p->pending)
		p->known_complete = false;
	for (; a != &p->pending; a = next) {
		next = a->next;
		pending_free(a);
	}
	p->pending.prev = p->pending.next = &p->pending;
}

enum sp_code
sp_pull_flush(struct sp_pull *p, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (p->pending.next != &p->pending)
		rc = p->opts.sink.flush(p->opts.sink.ctx, err);
	if (rc == SP_OK && p->pending.next != &p->pending)
		rc = p->sink_error.code != SP_OK
			 ? p->sink_error.code
			 : sp_err_set(err, SP_EAGAIN, 0,
			       "messages were left without an answer");
	if (rc != SP_OK)
		sp_pull_reset(p);
	return (sink_result(p, rc, err));
}

bool
sp_pull_next_durable(struct sp_pull *p, uint64_t *tag)
{
	if (p->durable.next == p->durable.n)
		return (false);
	*tag = p->durable.tags[p->durable.next++];
	return (true);
}

void
sp_pull_confirm_deleted(struct sp_pull *p, const struct sp_pull_id *id)
{
	uint8_t key[SP_IDS_KEY];

	sp_pull_key(id, key);
	sp_ids_drop(p->known, key);
	p->r.deleted++;
}

/*
 * A POP3 session: what is in the mailbox (STAT, UIDL, LIST) and what of it is
 * to be fetched and deleted.  pop3.c calls it once the session is logged in.
 *
 * The UIDL is the name of a message, and the archive knows which names it has.
 * Where the server has no UIDL, gives the same one twice (RFC 1939 section 7
 * allows a hash of the message), leaves a message out or gives it one that is
 * none, there is no such name: the message is fetched each time and known by its
 * SHA-256.  A message exists if any of STAT, UIDL and LIST has it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/pull/doubts.h"
#include "journal/pull/pop3_priv.h"

static struct sp_view
uid_of(const struct sp_pop3_mailbox *b, size_t i)
{
	return (
	    sp_view_mem(b->uids.p + b->messages[i].uid, b->messages[i].uid_n));
}

struct sp_pull_meta
sp_pop3_meta(struct sp_pop3_mailbox *b, size_t i)
{
	const struct sp_pop3_message *m = &b->messages[i];
	struct sp_pull_meta meta = { .size = m->size, .tag = i };

	if (!m->unnamed) {
		meta.id.uid = uid_of(b, i);
		return (meta);
	}
	/* Numbers change from session to session, sizes do not. */
	if (m->size == SP_PULL_SIZE_UNKNOWN)
		(void)snprintf(b->slot, sizeof(b->slot),
		    SP_DOUBTS_UNNAMED ", no. %" PRIu32, m->ordinal);
	else
		(void)snprintf(b->slot, sizeof(b->slot),
		    SP_DOUBTS_UNNAMED ", %" PRIu64 " bytes, no. %" PRIu32,
		    m->size, m->ordinal);
	meta.slot = sp_view_str(b->slot);
	return (meta);
}

/* ---- what is in the mailbox --------------------------------------------- */

/* End the session because ${line} cannot be read as a line of ${what}. */
static enum sp_code
bad_line(struct sp_pop3_mailbox *b, const char *what, struct sp_view line,
    struct sp_err *err)
{
	return (sp_pull_fail(b->c.p, SP_PULL_NETWORK, SP_EFORMAT, err,
	    "%s: no line of it: %.*s", what, (int)(line.n > 100 ? 100 : line.n),
	    line.n > 0 ? line.p : ""));
}

/* The message of number ${n} is listed; NULL: no mailbox has so many. */
static struct sp_pop3_message *
listed(struct sp_pop3_mailbox *b, uint64_t n)
{
	if (n == 0 || n > SP_POP3_MESSAGES_MAX)
		return (NULL);
	if (n > b->cap) {
		size_t cap = n > 2 * b->cap ? (size_t)n : 2 * b->cap;

		b->messages =
		    sp_xrealloc(b->messages, cap * sizeof(*b->messages));
		memset(b->messages + b->cap, 0,
		    (cap - b->cap) * sizeof(*b->messages));
		for (; b->cap < cap; b->cap++)
			b->messages[b->cap].size = SP_PULL_SIZE_UNKNOWN;
	}
	if (n > b->n)
		b->n = (size_t)n;
	b->messages[n - 1].listed = true;
	return (&b->messages[n - 1]);
}

/* A line of UIDL: the name of one message.  What is no UIDL is no name; the
 * message is there all the same. */
static enum sp_code
on_uidl(void *ctx, struct sp_view line, struct sp_err *err)
{
	struct sp_pop3_mailbox *b = ctx;
	struct sp_view uid, rest = line;
	struct sp_pop3_message *m = NULL;
	uint64_t n;

	if (sp_pop3_number(&rest, &n))
		m = listed(b, n);
	if (m == NULL)
		return (bad_line(b, "UIDL", line, err));
	if (!sp_pop3_uidl(line, &n, &uid))
		return (SP_OK);
	m->uid = b->uids.n;
	m->uid_n = uid.n;
	if (sp_buf_addv(&b->uids, uid) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0, "too many UIDLs"));
	return (SP_OK);
}

/* A line of LIST: the size of one message, which is not known where it is no
 * number. */
static enum sp_code
on_list(void *ctx, struct sp_view line, struct sp_err *err)
{
	struct sp_pop3_mailbox *b = ctx;
	struct sp_pop3_message *m = NULL;
	struct sp_view rest = line;
	uint64_t n, size;

	if (sp_pop3_number(&rest, &n))
		m = listed(b, n);
	if (m == NULL)
		return (bad_line(b, "LIST", line, err));
	if (sp_pop3_two_numbers(line, &n, &size))
		m->size = size;
	return (SP_OK);
}

/* Order two indexes of messages by their UIDLs, for qsort_r(3). */
static int
by_uid(const void *x, const void *y, void *ctx)
{
	const struct sp_pop3_mailbox *b = ctx;
	const struct sp_view u = uid_of(b, *(const size_t *)x),
			     v = uid_of(b, *(const size_t *)y);

	if (u.n != v.n)
		return (u.n < v.n ? -1 : 1);
	return (u.n == 0 ? 0 : memcmp(u.p, v.p, u.n));
}

/* Mark messages that have the same UIDL as another one: it does not say which
 * of them the archive has. */
static void
find_shared(struct sp_pop3_mailbox *b)
{
	size_t *at = sp_xcalloc(b->n + 1, sizeof(*at));

	for (size_t i = 0; i < b->n; i++)
		at[i] = i;
	qsort_r(at, b->n, sizeof(*at), by_uid, b);
	for (size_t i = 1; i < b->n; i++) {
		if (by_uid(&at[i - 1], &at[i], b) == 0)
			b->messages[at[i - 1]].unnamed =
			    b->messages[at[i]].unnamed = true;
	}
	free(at);
}

/* Order two indexes of messages by their sizes, then by number. */
static int
by_size(const void *x, const void *y, void *ctx)
{
	const struct sp_pop3_mailbox *b = ctx;
	const size_t i = *(const size_t *)x, k = *(const size_t *)y;

	if (b->messages[i].size != b->messages[k].size)
		return (b->messages[i].size < b->messages[k].size ? -1 : 1);
	return (i < k ? -1 : i > k);
}

/* Find the messages that have no name, and number those of the same size. */
static void
find_unnamed(struct sp_pop3_mailbox *b)
{
	size_t *at = sp_xcalloc(b->n + 1, sizeof(*at));
	uint32_t ordinal = 0;

	if (b->has_uidl)
		find_shared(b);
	for (size_t i = 0; i < b->n; i++) {
		struct sp_pop3_message *m = &b->messages[i];

		/* It may be one that had a UIDL before. */
		if (m->listed && m->uid_n == 0 && b->has_uidl)
			sp_pull_renamed(b->c.p);
		m->unnamed |= m->uid_n == 0;
		if (m->listed && m->unnamed)
			at[b->nunnamed++] = i;
	}
	qsort_r(at, b->nunnamed, sizeof(*at), by_size, b);
	for (size_t i = 0; i < b->nunnamed; i++) {
		struct sp_pop3_message *m = &b->messages[at[i]];

		if (i > 0 && b->messages[at[i - 1]].size != m->size)
			ordinal = 0;
		m->ordinal = ++ordinal;
	}
	free(at);
}

/* Ask for the UIDLs.  A server without them is refused where mail is to stay
 * on it: all of it would be fetched again at each visit. */
static enum sp_code
list_uidls(struct sp_pop3_mailbox *b, struct sp_err *err)
{
	const struct sp_pull_conf *conf = sp_pull_conf(b->c.p);
	enum sp_code rc = sp_pop3_command(&b->c, "UIDL", err);

	if (rc != SP_OK)
		return (rc);
	if (sp_pop3_asks_for_patience(&b->c) ||
	    b->c.reply.code == SP_POP3_SYS_TEMP)
		return (sp_pop3_refused(&b->c, "UIDL", SP_PULL_NETWORK, err));
	b->has_uidl = b->c.reply.status == SP_POP3_OK;
	if (b->has_uidl)
		return (sp_pop3_read_lines(&b->c, on_uidl, b, err));
	if (conf->then == SP_PULL_KEEP)
		return (sp_pull_fail(b->c.p, SP_PULL_CONFIG, SP_EPERM, err,
		    "the server has no UIDL, so that mail left on it would be fetched again and again; expected after = delete"));
	return (SP_OK);
}

/* STAT: how many messages there are.  Octets that are no number are not known;
 * they are for people only. */
static enum sp_code
count_messages(struct sp_pop3_mailbox *b, uint64_t *octets, struct sp_err *err)
{
	enum sp_code rc = sp_pop3_command(&b->c, "STAT", err);
	struct sp_view rest;
	uint64_t n = 0;

	if (rc != SP_OK)
		return (rc);
	if (b->c.reply.status != SP_POP3_OK)
		return (sp_pop3_refused(&b->c, "STAT", SP_PULL_NETWORK, err));
	rest = b->c.reply.text;
	if (!sp_pop3_number(&rest, &n) || n > SP_POP3_MESSAGES_MAX)
		return (bad_line(b, "STAT", b->c.reply.text, err));
	if (!sp_pop3_two_numbers(b->c.reply.text, &n, octets))
		*octets = 0;
	if (n > 0)
		(void)listed(b, n);
	for (size_t i = 0; i < b->n; i++)
		b->messages[i].listed = true;
	return (SP_OK);
}

/* A server that refuses LIST leaves the sizes unknown. */
enum sp_code
sp_pop3_list_mailbox(
    struct sp_pop3_mailbox *b, uint64_t *octets, struct sp_err *err)
{
	enum sp_code rc = count_messages(b, octets, err);
	uint64_t n = 0;

	if (rc == SP_OK)
		rc = list_uidls(b, err);
	if (rc == SP_OK)
		rc = sp_pop3_command(&b->c, "LIST", err);
	if (rc == SP_OK && sp_pop3_asks_for_patience(&b->c))
		rc = sp_pop3_refused(&b->c, "LIST", SP_PULL_THROTTLE, err);
	if (rc == SP_OK && b->c.reply.status == SP_POP3_OK)
		rc = sp_pop3_read_lines(&b->c, on_list, b, err);
	find_unnamed(b);
	for (size_t i = 0; i < b->n; i++)
		n += b->messages[i].listed;
	sp_pull_set_message_count(b->c.p, n);
	return (rc);
}

/* ---- what is to be fetched ---------------------------------------------- */

static bool
too_large(const struct sp_pop3_mailbox *b, size_t i)
{
	return (b->messages[i].size != SP_PULL_SIZE_UNKNOWN &&
		b->messages[i].size > sp_pull_conf(b->c.p)->max_message);
}

/* Decide when to fetch message ${i}, which is not in the archive; ${room}: how
 * many more this session may take. */
static void
choose_fetch(struct sp_pop3_mailbox *b, size_t i, size_t *room)
{
	const struct sp_pull_meta m = sp_pop3_meta(b, i);

	switch (sp_pull_turn(b->c.p, &m)) {
	case SP_PULL_LATER:
		return;
	case SP_PULL_LAST:
		b->messages[i].last = true;
		return;
	case SP_PULL_FIRST:
		break;
	}
	if (*room == 0) {
		b->room_short = true;
		sp_pull_want_another_session(b->c.p);
		return;
	}
	*room -= 1;
	b->messages[i].fetch = true;
}

/* Choose messages without a name, after all others and as long as there is
 * ${room}; once a visit.  Where mail stays on the server they are fetched at
 * every visit, and do not count, so that they keep no other message waiting. */
static void
choose_unnamed(struct sp_pop3_mailbox *b, size_t room)
{
	size_t plenty = SIZE_MAX;

	for (size_t i = 0; i < b->n && b->nunnamed > 0; i++) {
		const struct sp_pull_meta m = sp_pop3_meta(b, i);

		if (!b->messages[i].listed || !b->messages[i].unnamed)
			continue;
		if (too_large(b, i)) {
			sp_pull_skip(b->c.p, &m, "it is too large");
			continue;
		}
		if (sp_pull_skipped_slot(b->c.p, &m))
			continue;
		choose_fetch(b, i, b->deletes ? &room : &plenty);
		if (b->messages[i].fetch && sp_pull_unnamed_done(b->c.p))
			b->messages[i].fetch = false;
	}
}

/* Messages that are to come last wait for a session of their own, in which a
 * break costs nothing else, also no deletion. */
static void
put_last(struct sp_pop3_mailbox *b)
{
	bool busy = false, last = false, alone;

	for (size_t i = 0; i < b->n; i++) {
		busy |= b->messages[i].fetch || b->messages[i].dele;
		last |= b->messages[i].last;
	}
	if (!busy || !last)
		return;
	alone = sp_pull_last_alone(b->c.p);
	for (size_t i = 0; i < b->n; i++) {
		struct sp_pop3_message *m = &b->messages[i];

		m->fetch &= !alone;
		m->dele &= !alone;
		m->last &= alone;
	}
}

/* Known messages are only deleted, the others fetched; those that were skipped
 * before are left alone. */
void
sp_pop3_choose_messages(struct sp_pop3_mailbox *b)
{
	const struct sp_pull_conf *conf = sp_pull_conf(b->c.p);
	size_t room = conf->session_messages;

	for (size_t i = 0; i < b->n; i++) {
		struct sp_pull_meta m = sp_pop3_meta(b, i);

		if (!b->messages[i].listed || b->messages[i].unnamed)
			continue;
		bool known = sp_pull_match_listed(b->c.p, &m.id);

		if (sp_pull_skipped(b->c.p, &m.id))
			continue;
		if (!known && too_large(b, i)) {
			sp_pull_skip(b->c.p, &m, "it is too large");
			continue;
		}
		if (known && !b->deletes)
			continue;
		if (!known) {
			choose_fetch(b, i, &room);
		} else if (room == 0) {
			sp_pull_want_another_session(b->c.p);
		} else {
			room--;
			b->messages[i].dele = true;
		}
	}
	choose_unnamed(b, room);
	put_last(b);
	sp_pull_turns_complete(b->c.p);
	/* Those without a name were not matched yet: not complete. */
	if (b->nunnamed == 0)
		sp_pull_listing_complete(b->c.p);
}

/* Messages without a name cannot be matched with the archive, and the step
 * says so. */
enum sp_code
sp_pop3_report_mailbox(
    struct sp_pop3_mailbox *b, uint64_t octets, struct sp_err *err)
{
	uint64_t fresh = 0;
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < b->n; i++) {
		struct sp_pull_meta m = sp_pop3_meta(b, i);

		if (!b->messages[i].listed || b->messages[i].unnamed)
			continue;
		fresh += sp_pull_known(b->c.p, &m.id) == 0;
		rc = sp_pull_report_listed(b->c.p, &m, err);
	}
	if (rc == SP_OK && b->has_uidl)
		sp_pull_step(b->c.p, "mailbox", true,
		    "%zu messages, %" PRIu64 " bytes; %" PRIu64
		    " are not in the archive yet%s",
		    b->n, octets, fresh,
		    b->nunnamed == 0
			? ""
			: "; those without a UIDL of their own are fetched and compared");
	else if (rc == SP_OK)
		sp_pull_step(b->c.p, "mailbox", true,
		    "%zu messages, %" PRIu64
		    " bytes; the server has no UIDL: every message is fetched and compared",
		    b->n, octets);
	return (rc);
}

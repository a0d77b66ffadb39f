/*
 * A POP3 session: what is in the mailbox (STAT, UIDL, LIST) and what of it is
 * to be fetched and deleted.  pop3.c calls it once the session is logged in.
 *
 * The UIDL is the name of a message, and the archive knows which names it has.
 * Where the server has no UIDL, or gives the same one twice (RFC 1939 section
 * 7 allows a hash of the message), there is no such name: the message is
 * fetched each time and known by its SHA-256.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal/pull/pop3_priv.h"

static struct sp_view
uid_of(const struct sp_pop3_mailbox *b, size_t i)
{
	return (
	    sp_view_mem(b->uids.p + b->messages[i].uid, b->messages[i].uid_n));
}

struct sp_pull_meta
sp_pop3_meta(const struct sp_pop3_mailbox *b, size_t i)
{
	return ((struct sp_pull_meta){
	    .id.uid = uid_of(b, i), .size = b->messages[i].size, .tag = i });
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

/* A line of UIDL: the name of one message. */
static enum sp_code
on_uidl(void *ctx, struct sp_view line, struct sp_err *err)
{
	struct sp_pop3_mailbox *b = ctx;
	struct sp_view uid;
	uint64_t n;

	if (!sp_pop3_uidl(line, &n, &uid) || n == 0 || n > b->n)
		return (bad_line(b, "UIDL", line, err));
	b->messages[n - 1].uid = b->uids.n;
	b->messages[n - 1].uid_n = uid.n;
	if (sp_buf_addv(&b->uids, uid) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0, "too many UIDLs"));
	return (SP_OK);
}

/* A line of LIST: the size of one message. */
static enum sp_code
on_list(void *ctx, struct sp_view line, struct sp_err *err)
{
	struct sp_pop3_mailbox *b = ctx;
	uint64_t n, size;

	if (!sp_pop3_two_numbers(line, &n, &size) || n == 0 || n > b->n)
		return (bad_line(b, "LIST", line, err));
	b->messages[n - 1].size = size;
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
		if (b->messages[at[i]].uid_n > 0 &&
		    by_uid(&at[i - 1], &at[i], b) == 0)
			b->messages[at[i - 1]].shared =
			    b->messages[at[i]].shared = true;
	}
	for (size_t i = 0; i < b->n; i++)
		b->nshared += b->messages[i].shared;
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
	b->has_uidl = b->c.reply.status == SP_POP3_OK;
	if (b->has_uidl) {
		rc = sp_pop3_read_lines(&b->c, on_uidl, b, err);
		find_shared(b);
		return (rc);
	}
	if (conf->then == SP_PULL_KEEP)
		return (sp_pull_fail(b->c.p, SP_PULL_CONFIG, SP_EPERM, err,
		    "the server has no UIDL, so that mail left on it would be fetched again and again; expected after = delete"));
	return (SP_OK);
}

/* A server that refuses LIST leaves the sizes unknown. */
enum sp_code
sp_pop3_list_mailbox(
    struct sp_pop3_mailbox *b, uint64_t *octets, struct sp_err *err)
{
	enum sp_code rc = sp_pop3_command(&b->c, "STAT", err);
	uint64_t n = 0;

	if (rc != SP_OK)
		return (rc);
	if (b->c.reply.status != SP_POP3_OK)
		return (sp_pop3_refused(&b->c, "STAT", SP_PULL_NETWORK, err));
	if (!sp_pop3_two_numbers(b->c.reply.text, &n, octets) ||
	    n > SP_POP3_MESSAGES_MAX)
		return (bad_line(b, "STAT", b->c.reply.text, err));
	b->n = (size_t)n;
	b->messages = sp_xcalloc(b->n + 1, sizeof(*b->messages));
	for (size_t i = 0; i < b->n; i++)
		b->messages[i].size = SP_PULL_SIZE_UNKNOWN;
	sp_pull_set_message_count(b->c.p, n);
	rc = list_uidls(b, err);
	if (rc == SP_OK)
		rc = sp_pop3_command(&b->c, "LIST", err);
	if (rc == SP_OK && b->c.reply.status == SP_POP3_OK)
		rc = sp_pop3_read_lines(&b->c, on_list, b, err);
	return (rc);
}

/* ---- what is to be fetched ---------------------------------------------- */

static bool
too_large(const struct sp_pop3_mailbox *b, size_t i)
{
	return (b->messages[i].size != SP_PULL_SIZE_UNKNOWN &&
		b->messages[i].size > sp_pull_conf(b->c.p)->max_message);
}

bool
sp_pop3_has_name(const struct sp_pop3_mailbox *b, size_t i)
{
	return (b->has_uidl && !b->messages[i].shared);
}

/* Choose messages that share a UIDL, after all others and as long as there is
 * ${room}.  Where mail stays on the server they are fetched at every visit,
 * and do not count, so that they keep no other message waiting. */
static void
choose_shared(struct sp_pop3_mailbox *b, size_t room)
{
	for (size_t i = 0; i < b->n && b->nshared > 0; i++) {
		if (!b->messages[i].shared)
			continue;
		if (b->deletes && room == 0) {
			sp_pull_want_another_session(b->c.p);
			return;
		}
		room -= b->deletes;
		b->messages[i].fetch = true;
	}
}

/* Known messages are only deleted, the others fetched; those that were skipped
 * before, or that the server did not name, are left alone. */
void
sp_pop3_choose_messages(struct sp_pop3_mailbox *b)
{
	const struct sp_pull_conf *conf = sp_pull_conf(b->c.p);
	size_t room = conf->session_messages;

	for (size_t i = 0; i < b->n; i++) {
		struct sp_pull_meta m = sp_pop3_meta(b, i);

		if (b->messages[i].shared)
			continue;
		/* One that UIDL left out has no name: at the next visit. */
		bool known =
		    m.id.uid.n > 0 && sp_pull_match_listed(b->c.p, &m.id);

		if (b->has_uidl &&
		    (m.id.uid.n == 0 || sp_pull_skipped(b->c.p, &m.id)))
			continue;
		if (!known && too_large(b, i)) {
			sp_pull_skip(b->c.p, &m, "it is too large");
			continue;
		}
		if (known && !b->deletes)
			continue;
		if (room == 0) {
			sp_pull_want_another_session(b->c.p);
			continue;
		}
		room--;
		b->messages[i].dele = known;
		b->messages[i].fetch = !known;
	}
	choose_shared(b, room);
	/* Those without a name were not matched yet: not complete. */
	if (b->has_uidl && b->nshared == 0)
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

		if (!sp_pop3_has_name(b, i) || m.id.uid.n == 0)
			continue;
		fresh += sp_pull_known(b->c.p, &m.id) == 0;
		rc = sp_pull_report_listed(b->c.p, &m, err);
	}
	if (rc == SP_OK && b->has_uidl)
		sp_pull_step(b->c.p, "mailbox", true,
		    "%zu messages, %" PRIu64 " bytes; %" PRIu64
		    " are not in the archive yet%s",
		    b->n, octets, fresh,
		    b->nshared == 0
			? ""
			: "; those that share a UIDL are fetched and compared");
	else if (rc == SP_OK)
		sp_pull_step(b->c.p, "mailbox", true,
		    "%zu messages, %" PRIu64
		    " bytes; the server has no UIDL: every message is fetched and compared",
		    b->n, octets);
	return (rc);
}

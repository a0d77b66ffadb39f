/*
 * A POP3 session (RFC 1939), in order:
 *
 *	login - STAT, UIDL, LIST - RETR (pipelined) - the archive's answers -
 *	DELE of what is durable (pipelined) - QUIT
 *
 * DELE is sent only after every message of the session was answered by the
 * archive, and counts only once QUIT was answered +OK: a session that ends
 * otherwise has deleted nothing (section 6).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "journal/pull/pop3_priv.h"

#define WINDOW	 64 /* commands in flight */
#define UIDS_MAX ((size_t)512 << 20) /* bytes of all UIDLs */

struct message {
	uint64_t size; /* as LIST says */
	size_t uid, uid_n; /* in uids */
	bool shared; /* its UIDL is another message's, too */
	bool fetch, dele, gone;
};

struct box {
	struct sp_pop3 c;
	struct message *m;
	size_t n;
	struct sp_buf uids;
	bool have_uidl;
	size_t shared; /* messages without a UIDL of their own */
	bool clearing; /* messages are to be deleted */
	struct sp_buf one; /* a whole message, where its UIDL is no name */
};

static struct sp_view
uid_of(const struct box *b, size_t i)
{
	return (sp_view_mem(b->uids.p + b->m[i].uid, b->m[i].uid_n));
}

static struct sp_pull_meta
meta_of(const struct box *b, size_t i)
{
	return ((struct sp_pull_meta){
	    .id.uid = uid_of(b, i), .size = b->m[i].size, .tag = i });
}

/* ---- what is there ------------------------------------------------------ */

static enum sp_code
bad_line(
    struct box *b, const char *what, struct sp_view line, struct sp_err *err)
{
	return (sp_pull_fail(b->c.p, SP_PULL_NETWORK, SP_EFORMAT, err,
	    "%s: no line of it: %.*s", what, (int)(line.n > 100 ? 100 : line.n),
	    line.n > 0 ? line.p : ""));
}

static enum sp_code
on_uidl(void *ctx, struct sp_view line, struct sp_err *err)
{
	struct box *b = ctx;
	struct sp_view uid;
	uint64_t n;

	if (!sp_pop3_uidl(line, &n, &uid) || n == 0 || n > b->n)
		return (bad_line(b, "UIDL", line, err));
	b->m[n - 1].uid = b->uids.n;
	b->m[n - 1].uid_n = uid.n;
	if (sp_buf_addv(&b->uids, uid) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0, "too many UIDLs"));
	return (SP_OK);
}

static enum sp_code
on_list(void *ctx, struct sp_view line, struct sp_err *err)
{
	struct box *b = ctx;
	uint64_t n, size;

	if (!sp_pop3_two(line, &n, &size) || n == 0 || n > b->n)
		return (bad_line(b, "LIST", line, err));
	b->m[n - 1].size = size;
	return (SP_OK);
}

static int
by_uid(const void *x, const void *y, void *ctx)
{
	const struct box *b = ctx;
	const struct sp_view u = uid_of(b, *(const size_t *)x),
			     v = uid_of(b, *(const size_t *)y);

	if (u.n != v.n)
		return (u.n < v.n ? -1 : 1);
	return (u.n == 0 ? 0 : memcmp(u.p, v.p, u.n));
}

/* A UIDL that is there twice does not say which of the two the archive has. */
static void
find_shared(struct box *b)
{
	size_t *at = sp_xcalloc(b->n + 1, sizeof(*at));

	for (size_t i = 0; i < b->n; i++)
		at[i] = i;
	qsort_r(at, b->n, sizeof(*at), by_uid, b);
	for (size_t i = 1; i < b->n; i++) {
		if (b->m[at[i]].uid_n > 0 && by_uid(&at[i - 1], &at[i], b) == 0)
			b->m[at[i - 1]].shared = b->m[at[i]].shared = true;
	}
	for (size_t i = 0; i < b->n; i++)
		b->shared += b->m[i].shared;
	free(at);
}

static enum sp_code
uidls(struct box *b, struct sp_err *err)
{
	const struct sp_pull_conf *conf = sp_pull_conf(b->c.p);
	enum sp_code rc = sp_pop3_ask(&b->c, "UIDL", err);

	if (rc != SP_OK)
		return (rc);
	b->have_uidl = b->c.reply.status == SP_POP3_OK;
	if (b->have_uidl) {
		rc = sp_pop3_lines(&b->c, on_uidl, b, err);
		find_shared(b);
		return (rc);
	}
	if (conf->then == SP_PULL_KEEP)
		return (sp_pull_fail(b->c.p, SP_PULL_CONFIG, SP_EPERM, err,
		    "the server has no UIDL, so that mail left on it would be fetched again and again; expected after = delete"));
	return (SP_OK);
}

static enum sp_code
look(struct box *b, uint64_t *octets, struct sp_err *err)
{
	enum sp_code rc = sp_pop3_ask(&b->c, "STAT", err);
	uint64_t n = 0;

	if (rc != SP_OK)
		return (rc);
	if (b->c.reply.status != SP_POP3_OK)
		return (sp_pop3_no(&b->c, "STAT", SP_PULL_NETWORK, err));
	if (!sp_pop3_two(b->c.reply.text, &n, octets) ||
	    n > SP_POP3_MESSAGES_MAX)
		return (bad_line(b, "STAT", b->c.reply.text, err));
	b->n = (size_t)n;
	b->m = sp_xcalloc(b->n + 1, sizeof(*b->m));
	for (size_t i = 0; i < b->n; i++)
		b->m[i].size = SP_PULL_SIZE_UNKNOWN;
	sp_pull_there(b->c.p, n);
	rc = uidls(b, err);
	if (rc == SP_OK)
		rc = sp_pop3_ask(&b->c, "LIST", err);
	if (rc == SP_OK && b->c.reply.status == SP_POP3_OK)
		rc = sp_pop3_lines(&b->c, on_list, b, err);
	return (rc);
}

/* ---- what is to be done ------------------------------------------------- */

static bool
too_large(const struct box *b, size_t i)
{
	return (b->m[i].size != SP_PULL_SIZE_UNKNOWN &&
		b->m[i].size > sp_pull_conf(b->c.p)->max_message);
}

/* Whether the UIDL is the name of the message. */
static bool
named(const struct box *b, size_t i)
{
	return (b->have_uidl && !b->m[i].shared);
}

/* Those that share a UIDL are fetched and known by their bytes; where they
 * stay on the server that is each time, and keeps no other waiting. */
static void
plan_shared(struct box *b, size_t room)
{
	for (size_t i = 0; i < b->n && b->shared > 0; i++) {
		if (!b->m[i].shared)
			continue;
		if (b->clearing && room == 0) {
			sp_pull_again(b->c.p);
			return;
		}
		room -= b->clearing;
		b->m[i].fetch = true;
	}
}

/* Messages up to the limit of a session are marked; the rest waits. */
static void
plan(struct box *b)
{
	const struct sp_pull_conf *conf = sp_pull_conf(b->c.p);
	size_t room = conf->session_messages;

	for (size_t i = 0; i < b->n; i++) {
		struct sp_pull_meta m = meta_of(b, i);

		if (b->m[i].shared)
			continue;
		/* One that the listing left out has no name: next time. */
		bool known = m.id.uid.n > 0 && sp_pull_seen(b->c.p, &m.id);

		if (b->have_uidl &&
		    (m.id.uid.n == 0 || sp_pull_skipped(b->c.p, &m.id)))
			continue;
		if (!known && too_large(b, i)) {
			sp_pull_skip(b->c.p, &m, "it is too large");
			continue;
		}
		if (known && !b->clearing)
			continue;
		if (room == 0) {
			sp_pull_again(b->c.p);
			continue;
		}
		room--;
		b->m[i].dele = known;
		b->m[i].fetch = !known;
	}
	plan_shared(b, room);
	/* What is known by its bytes was not seen yet. */
	if (b->have_uidl && b->shared == 0)
		sp_pull_listing_complete(b->c.p);
}

static enum sp_code
only_look(struct box *b, uint64_t octets, struct sp_err *err)
{
	uint64_t fresh = 0;
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < b->n; i++) {
		struct sp_pull_meta m = meta_of(b, i);

		if (!named(b, i) || m.id.uid.n == 0)
			continue;
		fresh += sp_pull_known(b->c.p, &m.id) == 0;
		rc = sp_pull_listed(b->c.p, &m, err);
	}
	if (rc == SP_OK && b->have_uidl)
		sp_pull_step(b->c.p, "mailbox", true,
		    "%zu messages, %" PRIu64 " bytes; %" PRIu64
		    " are not in the archive yet%s",
		    b->n, octets, fresh,
		    b->shared == 0
			? ""
			: "; those that share a UIDL are fetched and compared");
	else if (rc == SP_OK)
		sp_pull_step(b->c.p, "mailbox", true,
		    "%zu messages, %" PRIu64
		    " bytes; the server has no UIDL: every message is fetched and compared",
		    b->n, octets);
	return (rc);
}

/* ---- RETR --------------------------------------------------------------- */

static enum sp_code
keep_piece(struct box *b, struct sp_view piece, bool *whole)
{
	if (*whole && (b->one.n + piece.n > b->one.max ||
			  sp_buf_addv(&b->one, piece) != SP_OK))
		*whole = false;
	return (SP_OK);
}

/* The bytes of one message, to the engine or (without a name) to b->one. */
static enum sp_code
read_body(struct box *b, size_t i, bool *whole, struct sp_err *err)
{
	struct sp_pop3_body body = { SP_POP3_LINE };
	struct sp_view in, piece;
	enum sp_code rc = SP_OK;
	bool more = true;

	while (rc == SP_OK && more) {
		rc = sp_stream_peek(b->c.s, &in, err);
		if (rc != SP_OK)
			return (rc);
		const size_t had = in.n;

		while (rc == SP_OK && more && in.n > 0) {
			more = sp_pop3_body(&body, &in, &piece);
			if (piece.n == 0)
				continue;
			rc = named(b, i) ? sp_pull_data(b->c.p, piece, err)
					 : keep_piece(b, piece, whole);
		}
		sp_stream_take(b->c.s, had - in.n);
	}
	return (rc);
}

/* Without a UIDL of its own a message is known by its bytes. */
static enum sp_code
take_by_digest(struct box *b, size_t i, bool whole, struct sp_err *err)
{
	struct sp_pull_meta m = meta_of(b, i);
	char name[8 + 2 * SP_SHA256_LEN] = "sha256-";
	uint8_t digest[SP_SHA256_LEN];
	enum sp_code rc;

	sp_sha256_once(b->one.p == NULL ? "" : b->one.p, b->one.n, digest);
	sp_hex_encode(digest, sizeof(digest), name + 7);
	m.id.uid = sp_view_str(name);
	b->m[i].uid = b->uids.n;
	b->m[i].uid_n = m.id.uid.n;
	if (sp_buf_addv(&b->uids, m.id.uid) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0, "too many messages"));
	if (!whole) {
		sp_pull_skip(b->c.p, &m, "it is too large");
		return (SP_OK);
	}
	b->m[i].dele = sp_pull_seen(b->c.p, &m.id);
	if (b->m[i].dele)
		return (SP_OK);
	rc = sp_pull_begin(b->c.p, &m, err);
	if (rc == SP_OK)
		rc = sp_pull_data(b->c.p, sp_buf_view(&b->one), err);
	return (rc == SP_OK ? sp_pull_end(b->c.p, err) : rc);
}

static enum sp_code
receive(struct box *b, size_t i, struct sp_err *err)
{
	struct sp_pull_meta m = meta_of(b, i);
	bool whole = true;
	enum sp_code rc = sp_pop3_get(&b->c, err);

	if (rc != SP_OK)
		return (rc);
	if (b->c.reply.status != SP_POP3_OK) {
		if (b->c.reply.code == SP_POP3_SYS_TEMP)
			return (
			    sp_pop3_no(&b->c, "RETR", SP_PULL_NETWORK, err));
		/* It is asked for again in the next visit. */
		sp_pull_note(b->c.p,
		    "the server does not give message %zu (UIDL %.*s): %.*s",
		    i + 1, (int)m.id.uid.n, m.id.uid.n > 0 ? m.id.uid.p : "",
		    (int)(b->c.reply.text.n > 200 ? 200 : b->c.reply.text.n),
		    b->c.reply.text.n > 0 ? b->c.reply.text.p : "");
		return (SP_OK);
	}
	if (!named(b, i)) {
		sp_buf_clear(&b->one);
		rc = read_body(b, i, &whole, err);
		return (rc == SP_OK ? take_by_digest(b, i, whole, err) : rc);
	}
	rc = sp_pull_begin(b->c.p, &m, err);
	if (rc == SP_OK)
		rc = read_body(b, i, &whole, err);
	return (rc == SP_OK ? sp_pull_end(b->c.p, err) : rc);
}

/* Send "${verb} n" for messages that ${want} and read the replies, some in
 * flight where the server can take that. */
static enum sp_code
pipeline(struct box *b, const char *verb, bool (*want)(const struct message *),
    enum sp_code (*got)(struct box *b, size_t i, struct sp_err *err),
    struct sp_err *err)
{
	const size_t window = b->c.caps.pipelining ? WINDOW : 1;
	size_t next = 0, at = 0, flying = 0;
	enum sp_code rc = SP_OK;
	struct sp_buf out;

	sp_buf_init(&out, 64u << 10);
	while (rc == SP_OK) {
		sp_buf_clear(&out);
		/* Half a window at a time: fewer, larger packets. */
		for (; next < b->n && flying < window &&
		       (flying == 0 || out.n > 0 || flying <= window / 2);
		     next++) {
			if (!want(&b->m[next]))
				continue;
			rc = sp_buf_addf(&out, "%s %zu\r\n", verb, next + 1);
			flying++;
		}
		if (rc == SP_OK && out.n > 0)
			rc = sp_stream_write(b->c.s, out.p, out.n, err);
		if (rc != SP_OK || flying == 0)
			break;
		while (!want(&b->m[at]))
			at++;
		rc = got(b, at++, err);
		flying--;
	}
	sp_buf_done(&out);
	return (rc);
}

static bool
wants_fetch(const struct message *m)
{
	return (m->fetch);
}

/* ---- DELE and QUIT ------------------------------------------------------ */

static bool
wants_dele(const struct message *m)
{
	return (m->dele);
}

static enum sp_code
deleted(struct box *b, size_t i, struct sp_err *err)
{
	enum sp_code rc = sp_pop3_get(&b->c, err);

	/* What the server does not want to delete stays; it is archived. */
	b->m[i].gone = rc == SP_OK && b->c.reply.status == SP_POP3_OK;
	return (rc);
}

static enum sp_code
quit(struct box *b, struct sp_err *err)
{
	enum sp_code rc = sp_pop3_ask(&b->c, "QUIT", err);
	bool any = false;

	for (size_t i = 0; i < b->n; i++)
		any |= b->m[i].gone;
	if (!any) {
		/* Nothing was at stake. */
		return (rc == SP_EINTERRUPT ? rc : SP_OK);
	}
	if (rc != SP_OK)
		return (rc);
	if (b->c.reply.status != SP_POP3_OK) {
		sp_pull_note(b->c.p,
		    "the server did not delete all that it was told to; it will be told again");
		return (SP_OK);
	}
	for (size_t i = 0; i < b->n; i++) {
		struct sp_pull_meta m = meta_of(b, i);

		if (b->m[i].gone)
			sp_pull_gone(b->c.p, &m.id);
	}
	return (SP_OK);
}

static enum sp_code
fetch(struct box *b, struct sp_err *err)
{
	enum sp_code rc;
	uint64_t tag;

	plan(b);
	rc = pipeline(b, "RETR", wants_fetch, receive, err);
	if (rc == SP_OK)
		rc = sp_pull_flush(b->c.p, err);
	while (rc == SP_OK && sp_pull_next_durable(b->c.p, &tag)) {
		if (b->clearing && tag < b->n)
			b->m[tag].dele = true;
	}
	if (rc == SP_OK && b->clearing)
		rc = pipeline(b, "DELE", wants_dele, deleted, err);
	return (rc);
}

enum sp_code
sp_pop3_session(struct sp_pull *p, struct sp_stream *s, struct sp_err *err)
{
	struct box b = { .c = { .p = p, .s = s } };
	uint64_t octets = 0;
	enum sp_code rc;

	b.clearing = sp_pull_conf(p)->then == SP_PULL_DELETE;
	sp_buf_init(&b.uids, UIDS_MAX);
	sp_buf_init(&b.one, sp_pull_conf(p)->max_message);
	rc = sp_pop3_login(&b.c, err);
	if (rc == SP_OK)
		rc = look(&b, &octets, err);
	if (rc == SP_OK)
		rc = sp_pull_mode(p) == SP_PULL_FETCH
			 ? fetch(&b, err)
			 : only_look(&b, octets, err);
	/* Otherwise the connection is dropped: nothing is deleted. */
	if (rc == SP_OK)
		rc = quit(&b, err);
	free(b.m);
	sp_buf_done(&b.uids);
	sp_buf_done(&b.one);
	return (rc);
}

/*
 * A POP3 session: the content of messages (RETR).  pop3.c calls sp_pop3_fetch()
 * once it is chosen what is wanted.  A message:
 *
 *	asked --(+OK, bytes, dot)--> open --(the next reply)--> ended
 *	  |                            '--(no reply: rest of it)--> ended, out of
 *	  |                                                step: session over
 *	  '--(-ERR)--> missing         '--(not whole)--> asked once more, alone
 *
 * A message of exactly the announced size is ended at once.  Another one stays
 * open until the next reply was read, NOOP's if there is nothing else: a server
 * that does not double dots ends a message at a line with a dot alone, and what
 * is left of it must not be read as replies.  That rest may look like replies
 * ("+OK"), messages and all.  So behind a message whose size does not agree
 * with what was announced, answers to commands that were sent ahead are passed
 * over, and asked for again, and the next reply that counts is one that the
 * sender of the message cannot know: that of "UIDL n", or of "LIST n".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "journal/pull/pop3_priv.h"
#include "journal/pull/whole.h"

/* Bytes of a message beyond max_message that are read, and dropped, so that the
 * session can go on behind it. */
#define DRAIN_MAX ((uint64_t)64 << 20)

/* Append a piece to b->whole; where it does not fit, ${fits} is false, and
 * the rest of the message is only read. */
static enum sp_code
append_piece(struct sp_pop3_mailbox *b, struct sp_view piece)
{
	if (b->open.fits && (b->whole.n + piece.n > b->whole.max ||
				sp_buf_addv(&b->whole, piece) != SP_OK))
		b->open.fits = false;
	return (SP_OK);
}

static uint64_t
count_lines(struct sp_view v)
{
	uint64_t n = 0;

	for (const char *lf; (lf = memchr(v.p, '\n', v.n)) != NULL; n++)
		v = sp_view_mem(lf + 1, v.n - (size_t)(lf + 1 - v.p));
	return (n);
}

/* Read the content of message ${i} to its end: to the engine, or into b->whole
 * where the message has no name yet. */
static enum sp_code
read_body(struct sp_pop3_mailbox *b, size_t i, struct sp_err *err)
{
	struct sp_pop3_body body = { .at = SP_POP3_LINE_START,
		.keep_dots = b->messages[i].keep_dots };
	const uint64_t max = sp_pull_conf(b->c.p)->max_message;
	struct sp_view in, piece;
	enum sp_code rc = SP_OK;
	bool more = true;

	while (rc == SP_OK && more) {
		rc = sp_stream_peek(b->c.s, &in, err);
		if (rc != SP_OK)
			return (rc);
		const size_t before = in.n;

		while (rc == SP_OK && more && in.n > 0) {
			more = sp_pop3_body(&body, &in, &piece);
			if (piece.n == 0)
				continue;
			b->open.got += piece.n;
			b->open.lines += count_lines(piece);
			if (b->open.got > max && b->open.got - max > DRAIN_MAX)
				return (sp_pull_fail(b->c.p, SP_PULL_NETWORK,
				    SP_ELIMIT, err,
				    "the server sends far more than max_message = %" PRIu64
				    " bytes",
				    max));
			rc = b->messages[i].unnamed
				 ? append_piece(b, piece)
				 : sp_pull_data(b->c.p, piece, err);
		}
		sp_stream_consume(b->c.s, before - in.n);
	}
	b->open.dots = body.dots;
	b->open.single = body.single;
	return (rc);
}

/* Whether just the dots that were taken off are missing from what was announced,
 * and one of them cannot have been doubled: then the server does not double them,
 * and they are the message's. */
static bool
lacks_its_dots(const struct sp_pop3_mailbox *b, size_t i)
{
	return (!b->messages[i].keep_dots && b->open.single > 0 &&
		b->open.got + b->open.dots == b->messages[i].size);
}

static bool
is_few(uint64_t a, uint64_t b)
{
	return ((a < b ? b - a : a - b) <= SP_WHOLE_FEW);
}

/* Whether message ${i}, which came to its end, has not the size that was
 * announced, line ends counted as one byte or two.  (The engine judges it; this
 * is about what stands behind it.) */
static bool
is_doubted(const struct sp_pop3_mailbox *b, size_t i)
{
	const uint64_t size = b->messages[i].size;

	return (size == SP_PULL_SIZE_UNKNOWN ||
		!(is_few(b->open.got, size) ||
		    is_few(b->open.got - b->open.lines, size)));
}

/* ---- the end of a message ------------------------------------------------ */

/* Do what the engine says of message ${i}, which it was given. */
static void
heed_fate(struct sp_pop3_mailbox *b, size_t i)
{
	const enum sp_pull_fate fate = sp_pull_fate(b->c.p);

	b->messages[i].again = fate == SP_PULL_FETCH_AGAIN;
	if (fate == SP_PULL_ARCHIVED)
		b->messages[i].dele = b->deletes;
}

/* Message ${i} has no UIDL of its own, and is in b->whole: its SHA-256 becomes
 * its name, and it goes to the engine.  What the archive has is marked for
 * DELE. */
static enum sp_code
end_unnamed(
    struct sp_pop3_mailbox *b, size_t i, bool out_of_step, struct sp_err *err)
{
	struct sp_pull_meta m = sp_pop3_meta(b, i);
	char name[8 + 2 * SP_SHA256_LEN] = "sha256-";
	uint8_t digest[SP_SHA256_LEN];
	enum sp_code rc;

	if (!b->open.fits) {
		sp_pull_skip(b->c.p, &m, "it is too large");
		return (SP_OK);
	}
	sp_sha256_once(
	    b->whole.p == NULL ? "" : b->whole.p, b->whole.n, digest);
	sp_hex_encode(digest, sizeof(digest), name + 7);
	m.id.uid = sp_view_str(name);
	/* Once for each message: this may be the second fetch of it. */
	m.verify =
	    (b->messages[i].matched &&
		sp_view_eq_str(sp_view_mem(b->uids.p + b->messages[i].uid,
				   b->messages[i].uid_n),
		    name)) ||
	    sp_pull_match_listed(b->c.p, &m.id);
	b->messages[i].matched = m.verify;
	b->messages[i].uid = b->uids.n;
	b->messages[i].uid_n = m.id.uid.n;
	if (sp_buf_addv(&b->uids, m.id.uid) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0, "too many messages"));
	/* The engine judges also what the archive has: the server may have given
	 * another message, or only its beginning. */
	rc = sp_pull_begin(b->c.p, &m, err);
	if (rc == SP_OK)
		rc = sp_pull_data(b->c.p, sp_buf_view(&b->whole), err);
	if (rc == SP_OK && out_of_step)
		sp_pull_out_of_step(b->c.p);
	if (rc == SP_OK)
		rc = sp_pull_end(b->c.p, err);
	if (rc == SP_OK)
		heed_fate(b, i);
	return (rc);
}

/* End the message that is open, if one is.  ${out_of_step}: what came behind
 * it was no reply. */
static enum sp_code
end_open(struct sp_pop3_mailbox *b, bool out_of_step, struct sp_err *err)
{
	const size_t i = b->open.i;
	enum sp_code rc;

	if (!b->open.any)
		return (SP_OK);
	b->open.any = false;
	if (b->messages[i].unnamed)
		return (end_unnamed(b, i, out_of_step, err));
	if (out_of_step)
		sp_pull_out_of_step(b->c.p);
	rc = sp_pull_end(b->c.p, err);
	if (rc == SP_OK)
		heed_fate(b, i);
	return (rc);
}

/* The next reply came with ${rc}, and with it the end of the message that is
 * open.  Where it is no reply the session is over: the rest of that message must
 * not be taken for replies. */
static enum sp_code
on_next_reply(struct sp_pop3_mailbox *b, enum sp_code rc, struct sp_err *err)
{
	struct sp_err why = { .msg = "" };
	/* Nor does a doubted one count where the answer behind it stays away. */
	const bool out_of_step =
	    b->open.any && (rc == SP_EFORMAT || rc == SP_ELIMIT ||
			       (b->open.doubted && rc != SP_OK));
	const size_t i = b->open.i;
	enum sp_code ended;

	if (rc != SP_OK)
		why = *err;
	if (out_of_step) {
		const struct sp_pull_meta m = sp_pop3_meta(b, i);

		sp_pull_asking(b->c.p, &m);
	}
	ended = end_open(b, out_of_step, err);
	if (rc == SP_OK || ended != SP_OK)
		return (ended);
	*err = why;
	if (out_of_step)
		return (sp_err_prefix(err,
		    "the server's answers are out of step behind a message; it may not double the dots of its lines"));
	return (rc);
}

static enum sp_code
read_reply(struct sp_pop3_mailbox *b, struct sp_err *err)
{
	return (on_next_reply(b, sp_pop3_read_reply(&b->c, err), err));
}

/* Whether the last reply is "+OK ${i + 1} WORD" with the UIDL or, ${by_size},
 * the size that the listing of this session has. */
static bool
is_listed_reply(const struct sp_pop3_mailbox *b, size_t i, bool by_size)
{
	struct sp_view text = b->c.reply.text;
	uint64_t n, size;

	if (b->c.reply.status != SP_POP3_OK || !sp_pop3_number(&text, &n) ||
	    n != i + 1)
		return (false);
	if (by_size)
		return (sp_pop3_number(&text, &size) &&
			size == b->messages[i].size);
	return (sp_view_eq(sp_view_trim(text),
	    sp_view_mem(b->uids.p + b->messages[i].uid, b->messages[i].uid_n)));
}

/* Behind the doubted message that is open: ask what its sender cannot know. */
static enum sp_code
probe(struct sp_pop3_mailbox *b, struct sp_err *err)
{
	const size_t i = b->open.i;
	const bool by_size = b->messages[i].unnamed;
	char line[32];
	enum sp_code rc;

	(void)snprintf(
	    line, sizeof(line), "%s %zu", by_size ? "LIST" : "UIDL", i + 1);
	rc = sp_pop3_send_line(&b->c, line, err);
	if (rc == SP_OK)
		rc = sp_pop3_read_reply(&b->c, err);
	if (rc == SP_OK && !is_listed_reply(b, i, by_size))
		rc = sp_pull_fail(b->c.p, SP_PULL_NETWORK, SP_EFORMAT, err,
		    "this is no answer to %s: %.*s", line,
		    (int)(b->c.reply.line.n > 100 ? 100 : b->c.reply.line.n),
		    b->c.reply.line.p);
	return (on_next_reply(b, rc, err));
}

/* Have the message that is open ended.  Without a UIDL and a size there is
 * nothing to probe with. */
static enum sp_code
settle(struct sp_pop3_mailbox *b, struct sp_err *err)
{
	const struct sp_pop3_message *m = &b->messages[b->open.i];
	enum sp_code rc;

	sp_pull_asking(b->c.p, NULL);
	if (!b->open.any)
		return (SP_OK);
	if (b->open.doubted &&
	    !(m->unnamed && m->size == SP_PULL_SIZE_UNKNOWN)) {
		const struct sp_pull_meta meta = sp_pop3_meta(b, b->open.i);

		sp_pull_asking(b->c.p, &meta);
		rc = probe(b, err);
		if (rc == SP_OK)
			sp_pull_asking(b->c.p, NULL);
	} else {
		rc = sp_pop3_send_line(&b->c, "NOOP", err);
		if (rc == SP_OK)
			rc = read_reply(b, err);
	}
	b->open.doubted = false;
	return (rc);
}

/* An answer to a command that was sent before the message that is open was
 * doubted, or a part of that message: it is not taken. */
static enum sp_code
pass_over(struct sp_pop3_mailbox *b, struct sp_err *err)
{
	const struct sp_pull_meta m = sp_pop3_meta(b, b->open.i);
	struct sp_pop3_body body = { .at = SP_POP3_LINE_START };
	struct sp_view in, piece;
	enum sp_code rc;
	bool more;

	sp_pull_asking(b->c.p, &m);
	rc = sp_pop3_read_reply(&b->c, err);
	if (rc != SP_OK)
		return (on_next_reply(b, rc, err));
	more = b->c.reply.status == SP_POP3_OK;
	while (rc == SP_OK && more) {
		rc = sp_stream_peek(b->c.s, &in, err);
		if (rc != SP_OK)
			break;
		const size_t before = in.n;

		while (more && in.n > 0)
			more = sp_pop3_body(&body, &in, &piece);
		sp_stream_consume(b->c.s, before - in.n);
	}
	return (rc);
}

/* ---- RETR ---------------------------------------------------------------- */

/* The server does not give message ${i}. */
static enum sp_code
refused(struct sp_pop3_mailbox *b, size_t i, struct sp_err *err)
{
	const struct sp_pull_meta m = sp_pop3_meta(b, i);
	struct sp_view text = b->c.reply.line;
	char *why;

	if (sp_pop3_asks_for_patience(&b->c)) {
		sp_pull_asking(b->c.p, NULL);
		return (sp_pop3_refused(&b->c, "RETR", SP_PULL_THROTTLE, err));
	}
	if (text.n > 200)
		text.n = 200;
	why = sp_xasprintf("the server does not give message %zu: %.*s", i + 1,
	    (int)text.n, text.p);
	sp_pull_missing(b->c.p, &m, why);
	free(why);
	return (SP_OK);
}

/* "+OK 120 octets": the size of message ${i} where LIST has none. */
static void
note_octets(struct sp_pop3_mailbox *b, size_t i)
{
	struct sp_view text = b->c.reply.text;
	uint64_t n;

	if (b->messages[i].size == SP_PULL_SIZE_UNKNOWN &&
	    sp_pop3_number(&text, &n) && sp_view_istarts(text, "octets"))
		b->messages[i].size = n;
}

/* The reply to RETR of message ${i}: its content to the engine. */
static enum sp_code
on_retr_reply(struct sp_pop3_mailbox *b, size_t i, struct sp_err *err)
{
	struct sp_pull_meta m = sp_pop3_meta(b, i);
	enum sp_code rc;

	if (b->open.any && b->open.doubted)
		return (pass_over(b, err));
	sp_pull_asking(b->c.p, &m);
	rc = read_reply(b, err);
	if (rc != SP_OK)
		return (rc);
	b->messages[i].asked = true;
	if (b->c.reply.status != SP_POP3_OK)
		return (refused(b, i, err));
	note_octets(b, i);
	b->messages[i].again = false;
	b->open = (struct sp_pop3_open){ .i = i, .fits = true };
	sp_buf_clear(&b->whole);
	m = sp_pop3_meta(b, i);
	if (!b->messages[i].unnamed)
		rc = sp_pull_begin(b->c.p, &m, err);
	if (rc == SP_OK)
		rc = read_body(b, i, err);
	if (rc == SP_OK && lacks_its_dots(b, i)) {
		sp_pull_abort(b->c.p);
		b->messages[i].again = b->messages[i].keep_dots = true;
		return (SP_OK);
	}
	b->open.any = rc == SP_OK;
	/* All of it, whatever comes next. */
	if (rc == SP_OK && b->open.got == b->messages[i].size)
		return (end_open(b, false, err));
	b->open.doubted = rc == SP_OK && is_doubted(b, i);
	/* Nothing is ahead of it: the others can go on. */
	if (b->open.doubted && sp_pop3_window(b) == 1)
		return (settle(b, err));
	b->one_by_one |= b->open.doubted;
	return (rc);
}

/* Fetch message ${i} alone: nothing else is asked for before it is ended.  If
 * the session breaks, it breaks at it. */
static enum sp_code
fetch_alone(struct sp_pop3_mailbox *b, size_t i, struct sp_err *err)
{
	char line[32];
	struct sp_pull_meta m = sp_pop3_meta(b, i);
	enum sp_code rc;

	(void)snprintf(line, sizeof(line), "RETR %zu", i + 1);
	sp_pull_asking(b->c.p, &m);
	rc = sp_pop3_send_line(&b->c, line, err);
	if (rc == SP_OK)
		rc = on_retr_reply(b, i, err);
	return (rc == SP_OK ? settle(b, err) : rc);
}

static bool
wants_fetch(const struct sp_pop3_message *m)
{
	return (m->fetch && !m->asked);
}

/* Those that are to come last are alone in their session (put_last() of
 * pop3_list.c). */
enum sp_code
sp_pop3_fetch(struct sp_pop3_mailbox *b, struct sp_err *err)
{
	struct sp_err unwanted;
	enum sp_code rc = SP_OK;

	if (err == NULL)
		err = &unwanted; /* what it says is repeated */
	/* Once more for what was passed over behind a doubted message, then one
	 * by one. */
	for (int k = 0; rc == SP_OK && k < 2; k++) {
		rc = sp_pop3_pipeline(b, "RETR", sp_pop3_window(b), wants_fetch,
		    on_retr_reply, err);
		if (rc == SP_OK)
			rc = settle(b, err);
	}
	if (rc == SP_OK && !b->room_short)
		sp_pull_set_unnamed_done(b->c.p);
	for (size_t i = 0; rc == SP_OK && i < b->n; i++) {
		if (b->messages[i].last)
			rc = fetch_alone(b, i, err);
		/* Once for the dots, once for the engine. */
		for (int k = 0; rc == SP_OK && b->messages[i].again && k < 2;
		     k++)
			rc = fetch_alone(b, i, err);
	}
	if (rc == SP_OK)
		sp_pull_asking(b->c.p, NULL);
	return (rc);
}

/* DATA and BDAT: the bytes of a message up to the commit, and its answer. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/enc.h"
#include "journal/smtp/session_priv.h"

static void
begin(struct sp_session *s, bool raw)
{
	sp_data_init(&s->data, raw);
	sp_store_begin(&s->store, s->declared);
	s->started = true;
	s->wire = 0;
	s->verdict = SP_REPLY_NONE;
}

/* Keep content; once something is wrong the rest is only counted. */
static void
content(struct sp_session *s, const char *p, size_t n)
{
	struct sp_err err;
	enum sp_code rc;

	if (s->verdict != SP_REPLY_NONE)
		return;
	if (n > s->env->cfg->max_message - s->store.size) {
		s->verdict = SP_REPLY_TOO_BIG;
		sp_store_reset(&s->store);
		return;
	}
	rc = sp_store_add(&s->store, p, n, &err);
	if (rc == SP_OK)
		return;
	s->verdict = sp_reply_of_code(rc);
	sp_store_reset(&s->store);
	sp_session_fault(s, &err);
}

static size_t
feed(struct sp_session *s, char *p, size_t n, bool *end)
{
	struct sp_data_run run;

	sp_data_feed(&s->data, p, n, &run);
	if (run.cr)
		content(s, "\r", 1);
	if (run.n > 0)
		content(s, run.p, run.n);
	s->wire += run.used;
	*end = run.end;
	return (run.used);
}

/* The transaction is over; what comes next. */
static void
next(struct sp_session *s, struct sp_buf *out)
{
	sp_session_reset(s);
	sp_claim_clear(&s->xforward);
	if (s->mode == SP_MODE_CLOSED)
		return;
	s->mode = SP_MODE_COMMAND;
	if (s->draining)
		sp_session_close(s, SP_REPLY_CLOSING, out);
}

/* All bytes are here: refuse, or let the owner commit. */
static void
finish(struct sp_session *s, struct sp_buf *out)
{
	struct sp_err err;
	enum sp_code rc;

	sp_data_finish(&s->data);
	if (s->verdict == SP_REPLY_NONE && s->data.bare_lf > 0 &&
	    s->env->cfg->bare_newline == SP_BARE_REJECT &&
	    s->body != SP_BODY_BINARY) {
		sp_session_reply_all(s, SP_REPLY_BARE_LF, out);
		sp_session_reset(s);
		s->mode = SP_MODE_CLOSED;
		return;
	}
	if (s->verdict == SP_REPLY_NONE) {
		rc = sp_session_build(s);
		if (rc == SP_OK) {
			s->mode = SP_MODE_COMMIT;
			return;
		}
		s->verdict = sp_reply_of_code(rc);
		(void)sp_err_set(&err, rc, 0,
		    "the facts of the message do not fit into a record");
		sp_session_fault(s, &err);
	}
	sp_session_reply_all(s, s->verdict, out);
	next(s, out);
}

/* ---- DATA ----------------------------------------------------------- */

static enum sp_reply
need_rcpt(const struct sp_session *s)
{
	if (s->phase < SP_PHASE_READY)
		return (SP_REPLY_NEED_HELO);
	if (s->phase < SP_PHASE_MAIL)
		return (SP_REPLY_NEED_MAIL);
	/* Over LMTP it must be 503 (RFC 2033 section 4.2). */
	if (s->phase == SP_PHASE_MAIL)
		return (s->rcpt_tried > 0 && !sp_session_lmtp(s)
			    ? SP_REPLY_NO_RCPT
			    : SP_REPLY_NEED_RCPT);
	return (SP_REPLY_NONE);
}

void
sp_session_data(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	enum sp_reply bad = need_rcpt(s);

	if (s->phase == SP_PHASE_BROKEN)
		bad = SP_REPLY_BROKEN;
	else if (s->phase == SP_PHASE_BDAT)
		bad = SP_REPLY_IN_BDAT;
	else if (s->env->door)
		bad = SP_REPLY_USE_BDAT;
	else if (arg.n > 0)
		bad = SP_REPLY_ARGUMENT;
	else if (bad == SP_REPLY_NONE && s->body == SP_BODY_BINARY)
		bad = SP_REPLY_BINARY_DATA;
	if (bad != SP_REPLY_NONE) {
		sp_session_reply(s, bad, out);
		return;
	}
	begin(s, false);
	s->mode = SP_MODE_DATA;
	sp_session_reply(s, SP_REPLY_GO, out);
}

size_t
sp_session_take_data(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	size_t used;
	bool end;

	used = feed(s, p, n, &end);
	if (!end)
		return (used);
	s->commands++;
	s->more = used < n;
	/* Without EHLO nothing may come before our reply: a smuggler. */
	if (s->more && !s->extended)
		sp_session_close(s, SP_REPLY_EARLY, out);
	else
		finish(s, out);
	return (used);
}

/* ---- BDAT ----------------------------------------------------------- */

static void
chunk_failed(struct sp_session *s, enum sp_reply bad, struct sp_buf *out)
{
	bool in_hand = s->phase >= SP_PHASE_RCPT;
	bool known = s->phase == SP_PHASE_BROKEN;

	if (s->chunk_last)
		sp_session_reply_all(s, bad, out);
	else
		sp_session_reply(s, bad, out);
	if (!in_hand || known)
		return;
	if (s->chunk_last) {
		next(s, out);
		return;
	}
	sp_store_reset(&s->store);
	s->phase = SP_PHASE_BROKEN;
}

static void
chunk_done(struct sp_session *s, struct sp_buf *out)
{
	enum sp_reply bad = s->chunk_bad;

	s->mode = SP_MODE_COMMAND;
	if (bad == SP_REPLY_NONE)
		bad = s->verdict;
	s->chunk_bad = SP_REPLY_NONE;
	if (bad != SP_REPLY_NONE) {
		chunk_failed(s, bad, out);
		return;
	}
	if (s->chunk_last) {
		finish(s, out);
		return;
	}
	s->phase = SP_PHASE_BDAT;
	sp_session_say(
	    s, out, "250 2.0.0 Ok: %" PRIu64 " bytes", s->chunk_size);
}

void
sp_session_bdat(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	enum sp_reply bad = need_rcpt(s);

	if (!sp_command_bdat(arg, &s->chunk_size, &s->chunk_last)) {
		/* Nobody knows where the next command begins. */
		sp_session_close(s, SP_REPLY_CHUNK_SIZE, out);
		return;
	}
	if (s->phase == SP_PHASE_BROKEN)
		bad = SP_REPLY_BROKEN;
	if (bad == SP_REPLY_NONE) {
		if (!s->started)
			begin(s, true);
		if (s->chunk_size > s->env->cfg->max_message - s->store.size)
			bad = SP_REPLY_TOO_BIG;
	}
	s->chunk_bad = bad;
	s->chunk_left = s->chunk_size;
	s->mode = SP_MODE_CHUNK;
	if (s->chunk_left == 0)
		chunk_done(s, out);
}

size_t
sp_session_take_chunk(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	size_t take = s->chunk_left < n ? (size_t)s->chunk_left : n;
	bool end;

	if (s->chunk_bad == SP_REPLY_NONE)
		(void)feed(s, p, take, &end);
	s->chunk_left -= take;
	s->more = take < n;
	if (s->chunk_left == 0) {
		s->commands++;
		chunk_done(s, out);
	}
	return (take);
}

/* ---- the answer ----------------------------------------------------- */

struct sp_append_item *
sp_session_item(struct sp_session *s)
{
	assert(s->mode == SP_MODE_COMMIT);
	return (&s->item);
}

static void
stored(struct sp_session *s, struct sp_buf *out)
{
	size_t times = sp_session_lmtp(s) && s->nto > 1 ? s->nto : 1;
	char hex[2 * SP_SHA256_LEN + 1];

	if (s->item.event != NULL) {
		sp_session_say(
		    s, out, "250 2.0.0 Ok: seq=%" PRIu64, s->item.seq);
		return;
	}
	sp_hex_encode(s->item.sha256, SP_SHA256_LEN, hex);
	for (size_t i = 0; i < times; i++)
		sp_session_say(s, out,
		    "250 2.0.0 Ok: seq=%" PRIu64 " sha256=%s", s->item.seq,
		    hex);
	s->errors = s->junk = 0;
}

void
sp_session_committed(
    struct sp_session *s, enum sp_code code, struct sp_buf *out)
{
	assert(s->mode == SP_MODE_COMMIT);
	s->mode = SP_MODE_COMMAND;
	if (code == SP_OK)
		stored(s, out);
	else if (s->item.event != NULL)
		sp_session_reply(s, sp_reply_of_code(code), out);
	else
		sp_session_reply_all(s, sp_reply_of_code(code), out);
	next(s, out);
}

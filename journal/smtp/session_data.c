/* DATA and BDAT: the bytes of a message up to the commit, and its answer. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/enc.h"
#include "journal/smtp/session_priv.h"

static void
begin_message(struct sp_session *s, bool raw)
{
	sp_data_init(&s->message.data, raw);
	sp_store_begin(&s->message.store, s->mail.declared);
	s->message.started = true;
	s->message.wire_bytes = 0;
	s->message.refusal = SP_REPLY_NONE;
}

/* Keep content; once something is wrong the rest is only counted. */
static void
store_content(struct sp_session *s, const char *p, size_t n)
{
	struct sp_err err;
	enum sp_code rc;

	if (s->message.refusal != SP_REPLY_NONE)
		return;
	if (n > s->env->cfg->max_message - s->message.store.size) {
		s->message.refusal = SP_REPLY_TOO_BIG;
		sp_store_reset(&s->message.store);
		return;
	}
	rc = sp_store_add(&s->message.store, p, n, &err);
	if (rc == SP_OK)
		return;
	s->message.refusal = sp_reply_of_code(rc);
	sp_store_reset(&s->message.store);
	sp_session_fault(s, &err);
}

static size_t
feed_content(struct sp_session *s, char *p, size_t n, bool *end)
{
	struct sp_data_run run;

	sp_data_feed(&s->message.data, p, n, &run);
	if (run.cr)
		store_content(s, "\r", 1);
	if (run.n > 0)
		store_content(s, run.p, run.n);
	s->message.wire_bytes += run.used;
	*end = run.end;
	return (run.used);
}

/* The transaction is over; what comes next. */
static void
end_transaction(struct sp_session *s, struct sp_buf *out)
{
	sp_session_reset(s);
	sp_claim_clear(&s->claims.xforward);
	if (s->mode == SP_MODE_CLOSED)
		return;
	s->mode = SP_MODE_COMMAND;
	if (s->draining)
		sp_session_close(s, SP_REPLY_CLOSING, out);
}

/* All bytes are here: refuse, or let the owner commit. */
static void
complete_message(struct sp_session *s, struct sp_buf *out)
{
	struct sp_err err;
	enum sp_code rc;

	sp_data_finish(&s->message.data);
	if (s->message.refusal == SP_REPLY_NONE &&
	    s->message.data.bare_lf > 0 &&
	    s->env->cfg->bare_newline == SP_BARE_REJECT &&
	    s->mail.body != SP_BODY_BINARY) {
		sp_session_reply_all(s, SP_REPLY_BARE_LF, out);
		sp_session_reset(s);
		s->mode = SP_MODE_CLOSED;
		return;
	}
	if (s->message.refusal == SP_REPLY_NONE) {
		rc = sp_session_build(s);
		if (rc == SP_OK) {
			s->mode = SP_MODE_COMMIT;
			return;
		}
		s->message.refusal = sp_reply_of_code(rc);
		(void)sp_err_set(&err, rc, 0,
		    "the facts of the message do not fit into a record");
		sp_session_fault(s, &err);
	}
	sp_session_reply_all(s, s->message.refusal, out);
	end_transaction(s, out);
}

/* ---- DATA ----------------------------------------------------------- */

static enum sp_reply
check_recipients(const struct sp_session *s)
{
	if (s->phase < SP_PHASE_READY)
		return (SP_REPLY_NEED_HELO);
	if (s->phase < SP_PHASE_MAIL)
		return (SP_REPLY_NEED_MAIL);
	/* Over LMTP it must be 503 (RFC 2033 section 4.2). */
	if (s->phase == SP_PHASE_MAIL)
		return (s->mail.rcpt_tried > 0 && !sp_session_lmtp(s)
			    ? SP_REPLY_NO_RCPT
			    : SP_REPLY_NEED_RCPT);
	return (SP_REPLY_NONE);
}

void
sp_session_data(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	enum sp_reply bad = check_recipients(s);

	if (s->phase == SP_PHASE_BROKEN)
		bad = SP_REPLY_BROKEN;
	else if (s->phase == SP_PHASE_BDAT)
		bad = SP_REPLY_IN_BDAT;
	else if (s->env->door)
		bad = SP_REPLY_USE_BDAT;
	else if (arg.n > 0)
		bad = SP_REPLY_ARGUMENT;
	else if (bad == SP_REPLY_NONE && s->mail.body == SP_BODY_BINARY)
		bad = SP_REPLY_BINARY_DATA;
	if (bad != SP_REPLY_NONE) {
		sp_session_reply(s, bad, out);
		return;
	}
	begin_message(s, false);
	s->mode = SP_MODE_DATA;
	sp_session_reply(s, SP_REPLY_GO, out);
}

size_t
sp_session_take_data(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	size_t used;
	bool end;

	used = feed_content(s, p, n, &end);
	if (!end)
		return (used);
	s->count.commands++;
	s->pipelined = used < n;
	/* Without EHLO nothing may come before our reply: a smuggler. */
	if (s->pipelined && !s->client.extended)
		sp_session_close(s, SP_REPLY_EARLY, out);
	else
		complete_message(s, out);
	return (used);
}

/* ---- BDAT ----------------------------------------------------------- */

static void
refuse_chunk(struct sp_session *s, enum sp_reply bad, struct sp_buf *out)
{
	bool in_hand = s->phase >= SP_PHASE_RCPT;
	bool known = s->phase == SP_PHASE_BROKEN;

	if (s->chunk.last)
		sp_session_reply_all(s, bad, out);
	else
		sp_session_reply(s, bad, out);
	if (!in_hand || known)
		return;
	if (s->chunk.last) {
		end_transaction(s, out);
		return;
	}
	sp_store_reset(&s->message.store);
	s->phase = SP_PHASE_BROKEN;
}

static void
end_chunk(struct sp_session *s, struct sp_buf *out)
{
	enum sp_reply bad = s->chunk.refusal;

	s->mode = SP_MODE_COMMAND;
	if (bad == SP_REPLY_NONE)
		bad = s->message.refusal;
	s->chunk.refusal = SP_REPLY_NONE;
	if (bad != SP_REPLY_NONE) {
		refuse_chunk(s, bad, out);
		return;
	}
	if (s->chunk.last) {
		complete_message(s, out);
		return;
	}
	s->phase = SP_PHASE_BDAT;
	sp_session_say(
	    s, out, "250 2.0.0 Ok: %" PRIu64 " bytes", s->chunk.size);
}

void
sp_session_bdat(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	enum sp_reply bad = check_recipients(s);

	if (!sp_command_bdat(arg, &s->chunk.size, &s->chunk.last)) {
		/* Nobody knows where the next command begins. */
		sp_session_close(s, SP_REPLY_CHUNK_SIZE, out);
		return;
	}
	if (s->phase == SP_PHASE_BROKEN)
		bad = SP_REPLY_BROKEN;
	if (bad == SP_REPLY_NONE) {
		if (!s->message.started)
			begin_message(s, true);
		if (s->chunk.size >
		    s->env->cfg->max_message - s->message.store.size)
			bad = SP_REPLY_TOO_BIG;
	}
	s->chunk.refusal = bad;
	s->chunk.left = s->chunk.size;
	s->mode = SP_MODE_CHUNK;
	if (s->chunk.left == 0)
		end_chunk(s, out);
}

size_t
sp_session_take_chunk(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	size_t take = s->chunk.left < n ? (size_t)s->chunk.left : n;
	bool end;

	if (s->chunk.refusal == SP_REPLY_NONE)
		(void)feed_content(s, p, take, &end);
	s->chunk.left -= take;
	s->pipelined = take < n;
	if (s->chunk.left == 0) {
		s->count.commands++;
		end_chunk(s, out);
	}
	return (take);
}

/* ---- the answer ----------------------------------------------------- */

struct sp_append_item *
sp_session_item(struct sp_session *s)
{
	assert(s->mode == SP_MODE_COMMIT);
	return (&s->entry.item);
}

static void
reply_stored(struct sp_session *s, struct sp_buf *out)
{
	size_t times = sp_session_lmtp(s) && s->mail.envelope.to.n > 1
			   ? s->mail.envelope.to.n
			   : 1;
	char hex[2 * SP_SHA256_LEN + 1];

	if (s->entry.item.event != NULL) {
		sp_session_say(
		    s, out, "250 2.0.0 Ok: seq=%" PRIu64, s->entry.item.seq);
		return;
	}
	sp_hex_encode(s->entry.item.sha256, SP_SHA256_LEN, hex);
	for (size_t i = 0; i < times; i++)
		sp_session_say(s, out,
		    "250 2.0.0 Ok: seq=%" PRIu64 " sha256=%s",
		    s->entry.item.seq, hex);
	s->count.errors = s->count.junk = 0;
}

void
sp_session_committed(
    struct sp_session *s, enum sp_code code, struct sp_buf *out)
{
	assert(s->mode == SP_MODE_COMMIT);
	s->mode = SP_MODE_COMMAND;
	if (code == SP_OK)
		reply_stored(s, out);
	else if (s->entry.item.event != NULL)
		sp_session_reply(s, sp_reply_of_code(code), out);
	else
		sp_session_reply_all(s, sp_reply_of_code(code), out);
	end_transaction(s, out);
}

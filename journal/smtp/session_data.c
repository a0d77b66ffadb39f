/*
 * The content of a message, by DATA (RFC 5321 section 4.1.1.4) or in chunks of
 * BDAT (RFC 3030), up to the commit, and the reply after it.
 *
 * Whatever is wrong with a message, all of its bytes are read before the reply:
 * a peer that does not read while it sends would otherwise not see it.  So the
 * first thing that goes wrong is kept as the refusal of the message or chunk,
 * the rest of the bytes is dropped, and the refusal is given at the end.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "journal/smtp/session_priv.h"

/* The first bytes of a message are next; ${raw}: by BDAT, without dot
 * stuffing. */
static void
begin_message(struct sp_session *s, bool raw)
{
	sp_data_init(&s->message.data, raw);
	sp_store_begin(&s->message.store, s->mail.declared);
	s->message.started = true;
	s->message.wire_bytes = 0;
	s->message.refusal = SP_REPLY_NONE;
}

/* Store content.  A message that grew too large, or cannot be stored, is
 * refused at its end; from then on nothing is stored. */
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
	s->message.refusal = sp_reply_of_failure(rc);
	sp_store_reset(&s->message.store);
	sp_session_fault(s, &err);
}

/* Take ${n} bytes as they were sent, and store the content in them.  Returns
 * how many were used; ${end}: the end of DATA was among them. */
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

/* The message was answered: forget it, and go on or close.  What XFORWARD said
 * is of one message only. */
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

/* Whether the message, read to its end, has a CR or LF alone where the listener
 * takes none.  BINARYMIME content has no lines (RFC 3030 section 3). */
static bool
is_bare_refused(const struct sp_session *s)
{
	const struct sp_data *d = &s->message.data;

	return (s->env->cfg->bare_newline == SP_BARE_REJECT &&
		s->mail.body != SP_BODY_BINARY &&
		(d->bare_lf > 0 || d->bare_cr > 0));
}

/* All bytes are here: refuse the message, or let the owner commit it. */
static void
complete_message(struct sp_session *s, struct sp_buf *out)
{
	struct sp_err err;
	enum sp_code rc;

	sp_data_finish(&s->message.data);
	if (s->message.refusal == SP_REPLY_NONE && is_bare_refused(s))
		s->message.refusal = SP_REPLY_BARE_NEWLINE;
	if (s->message.refusal == SP_REPLY_NONE) {
		rc = sp_session_build_item(s);
		if (rc == SP_OK) {
			s->mode = SP_MODE_COMMIT;
			return;
		}
		s->message.refusal =
		    rc == SP_EAGAIN ? SP_REPLY_MEMORY : sp_reply_of_failure(rc);
		if (rc != SP_EAGAIN) {
			(void)sp_err_set(&err, rc, 0,
			    "the facts of the message do not fit into a record");
			sp_session_fault(s, &err);
		}
	}
	sp_session_reply_all(s, s->message.refusal, out);
	end_transaction(s, out);
}

/* ---- DATA ----------------------------------------------------------- */

/* Why no message may come now; SP_REPLY_NONE: there is an accepted
 * recipient. */
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

/* A 354 is only given where the message could be accepted as far as is
 * known. */
void
sp_session_data(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	enum sp_reply bad = check_recipients(s);

	if (s->phase == SP_PHASE_CHUNK_FAILED)
		bad = SP_REPLY_CHUNK_FAILED;
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
	sp_session_reply(s, SP_REPLY_SEND_DATA, out);
}

/* Whether the first four bytes of ${line}, or the fewer that have come, are
 * those of the command ${verb}. */
static bool
is_verb(struct sp_view line, const char *verb)
{
	return (strncasecmp(line.p, verb, line.n < 4 ? line.n : 4) == 0);
}

/*
 * Whether the bytes ${rest} behind the end of the data, as far as they have
 * come, are what a client with PIPELINING sends there (RFC 2920 section 3.1):
 * the next transaction up to DATA, or QUIT.  Anything else looks like a message
 * that was smuggled in.
 */
static bool
is_usual_behind(struct sp_view rest)
{
	bool begun = false;

	while (rest.n > 0) {
		struct sp_view line = sp_view_cut(&rest, '\n');

		if (is_verb(line, "QUIT") || (begun && is_verb(line, "DATA")))
			return (rest.n == 0);
		if (begun && is_verb(line, "BDAT"))
			return (true);
		if (!is_verb(line, "RSET") && !is_verb(line, "MAIL") &&
		    !(begun && is_verb(line, "RCPT")))
			return (false);
		begun = true;
	}
	return (true);
}

size_t
sp_session_input_data(
    struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	size_t used;
	bool end;

	used = feed_content(s, p, n, &end);
	if (!end)
		return (used);
	s->count.commands++;
	s->pipelined = used < n;
	s->odd_behind = !is_usual_behind(sp_view_mem(p + used, n - used));
	/* Pipelining was not offered: bytes before our reply are those of a
	 * smuggled message. */
	if (s->pipelined && !s->client.extended)
		sp_session_close(s, SP_REPLY_TOO_EARLY, out);
	else
		complete_message(s, out);
	return (used);
}

/* ---- BDAT ----------------------------------------------------------- */

/* Answer a chunk with the refusal ${bad}.  After one that is not the last the
 * transaction is of no use any more: everything up to RSET is answered 503 (RFC
 * 3030 section 2). */
static void
refuse_chunk(struct sp_session *s, enum sp_reply bad, struct sp_buf *out)
{
	bool in_hand = s->phase >= SP_PHASE_RCPT;
	bool known = s->phase == SP_PHASE_CHUNK_FAILED;

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
	s->phase = SP_PHASE_CHUNK_FAILED;
}

/* All bytes of a chunk were read: answer it, or complete the message. */
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
	sp_session_reply_format(
	    s, out, "250 2.0.0 Ok: %" PRIu64 " bytes", s->chunk.size);
}

/* A chunk that is refused is read all the same, since its bytes are on their
 * way already. */
void
sp_session_bdat(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	enum sp_reply bad = check_recipients(s);

	if (!sp_command_bdat(arg, &s->chunk.size, &s->chunk.last)) {
		/* Where the next command begins cannot be known. */
		sp_session_close(s, SP_REPLY_CHUNK_SIZE, out);
		return;
	}
	if (s->phase == SP_PHASE_CHUNK_FAILED)
		bad = SP_REPLY_CHUNK_FAILED;
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
sp_session_input_chunk(
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

/* The entry is durable: tell its number, and for a message its digest, by which
 * the sender's log names it.  Over LMTP once for each recipient. */
static void
reply_stored(struct sp_session *s, struct sp_buf *out)
{
	size_t times = sp_session_lmtp(s) && s->mail.envelope.to.n > 1
			   ? s->mail.envelope.to.n
			   : 1;
	char hex[2 * SP_SHA256_LEN + 1];

	if (s->entry.item.event != NULL) {
		sp_session_reply_format(
		    s, out, "250 2.0.0 Ok: seq=%" PRIu64, s->entry.item.seq);
		return;
	}
	sp_hex_encode(s->entry.item.sha256, SP_SHA256_LEN, hex);
	for (size_t i = 0; i < times; i++)
		sp_session_reply_format(s, out,
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
		sp_session_reply(s, sp_reply_of_failure(code), out);
	else
		sp_session_reply_all(s, sp_reply_of_failure(code), out);
	end_transaction(s, out);
}

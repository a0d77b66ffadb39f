/*
 * A POP3 session (RFC 1939): fetching and deleting.  The pull engine calls
 * sp_pop3_session() for each session of an account of type pop3:
 *
 *	login --> STAT, UIDL, LIST --> RETR --> the archive's answers
 *	      --> DELE of what is durable --> QUIT
 *
 * RETR and DELE are pipelined where the server can take it (RFC 2449 section
 * 6.6).  DELE is sent only after every message of the session was answered by
 * the archive, and counts only once QUIT was answered +OK: a session that ends
 * otherwise has deleted nothing (RFC 1939 section 6).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "journal/pull/pop3.h"
#include "journal/pull/pop3_priv.h"

#define WINDOW	 64 /* commands in flight */
#define UIDS_MAX ((size_t)512 << 20) /* bytes of all UIDLs */

/* ---- RETR --------------------------------------------------------------- */

/* Append a piece to b->whole; where it does not fit, ${fits} is false, and
 * the rest of the message is only read. */
static enum sp_code
append_piece(struct sp_pop3_mailbox *b, struct sp_view piece, bool *fits)
{
	if (*fits && (b->whole.n + piece.n > b->whole.max ||
			 sp_buf_addv(&b->whole, piece) != SP_OK))
		*fits = false;
	return (SP_OK);
}

/* Read the content of message ${i} to its end: to the engine, or into b->whole
 * where the message has no name yet. */
static enum sp_code
read_body(struct sp_pop3_mailbox *b, size_t i, bool *fits, struct sp_err *err)
{
	struct sp_pop3_body body = { SP_POP3_LINE_START };
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
			rc = sp_pop3_has_name(b, i)
				 ? sp_pull_data(b->c.p, piece, err)
				 : append_piece(b, piece, fits);
		}
		sp_stream_consume(b->c.s, before - in.n);
	}
	return (rc);
}

/* Message ${i} has no UIDL of its own, and is in b->whole: its SHA-256 becomes
 * its name.  What the archive has is marked for DELE, else it goes to the
 * engine; ${fits} false: it was larger than max_message. */
static enum sp_code
accept_by_digest(
    struct sp_pop3_mailbox *b, size_t i, bool fits, struct sp_err *err)
{
	struct sp_pull_meta m = sp_pop3_meta(b, i);
	char name[8 + 2 * SP_SHA256_LEN] = "sha256-";
	uint8_t digest[SP_SHA256_LEN];
	enum sp_code rc;

	sp_sha256_once(
	    b->whole.p == NULL ? "" : b->whole.p, b->whole.n, digest);
	sp_hex_encode(digest, sizeof(digest), name + 7);
	m.id.uid = sp_view_str(name);
	b->messages[i].uid = b->uids.n;
	b->messages[i].uid_n = m.id.uid.n;
	if (sp_buf_addv(&b->uids, m.id.uid) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0, "too many messages"));
	if (!fits) {
		sp_pull_skip(b->c.p, &m, "it is too large");
		return (SP_OK);
	}
	b->messages[i].dele = sp_pull_match_listed(b->c.p, &m.id);
	if (b->messages[i].dele)
		return (SP_OK);
	rc = sp_pull_begin(b->c.p, &m, err);
	if (rc == SP_OK)
		rc = sp_pull_data(b->c.p, sp_buf_view(&b->whole), err);
	return (rc == SP_OK ? sp_pull_end(b->c.p, err) : rc);
}

/* The reply to RETR of message ${i}: its content to the engine.  A message
 * that the server does not give is noted and left for the next visit. */
static enum sp_code
on_retr_reply(struct sp_pop3_mailbox *b, size_t i, struct sp_err *err)
{
	struct sp_pull_meta m = sp_pop3_meta(b, i);
	bool fits = true;
	enum sp_code rc = sp_pop3_read_reply(&b->c, err);

	if (rc != SP_OK)
		return (rc);
	if (b->c.reply.status != SP_POP3_OK) {
		if (b->c.reply.code == SP_POP3_SYS_TEMP)
			return (sp_pop3_refused(
			    &b->c, "RETR", SP_PULL_NETWORK, err));
		sp_pull_note(b->c.p,
		    "the server does not give message %zu (UIDL %.*s): %.*s",
		    i + 1, (int)m.id.uid.n, m.id.uid.n > 0 ? m.id.uid.p : "",
		    (int)(b->c.reply.text.n > 200 ? 200 : b->c.reply.text.n),
		    b->c.reply.text.n > 0 ? b->c.reply.text.p : "");
		return (SP_OK);
	}
	if (!sp_pop3_has_name(b, i)) {
		sp_buf_clear(&b->whole);
		rc = read_body(b, i, &fits, err);
		return (rc == SP_OK ? accept_by_digest(b, i, fits, err) : rc);
	}
	rc = sp_pull_begin(b->c.p, &m, err);
	if (rc == SP_OK)
		rc = read_body(b, i, &fits, err);
	return (rc == SP_OK ? sp_pull_end(b->c.p, err) : rc);
}

/* Send "${verb} n" for the messages that ${want} and read the replies with
 * ${on_reply}, in order: up to WINDOW commands ahead, or one by one where the
 * server has no PIPELINING. */
static enum sp_code
pipeline(struct sp_pop3_mailbox *b, const char *verb,
    bool (*want)(const struct sp_pop3_message *),
    enum sp_code (*on_reply)(
	struct sp_pop3_mailbox *b, size_t i, struct sp_err *err),
    struct sp_err *err)
{
	const size_t window = b->c.caps.pipelining ? WINDOW : 1;
	size_t next = 0, replied = 0, in_flight = 0;
	enum sp_code rc = SP_OK;
	struct sp_buf out;

	sp_buf_init(&out, 64u << 10);
	while (rc == SP_OK) {
		sp_buf_clear(&out);
		/* Half a window at a time: fewer, larger packets. */
		for (; next < b->n && in_flight < window &&
		       (in_flight == 0 || out.n > 0 || in_flight <= window / 2);
		     next++) {
			if (!want(&b->messages[next]))
				continue;
			rc = sp_buf_addf(&out, "%s %zu\r\n", verb, next + 1);
			in_flight++;
		}
		if (rc == SP_OK && out.n > 0)
			rc = sp_stream_write(b->c.s, out.p, out.n, err);
		if (rc != SP_OK || in_flight == 0)
			break;
		while (!want(&b->messages[replied]))
			replied++;
		rc = on_reply(b, replied++, err);
		in_flight--;
	}
	sp_buf_done(&out);
	return (rc);
}

static bool
wants_fetch(const struct sp_pop3_message *m)
{
	return (m->fetch);
}

/* ---- DELE and QUIT ------------------------------------------------------ */

static bool
wants_dele(const struct sp_pop3_message *m)
{
	return (m->dele);
}

/* The reply to DELE of message ${i}.  What the server does not want to delete
 * stays there; the archive has it. */
static enum sp_code
on_dele_reply(struct sp_pop3_mailbox *b, size_t i, struct sp_err *err)
{
	enum sp_code rc = sp_pop3_read_reply(&b->c, err);

	b->messages[i].deleted = rc == SP_OK && b->c.reply.status == SP_POP3_OK;
	return (rc);
}

/* QUIT, and tell the engine what the server has deleted: nothing unless it
 * answered +OK. */
static enum sp_code
quit(struct sp_pop3_mailbox *b, struct sp_err *err)
{
	enum sp_code rc = sp_pop3_command(&b->c, "QUIT", err);
	bool any_deleted = false;

	for (size_t i = 0; i < b->n; i++)
		any_deleted |= b->messages[i].deleted;
	if (!any_deleted) {
		/* Nothing was to be deleted: however it ended. */
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
		struct sp_pull_meta m = sp_pop3_meta(b, i);

		if (b->messages[i].deleted)
			sp_pull_confirm_deleted(b->c.p, &m.id);
	}
	return (SP_OK);
}

/* Fetch what was chosen, wait for the archive, delete what is durable and what
 * the archive had before. */
static enum sp_code
fetch_and_delete(struct sp_pop3_mailbox *b, struct sp_err *err)
{
	enum sp_code rc;
	uint64_t tag;

	sp_pop3_choose_messages(b);
	rc = pipeline(b, "RETR", wants_fetch, on_retr_reply, err);
	if (rc == SP_OK)
		rc = sp_pull_flush(b->c.p, err);
	while (rc == SP_OK && sp_pull_next_durable(b->c.p, &tag)) {
		if (b->deletes && tag < b->n)
			b->messages[tag].dele = true;
	}
	if (rc == SP_OK && b->deletes)
		rc = pipeline(b, "DELE", wants_dele, on_dele_reply, err);
	return (rc);
}

/* Without an error the session ends with QUIT; with one the connection is
 * dropped, so that the server deletes nothing. */
enum sp_code
sp_pop3_session(struct sp_pull *p, struct sp_stream *s, struct sp_err *err)
{
	struct sp_pop3_mailbox b = { .c = { .p = p, .s = s } };
	uint64_t octets = 0;
	enum sp_code rc;

	b.deletes = sp_pull_conf(p)->then == SP_PULL_DELETE;
	sp_buf_init(&b.uids, UIDS_MAX);
	sp_buf_init(&b.whole, sp_pull_conf(p)->max_message);
	rc = sp_pop3_login(&b.c, err);
	if (rc == SP_OK)
		rc = sp_pop3_list_mailbox(&b, &octets, err);
	if (rc == SP_OK)
		rc = sp_pull_mode(p) == SP_PULL_FETCH
			 ? fetch_and_delete(&b, err)
			 : sp_pop3_report_mailbox(&b, octets, err);

	if (rc == SP_OK)
		rc = quit(&b, err);
	free(b.messages);
	sp_buf_done(&b.uids);
	sp_buf_done(&b.whole);
	return (rc);
}

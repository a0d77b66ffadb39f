/*
 * A POP3 session (RFC 1939): the order of fetching (pop3_retr.c) and deleting.
 * The pull engine calls
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

#include "journal/pull/pop3.h"
#include "journal/pull/pop3_priv.h"

#define WINDOW	 64 /* commands in flight */
#define UIDS_MAX ((size_t)512 << 20) /* bytes of all UIDLs */

/* One by one where the server has no PIPELINING, or where it showed that it may
 * not double dots. */
size_t
sp_pop3_window(const struct sp_pop3_mailbox *b)
{
	return (b->c.caps.pipelining && !b->one_by_one ? WINDOW : 1);
}

/* Half a window is sent at a time, and as many replies are read.  Nothing more
 * is sent behind a message that is doubted. */
enum sp_code
sp_pop3_pipeline(struct sp_pop3_mailbox *b, const char *verb, size_t window,
    bool (*want)(const struct sp_pop3_message *),
    enum sp_code (*on_reply)(
	struct sp_pop3_mailbox *b, size_t i, struct sp_err *err),
    struct sp_err *err)
{
	size_t next = 0, replied = 0, in_flight = 0;
	enum sp_code rc = SP_OK;
	struct sp_buf out;

	sp_buf_init(&out, 64u << 10);
	while (rc == SP_OK) {
		sp_buf_clear(&out);
		/* Half a window at a time: fewer, larger packets. */
		for (; !b->open.doubted && next < b->n && in_flight < window &&
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
		struct sp_pull_id id = { .uid = sp_view_mem(
					     b->uids.p + b->messages[i].uid,
					     b->messages[i].uid_n) };

		if (b->messages[i].deleted)
			sp_pull_confirm_deleted(b->c.p, &id);
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
	rc = sp_pop3_fetch(b, err);
	if (rc == SP_OK)
		rc = sp_pull_flush(b->c.p, err);
	while (rc == SP_OK && sp_pull_next_durable(b->c.p, &tag)) {
		if (b->deletes && tag < b->n)
			b->messages[tag].dele = true;
	}
	if (rc == SP_OK && b->deletes)
		rc = sp_pop3_pipeline(b, "DELE", sp_pop3_window(b), wants_dele,
		    on_dele_reply, err);
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

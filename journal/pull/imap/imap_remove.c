/*
 * An IMAP session: deleting or moving the messages that are durable, as
 * `after` of the account says.  imap_list.c and imap_fetch.c put their UIDs on
 * m->removal and call sp_imap_remove_archived():
 *
 *	delete	UID STORE +FLAGS \Deleted, UID EXPUNGE (UIDPLUS, RFC 4315)
 *	move	UID MOVE (RFC 6851), or UID COPY and then as delete
 *
 * All by UID, never a plain EXPUNGE, which would take away what somebody else
 * has marked.  What went is reported to the engine.
 */
#include <inttypes.h>
#include <string.h>

#include "journal/pull/imap/imap_priv.h"

#define SET_ROOM (SP_IMAP_COMMAND_MAX - 1200) /* a name is behind it */

/* A range stands only for UIDs that follow each other in the list, so that the
 * set names no message that is not on it. */
size_t
sp_imap_append_set(
    struct sp_buf *out, const uint32_t *uid, size_t n, size_t room)
{
	size_t was = out->n, at = 0;

	while (at < n) {
		size_t end = at + 1;
		enum sp_code rc;

		while (end < n && uid[end] == uid[end - 1] + 1)
			end++;
		if (out->n - was + 23 > room)
			break;
		rc = end - at == 1
			 ? sp_buf_addf(
			       out, "%s%" PRIu32, at > 0 ? "," : "", uid[at])
			 : sp_buf_addf(out, "%s%" PRIu32 ":%" PRIu32,
			       at > 0 ? "," : "", uid[at], uid[end - 1]);
		if (rc != SP_OK)
			break;
		at = end;
	}
	return (at);
}

void
sp_imap_collect_durable(struct sp_imap *m)
{
	uint64_t tag;

	while (sp_pull_next_durable(m->pull, &tag)) {
		struct sp_imap_item *it =
		    tag > UINT32_MAX ? NULL : sp_imap_item(m, (uint32_t)tag);

		if (it == NULL || it->state != SP_IMAP_S_SUBMITTED)
			continue;
		it->state = SP_IMAP_S_DURABLE;
		if (m->conf->then != SP_PULL_KEEP)
			m->removal.uids[m->removal.n++] = it->uid;
	}
}

/* Send "HEAD set TAIL NAME" for the first ${n} UIDs of the removal and wait
 * for the reply; ${name} NULL: without a mailbox. */
static enum sp_code
command_with_set(struct sp_imap *m, const char *head, size_t n,
    const char *tail, const char *name, struct sp_imap_reply *d,
    struct sp_err *err)
{
	enum sp_code rc = sp_buf_adds(&m->channel.out, head);
	unsigned tag;

	if (rc == SP_OK && sp_imap_append_set(&m->channel.out, m->removal.uids,
			       n, SET_ROOM) != n)
		rc = SP_ELIMIT;
	if (rc == SP_OK)
		rc = sp_buf_adds(&m->channel.out, tail);
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0, "a command is too long"));
	if (name != NULL)
		rc = sp_imap_append_name(m, name, err);
	if (rc == SP_OK)
		rc = sp_imap_send_out(m, false, &tag, err);
	return (rc == SP_OK ? sp_imap_await(m, tag, d, err) : rc);
}

/* Mark the messages \Deleted and remove them; ${gone}: they are.  Without
 * UIDPLUS they stay, marked, and a note says so once. */
static enum sp_code
mark_and_remove(struct sp_imap *m, size_t n, bool *gone, struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc = command_with_set(
	    m, "UID STORE ", n, " +FLAGS.SILENT (\\Deleted)", NULL, &d, err);

	*gone = false;
	if (rc == SP_OK && d.cond != SP_IMAP_OK)
		rc = sp_imap_refused(m, "to mark messages", &d, err);
	if (rc != SP_OK)
		return (rc);
	if ((m->server.caps & SP_IMAP_CAP_UIDPLUS) == 0) {
		if (!m->server.no_uidplus_noted)
			sp_pull_note(m->pull,
			    "no_uidplus: the server cannot remove single messages; they stay, marked \\Deleted");
		m->server.no_uidplus_noted = true;
		return (SP_OK);
	}
	rc = command_with_set(m, "UID EXPUNGE ", n, "", NULL, &d, err);
	if (rc == SP_OK && d.cond != SP_IMAP_OK)
		rc = sp_imap_refused(m, "to remove messages", &d, err);
	*gone = rc == SP_OK;
	return (rc);
}

/* MOVE or COPY (${verb}) to the mailbox of the configuration, which is made
 * where the server says TRYCREATE. */
static enum sp_code
copy_or_move(struct sp_imap *m, const char *verb, size_t n, struct sp_err *err)
{
	const char *wire = m->removal.target.wire;
	struct sp_imap_reply d;
	enum sp_code rc = command_with_set(m, verb, n, " ", wire, &d, err);
	unsigned tag;

	if (rc == SP_OK && d.cond == SP_IMAP_NO &&
	    d.code == SP_IMAP_C_TRYCREATE) {
		rc = sp_buf_adds(&m->channel.out, "CREATE ");
		if (rc == SP_OK)
			rc = sp_imap_append_name(m, wire, err);
		if (rc == SP_OK)
			rc = sp_imap_send_out(m, false, &tag, err);
		if (rc == SP_OK)
			rc = sp_imap_await(m, tag, &d, err);
		if (rc == SP_OK && d.cond == SP_IMAP_OK)
			rc = command_with_set(m, verb, n, " ", wire, &d, err);
	}
	if (rc == SP_OK && d.cond != SP_IMAP_OK)
		rc = sp_imap_refused(m, "to move messages", &d, err);
	return (rc);
}

/* Move the messages; ${gone}: they are no longer in this mailbox. */
static enum sp_code
move_messages(struct sp_imap *m, size_t n, bool *gone, struct sp_err *err)
{
	enum sp_code rc;

	*gone = true;
	if (m->server.caps & SP_IMAP_CAP_MOVE)
		return (copy_or_move(m, "UID MOVE ", n, err));
	rc = copy_or_move(m, "UID COPY ", n, err);
	return (rc == SP_OK ? mark_and_remove(m, n, gone, err) : rc);
}

/* How many UIDs of the removal fit in one command. */
static size_t
count_that_fit(struct sp_imap *m)
{
	struct sp_buf b;
	size_t n;

	sp_buf_init(&b, SP_IMAP_COMMAND_MAX);
	n = sp_imap_append_set(&b, m->removal.uids, m->removal.n, SET_ROOM);
	sp_buf_done(&b);
	return (n);
}

/*
 * In as many commands as it takes; what a command removed is reported at once.
 */
enum sp_code
sp_imap_remove_archived(struct sp_imap *m, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && m->removal.n > 0) {
		size_t n = count_that_fit(m);
		bool gone = false;

		rc = m->conf->then == SP_PULL_MOVE
			 ? move_messages(m, n, &gone, err)
			 : mark_and_remove(m, n, &gone, err);
		for (size_t i = 0; rc == SP_OK && gone && i < n; i++) {
			const struct sp_imap_item it = {
				.uid = m->removal.uids[i]
			};
			struct sp_imap_meta meta;

			sp_imap_meta(m, &it, &meta);
			sp_pull_confirm_deleted(m->pull, &meta.meta.id);
		}
		if (rc == SP_OK) {
			m->removal.n -= n;
			memmove(m->removal.uids, m->removal.uids + n,
			    m->removal.n * sizeof(*m->removal.uids));
		}
	}
	return (rc);
}

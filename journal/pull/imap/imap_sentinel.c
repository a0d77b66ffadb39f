/*
 * An IMAP session: whether the UIDs of a mailbox still name the messages that
 * they named.  RFC 3501 section 2.3.1.1 forbids a server to give a UID away under
 * one UIDVALIDITY; servers that were restored or whose index was made anew do it.
 * Then a UID that the archive has stands for another message, which would never
 * be fetched, or be deleted unfetched.
 *
 * A few archived messages of each mailbox, the sentinels, are remembered in its
 * memo with what they look like.  imap_mailbox.c has them checked when it selects
 * the mailbox; each message that is handed over may become one (the oldest and
 * the newest are kept), also where the session breaks before it can be deleted:
 *
 *	all there are look the same	the memo is believed
 *	most look different, or UIDNEXT	the memo is void; what it says is archived
 *	fell				is fetched again and known by its content
 *	none is there			as the first; but before a message is
 *					deleted that an earlier session archived,
 *					its content is compared
 */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/sha256.h"
#include "journal/pull/imap/imap_priv.h"

/* Cut the next line off ${rest}, without its line end. */
static struct sp_view
next_line(struct sp_view *rest)
{
	struct sp_view line = sp_view_cut(rest, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return (line);
}

/* The Message-ID in the header that ${head} begins with; empty: none. */
static struct sp_view
message_id(struct sp_view head)
{
	static const char name[] = "Message-ID:";
	const size_t n = sizeof(name) - 1;

	while (head.n > 0) {
		struct sp_view line = next_line(&head), value;

		if (line.n == 0)
			break;
		if (!sp_view_istarts(line, name))
			continue;
		value = sp_view_trim(sp_view_mem(line.p + n, line.n - n));
		/* Long ones stand in the next line alone. */
		if (value.n == 0 && head.n > 0 &&
		    (head.p[0] == ' ' || head.p[0] == '\t'))
			value = sp_view_trim(next_line(&head));
		return (value);
	}
	return ((struct sp_view){ NULL, 0 });
}

/* Digest the header that ${head} begins with, without Content-Type; false: there
 * is none. */
static bool
digest_header(struct sp_view head, uint8_t sum[SP_SHA256_LEN])
{
	struct sp_sha256 *sha = sp_sha256_new();
	bool skip = false, any = false;

	while (head.n > 0) {
		struct sp_view line = next_line(&head);

		if (line.n == 0)
			break;
		if (line.p[0] != ' ' && line.p[0] != '\t')
			skip = sp_view_istarts(line, "Content-Type:");
		if (skip)
			continue;
		any = true;
		sp_sha256_add(sha, line.p, line.n);
		sp_sha256_add(sha, "\n", 1);
	}
	sp_sha256_end(sha, sum);
	sp_sha256_free(sha);
	return (any);
}

/* Servers make parts of a message anew at each fetch (Exchange its boundaries),
 * but not its Message-ID. */
uint64_t
sp_imap_look(struct sp_view head)
{
	struct sp_view id = message_id(head);
	uint8_t sum[SP_SHA256_LEN];
	uint64_t look = 0;

	if (id.n > 0)
		sp_sha256_once(id.p, id.n, sum);
	else if (!digest_header(head, sum))
		return (0);
	for (size_t i = 0; i < sizeof(look); i++)
		look = look << 8 | sum[i];
	return (look == 0 ? 1 : look);
}

void
sp_imap_keep_sentinel(struct sp_imap_selected *b, uint32_t uid, uint64_t look)
{
	if (look == 0)
		return;
	for (size_t i = 0; i < b->nsentinel; i++) {
		if (b->sentinel[i].uid == uid) {
			b->sentinel[i].look = look;
			return;
		}
	}
	if (b->nsentinel == SP_IMAP_SENTINELS) {
		/* The oldest stays, the newest come. */
		memmove(&b->sentinel[1], &b->sentinel[2],
		    (SP_IMAP_SENTINELS - 2) * sizeof(b->sentinel[0]));
		b->nsentinel--;
	}
	b->sentinel[b->nsentinel++] =
	    (struct sp_imap_sentinel){ .uid = uid, .look = look };
}

void
sp_imap_on_sentinel(struct sp_imap *m, const struct sp_imap_fetch *f)
{
	struct sp_imap_selected *b = &m->box;
	uint64_t look = sp_imap_look(sp_buf_view(&m->receiving.head));

	for (size_t i = 0; i < b->nsentinel; i++) {
		struct sp_imap_sentinel *s = &b->sentinel[i];

		if (s->uid != f->uid || look == 0)
			continue;
		if (f->uid == b->last)
			b->last_msn = f->msn;
		if (s->look == 0)
			s->look = look; /* from now on */
		else if (s->look == look)
			b->same++;
		else
			b->different++;
	}
}

void
sp_imap_note_renumbered(struct sp_imap *m)
{
	char name[200];

	if (m->box.renumbering_noted)
		return;
	m->box.renumbering_noted = true;
	sp_pull_note(m->pull,
	    "renumbered mailbox=%s uidvalidity=%" PRIu64
	    ": the server gives UIDs of archived messages to others, which it must not (RFC 3501); messages are compared by content, and what the archive does not have is fetched",
	    sp_log_quote(sp_view_str(m->box.name->utf8), name, sizeof(name)),
	    m->box.uidvalidity);
}

/* The memo is void: everything that it says is archived is compared. */
static void
void_memo(struct sp_imap *m)
{
	struct sp_imap_selected *b = &m->box;

	sp_imap_note_renumbered(m);
	if (b->last > b->verify_to)
		b->verify_to = b->last;
	b->last = b->last_msn = b->seen = b->last_modseq = 0;
	b->nexcept = b->nvanished = b->nsentinel = 0;
}

/* Where nothing is remembered, which an older version did not, the last archived
 * message becomes a sentinel as it looks now. */
enum sp_code
sp_imap_check_sentinels(struct sp_imap *m, struct sp_err *err)
{
	struct sp_imap_selected *b = &m->box;
	struct sp_imap_reply d;
	enum sp_code rc = SP_OK;

	if ((b->last == 0 && b->nsentinel == 0) || b->exists == 0 ||
	    sp_pull_mode(m->pull) != SP_PULL_FETCH)
		return (SP_OK);
	if (b->uidnext > 0 && b->uidnext <= b->last) {
		void_memo(m);
		return (SP_OK);
	}
	if (b->nsentinel == 0)
		b->sentinel[b->nsentinel++] =
		    (struct sp_imap_sentinel){ .uid = (uint32_t)b->last };
	rc = sp_buf_adds(&m->channel.out, "UID FETCH ");
	for (size_t i = 0; rc == SP_OK && i < b->nsentinel; i++)
		rc = sp_buf_addf(&m->channel.out, "%s%" PRIu32,
		    i > 0 ? "," : "", b->sentinel[i].uid);
	if (rc != SP_OK)
		return (sp_err_set(err, rc, 0, "a command is too long"));
	m->phase = SP_IMAP_P_SENTINEL;
	rc = sp_imap_send_set(m, "(UID BODY.PEEK[]<0.4096>)", &d, err);
	m->phase = SP_IMAP_P_NONE;
	if (rc == SP_OK && d.cond != SP_IMAP_OK &&
	    sp_imap_reply_trouble(m, &d) == SP_PULL_THROTTLE)
		return (sp_imap_refused(m, "to give a message", &d, err));
	if (rc == SP_OK && b->different > b->same)
		void_memo(m);
	return (rc);
}

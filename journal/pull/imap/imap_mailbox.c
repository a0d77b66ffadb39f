/*
 * An IMAP session: which mailboxes there are, selecting one, what is
 * remembered of it from visit to visit, and what vanished from it meanwhile.
 * imap.c resolves the names once and selects one mailbox after the other;
 * imap_list.c then works on the one that is selected.
 *
 * The memo of a mailbox (sp_pull_memo, by its UTF-8 name):
 *
 *	UIDVALIDITY LAST MODSEQ UID,UID,... UID=LOOK,UID=LOOK,... VERIFY SEEN CHANGES
 *
 * Every message up to UID LAST is archived, or gone, but the exceptions;
 * MODSEQ is HIGHESTMODSEQ of the last visit; then the sentinels
 * (imap_sentinel.c), LOOK in hexadecimal; UIDs up to VERIFY may have been given
 * away; SEEN is the highest that was listed; at CHANGES visits in a row
 * UIDVALIDITY was another one.  Fields at the end may be missing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "journal/pull/imap/imap_priv.h"
#include "journal/pull/imap/imap_name.h"

#define CHECKED_MAX 10000 /* vanished UIDs of one visit that are looked at */

static const struct {
	const char *name;
	unsigned use;
} uses[] = {
	{ "\\All", SP_IMAP_USE_ALL },
	{ "\\Archive", SP_IMAP_USE_ARCHIVE },
	{ "\\Drafts", SP_IMAP_USE_DRAFTS },
	{ "\\Flagged", SP_IMAP_USE_FLAGGED },
	{ "\\Junk", SP_IMAP_USE_JUNK },
	{ "\\Sent", SP_IMAP_USE_SENT },
	{ "\\Trash", SP_IMAP_USE_TRASH },
};

void
sp_imap_on_list(struct sp_imap *m, const struct sp_imap_list *l)
{
	if ((l->use & m->lookup.use) == 0 || (l->use & SP_IMAP_USE_NOSELECT) ||
	    m->lookup.found != NULL ||
	    memchr(l->name.p, '\0', l->name.n) != NULL)
		return;
	m->lookup.found = sp_view_dup(l->name);
}

/* Ask for the mailbox of a special use, with RFC 6154 where the server has it,
 * else among the attributes of all; Gmail's "All Mail" is \All.  ${wire} is
 * the caller's. */
static enum sp_code
find_by_use(struct sp_imap *m, const char *text, unsigned use, char **wire,
    struct sp_err *err)
{
	struct sp_imap_reply d;
	enum sp_code rc = SP_OK;

	m->lookup.use = use;
	if (m->server.caps & SP_IMAP_CAP_SPECIAL_USE)
		rc = sp_imap_command(
		    m, &d, err, "LIST (SPECIAL-USE) \"\" \"*\"");
	if (rc == SP_OK && m->lookup.found == NULL)
		rc = sp_imap_command(m, &d, err, "LIST \"\" \"*\"");
	m->lookup.use = 0;
	*wire = m->lookup.found;
	m->lookup.found = NULL;
	if (rc == SP_OK && *wire == NULL)
		rc = sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_ENOTFOUND, err,
		    "the server has no mailbox for %s; name it in mailboxes",
		    text);
	if (rc != SP_OK) {
		free(*wire);
		*wire = NULL;
	}
	return (rc);
}

/* Fill out->utf8 from out->wire.  INBOX has one spelling in the archive. */
static enum sp_code
decode_name(
    struct sp_imap *m, struct sp_imap_mailbox_name *out, struct sp_err *err)
{
	struct sp_view wire = sp_view_str(out->wire);
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, SP_IMAP_LITERAL_MAX);
	rc = sp_imap_name_decode(wire, m->server.utf8_names, &b);
	if (rc == SP_OK && sp_view_ieq_str(wire, "INBOX")) {
		sp_buf_clear(&b);
		rc = sp_buf_adds(&b, "INBOX");
	}
	if (rc == SP_OK && sp_buf_cstr(&b) != NULL)
		out->utf8 = sp_xstrdup(b.p);
	else
		rc = sp_err_set(
		    err, SP_ELIMIT, 0, "the name of a mailbox is too long");
	sp_buf_done(&b);
	return (rc);
}

/* A special use is asked for; a name is only encoded. */
enum sp_code
sp_imap_find_mailbox(struct sp_imap *m, const char *text,
    struct sp_imap_mailbox_name *out, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc = SP_OK;

	*out = (struct sp_imap_mailbox_name){ NULL, NULL };
	for (size_t i = 0; i < SP_COUNTOF(uses); i++) {
		if (!sp_view_ieq_str(sp_view_str(text), uses[i].name))
			continue;
		rc = find_by_use(m, text, uses[i].use, &out->wire, err);
		return (rc == SP_OK ? decode_name(m, out, err) : rc);
	}
	sp_buf_init(&b, SP_IMAP_LITERAL_MAX);
	rc = m->server.utf8_names ? sp_buf_adds(&b, text)
				  : sp_imap_name_encode(sp_view_str(text), &b);
	if (rc != SP_OK || sp_buf_cstr(&b) == NULL)
		rc = sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_ECONFIG, err,
		    "mailboxes: \"%s\" is not the name of a mailbox in UTF-8",
		    text);
	else
		out->wire = sp_xstrdup(b.p);
	sp_buf_done(&b);
	return (rc == SP_OK ? decode_name(m, out, err) : rc);
}

enum sp_code
sp_imap_append_name(struct sp_imap *m, const char *wire, struct sp_err *err)
{
	if (sp_imap_quote(sp_view_str(wire), m->server.utf8_names,
		&m->channel.out) == SP_OK)
		return (SP_OK);
	return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_ECONFIG, err,
	    "the mailbox \"%s\" cannot be named to this server", wire));
}

/* ---- the memo ---------------------------------------------------------- */

/* Read the sentinels, "UID=LOOK,..."; what is none ends them. */
static void
load_sentinels(struct sp_imap_selected *b, struct sp_view v)
{
	while (v.n > 0 && b->nsentinel < SP_IMAP_SENTINELS) {
		struct sp_imap_sentinel *s = &b->sentinel[b->nsentinel];
		struct sp_view look = sp_view_cut(&v, ',');
		struct sp_view number = sp_view_cut(&look, '=');
		uint8_t bytes[sizeof(s->look)];
		uint64_t uid;

		if (!sp_view_u64(number, &uid) || uid == 0 ||
		    uid > UINT32_MAX ||
		    !sp_hex_decode(look, bytes, sizeof(bytes)))
			return;
		s->uid = (uint32_t)uid;
		s->look = 0;
		for (size_t i = 0; i < sizeof(bytes); i++)
			s->look = s->look << 8 | bytes[i];
		b->nsentinel++;
	}
}

/* Read the memo of m->box; ${uidvalidity} is the one that it is of, 0: there
 * is no memo. */
static void
load_memo(struct sp_imap *m, uint64_t *uidvalidity)
{
	struct sp_imap_selected *b = &m->box;
	const char *text = sp_pull_memo(m->pull, sp_view_str(b->name->utf8));
	struct sp_view v = sp_view_str(text), number;
	uint32_t low, high;

	*uidvalidity = 0;
	number = sp_view_cut(&v, ' ');
	if (text == NULL || !sp_view_u64(number, uidvalidity))
		return;
	number = sp_view_cut(&v, ' ');
	if (!sp_view_u64(number, &b->last) || b->last > UINT32_MAX)
		b->last = 0;
	number = sp_view_cut(&v, ' ');
	if (b->last == 0 || !sp_view_u64(number, &b->last_modseq))
		b->last_modseq = 0;
	number = sp_view_cut(&v, ' ');
	while (b->nexcept < SP_IMAP_EXCEPT_MAX &&
	       sp_imap_set_next(&number, &low, &high))
		b->except[b->nexcept++] = low;
	load_sentinels(b, sp_view_cut(&v, ' '));
	number = sp_view_cut(&v, ' ');
	if (!sp_view_u64(number, &b->verify_to) || b->verify_to > UINT32_MAX)
		b->verify_to = 0;
	number = sp_view_cut(&v, ' ');
	if (!sp_view_u64(number, &b->seen) || b->seen < b->last ||
	    b->seen > UINT32_MAX)
		b->seen = b->last;
	if (!sp_view_u64(v, &b->changes))
		b->changes = 0;
}

/* Whether the archive has the message ${uid} of the selected mailbox. */
static bool
archive_has(struct sp_imap *m, uint64_t uid)
{
	const struct sp_imap_item it = { .uid = (uint32_t)uid };
	struct sp_imap_meta meta;

	sp_imap_meta(m, &it, &meta);
	return (sp_pull_known(m->pull, &meta.meta.id) > 0);
}

/* Forget the memo: all of the mailbox is looked at again. */
static void
discard_memo(struct sp_imap_selected *b)
{
	b->last = b->last_modseq = b->verify_to = b->seen = 0;
	b->nexcept = b->nvanished = b->nsentinel = 0;
}

/* Up to which UID messages must be compared at the next visit: not at all, once
 * all up to there are archived. */
static uint64_t
pending_verify(const struct sp_imap_selected *b)
{
	for (size_t i = 0; i < b->nexcept; i++) {
		if (b->except[i] <= b->verify_to)
			return (b->verify_to);
	}
	return (b->last >= b->verify_to ? 0 : b->verify_to);
}

/* As the paragraph at the top of this file says; nothing is saved as long as
 * nothing was handed over. */
void
sp_imap_save_memo(struct sp_imap *m)
{
	struct sp_imap_selected *b = &m->box;
	struct sp_buf out;
	enum sp_code rc;

	sp_buf_init(&out, SP_IMAP_MEMO_MAX);
	rc = sp_buf_addf(&out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " ",
	    b->uidvalidity, b->last, b->last_modseq);
	for (size_t i = 0; rc == SP_OK && i < b->nexcept; i++)
		rc = sp_buf_addf(
		    &out, "%s%" PRIu32, i > 0 ? "," : "", b->except[i]);
	if (rc == SP_OK)
		rc = sp_buf_addc(&out, ' ');
	for (size_t i = 0; rc == SP_OK && i < b->nsentinel; i++) {
		if (b->sentinel[i].look != 0)
			rc = sp_buf_addf(&out, "%s%" PRIu32 "=%016" PRIx64,
			    sp_buf_view(&out).p[out.n - 1] == ' ' ? "" : ",",
			    b->sentinel[i].uid, b->sentinel[i].look);
	}
	if (rc == SP_OK)
		rc = sp_buf_addf(&out, " %" PRIu64 " %" PRIu64 " %" PRIu64,
		    pending_verify(b), b->seen, b->changes);
	if (rc == SP_OK && (b->last > 0 || b->nsentinel > 0))
		sp_pull_set_memo(
		    m->pull, sp_view_str(b->name->utf8), sp_buf_view(&out));
	sp_buf_done(&out);
}

/* ---- opening ----------------------------------------------------------- */

/* What goes while the mailbox is selected counts like EXPUNGE.  Of what went
 * before, UIDs up to b->seen were archived, told or left on purpose. */
void
sp_imap_on_vanished(struct sp_imap *m, struct sp_view set, bool earlier)
{
	struct sp_imap_selected *b = &m->box;
	uint32_t low, high;

	while (!earlier && sp_imap_set_next(&set, &low, &high)) {
		uint64_t n = (uint64_t)high - low + 1;

		b->exists -= n < b->exists ? n : b->exists;
		sp_imap_on_expunged(m);
	}
	while (b->nvanished < SP_IMAP_VANISHED_MAX &&
	       sp_imap_set_next(&set, &low, &high)) {
		if (high <= b->seen)
			continue;
		if (low <= b->seen)
			low = (uint32_t)b->seen + 1;
		b->vanished[b->nvanished++] =
		    (struct sp_imap_range){ low, high };
	}
}

/* UIDs from UIDNEXT on never existed: a range may reach beyond. */
void
sp_imap_note_vanished(struct sp_imap *m)
{
	struct sp_imap_selected *b = &m->box;
	char name[200], first[64] = "";
	uint64_t count = 0, checked = 0;

	for (size_t i = 0; i < b->nvanished && b->uidnext > 0; i++) {
		uint64_t uid = b->vanished[i].low;

		for (; uid <= b->vanished[i].high && uid < b->uidnext &&
		       checked < CHECKED_MAX;
		     uid++, checked++) {
			if (archive_has(m, uid))
				continue;
			if (count++ == 0)
				(void)snprintf(
				    first, sizeof(first), "%" PRIu64, uid);
		}
	}
	b->nvanished = 0;
	if (count > 0)
		sp_pull_note(m->pull,
		    "vanished mailbox=%s messages=%" PRIu64
		    " first_uid=%s: gone before they were fetched; does somebody else delete from this mailbox?",
		    sp_log_quote(
			sp_view_str(b->name->utf8), name, sizeof(name)),
		    count, first);
}

/* Whether the mailbox lets us do what `after` wants: change it at all, and
 * keep the flag \Deleted where messages go by that. */
static enum sp_code
check_writable(struct sp_imap *m, struct sp_err *err)
{
	bool flags = m->conf->then == SP_PULL_DELETE ||
		     (m->server.caps & SP_IMAP_CAP_MOVE) == 0;

	if (m->box.read_only)
		return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_EPERM, err,
		    "%s: the server opens it for reading only; after = %s needs more rights",
		    m->box.name->utf8, m->conf->after));
	if (flags && !m->box.keeps_deleted)
		return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_EPERM, err,
		    "%s: the server does not keep \\Deleted; after = %s cannot work",
		    m->box.name->utf8, m->conf->after));
	return (SP_OK);
}

/* Compare the memo with what the server says now, and discard it where it does
 * not fit: another UIDVALIDITY (noted: all names of old are void), or a
 * message that it says is archived and that the archive does not have. */
static void
check_memo(struct sp_imap *m, uint64_t uidvalidity)
{
	struct sp_imap_selected *b = &m->box;
	char name[200];

	if (uidvalidity == 0 || uidvalidity == b->uidvalidity) {
		b->changes = 0;
	} else {
		b->changes += b->changes < 1000;
		sp_pull_renamed(m->pull);
		/* Content is not told apart by mailbox. */
		b->by_content = b->changes > 1 && m->mailboxes == 1;
		sp_pull_note(m->pull,
		    "uidvalidity_changed mailbox=%s from=%" PRIu64
		    " to=%" PRIu64 ": all of it is fetched again%s",
		    sp_log_quote(
			sp_view_str(b->name->utf8), name, sizeof(name)),
		    uidvalidity, b->uidvalidity,
		    b->by_content
			? ", as at the visit before; what the archive has by its content is not archived again"
			: "");
	}
	/* An archive restored from an older backup does not have what a newer
	 * memo says.  Where messages are deleted all are listed anyway. */
	if (uidvalidity != b->uidvalidity ||
	    (b->last > 0 && m->conf->then == SP_PULL_KEEP &&
		!archive_has(m, b->last)))
		discard_memo(b);
}

/* The reply to SELECT or EXAMINE: whether the mailbox can be worked on. */
static enum sp_code
check_opened(struct sp_imap *m, const struct sp_imap_reply *d,
    uint64_t uidvalidity, bool change, struct sp_err *err)
{
	struct sp_imap_selected *b = &m->box;

	if (d->cond != SP_IMAP_OK) {
		enum sp_pull_trouble why = sp_imap_reply_trouble(m, d);

		/* Without a code: most servers have no such mailbox then. */
		if (d->code == SP_IMAP_C_NONE && !d->throttled)
			why = SP_PULL_CONFIG;
		return (sp_pull_fail(m->pull, why,
		    why == SP_PULL_CONFIG ? SP_ENOTFOUND : SP_EAGAIN, err,
		    "%s: the server does not open this mailbox: %s",
		    b->name->utf8, d->text));
	}
	if (b->uidvalidity == 0 || b->uidvalidity > UINT32_MAX)
		return (sp_pull_fail(m->pull, SP_PULL_CONFIG, SP_EFORMAT, err,
		    "%s: the server gives no UIDVALIDITY, so that messages have no lasting names",
		    b->name->utf8));
	b->open = true;
	check_memo(m, uidvalidity);
	return (change ? check_writable(m, err) : SP_OK);
}

/* QRESYNC and CONDSTORE (RFC 7162) go with the command where they are enabled
 * or offered, so that the server says what vanished. */
enum sp_code
sp_imap_select(struct sp_imap *m, const struct sp_imap_mailbox_name *name,
    bool change, struct sp_err *err)
{
	struct sp_imap_selected *b = &m->box;
	struct sp_imap_reply d;
	struct sp_err unwanted;
	uint64_t uidvalidity;
	enum sp_code rc;
	unsigned tag;

	if (err == NULL)
		err = &unwanted; /* the step repeats what it says */
	*b = (struct sp_imap_selected){ .name = name, .keeps_deleted = true };
	load_memo(m, &uidvalidity);
	rc = sp_buf_adds(&m->channel.out, change ? "SELECT " : "EXAMINE ");
	if (rc == SP_OK)
		rc = sp_imap_append_name(m, name->wire, err);
	if (rc == SP_OK && (m->server.enabled & SP_IMAP_CAP_QRESYNC) &&
	    uidvalidity != 0 && b->last_modseq > 0)
		rc = sp_buf_addf(&m->channel.out,
		    " (QRESYNC (%" PRIu64 " %" PRIu64 "))", uidvalidity,
		    b->last_modseq);
	else if (rc == SP_OK && (m->server.caps & SP_IMAP_CAP_CONDSTORE))
		rc = sp_buf_adds(&m->channel.out, " (CONDSTORE)");
	if (rc == SP_OK)
		rc = sp_imap_send_out(m, false, &tag, err);
	if (rc == SP_OK)
		rc = sp_imap_await(m, tag, &d, err);
	if (rc == SP_OK)
		rc = check_opened(m, &d, uidvalidity, change, err);
	if (rc == SP_OK)
		rc = sp_imap_check_sentinels(m, err);
	if (rc == SP_OK)
		sp_pull_step(m->pull, "mailbox", true,
		    "%s: %" PRIu64 " messages, UIDVALIDITY %" PRIu64,
		    name->utf8, b->exists, b->uidvalidity);
	else
		sp_pull_step(m->pull, "mailbox", false, "%s", err->msg);
	m->box.new_mail = false;
	return (rc);
}

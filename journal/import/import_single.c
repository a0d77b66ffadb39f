/*
 * A file of one message: which of its bytes are the message, and what the
 * record says of the others and of its place.  Called for files of a folder or
 * of the command line (import_file.c) and for members of containers
 * (import_in.c), with all bytes in memory.
 *
 *	message  every byte
 *	emlx     what the first line counts (import_emlx.h)
 *	dbox     what the header counts (import_dbox.h)
 *
 * What is no message by its first bytes is refused here once more, since it
 * may come out of a compressed file.
 */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/time_text.h"
#include "journal/import/import_dbox.h"
#include "journal/import/import_emlx.h"
#include "journal/import/import_priv.h"
#include "journal/import/import_refused.h"

struct single {
	const struct sp_import *im;
	struct sp_import_item *item;
	const struct sp_import_place *place;
	struct sp_buf extra; /* of the item */
	char date[SP_TIME_LEN + 1];
	bool compressed; /* item->msg is, by itself: to be unpacked first */
};

/* The message is not whole. */
static void
set_incomplete(struct sp_import_item *item)
{
	for (size_t i = 0; i < item->nflags; i++) {
		if (strcmp(item->flags[i], "incomplete") == 0)
			return;
	}
	if (item->nflags < SP_IMPORT_FLAGS)
		item->flags[item->nflags++] = "incomplete";
}

/* Say of a message of Apple Mail that it is not whole, and where the rest
 * lies. */
static void
note_partial(const struct single *s, char *const *names, size_t n)
{
	char *text;

	if (n == 0)
		text = sp_xstrdup(
		    "the message is not whole: Apple Mail keeps its attachments outside, or did not load them, and none lie beside it (flag incomplete)");
	else
		text = sp_xasprintf(
		    "the message is not whole: Apple Mail keeps its attachments outside, and they are not taken: %s%s%s%s (flag incomplete)",
		    names[0], n > 1 ? ", " : "", n > 1 ? names[1] : "",
		    n > 2 ? " and more" : "");
	sp_import_note(s->im, s->item->path, s->item->member, text);
	free(text);
}

/* Cut a file of Apple Mail.  Why it cannot be taken, or NULL. */
static const char *
cut_emlx(struct single *s, struct sp_view bytes, enum sp_code *rc)
{
	struct sp_import_emlx e;
	const char *why = sp_import_emlx_parse(s->place->path, bytes, &e);
	char **names = NULL;
	struct sp_buf facts;
	size_t n = 0;

	if (why != NULL)
		return (why);
	s->item->msg = e.message;
	if (sp_import_emlx_date(&e, s->date))
		s->item->origin_date = sp_view_str(s->date);
	if (e.partial && s->item->member == NULL)
		names = sp_import_emlx_beside(s->item->path, &n);
	if (e.partial || e.doubted)
		set_incomplete(s->item);
	if (e.partial)
		note_partial(s, names, n);
	else if (e.doubted)
		sp_import_note(s->im, s->item->path, s->item->member,
		    "its first line does not lead to the end of the message: the line ends may have been changed (flag incomplete)");
	sp_buf_init(&facts, SP_IMPORT_EXTRA_MAX);
	*rc = sp_import_emlx_facts(&e, names, n, &facts);
	if (*rc == SP_OK)
		*rc = sp_import_add_facts(&s->extra, sp_buf_view(&facts));
	sp_buf_done(&facts);
	sp_import_emlx_beside_free(names, n);
	return (NULL);
}

/* Cut a file of Dovecot.  Why it cannot be taken, or NULL. */
static const char *
cut_dbox(struct single *s, struct sp_view bytes, enum sp_code *rc)
{
	struct sp_import_dbox d;
	const char *why = sp_import_dbox_parse(bytes, &d);
	struct sp_buf facts;

	if (why != NULL)
		return (why);
	s->item->msg = d.message;
	s->compressed = d.compressed;
	if (sp_import_dbox_date(&d, s->date))
		s->item->origin_date = sp_view_str(s->date);
	if (d.outside) {
		set_incomplete(s->item);
		sp_import_note(s->im, s->item->path, s->item->member,
		    "the message is not whole: Dovecot keeps its attachments in other files (flag incomplete)");
	}
	sp_buf_init(&facts, SP_IMPORT_EXTRA_MAX);
	*rc = sp_import_dbox_facts(&d, &facts);
	if (*rc == SP_OK)
		*rc = sp_import_add_facts(&s->extra, sp_buf_view(&facts));
	sp_buf_done(&facts);
	return (NULL);
}

/* Find the message in ${bytes} and write its facts.  Why it cannot be taken,
 * static text, or NULL. */
static const char *
prepare(struct single *s, enum sp_import_kind kind, struct sp_view bytes)
{
	const char *why = NULL, *name = sp_import_kind_base(s->place->path);
	enum sp_code rc = sp_import_add_facts(&s->extra, s->item->extra);
	bool store;

	s->item->msg = bytes;
	if (rc == SP_OK && kind == SP_IMPORT_KIND_EMLX)
		why = cut_emlx(s, bytes, &rc);
	else if (rc == SP_OK && kind == SP_IMPORT_KIND_DBOX)
		why = cut_dbox(s, bytes, &rc);
	if (why != NULL)
		return (why);
	/* A verified export is taken as it is. */
	if (s->im->as != SP_IMPORT_AS_EXPORT)
		why = sp_import_refused_reason(name, s->item->msg, &store);
	if (why != NULL)
		return (why);
	if (rc == SP_OK)
		rc = sp_import_facts(s->place->path, s->place->part,
		    s->im->as == SP_IMPORT_AS_PILER, s->item->msg, &s->extra);
	return (rc == SP_OK
		    ? NULL
		    : "what is known of its place is too long for a record");
}

/* Unpack the compressed message in a child; it comes to the callback with what
 * is known of it so far.  SP_EIO, SP_ENOSPC: the temporary file. */
static enum sp_code
emit_compressed(const struct single *s, struct sp_err *err)
{
	struct sp_view msg = s->item->msg;
	enum sp_code rc;
	int fd = -1;

	s->item->msg = (struct sp_view){ NULL, 0 };
	rc = sp_import_tmpfile(&fd, err);
	if (rc == SP_OK)
		rc = sp_io_pwrite(fd, msg.p, msg.n, 0, err);
	if (rc == SP_OK)
		rc = sp_import_compressed(s->im, fd, s->item, "eml", err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

enum sp_code
sp_import_single(const struct sp_import *im, struct sp_import_item *item,
    enum sp_import_kind kind, const struct sp_import_place *place,
    struct sp_view bytes, struct sp_err *err)
{
	struct single s = { .im = im, .item = item, .place = place };
	enum sp_code rc = SP_OK;
	const char *why;

	sp_buf_init(&s.extra, SP_IMPORT_EXTRA_MAX);
	why = prepare(&s, kind, bytes);
	item->extra = sp_buf_view(&s.extra);
	if (why == NULL && s.compressed)
		rc = emit_compressed(&s, err);
	else if (why == NULL)
		rc = im->item(im->ctx, item, err);
	else
		sp_import_failed(im, item->path, item->member, why);
	item->extra = (struct sp_view){ NULL, 0 };
	sp_buf_done(&s.extra);
	return (rc);
}

/*
 * Reads the frames of the child process and hands on what they hold: see
 * journal/import/import_in.h.  A message of kind "eml" is collected in memory;
 * the others ("mbox", "mail", "file") go to a temporary file, since an mbox may
 * be larger than memory.
 */
#include "journal/import/import_in.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/enc.h"
#include "base/io.h"
#include "journal/import/import_out.h"
#include "journal/import/import_priv.h"

#define SILENCE_MS 120000 /* without a frame: the child hangs */
#define DATE_MIN   20 /* bytes of an RFC 3339 date: "2026-11-23T16:31:02Z" */
#define DATE_MAX   40

void
sp_import_in_init(struct sp_import_in *in, const struct sp_import *im,
    const struct sp_import_item *source)
{
	*in = (struct sp_import_in){ .im = im, .source = source, .spool = -1 };
	sp_buf_init(&in->payload, SP_IMPORT_FRAME_MAX + 1);
	sp_buf_init(&in->msg, im->max_message + SP_IMPORT_FRAME_MAX);
}

/* No message is in work any more. */
static void
drop_message(struct sp_import_in *in)
{
	json_decref(in->meta);
	in->meta = NULL;
	free(in->member);
	in->member = NULL;
	sp_buf_clear(&in->msg);
	(void)sp_io_close(in->spool, NULL);
	in->spool = -1;
	in->spooled = 0;
	in->too_large = false;
}

void
sp_import_in_done(struct sp_import_in *in)
{
	drop_message(in);
	sp_buf_done(&in->payload);
	sp_buf_done(&in->msg);
}

void
sp_import_in_begin(struct sp_import_in *in, int sock)
{
	drop_message(in);
	in->sock = sock;
	in->has_item = false;
	in->broken = NULL;
}

static const char *
member_text(const json_t *obj, const char *key)
{
	return (json_string_value(json_object_get(obj, key)));
}

static bool
is_kind(const struct sp_import_in *in, const char *kind)
{
	return (strcmp(member_text(in->meta, "kind"), kind) == 0);
}

/* ---- a message, frame by frame ------------------------------------------- */

/* Keep the name of the member, which may have any bytes (a container of before
 * Unicode); false where there is none. */
static bool
keep_member(struct sp_import_in *in)
{
	struct sp_view name;
	struct sp_buf tmp;
	bool is;

	sp_buf_init(&tmp, SP_IMPORT_FRAME_MAX);
	is = sp_json_get_str(in->meta, "member", &tmp, &name);
	if (is)
		in->member = sp_view_dup(name);
	sp_buf_done(&tmp);
	return (is);
}

static enum sp_code
on_begin(struct sp_import_in *in, struct sp_err *err)
{
	if (in->meta != NULL ||
	    sp_json_load(sp_buf_view(&in->payload), &in->meta, NULL) != SP_OK ||
	    member_text(in->meta, "kind") == NULL || !keep_member(in)) {
		in->broken = "a message that does not begin";
		return (SP_OK);
	}
	if (is_kind(in, "eml") || is_kind(in, "emlx") || is_kind(in, "dbox"))
		return (SP_OK);
	return (sp_import_tmpfile(&in->spool, err));
}

static enum sp_code
on_data(struct sp_import_in *in, struct sp_err *err)
{
	struct sp_view data = sp_buf_view(&in->payload);
	enum sp_code rc;

	if (in->meta == NULL) {
		in->broken = "bytes of no message";
		return (SP_OK);
	}
	if (in->spool >= 0) {
		rc = sp_io_pwrite(in->spool, data.p, data.n, in->spooled, err);
		in->spooled += data.n;
		return (rc);
	}
	if (in->msg.n + data.n > in->im->max_message)
		in->too_large = true;
	if (!in->too_large && sp_buf_addv(&in->msg, data) != SP_OK)
		in->too_large = true;
	return (SP_OK);
}

/* The members of ${obj} as JSON without its braces; empty where it has none
 * or is no object.  malloc'ed. */
static char *
members_of(const json_t *obj)
{
	char *text, *out;
	size_t n;

	if (!json_is_object(obj) || json_object_size(obj) == 0)
		return (sp_xstrdup(""));
	text = json_dumps(obj, JSON_COMPACT);
	if (text == NULL)
		return (sp_xstrdup(""));
	n = strlen(text);
	out = sp_view_dup(sp_view_mem(text + 1, n - 2));
	free(text);
	return (out);
}

/* Set the flags of ${list} that a reader may set; others are ignored. */
static void
accept_flags(const json_t *list, struct sp_import_item *item)
{
	static const char *const known[] = { "reassembled", "recovered",
		"incomplete" };

	for (size_t i = 0; i < SP_COUNTOF(known); i++) {
		for (size_t k = 0; k < json_array_size(list); k++) {
			const char *f =
			    json_string_value(json_array_get(list, k));

			if (f != NULL && strcmp(f, known[i]) == 0 &&
			    item->nflags < SP_IMPORT_FLAGS) {
				item->flags[item->nflags++] = known[i];
				break;
			}
		}
	}
}

/* The kind of what was spooled: by its own kind, else by the first bytes and
 * the name, without the ending of its compression.  ${why}: see
 * sp_import_kind_of(). */
static enum sp_code
kind_of_spool(struct sp_import_in *in, enum sp_import_kind *kind,
    const char **why, struct sp_err *err)
{
	const char *name = in->member;
	char first[SP_IMPORT_KIND_FIRST], *plain;
	struct sp_import_place place = { .path = name };
	enum sp_code rc;
	size_t got;

	*kind = SP_IMPORT_KIND_MBOX;
	if (is_kind(in, "mbox"))
		return (SP_OK);
	rc = sp_io_pread(in->spool, first, sizeof(first), 0, &got, err);
	if (rc != SP_OK)
		return (rc);
	if (strcmp(name, SP_IMPORT_NO_NAME) == 0)
		place.path = in->source->path;
	plain = sp_import_kind_uncompressed(place.path);
	if (plain != NULL)
		place.path = plain;
	*kind = sp_import_kind_of(&place, sp_view_mem(first, got), why);
	free(plain);
	return (SP_OK);
}

/* Read one spooled message into memory, if it is not too large. */
static enum sp_code
unspool(struct sp_import_in *in, struct sp_err *err)
{
	char *at;

	in->too_large = in->spooled > in->im->max_message;
	at = in->too_large ? NULL
			   : sp_buf_reserve(&in->msg, (size_t)in->spooled + 1);
	if (at == NULL) {
		in->too_large = true;
		return (SP_OK);
	}
	return (sp_io_pread(
	    in->spool, at, (size_t)in->spooled, 0, &in->msg.n, err));
}

/* Give one file of a message to its reader: ${item} has its place, the rest is
 * in in->meta and in->msg.  Provenance that does not fit is reported. */
static enum sp_code
emit(struct sp_import_in *in, struct sp_import_item *item,
    enum sp_import_kind kind, struct sp_err *err)
{
	const struct sp_import *im = in->im;
	const struct sp_import_place place = { .path = item->member };
	const char *date = member_text(in->meta, "date");
	char *members = members_of(json_object_get(in->meta, "extra"));
	struct sp_buf extra;
	enum sp_code rc;

	if (date != NULL && strlen(date) >= DATE_MIN &&
	    strlen(date) <= DATE_MAX)
		item->origin_date = sp_view_str(date);
	accept_flags(json_object_get(in->meta, "flags"), item);
	sp_buf_init(&extra, SP_IMPORT_EXTRA_MAX);
	rc = sp_import_add_facts(&extra, item->extra);
	if (rc == SP_OK)
		rc = sp_import_add_facts(&extra, sp_view_str(members));
	item->extra = sp_buf_view(&extra);
	if (rc == SP_OK) {
		rc = sp_import_single(
		    im, item, kind, &place, sp_buf_view(&in->msg), err);
	} else {
		sp_import_failed(im, item->path, item->member,
		    "its provenance is too long for a record");
		rc = SP_OK;
	}
	sp_buf_done(&extra);
	free(members);
	return (rc);
}

/* A spooled file that is no mail that can be read here. */
static void
report_unread(const struct sp_import_in *in, const struct sp_import_item *item,
    enum sp_import_kind kind, const char *why)
{
	char *path = sp_xasprintf("%s:%s", item->path, item->member);

	if (kind == SP_IMPORT_KIND_REFUSED)
		sp_import_failed(in->im, path, NULL, why);
	else if (kind < SP_IMPORT_KIND_REFUSED)
		sp_import_failed(in->im, path, NULL,
		    "a container in a compressed file; unpack it first");
	else
		in->im->not_mail(in->im->ctx, path, sp_import_kind_name(kind));
	free(path);
}

/* The message in work is complete: to the callback for files, to the reader of
 * an mbox, or to the reader of single messages. */
static enum sp_code
on_message(struct sp_import_in *in, struct sp_err *err)
{
	const struct sp_import *im = in->im;
	struct sp_import_item item = *in->source;
	enum sp_import_kind kind = SP_IMPORT_KIND_MESSAGE;
	enum sp_code rc = SP_OK;
	const char *why = NULL;

	item.member = in->member;
	if (im->file != NULL && is_kind(in, "file"))
		return (im->file(im->ctx, in->spool, err));
	if (is_kind(in, "emlx"))
		kind = SP_IMPORT_KIND_EMLX;
	else if (is_kind(in, "dbox"))
		kind = SP_IMPORT_KIND_DBOX;
	else if (in->spool >= 0)
		rc = kind_of_spool(in, &kind, &why, err);
	if (rc != SP_OK)
		return (rc);
	if (kind == SP_IMPORT_KIND_MBOX)
		return (sp_import_mbox_file(im, in->spool, &item, err));
	if (kind >= SP_IMPORT_KIND_COMPRESSED) {
		report_unread(in, &item, kind, why);
		return (SP_OK);
	}
	if (in->spool >= 0)
		rc = unspool(in, err);
	if (rc == SP_OK && in->too_large)
		sp_import_failed(im, item.path, item.member,
		    "larger than the message limit");
	else if (rc == SP_OK)
		rc = emit(in, &item, kind, err);
	return (rc);
}

static enum sp_code
on_end(struct sp_import_in *in, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (in->meta == NULL)
		in->broken = "the end of no message";
	else
		rc = on_message(in, err);
	drop_message(in);
	return (rc);
}

/* ---- the other frames ---------------------------------------------------- */

static void
on_failed(const struct sp_import_in *in)
{
	struct sp_view rest = sp_buf_view(&in->payload);
	char *member = sp_view_dup(sp_view_cut(&rest, '\0'));
	char *why = sp_view_dup(rest);

	sp_import_failed(in->im, in->source->path, member, why);
	free(member);
	free(why);
}

static void
on_not_mail(const struct sp_import_in *in)
{
	struct sp_view rest = sp_buf_view(&in->payload);
	char *name = sp_view_dup(sp_view_cut(&rest, '\0'));
	char *kind = sp_view_dup(rest);
	char *path = sp_xasprintf("%s:%s", in->source->path, name);

	in->im->not_mail(
	    in->im->ctx, path, sp_import_kind_name(sp_import_kind_named(kind)));
	free(path);
	free(kind);
	free(name);
}

static void
on_item(struct sp_import_in *in)
{
	uint8_t number[8] = { 0 };
	struct sp_view v = sp_buf_view(&in->payload);

	if (v.n > 0)
		memcpy(number, v.p, v.n < 8 ? v.n : 8);
	in->item = sp_le64_get(number);
	in->has_item = true;
}

/* One frame, whose payload is in hand. */
static enum sp_code
on_frame(struct sp_import_in *in, enum sp_import_frame type, struct sp_err *err)
{
	switch (type) {
	case SP_IMPORT_FRAME_BEGIN:
		return (on_begin(in, err));
	case SP_IMPORT_FRAME_DATA:
		return (on_data(in, err));
	case SP_IMPORT_FRAME_END:
		return (on_end(in, err));
	case SP_IMPORT_FRAME_CUT:
		drop_message(in);
		on_failed(in);
		break;
	case SP_IMPORT_FRAME_FAILED:
		on_failed(in);
		break;
	case SP_IMPORT_FRAME_NOT_MAIL:
		on_not_mail(in);
		break;
	case SP_IMPORT_FRAME_ITEM:
		on_item(in);
		break;
	case SP_IMPORT_FRAME_DONE:
		in->done = true;
		break;
	default:
		in->broken = "an unknown word";
		break;
	}
	return (SP_OK);
}

/* ${n} bytes of the socket; false at its end, or where the child hangs. */
static bool
receive(struct sp_import_in *in, void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		struct pollfd f = { .fd = in->sock, .events = POLLIN };
		ssize_t got;

		if (poll(&f, 1, SILENCE_MS) == 0) {
			in->broken = "no word for two minutes";
			return (false);
		}
		got = recv(in->sock, at, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (false);
		at += got;
		n -= (size_t)got;
	}
	return (true);
}

enum sp_code
sp_import_in_read(struct sp_import_in *in, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	uint8_t head[SP_IMPORT_FRAME_HEAD];

	while (rc == SP_OK && !in->done && in->broken == NULL &&
	       receive(in, head, sizeof(head))) {
		size_t n = sp_le32_get(head + 1);
		char *at;

		if (n > SP_IMPORT_FRAME_MAX) {
			in->broken = "a frame too long";
			break;
		}
		sp_buf_clear(&in->payload);
		at = sp_buf_reserve(&in->payload, n + 1);
		if (at == NULL || !receive(in, at, n))
			break;
		in->payload.n = n;
		rc = on_frame(in, (enum sp_import_frame)head[0], err);
	}
	return (rc);
}

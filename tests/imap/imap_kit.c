/* The recorder of the IMAP parser's events (imap_kit.h). */
#include "imap_kit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MAX (64u << 20)

static void
put(struct recorder *h, const char *key, struct sp_view v)
{
	if (v.p == NULL)
		return;
	if (sp_buf_addf(&h->log, " %s=", key) != SP_OK ||
	    sp_buf_addv(&h->log, v) != SP_OK)
		abort();
}

#define RECORD(h, ...)                                            \
	do {                                                      \
		if (sp_buf_addf(&(h)->log, __VA_ARGS__) != SP_OK) \
			abort();                                  \
	} while (0)

static enum sp_code
on_body(void *ctx, const struct sp_imap_fetch *head, bool partial,
    uint64_t offset, uint64_t size, struct sp_err *err)
{
	struct recorder *h = ctx;

	if (h->refuse_body != SP_OK)
		return (sp_err_set(err, h->refuse_body, 0, "no room"));
	RECORD(h, "BODY(%u)", head->uid);
	if (partial)
		RECORD(h, "<%" PRIu64 ">", offset);
	RECORD(h, " %" PRIu64 ":", size);
	h->in_body = true;
	return (SP_OK);
}

static enum sp_code
on_data(void *ctx, const char *p, size_t n, struct sp_err *err)
{
	struct recorder *h = ctx;

	(void)err;
	if (!h->in_body || n == 0 || sp_buf_add(&h->log, p, n) != SP_OK)
		abort();
	return (SP_OK);
}

static void
record_status(struct recorder *h, const struct sp_imap_status *st)
{
	static const char *const conds[] = { "OK", "NO", "BAD", "BYE",
		"PREAUTH" };

	RECORD(h, " %s code=%d", conds[st->cond], (int)st->code);
	put(h, "name", st->name);
	put(h, "args", st->args);
	if (st->has_number)
		RECORD(h, " number=%" PRIu64, st->number);
	put(h, "text", st->text);
}

static void
record_fetch(struct recorder *h, const struct sp_imap_fetch *f)
{
	RECORD(h, " msn=%" PRIu64 " uid=%u", f->msn, f->uid);
	if (f->has_size)
		RECORD(h, " size=%" PRIu64, f->size);
	if (f->has_flags)
		put(h, "flags", f->flags);
	if (f->has_modseq)
		RECORD(h, " modseq=%" PRIu64, f->modseq);
	put(h, "date", f->internaldate);
	put(h, "msgid", f->gm_msgid);
	put(h, "thrid", f->gm_thrid);
	for (size_t i = 0; i < f->nlabels; i++)
		put(h, "label", f->labels[i]);
	if (f->more_labels > 0)
		RECORD(h, " more=%zu", f->more_labels);
	if (f->body != SP_IMAP_BODY_NONE)
		RECORD(h, " body=%s",
		    f->body == SP_IMAP_BODY_NIL ? "nil" : "given");
}

static void
record_rest(struct recorder *h, const struct sp_imap_response *r)
{
	const struct sp_imap_mailbox *m = &r->mailbox;

	put(h, "text", r->text);
	put(h, "set", r->set);
	if (r->earlier)
		RECORD(h, " earlier");
	if (r->number > 0 && r->kind != SP_IMAP_FETCH)
		RECORD(h, " number=%" PRIu64, r->number);
	if (r->kind == SP_IMAP_LIST) {
		RECORD(h, " use=%x delim=%d", r->list.use, r->list.delim);
		put(h, "name", r->list.name);
	}
	put(h, "mailbox", m->name);
	if (m->has_messages)
		RECORD(h, " messages=%" PRIu64, m->messages);
	if (m->has_uidnext)
		RECORD(h, " uidnext=%" PRIu64, m->uidnext);
	if (m->has_uidvalidity)
		RECORD(h, " uidvalidity=%" PRIu64, m->uidvalidity);
	if (m->has_modseq)
		RECORD(h, " modseq=%" PRIu64, m->modseq);
}

static enum sp_code
on_response(void *ctx, const struct sp_imap_response *r, struct sp_err *err)
{
	static const char *const kinds[] = { "OTHER", "TAGGED", "CONTINUE",
		"STATUS", "CAPABILITY", "ENABLED", "EXISTS", "EXPUNGE", "FETCH",
		"SEARCH", "VANISHED", "LIST", "MAILBOX" };
	struct recorder *h = ctx;

	(void)err;
	if (h->in_body)
		RECORD(h, "|\n");
	h->in_body = false;
	RECORD(h, "%s", kinds[r->kind]);
	put(h, "tag", r->tag);
	if (r->kind == SP_IMAP_TAGGED || r->kind == SP_IMAP_STATUS)
		record_status(h, &r->status);
	if (r->kind == SP_IMAP_FETCH)
		record_fetch(h, &r->fetch);
	record_rest(h, r);
	RECORD(h, "\n");
	return (SP_OK);
}

void
recorder_init(struct recorder *h)
{
	*h = (struct recorder){ .ev = { .body = on_body,
				    .data = on_data,
				    .response = on_response,
				    .ctx = h } };
	sp_buf_init(&h->log, LOG_MAX);
}

void
recorder_done(struct recorder *h)
{
	sp_buf_done(&h->log);
}

enum sp_code
recorder_feed(struct recorder *h, struct sp_view v, size_t first, size_t step,
    struct sp_err *err)
{
	struct sp_imap_parser *p = sp_imap_parser_new(&h->ev);
	enum sp_code rc = SP_OK;
	size_t n = first;

	while (rc == SP_OK && v.n > 0) {
		char *piece;

		n = n < v.n ? n : v.n;
		/* Memory of its own, so that a look behind it is seen. */
		piece = sp_xmalloc(n);
		memcpy(piece, v.p, n);
		rc = sp_imap_parser_feed(p, piece, n, err);
		free(piece);
		v.p += n;
		v.n -= n;
		n = step;
	}
	if (rc != SP_OK) {
		struct sp_err again;

		/* The same ever after. */
		if (sp_imap_parser_feed(p, "* OK\r\n", 6, &again) != rc)
			abort();
	}
	sp_imap_parser_free(p);
	return (rc);
}

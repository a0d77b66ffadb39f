/*
 * Documents: memory that is used again for entry after entry, and the order in
 * which the parts of a document are filled.  The parts are doc_people.c,
 * doc_claims.c, doc_facts.c and doc_words.c.
 */
#include "index/doc.h"

#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/line.h"
#include "index/doc_fill_priv.h"
#include "index/schema/token.h"

/* What a column, the flags, and actor or detail of an event may hold. */
#define COL_MAX	  ((size_t)64 << 20)
#define FLAGS_MAX ((size_t)64 << 10)
#define EVENT_MAX ((size_t)8 << 20)

struct sp_doc *
sp_doc_new(void)
{
	struct sp_doc *d = sp_xcalloc(1, sizeof(*d));

	sp_buf_init(&d->strs, SP_DOC_STRS_MAX);
	for (int c = 0; c < SP_COL_COUNT; c++)
		sp_buf_init(&d->col[c], COL_MAX);
	sp_buf_init(&d->flags, FLAGS_MAX);
	sp_buf_init(&d->actor, EVENT_MAX);
	sp_buf_init(&d->detail, EVENT_MAX);
	return (d);
}

/* Keep the memory of small buffers, free that of large ones. */
static void
reset_buf(struct sp_buf *b)
{
	if (b->cap > ((size_t)1 << 20))
		sp_buf_done(b);
	else
		sp_buf_clear(b);
}

void
sp_doc_clear(struct sp_doc *d)
{
	if (d->has_record)
		sp_record_done(&d->rec);
	sp_mail_free(d->mail);
	d->mail = NULL;
	d->has_record = d->parsed = d->cut = false;
	reset_buf(&d->strs);
	for (int c = 0; c < SP_COL_COUNT; c++)
		reset_buf(&d->col[c]);
	reset_buf(&d->flags);
	reset_buf(&d->actor);
	reset_buf(&d->detail);
	d->nparties = 0;
	d->nclaims = 0;
	d->ids.known = false;
	d->heads = 0;
	d->attachments = 0;
	free(d->runs);
	d->runs = NULL;
	d->nruns = 0;
	d->weight = 0;
}

void
sp_doc_free(struct sp_doc *d)
{
	if (d == NULL)
		return;
	sp_doc_clear(d);
	sp_buf_done(&d->strs);
	for (int c = 0; c < SP_COL_COUNT; c++)
		sp_buf_done(&d->col[c]);
	sp_buf_done(&d->flags);
	sp_buf_done(&d->actor);
	sp_buf_done(&d->detail);
	free(d->parties);
	free(d->claims);
	free(d);
}

struct sp_view
sp_doc_str(const struct sp_doc *d, struct sp_doc_span s)
{
	if (s.n == 0)
		return (SP_VIEW_LIT(""));
	return ((struct sp_view){ d->strs.p + s.at, s.n });
}

bool
sp_doc_store_str(struct sp_doc *d, struct sp_view v, struct sp_doc_span *out)
{
	*out = (struct sp_doc_span){ d->strs.n, v.n };
	return (sp_buf_addv(&d->strs, v) == SP_OK);
}

/* Bytes of memory that the document holds, estimated, by which the pipe bounds
 * what waits. */
static void
estimate_weight(struct sp_doc *d)
{
	d->weight = 4096 + d->strs.n + d->actor.n + d->detail.n;
	for (int c = 0; c < SP_COL_COUNT; c++)
		d->weight += d->col[c].n;
	if (d->mail != NULL)
		d->weight += d->mail->text_len +
			     d->mail->nparts * sizeof(*d->mail->parts) +
			     d->mail->nheaders * 64;
}

/* Everything before the first empty line, at most SP_DOC_RAW_MAX bytes. */
static struct sp_view
header_text(struct sp_view msg)
{
	size_t i = 0;

	if (msg.n > SP_DOC_RAW_MAX)
		msg.n = SP_DOC_RAW_MAX;
	while (i + 1 < msg.n) {
		if (msg.p[i] == '\n' &&
		    (msg.p[i + 1] == '\n' ||
			(msg.p[i + 1] == '\r' && i + 2 < msg.n &&
			    msg.p[i + 2] == '\n')))
			return ((struct sp_view){ msg.p, i + 1 });
		i++;
	}
	return (msg);
}

/* Put ${text} into a column without marks of verbatim tokens.  The column is
 * never left empty here: put.c would then take the text as it came. */
static void
clean_into(struct sp_doc *d, enum sp_column c, struct sp_view text)
{
	if (sp_token_clean(text, &d->col[c]) == SP_OK)
		return;
	d->cut = true;
	sp_buf_clear(&d->col[c]);
	if (sp_buf_addc(&d->col[c], ' ') != SP_OK)
		abort();
}

/* Parse the message and cut its text to the limit.  Text goes into a column
 * only where it must be cleaned; put.c takes it from d->mail otherwise. */
static void
parse_mail(struct sp_doc *d, struct sp_view msg, enum sp_doc_parse how,
    const struct sp_mail_opts *opts)
{
	struct sp_mail_opts o = *opts;
	struct sp_view text;

	o.accepted = opts->accepted && !d->rec.journal;
	o.journal = d->rec.journal || o.accepted;
	if (how == SP_DOC_PARSE)
		d->mail = sp_mail_parse(msg, &o);
	d->parsed = d->mail != NULL;
	if (!d->parsed) {
		clean_into(d, SP_COL_BODY, header_text(msg));
		return;
	}
	if (d->mail->text == NULL)
		d->mail->text_len = 0;
	if (d->mail->text_len > opts->max_text)
		d->mail->text_len = opts->max_text;
	text = sp_view_mem(d->mail->text, d->mail->text_len);
	if (sp_token_has_mark(text))
		clean_into(d, SP_COL_BODY, text);
	text = sp_view_str(d->mail->subject);
	if (sp_token_has_mark(text))
		clean_into(d, SP_COL_SUBJECT, text);
}

/* The leaf hash is computed from the record, so that the shard can be compared
 * with the log later. */
enum sp_code
sp_doc_fill(struct sp_doc *d, struct sp_view record, struct sp_view msg,
    bool has_message, enum sp_doc_parse how, const struct sp_mail_opts *opts,
    struct sp_err *err)
{
	char text[SP_LINE_MAX];
	struct sp_line line;
	enum sp_code rc;
	size_t n;

	sp_doc_clear(d);
	rc = sp_record_parse(record, &d->rec, err);
	if (rc != SP_OK)
		return (rc);
	d->has_record = true;
	d->accepted_by = opts->accepted ? opts->accepted_by : SP_LINK_NONE;
	d->seq = d->rec.seq;
	d->received = d->rec.received;
	sp_line_of_record(&d->rec, record, &line);
	n = sp_line_format(&line, text);
	sp_line_leaf_hash((struct sp_view){ text, n }, d->leaf);
	if (d->rec.kind == SP_KIND_EVENT) {
		sp_doc_fill_event(d);
	} else {
		if (has_message)
			parse_mail(d, msg, how, opts);
		sp_doc_fill_people(d);
		sp_doc_fill_claims(d);
		if (has_message)
			sp_doc_fill_ids(d);
		sp_doc_fill_files(d);
		sp_doc_bound_words(d);
		sp_doc_fill_flags(d, !has_message ? "purged"
				     : d->parsed  ? NULL
						  : "unparsed");
		sp_doc_fill_meta(d);
	}
	estimate_weight(d);
	return (SP_OK);
}

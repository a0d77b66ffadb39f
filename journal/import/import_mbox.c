/*
 * mbox: messages one after the other, each behind a line "From sender date".
 * Four dialects (doc/import.md):
 *
 *	mboxo	">From " may be quoting or not: kept as found
 *	mboxrd	one ">" of each ">+From " is taken away
 *	mboxcl	ends by Content-Length; the ">" of ">From " is taken away
 *	mboxcl2	ends by Content-Length, nothing is quoted
 *
 * Bytes are taken away only where quoting again gives the very bytes of the
 * file: message and record together give the file back.  A Content-Length
 * counts only where a From line or the end of the file follows; it never hides
 * the next message.  Where it is in doubt whether a message begins or ends, the
 * record says so, and a flag.
 *
 *	mbox_span.c            read_message        emit
 *	where it lies  ------> From line, message,  -----> im->item
 *	                       tail; unquoted
 *
 * Called by the walk (import.c) for a file, by import_in.c for a member of a
 * container, in the parent process.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"
#include "journal/import/import_priv.h"
#include "journal/import/mbox_span.h"

#define SLACK	 (1u << 20) /* bytes of quoting, over the message limit */
#define TAIL_MAX 4 /* CR LF CR LF behind a message */

#define DOUBT_FLAG "mbox_boundary"

struct mbox {
	const struct sp_import *im;
	const struct sp_import_item *source; /* path, digest, member */
	struct sp_mbox box;
	enum sp_import_as as; /* the dialect */
	bool guessed; /* that Content-Length counts */
	struct sp_buf msg; /* the message in work */
};

/* ---- quoting ------------------------------------------------------------- */

/* How many ">" stand before "From " at the beginning of ${v}, 2 for more; -1:
 * no From. */
static int
quotes(struct sp_view v)
{
	size_t n = 0;

	while (n < v.n && v.p[n] == '>')
		n++;
	if (!sp_view_starts(sp_view_mem(v.p + n, v.n - n), "From "))
		return (-1);
	return (n > 2 ? 2 : (int)n);
}

static bool
ends_line(char c)
{
	return (c == '\n' || c == '\r');
}

/* Count the lines of ${msg} that are quoted 0 times, once, more. */
static void
count_quotes(struct sp_view msg, uint64_t count[3])
{
	struct sp_view rest = msg;
	const char *from;

	memset(count, 0, 3 * sizeof(count[0]));
	while ((from = memmem(rest.p, rest.n, "From ", 5)) != NULL) {
		const char *begin = from;

		while (begin > msg.p && begin[-1] == '>')
			begin--;
		if (begin == msg.p || ends_line(begin[-1]))
			count[from - begin > 2 ? 2 : from - begin]++;
		rest.n -= (size_t)(from - rest.p) + 5;
		rest.p = from + 5;
	}
}

/* Take one ">" away from each line that begins ">From ", in place; ${all}:
 * also from ">>From " and more. */
static void
unquote(struct sp_buf *b, bool all)
{
	size_t to = 0;
	bool begins = true;

	for (size_t at = 0; at < b->n; at++) {
		int q = begins ? quotes(sp_view_mem(b->p + at, b->n - at)) : -1;

		begins = ends_line(b->p[at]);
		if (q == 1 || (q == 2 && all))
			continue;
		b->p[to++] = b->p[at];
	}
	b->n = to;
}

/* Undo the quoting of the message in work where its dialect has any and that
 * can be undone: how many lines lost a ">".  ${quoted}: what is left may be
 * quoting. */
static uint64_t
unquote_message(struct mbox *m, const struct sp_mbox_span *s, bool *quoted)
{
	bool rd = m->as == SP_IMPORT_AS_MBOXRD;
	bool cl = m->as == SP_IMPORT_AS_MBOXCL && s->by_length;
	uint64_t count[3], n;

	count_quotes(sp_buf_view(&m->msg), count);
	n = rd ? count[1] + count[2] : cl ? count[1] : 0;
	/* With a line that begins "From ", quoting again would give other
	 * bytes. */
	if (n > 0 && count[0] == 0) {
		unquote(&m->msg, rd);
		*quoted = false;
		return (n);
	}
	*quoted = (m->as != SP_IMPORT_AS_MBOXCL2 || m->guessed) &&
		  (count[1] > 0 || n > 0);
	return (0);
}

/* ---- one message --------------------------------------------------------- */

/* Length of the line end that ${v} ends with: LF, CR LF, or CR; 0: none. */
static size_t
line_end_length(struct sp_view v)
{
	if (v.n >= 2 && memcmp(v.p + v.n - 2, "\r\n", 2) == 0)
		return (2);
	return (v.n >= 1 && ends_line(v.p[v.n - 1]) ? 1 : 0);
}

/* Length of the empty line that ends a message in an mbox and is not part of
 * it. */
static size_t
separator_length(struct sp_view msg)
{
	size_t last = line_end_length(msg);

	if (last == 0 || last == msg.n)
		return (0);
	/* CR CR LF is one line end. */
	if (last == 2 && msg.p[msg.n - 3] == '\r')
		return (0);
	return (ends_line(msg.p[msg.n - last - 1]) ? last : 0);
}

/* The name of the dialect that this message is read as, for the record. */
static const char *
dialect_name(const struct mbox *m, const struct sp_mbox_span *s, bool quoted)
{
	switch (m->as) {
	case SP_IMPORT_AS_MBOXO:
		return ("mboxo");
	case SP_IMPORT_AS_MBOXRD:
		return ("mboxrd");
	case SP_IMPORT_AS_MBOXCL:
		return (s->by_length ? "mboxcl" : "mboxo");
	case SP_IMPORT_AS_MBOXCL2:
		return (s->by_length ? "mboxcl2" : "mbox");
	case SP_IMPORT_AS_DETECT:
	case SP_IMPORT_AS_EML:
	case SP_IMPORT_AS_MBOX:
	case SP_IMPORT_AS_MAILDIR:
	case SP_IMPORT_AS_PST:
	case SP_IMPORT_AS_PILER:
	case SP_IMPORT_AS_EXPORT:
		break;
	}
	return (quoted ? "mboxo" : "mbox");
}

/* Write "mbox":{...} to ${out}: all that leads from the message back to the
 * bytes of the file (doc/import.md, "mbox"). */
static enum sp_code
describe(const struct sp_mbox_span *s, const char *dialect,
    struct sp_view from_line, struct sp_view tail, uint64_t unquoted,
    struct sp_buf *out)
{
	struct sp_json j;

	sp_json_init(&j, out);
	sp_json_obj(&j, "mbox");
	sp_json_cstr(&j, "dialect", dialect);
	sp_json_u64(&j, "offset", s->start);
	sp_json_u64(&j, "length", s->next - s->start);
	sp_json_str(&j, "from", from_line);
	if (tail.n > 0)
		sp_json_str(&j, "tail", tail);
	if (unquoted > 0)
		sp_json_u64(&j, "unquoted", unquoted);
	if (s->doubt != 0) {
		sp_json_arr(&j, "doubt");
		if ((s->doubt & SP_MBOX_DOUBT_BEGIN) != 0)
			sp_json_cstr(&j, NULL, "begin");
		if ((s->doubt & SP_MBOX_DOUBT_END) != 0)
			sp_json_cstr(&j, NULL, "end");
		if ((s->doubt & SP_MBOX_DOUBT_TEXT) != 0)
			sp_json_cstr(&j, NULL, "text");
		sp_json_arr_end(&j);
	}
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}

static void
report_failed(const struct mbox *m, uint64_t offset, const char *why)
{
	char *text =
	    sp_xasprintf("the message at offset %" PRIu64 " %s", offset, why);

	sp_import_failed(m->im, m->source->path, m->source->member, text);
	free(text);
}

static bool
uses_length(const struct mbox *m)
{
	return (m->as == SP_IMPORT_AS_MBOXCL || m->as == SP_IMPORT_AS_MBOXCL2);
}

/* Give the message in work to the callback, unquoted as its dialect says.
 * ${before}: what the file has of the span before it.  One beyond the limit is
 * reported. */
static enum sp_code
emit(struct mbox *m, const struct sp_mbox_span *s, struct sp_view before,
    struct sp_view tail, struct sp_err *err)
{
	const size_t skip = (size_t)(s->from - s->start);
	const struct sp_view from_line =
	    sp_view_mem(before.p + skip, before.n - skip);
	struct sp_import_item item = *m->source;
	char date[SP_IMPORT_DATE_MAX];
	struct sp_buf extra;
	enum sp_code rc;
	uint64_t unquoted = unquote_message(m, s, &item.quoted);

	if (m->msg.n > m->im->max_message) {
		report_failed(m, s->start, "is larger than the message limit");
		return (SP_OK);
	}
	item.mbox = true;
	item.offset = s->start;
	item.from_line = from_line;
	item.msg = sp_buf_view(&m->msg);
	if (item.quoted)
		item.flags[item.nflags++] = "mbox_quoted";
	if (s->bad_length && uses_length(m))
		item.flags[item.nflags++] = "mbox_bad_length";
	item.boundary = s->doubt != 0;
	if (item.boundary)
		item.flags[item.nflags++] = DOUBT_FLAG;
	if (sp_import_from_date(sp_view_trim(from_line), date))
		item.origin_date = sp_view_str(date);
	sp_buf_init(&extra, 4 * SP_MBOX_LINE_MAX);
	rc = describe(
	    s, dialect_name(m, s, item.quoted), before, tail, unquoted, &extra);
	item.extra = sp_buf_view(&extra);
	if (rc == SP_OK)
		rc = m->im->item(m->im->ctx, &item, err);
	else
		rc = sp_err_set(err, rc, 0, "a From line is too long");
	sp_buf_done(&extra);
	return (rc);
}

/* Read the whole span into the message buffer. */
static enum sp_code
read_span(struct mbox *m, const struct sp_mbox_span *s, struct sp_err *err)
{
	const size_t whole = (size_t)(s->next - s->start);
	size_t got = 0;
	enum sp_code rc;
	char *at;

	sp_buf_clear(&m->msg);
	at = sp_buf_reserve(&m->msg, whole);
	if (at == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%s: no memory for a message of this size",
		    m->source->path));
	rc = sp_io_pread(m->box.file.fd, at, whole, s->start, &got, err);
	if (rc == SP_OK && got != whole)
		rc = sp_err_set(err, SP_EIO, 0,
		    "%s: the file changes while it is read", m->source->path);
	if (rc == SP_OK)
		m->msg.n = whole;
	return (rc);
}

/* Read the span, cut the From line and the tail off, and emit the message
 * between.  What is too long to be read is reported. */
static enum sp_code
read_message(struct mbox *m, const struct sp_mbox_span *s, struct sp_err *err)
{
	const size_t head = (size_t)(s->body - s->start);
	size_t cut;
	char *before, tail[TAIL_MAX];
	enum sp_code rc;

	if (s->body == m->box.file.size) {
		report_failed(m, s->start, "has a From line and nothing else");
		return (SP_OK);
	}
	if (s->end - s->start > m->im->max_message + SLACK) {
		report_failed(m, s->start, "is larger than the message limit");
		return (SP_OK);
	}
	if (head > SP_MBOX_LINE_MAX) {
		report_failed(m, s->start, "has a From line that is too long");
		return (SP_OK);
	}
	rc = read_span(m, s, err);
	if (rc != SP_OK)
		return (rc);
	before = sp_view_dup(sp_view_mem(m->msg.p, head));
	sp_buf_consume(&m->msg, head);
	/* The tail is what lies between the message and the next one. */
	cut = s->by_length ? (size_t)(s->next - s->end)
			   : separator_length(sp_buf_view(&m->msg));
	m->msg.n -= cut;
	memcpy(tail, m->msg.p + m->msg.n, cut);
	rc = emit(m, s, sp_view_mem(before, head), sp_view_mem(tail, cut), err);
	free(before);
	return (rc);
}

/* ---- all of them --------------------------------------------------------- */

static enum sp_code
read_messages(struct mbox *m, struct sp_err *err)
{
	struct sp_mbox_span s = { .next = 0 };
	enum sp_code rc = SP_OK;
	bool fit = false;

	if (m->as == SP_IMPORT_AS_DETECT || m->as == SP_IMPORT_AS_MBOX) {
		rc = sp_mbox_span_lengths_fit(&m->box, &fit, err);
		m->guessed = fit;
		m->as = fit ? SP_IMPORT_AS_MBOXCL2 : SP_IMPORT_AS_MBOX;
	}
	while (rc == SP_OK && s.next < m->box.file.size) {
		rc = sp_mbox_span_next(&m->box, uses_length(m), &s, err);
		if (rc == SP_OK)
			rc = read_message(m, &s, err);
	}
	return (rc);
}

/* Report that the file is no mbox; nothing where it is empty. */
static void
report_no_mbox(const struct mbox *m)
{
	if (m->box.file.size > 0)
		sp_import_failed(m->im, m->source->path, m->source->member,
		    "not an mbox: its first line does not begin with \"From \"");
}

enum sp_code
sp_import_mbox(const struct sp_import *im, int fd,
    const struct sp_import_item *source, enum sp_import_as as,
    struct sp_err *err)
{
	struct mbox m = { .im = im, .source = source, .as = as };
	bool is = false;
	enum sp_code rc = sp_mbox_open(&m.box, fd, &is, err);

	if (rc != SP_OK)
		return (rc);
	sp_buf_init(&m.msg,
	    im->max_message + SLACK + 2 * SP_MBOX_LINE_MAX + SP_MBOX_WINDOW);
	if (is)
		rc = read_messages(&m, err);
	else
		report_no_mbox(&m);
	sp_buf_done(&m.msg);
	sp_mbox_close(&m.box);
	return (rc);
}

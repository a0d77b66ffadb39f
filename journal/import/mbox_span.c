/*
 * Finds where the messages of an mbox begin and end: see
 * journal/import/mbox_span.h.  Two rules, by dialect:
 *
 *	at the next From line (mbox_mark.c weighs what is one); or, in mboxcl
 *	and mboxcl2, by Content-Length, if there is exactly one, it is a number,
 *	and a From line or the end of the file follows at most two empty lines
 *	behind it.
 *
 * A Content-Length that fits is also evidence for the first rule.  Reads only;
 * nothing but lines is looked at.  Called by import_mbox.c.
 */
#include "journal/import/mbox_span.h"

#include <string.h>

#include "base/buf.h"
#include "journal/import/import_priv.h"

#define HEAD_MAX (1u << 20) /* bytes of a header searched for Content-Length */
#define ASIDE	 (2 * SP_MBOX_LINE_MAX) /* bytes of the small window */

/* Skip what may stand before the first From line. */
enum sp_code
sp_mbox_open(struct sp_mbox *m, int fd, bool *is, struct sp_err *err)
{
	struct sp_mbox_line line;
	uint64_t pos = 0;
	enum sp_code rc = sp_mbox_file_init(&m->file, fd, SP_MBOX_WINDOW, err);

	if (rc != SP_OK)
		return (rc);
	rc = sp_mbox_file_init(&m->aside, fd, ASIDE, err);
	if (rc != SP_OK) {
		sp_mbox_file_done(&m->file);
		return (rc);
	}
	*is = false;
	while (rc == SP_OK && pos < m->file.size) {
		rc = sp_mbox_file_line(&m->file, pos, &line, err);
		if (rc != SP_OK)
			break;
		if (pos == 0 && sp_view_starts(line.text, SP_IMPORT_BOM)) {
			pos = strlen(SP_IMPORT_BOM);
			continue;
		}
		if (line.text.n > 0) {
			*is = sp_view_starts(line.text, "From ");
			m->first = pos;
			m->style = sp_mbox_mark_style(&line);
			break;
		}
		pos = line.next;
	}
	if (rc != SP_OK)
		sp_mbox_close(m);
	return (rc);
}

void
sp_mbox_close(struct sp_mbox *m)
{
	sp_mbox_file_done(&m->file);
	sp_mbox_file_done(&m->aside);
}

/* ---- From lines ---------------------------------------------------------- */

/* The search for the next From line. */
struct search {
	struct sp_mbox *m;
	uint64_t limit; /* offset where it is given up */
	/* Where a length that fits says that the message ends, and the next
	 * one begins; 0: nothing says so. */
	uint64_t length_end, length_next;
	bool kept; /* a line that may be one was kept as text */
};

/* What the line at ${pos} is, with what Content-Length says of it: it cannot
 * hide a line that has all that a From line needs. */
static enum sp_code
weigh(struct search *q, uint64_t pos, bool blank, bool after_cr,
    enum sp_mbox_mark *mark, struct sp_err *err)
{
	enum sp_code rc = sp_mbox_mark_weigh(
	    &q->m->file, &q->m->style, pos, blank, after_cr, mark, err);

	if (rc != SP_OK || q->length_end == 0)
		return (rc);
	if (pos == q->length_next && *mark >= SP_MBOX_MARK_UNLIKELY)
		*mark = SP_MBOX_MARK_SURE;
	else if (pos < q->length_end && *mark == SP_MBOX_MARK_WEAK)
		*mark = SP_MBOX_MARK_UNLIKELY;
	else if (pos < q->length_end && *mark == SP_MBOX_MARK_SURE)
		*mark = SP_MBOX_MARK_STRONG;
	return (rc);
}

/* How many bytes of a byte order mark (a file that was appended to another) or
 * of NULs (a hole that a crash left) stand before "From " in ${line}; 0: none,
 * or no "From " behind them. */
static size_t
junk_before(struct sp_view line)
{
	size_t n = 0;

	if (sp_view_starts(line, SP_IMPORT_BOM))
		n = strlen(SP_IMPORT_BOM);
	while (n < line.n && line.p[n] == '\0')
		n++;
	return (sp_view_starts(sp_view_mem(line.p + n, line.n - n), "From ")
		    ? n
		    : 0);
}

/* What is a From line but for junk before it is one, and never beyond doubt;
 * the junk belongs to the message before. */
static enum sp_code
weigh_behind_junk(struct search *q, uint64_t pos, bool blank,
    enum sp_mbox_mark *mark, struct sp_err *err)
{
	enum sp_code rc = weigh(q, pos, blank, false, mark, err);

	if (rc == SP_OK && *mark > SP_MBOX_MARK_WEAK)
		*mark = SP_MBOX_MARK_WEAK;
	return (rc);
}

/* Where the next From line from the line at ${pos} on begins, and what speaks
 * for it; the limit of the search, or beyond it, if there is none. */
static enum sp_code
find_from_line(struct search *q, uint64_t pos, uint64_t *out,
    enum sp_mbox_mark *mark, struct sp_err *err)
{
	struct sp_mbox_line line = { .bare_cr = false };
	bool blank = false;

	while (pos < q->limit) {
		bool after_cr = line.bare_cr;
		enum sp_code rc =
		    sp_mbox_file_line(&q->m->file, pos, &line, err);
		size_t junk = rc == SP_OK ? junk_before(line.text) : 0;
		bool is_one = junk > 0;

		if (is_one)
			rc = weigh_behind_junk(q, pos + junk, blank, mark, err);
		else if (rc == SP_OK && sp_view_starts(line.text, "From ")) {
			is_one = true;
			rc = weigh(q, pos, blank, after_cr, mark, err);
		}
		if (rc != SP_OK)
			return (rc);
		if (is_one && *mark >= SP_MBOX_MARK_WEAK) {
			*out = pos + junk;
			return (SP_OK);
		}
		q->kept |= is_one && *mark == SP_MBOX_MARK_UNLIKELY;
		blank = line.end == pos;
		pos = line.next;
	}
	*out = pos;
	*mark = SP_MBOX_MARK_SURE;
	return (SP_OK);
}

/* ---- Content-Length ------------------------------------------------------ */

/* Read the header at ${pos}: ${body} is behind the empty line that ends it,
 * ${length} what Content-Length says.  ${found}: there is exactly one, and it
 * is a number.  A line that begins with "From " ends a header that has no end,
 * so that no part of the file is read for many of them. */
static enum sp_code
declared_length(struct sp_mbox_file *m, uint64_t pos, uint64_t *body,
    uint64_t *length, bool *found, struct sp_err *err)
{
	static const char name[] = "Content-Length:";
	uint64_t from = pos;
	unsigned seen = 0;
	enum sp_code rc = SP_OK;

	*found = false;
	while (rc == SP_OK && pos < m->size && pos - from < HEAD_MAX) {
		struct sp_mbox_line line;

		rc = sp_mbox_file_line(m, pos, &line, err);
		if (rc != SP_OK)
			break;
		if (line.end == pos) {
			*body = line.next;
			*found = seen == 1;
			break;
		}
		if (sp_view_starts(line.text, "From "))
			break;
		pos = line.next;
		if (!sp_view_istarts(line.text, name))
			continue;
		line.text.p += strlen(name);
		line.text.n -= strlen(name);
		/* One that is no number counts as two: none is believed. */
		seen += sp_view_u64(sp_view_trim(line.text), length) ? 1 : 2;
	}
	return (rc);
}

/* Whether a From line or the end of the file follows ${end}, at most two empty
 * lines between; ${next} is where. */
static enum sp_code
is_followed(struct sp_mbox_file *m, uint64_t end, uint64_t *next, bool *fits,
    struct sp_err *err)
{
	uint64_t pos = end;
	enum sp_code rc = SP_OK;

	*fits = false;
	for (int i = 0; i < 3 && rc == SP_OK && !*fits; i++) {
		struct sp_mbox_line line;

		*next = pos;
		if (pos == m->size) {
			*fits = true;
			break;
		}
		rc = sp_mbox_mark_fits(m, pos, fits, err);
		if (rc == SP_OK && !*fits)
			rc = sp_mbox_file_line(m, pos, &line, err);
		if (rc != SP_OK || *fits)
			break;
		/* CR CR LF is no empty line of any mbox. */
		if (line.end != pos || line.next - pos > 2)
			break;
		pos = line.next;
	}
	return (rc);
}

/* Fill the end of ${s} (start and body are known) by its Content-Length;
 * ${fits} is false, and the end not known, where that does not fit. */
static enum sp_code
end_by_length(
    struct sp_mbox *m, struct sp_mbox_span *s, bool *fits, struct sp_err *err)
{
	uint64_t body = 0, length = 0;
	bool found;
	enum sp_code rc =
	    declared_length(&m->file, s->body, &body, &length, &found, err);

	*fits = false;
	if (rc != SP_OK || !found)
		return (rc);
	s->bad_length = true;
	if (length > m->file.size - body)
		return (SP_OK);
	rc = is_followed(&m->aside, body + length, &s->next, fits, err);
	if (rc == SP_OK && *fits) {
		s->end = body + length;
		s->by_length = true;
		s->bad_length = false;
	}
	return (rc);
}

/* ---- from span to span --------------------------------------------------- */

/* Find where the message of ${s}, whose body is known, ends at a From line. */
static enum sp_code
end_by_from_line(struct sp_mbox *m, struct sp_mbox_span *s, struct sp_err *err)
{
	struct search q = { .m = m, .limit = m->file.size };
	enum sp_mbox_mark mark = SP_MBOX_MARK_SURE;
	struct sp_mbox_span length = *s;
	bool fits;
	enum sp_code rc = end_by_length(m, &length, &fits, err);

	if (rc != SP_OK)
		return (rc);
	if (fits) {
		q.length_end = length.end;
		q.length_next = length.next;
	}
	rc = find_from_line(&q, s->body, &s->next, &mark, err);
	s->end = s->next;
	s->doubt |= q.kept ? SP_MBOX_DOUBT_TEXT : 0;
	s->doubt |= mark < SP_MBOX_MARK_SURE ? SP_MBOX_DOUBT_END : 0;
	return (rc);
}

/* Whether the file has only empty lines from ${pos} to ${end}. */
static enum sp_code
is_empty(struct sp_mbox_file *m, uint64_t pos, uint64_t end, bool *empty,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	*empty = true;
	while (rc == SP_OK && *empty && pos < end) {
		struct sp_mbox_line line;

		rc = sp_mbox_file_line(m, pos, &line, err);
		if (rc == SP_OK)
			*empty = line.end == pos;
		pos = line.next;
	}
	return (rc);
}

/* The body of the span whose From line is at s->from.  A first one that no
 * header follows is one all the same, but not beyond doubt. */
static enum sp_code
begin(struct sp_mbox *m, struct sp_mbox_span *s, struct sp_err *err)
{
	struct sp_mbox_line line;
	enum sp_mbox_mark mark = SP_MBOX_MARK_SURE;
	enum sp_code rc = sp_mbox_file_line(&m->file, s->from, &line, err);

	if (rc == SP_OK)
		s->body = line.next;
	if (rc == SP_OK && s->from == m->first)
		rc = sp_mbox_mark_weigh(
		    &m->file, &m->style, s->from, true, false, &mark, err);
	if (mark < SP_MBOX_MARK_STRONG)
		s->doubt |= SP_MBOX_DOUBT_BEGIN;
	return (rc);
}

/* One From line after the other, until one has a message behind it. */
enum sp_code
sp_mbox_span_next(struct sp_mbox *m, bool use_length, struct sp_mbox_span *s,
    struct sp_err *err)
{
	bool fits = false, empty = true;
	enum sp_code rc = SP_OK;

	*s = (struct sp_mbox_span){ .start = s->next,
		.from = s->next == 0 ? m->first : s->next,
		.doubt = (s->doubt & SP_MBOX_DOUBT_END) != 0
			     ? SP_MBOX_DOUBT_BEGIN
			     : 0 };
	while (rc == SP_OK && empty) {
		rc = begin(m, s, err);
		if (rc == SP_OK && use_length)
			rc = end_by_length(m, s, &fits, err);
		if (rc != SP_OK || fits)
			return (rc);
		rc = end_by_from_line(m, s, err);
		if (rc == SP_OK)
			rc = is_empty(&m->file, s->body, s->next, &empty, err);
		if (rc != SP_OK || !empty)
			break;
		/* No message: its lines stand before the next From line. */
		if (s->next == m->file.size) {
			s->body = s->end = s->next;
			break;
		}
		s->from = s->next;
		s->doubt = (s->doubt & SP_MBOX_DOUBT_END) != 0
			       ? SP_MBOX_DOUBT_BEGIN
			       : 0;
	}
	return (rc);
}

/* Go from length to length, and look for a From line on the way. */
enum sp_code
sp_mbox_span_lengths_fit(struct sp_mbox *m, bool *fit, struct sp_err *err)
{
	struct sp_mbox_span s = { .next = 0 };
	enum sp_code rc = SP_OK;

	*fit = true;
	while (rc == SP_OK && *fit && s.next < m->file.size) {
		struct search q = { .m = m };
		enum sp_mbox_mark mark = SP_MBOX_MARK_SURE;
		uint64_t from_line = 0;

		s = (struct sp_mbox_span){ .start = s.next,
			.from = s.next == 0 ? m->first : s.next };
		rc = begin(m, &s, err);
		if (rc == SP_OK)
			rc = end_by_length(m, &s, fit, err);
		if (rc != SP_OK || !*fit)
			break;
		q.limit = s.next;
		q.length_end = s.end;
		q.length_next = s.next;
		rc = find_from_line(&q, s.body, &from_line, &mark, err);
		*fit = from_line >= s.next;
	}
	return (rc);
}

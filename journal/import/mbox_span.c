/*
 * Finds where the messages of an mbox begin and end: see
 * journal/import/mbox_span.h.  Two rules, by dialect:
 *
 *	at the next From line behind an empty line; or, in mboxcl and mboxcl2,
 *	by Content-Length, if there is exactly one, it is a number, and a From
 *	line or the end of the file follows at most two empty lines behind it.
 *
 * Reads only; nothing but lines is looked at.  Called by import_mbox.c.
 */
#include "journal/import/mbox_span.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "journal/import/import_priv.h"

#define HEAD_MAX (1u << 20) /* bytes of a header searched for Content-Length */

enum sp_code
sp_mbox_file_init(struct sp_mbox_file *m, int fd, struct sp_err *err)
{
	enum sp_code rc;

	*m = (struct sp_mbox_file){ .fd = fd };
	rc = sp_io_size(fd, &m->size, err);
	if (rc == SP_OK)
		m->window = sp_xmalloc(SP_MBOX_WINDOW);
	return (rc);
}

void
sp_mbox_file_done(struct sp_mbox_file *m)
{
	free(m->window);
	m->window = NULL;
}

/* ---- lines --------------------------------------------------------------- */

/* Move the window to ${pos}. */
static enum sp_code
load(struct sp_mbox_file *m, uint64_t pos, struct sp_err *err)
{
	size_t got;
	enum sp_code rc;

	rc = sp_io_pread(m->fd, m->window, SP_MBOX_WINDOW, pos, &got, err);
	if (rc != SP_OK)
		return (rc);
	m->at = pos;
	m->n = got;
	return (SP_OK);
}

/* The bytes from ${pos} on: at least SP_MBOX_LINE_MAX, or up to the end of the
 * file.  Borrowed until the next call. */
static enum sp_code
peek(struct sp_mbox_file *m, uint64_t pos, struct sp_view *out,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (pos < m->at || pos + SP_MBOX_LINE_MAX > m->at + m->n)
		rc = load(m, pos, err);
	if (rc == SP_OK)
		*out = sp_view_mem(
		    m->window + (pos - m->at), m->n - (size_t)(pos - m->at));
	return (rc);
}

/* Where the line that has no end in the window before ${pos} ends: behind its
 * LF, or at the end of the file. */
static enum sp_code
find_line_end(
    struct sp_mbox_file *m, uint64_t pos, uint64_t *next, struct sp_err *err)
{
	for (*next = pos; *next < m->size;) {
		enum sp_code rc = load(m, *next, err);
		const char *nl;

		if (rc != SP_OK || m->n == 0)
			return (rc);
		nl = memchr(m->window, '\n', m->n);
		*next += nl == NULL ? m->n : (size_t)(nl - m->window) + 1;
		if (nl != NULL)
			break;
	}
	return (SP_OK);
}

/* The line at ${pos}, at most SP_MBOX_LINE_MAX of it, without its LF; ${next}
 * is where the following line begins.  ${line} is borrowed until the next
 * call; where it ends beyond the window, only its length means something. */
static enum sp_code
line_at(struct sp_mbox_file *m, uint64_t pos, struct sp_view *line,
    uint64_t *next, struct sp_err *err)
{
	enum sp_code rc = peek(m, pos, line, err);
	const char *nl;
	uint64_t end;

	if (rc != SP_OK)
		return (rc);
	nl = line->n == 0 ? NULL : memchr(line->p, '\n', line->n);
	end = pos + line->n;
	if (nl != NULL) {
		line->n = (size_t)(nl - line->p);
		*next = pos + line->n + 1;
	}
	if (line->n > SP_MBOX_LINE_MAX)
		line->n = SP_MBOX_LINE_MAX;
	return (nl != NULL ? SP_OK : find_line_end(m, end, next, err));
}

static bool
is_blank(struct sp_view line)
{
	return (line.n == 0 || (line.n == 1 && line.p[0] == '\r'));
}

/* Where the next From line behind the line at ${pos} begins: behind an empty
 * line.  The end of the file if there is none. */
static enum sp_code
find_from_line(
    struct sp_mbox_file *m, uint64_t pos, uint64_t *out, struct sp_err *err)
{
	bool blank = false;
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && pos < m->size) {
		struct sp_view line = { NULL, 0 };
		uint64_t next = pos;

		rc = line_at(m, pos, &line, &next, err);
		if (rc != SP_OK)
			break;
		if (blank && sp_import_is_from_line(line)) {
			*out = pos;
			return (SP_OK);
		}
		if (next <= pos)
			break; /* the file shrinks under us */
		blank = is_blank(line);
		pos = next;
	}
	*out = m->size;
	return (rc);
}

/* ---- Content-Length ------------------------------------------------------ */

/* Read the header at ${pos}: ${body} is behind the empty line that ends it,
 * ${length} what Content-Length says.  ${found}: there is exactly one, and it
 * is a number. */
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
		struct sp_view line;
		uint64_t next = pos;

		rc = line_at(m, pos, &line, &next, err);
		if (rc != SP_OK || next <= pos)
			break;
		pos = next;
		if (is_blank(line)) {
			*body = pos;
			*found = seen == 1;
			break;
		}
		if (!sp_view_istarts(line, name))
			continue;
		line.p += strlen(name);
		line.n -= strlen(name);
		/* One that is no number counts as two: none is believed. */
		seen += sp_view_u64(sp_view_trim(line), length) ? 1 : 2;
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
	for (int i = 0; i < 3; i++) {
		struct sp_view line;
		uint64_t after = pos;

		if (pos == m->size) {
			*next = pos;
			*fits = true;
			break;
		}
		rc = line_at(m, pos, &line, &after, err);
		if (rc != SP_OK)
			break;
		if (sp_import_is_from_line(line)) {
			*next = pos;
			*fits = true;
			break;
		}
		if (!is_blank(line) || after <= pos)
			break;
		pos = after;
	}
	return (rc);
}

/* Fill the end of ${s} (start and body are known) by its Content-Length;
 * ${fits} is false, and the end not known, where that does not fit. */
static enum sp_code
end_by_length(struct sp_mbox_file *m, struct sp_mbox_span *s, bool *fits,
    struct sp_err *err)
{
	uint64_t body = 0, length = 0;
	bool found;
	enum sp_code rc =
	    declared_length(m, s->body, &body, &length, &found, err);

	*fits = false;
	if (rc != SP_OK || !found)
		return (rc);
	s->bad_length = true;
	if (length > m->size - body)
		return (SP_OK);
	rc = is_followed(m, body + length, &s->next, fits, err);
	if (rc == SP_OK && *fits) {
		s->end = body + length;
		s->by_length = true;
		s->bad_length = false;
	}
	return (rc);
}

enum sp_code
sp_mbox_lengths_fit(struct sp_mbox_file *m, bool *fit, struct sp_err *err)
{
	struct sp_mbox_span s = { .next = 0 };
	enum sp_code rc = SP_OK;
	uint64_t from_line = 0;

	*fit = true;
	while (rc == SP_OK && *fit && s.next < m->size) {
		struct sp_view line;

		s.start = s.next;
		rc = line_at(m, s.start, &line, &s.body, err);
		if (rc == SP_OK)
			rc = end_by_length(m, &s, fit, err);
		if (rc == SP_OK && *fit)
			rc = find_from_line(m, s.body, &from_line, err);
		*fit = *fit && from_line >= s.next;
	}
	return (rc);
}

/* ---- from span to span --------------------------------------------------- */

enum sp_code
sp_mbox_span_next(struct sp_mbox_file *m, bool use_length,
    struct sp_mbox_span *s, struct sp_err *err)
{
	struct sp_view line;
	bool fits = false;
	enum sp_code rc;

	*s = (struct sp_mbox_span){ .start = s->next };
	rc = line_at(m, s->start, &line, &s->body, err);
	if (rc == SP_OK && use_length)
		rc = end_by_length(m, s, &fits, err);
	if (rc != SP_OK || fits)
		return (rc);
	rc = find_from_line(m, s->body, &s->next, err);
	s->end = s->next;
	return (rc);
}

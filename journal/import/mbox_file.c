/*
 * The lines of an mbox: see journal/import/mbox_file.h.  What is asked for lies
 * in the window or is read into it; a line that is longer than the window, or
 * whose end lies at the window's edge, has its beginning copied before the
 * window moves on.
 */
#include "journal/import/mbox_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"

#define STEP   512u /* bytes searched at a time for the end of a line */
#define CR_RUN 16u /* CRs before an LF that are one line end with it */

enum sp_code
sp_mbox_file_init(
    struct sp_mbox_file *m, int fd, size_t room, struct sp_err *err)
{
	enum sp_code rc;

	*m = (struct sp_mbox_file){ .fd = fd, .room = room };
	rc = sp_io_size(fd, &m->size, err);
	if (rc == SP_OK) {
		m->window = sp_xmalloc(room);
		m->head = sp_xmalloc(SP_MBOX_LINE_MAX);
	}
	return (rc);
}

void
sp_mbox_file_done(struct sp_mbox_file *m)
{
	free(m->window);
	free(m->head);
	m->window = m->head = NULL;
}

/* The bytes from ${pos} on that the window has: at least ${want}, or up to the
 * end of the file.  Borrowed until the next call. */
static enum sp_code
peek(struct sp_mbox_file *m, uint64_t pos, size_t want, struct sp_view *out,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	size_t got;

	if (pos < m->at || pos + want > m->at + m->n) {
		rc = sp_io_pread(m->fd, m->window, m->room, pos, &got, err);
		if (rc != SP_OK)
			return (rc);
		m->at = pos;
		m->n = got;
	}
	if (m->at + m->n <= pos)
		return (sp_err_set(
		    err, SP_EIO, 0, "the file changes while it is read"));
	*out = sp_view_mem(
	    m->window + (pos - m->at), m->n - (size_t)(pos - m->at));
	return (SP_OK);
}

/* Where the first CR or LF in ${v} is; v.n: there is none. */
static size_t
find_end(struct sp_view v)
{
	for (size_t at = 0; at < v.n; at += STEP) {
		size_t n = v.n - at < STEP ? v.n - at : STEP;
		const char *lf = memchr(v.p + at, '\n', n);
		const char *cr;

		if (lf != NULL)
			n = (size_t)(lf - (v.p + at));
		cr = memchr(v.p + at, '\r', n);
		if (cr != NULL || lf != NULL)
			return ((size_t)((cr != NULL ? cr : lf) - v.p));
	}
	return (v.n);
}

/* Fill the end of ${out} from the bytes ${v} at ${pos}, which begin with a CR
 * or LF and reach CR_RUN bytes far, or to the end of the file. */
static void
set_end(struct sp_view v, uint64_t pos, struct sp_mbox_line *out)
{
	size_t n = 0;

	while (n < v.n && n < CR_RUN && v.p[n] == '\r')
		n++;
	out->end = pos;
	out->bare_cr = n > 0 && (n == v.n || v.p[n] != '\n');
	out->next = pos + (out->bare_cr ? 1 : n + 1);
}

/* Find the end of the line, moving the window as far as that takes. */
enum sp_code
sp_mbox_file_line(struct sp_mbox_file *m, uint64_t pos,
    struct sp_mbox_line *out, struct sp_err *err)
{
	uint64_t at = pos;
	struct sp_view v;
	size_t n;
	enum sp_code rc = peek(m, pos, SP_MBOX_LINE_MAX, &v, err);

	if (rc != SP_OK)
		return (rc);
	out->bare_cr = false;
	out->text = v;
	while ((n = find_end(v)) == v.n) {
		/* The window moves on: keep how the line begins. */
		if (at == pos) {
			out->text.n =
			    v.n < SP_MBOX_LINE_MAX ? v.n : SP_MBOX_LINE_MAX;
			memcpy(m->head, v.p, out->text.n);
			out->text.p = m->head;
		}
		at += v.n;
		out->end = out->next = at;
		if (at >= m->size)
			return (SP_OK);
		rc = peek(m, at, SP_MBOX_LINE_MAX, &v, err);
		if (rc != SP_OK)
			return (rc);
	}
	if (at == pos)
		out->text.n = n < SP_MBOX_LINE_MAX ? n : SP_MBOX_LINE_MAX;
	if (v.n - n <= CR_RUN && at + v.n < m->size) {
		/* The end may go on behind the window. */
		if (at == pos) {
			memcpy(m->head, v.p, out->text.n);
			out->text.p = m->head;
		}
		rc = peek(m, at + n, SP_MBOX_LINE_MAX, &v, err);
		if (rc != SP_OK)
			return (rc);
		at += n;
		n = 0;
	}
	set_end(sp_view_mem(v.p + n, v.n - n), at + n, out);
	return (SP_OK);
}

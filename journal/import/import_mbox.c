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
 * file.  A Content-Length counts only where a From line or the end of the
 * file follows; it never hides the next message.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"
#include "journal/import/import.h"

#define CHUNK	 (256u << 10)
#define LINE_MAX ((size_t)8 << 10) /* of a From line */
#define HEAD_MAX (1u << 20) /* of a header with its Content-Length */
#define SLACK	 (1u << 20) /* of quoting, over the message limit */
#define TAIL_MAX 4 /* CR LF CR LF behind a message */

struct mbox {
	const struct sp_import *im;
	int fd;
	const struct sp_import_item *of; /* path, digest, member */
	uint64_t size;
	enum sp_import_as as;
	bool guessed; /* that Content-Length counts */
	/* a window on the file */
	char *win;
	uint64_t at;
	size_t n;
	struct sp_buf msg;
};

/* One message and where it lies. */
struct span {
	uint64_t start, body, end, next; /* From line, message, its end */
	bool by_length, ignored;
};

/* ---- reading ------------------------------------------------------------- */

/* The bytes from ${pos} on: at least ${want} or up to the end of the file. */
static enum sp_code
peek(struct mbox *m, uint64_t pos, size_t want, struct sp_view *out,
    struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	size_t got;

	if (pos < m->at || pos + want > m->at + m->n) {
		rc = sp_io_pread(m->fd, m->win, CHUNK, pos, &got, err);
		if (rc != SP_OK)
			return (rc);
		m->at = pos;
		m->n = got;
	}
	*out =
	    sp_view_mem(m->win + (pos - m->at), m->n - (size_t)(pos - m->at));
	return (SP_OK);
}

/* The line at ${pos}, at most LINE_MAX of it, without its LF; ${next} is
 * where the following line begins. */
static enum sp_code
line_at(struct mbox *m, uint64_t pos, struct sp_view *line, uint64_t *next,
    struct sp_err *err)
{
	struct sp_view v;
	enum sp_code rc = peek(m, pos, LINE_MAX, &v, err);
	const char *nl;

	if (rc != SP_OK)
		return (rc);
	nl = v.n == 0 ? NULL : memchr(v.p, '\n', v.n);
	*line = v;
	if (nl != NULL)
		line->n = (size_t)(nl - v.p);
	if (line->n > LINE_MAX)
		line->n = LINE_MAX;
	if (nl != NULL) {
		*next = pos + (uint64_t)(nl - v.p) + 1;
		return (SP_OK);
	}
	/* A line longer than the window: look for its end only. */
	for (*next = pos + v.n; *next < m->size;) {
		uint64_t from = *next;
		struct sp_view more;

		rc = sp_io_pread(m->fd, m->win, CHUNK, from, &m->n, err);
		m->at = from;
		if (rc != SP_OK || m->n == 0)
			return (rc);
		more = sp_view_mem(m->win, m->n);
		nl = memchr(more.p, '\n', more.n);
		*next =
		    from + (nl == NULL ? more.n : (size_t)(nl - more.p) + 1);
		if (nl != NULL)
			break;
	}
	return (SP_OK);
}

static bool
is_blank(struct sp_view line)
{
	return (line.n == 0 || (line.n == 1 && line.p[0] == '\r'));
}

/* Where the next separator behind the line at ${pos} begins: behind an empty
 * line.  The end of the file if there is none. */
static enum sp_code
find_separator(struct mbox *m, uint64_t pos, uint64_t *out, struct sp_err *err)
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

/* ${have}: there is exactly one, and it is a number. */
static enum sp_code
declared(struct mbox *m, uint64_t pos, uint64_t *body, uint64_t *length,
    bool *have, struct sp_err *err)
{
	static const char name[] = "Content-Length:";
	uint64_t from = pos;
	unsigned seen = 0;
	enum sp_code rc = SP_OK;

	*have = false;
	while (rc == SP_OK && pos < m->size && pos - from < HEAD_MAX) {
		struct sp_view line;
		uint64_t next = pos;

		rc = line_at(m, pos, &line, &next, err);
		if (rc != SP_OK || next <= pos)
			break;
		pos = next;
		if (is_blank(line)) {
			*body = pos;
			*have = seen == 1;
			break;
		}
		if (!sp_view_istarts(line, name))
			continue;
		line.p += strlen(name);
		line.n -= strlen(name);
		seen += sp_view_u64(sp_view_trim(line), length) ? 1 : 2;
	}
	return (rc);
}

/* Whether a From line or the end of the file follows ${end}, at most two empty
 * lines between. */
static enum sp_code
follows(struct mbox *m, uint64_t end, uint64_t *next, bool *fits,
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

static enum sp_code
by_length(struct mbox *m, struct span *s, bool *fits, struct sp_err *err)
{
	uint64_t body = 0, length = 0;
	bool have;
	enum sp_code rc = declared(m, s->body, &body, &length, &have, err);

	*fits = false;
	if (rc != SP_OK || !have)
		return (rc);
	s->ignored = true;
	if (length > m->size - body)
		return (SP_OK);
	rc = follows(m, body + length, &s->next, fits, err);
	if (rc == SP_OK && *fits) {
		s->end = body + length;
		s->by_length = true;
		s->ignored = false;
	}
	return (rc);
}

/* Every message has a length that fits, to the end of the file, and none of
 * them reaches over a separator: that is for the operator to say. */
static enum sp_code
all_fit(struct mbox *m, bool *all, struct sp_err *err)
{
	struct span s = { .next = 0 };
	enum sp_code rc = SP_OK;
	uint64_t first = 0;

	*all = true;
	while (rc == SP_OK && *all && s.next < m->size) {
		struct sp_view line;

		s.start = s.next;
		rc = line_at(m, s.start, &line, &s.body, err);
		if (rc == SP_OK)
			rc = by_length(m, &s, all, err);
		if (rc == SP_OK && *all)
			rc = find_separator(m, s.body, &first, err);
		*all = *all && first >= s.next;
	}
	return (rc);
}

/* ---- quoting ------------------------------------------------------------- */

/* How many ">" stand before "From " at the beginning of ${v}; -1: no From. */
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

/* Lines by how often they are quoted: 0, 1, more. */
static void
count_quotes(struct sp_view msg, uint64_t count[3])
{
	struct sp_view rest = msg;

	memset(count, 0, 3 * sizeof(count[0]));
	while (rest.n > 0) {
		int q = quotes(rest);
		const char *nl = memchr(rest.p, '\n', rest.n);

		if (q >= 0)
			count[q]++;
		if (nl == NULL)
			break;
		rest.n -= (size_t)(nl - rest.p) + 1;
		rest.p = nl + 1;
	}
}

/* Take one ">" away, in place; ${all}: also of ">>From ". */
static void
unquote(struct sp_buf *b, bool all)
{
	size_t to = 0;
	bool begins = true;

	for (size_t at = 0; at < b->n; at++) {
		int q = begins ? quotes(sp_view_mem(b->p + at, b->n - at)) : -1;

		begins = b->p[at] == '\n';
		if (q == 1 || (q == 2 && all))
			continue;
		b->p[to++] = b->p[at];
	}
	b->n = to;
}

/* ---- one message --------------------------------------------------------- */

/* The empty line that ends a message in an mbox is not part of it. */
static size_t
separator_length(struct sp_view msg)
{
	static const char crlf[] = "\r\n\r\n";

	if (msg.n >= 4 && memcmp(msg.p + msg.n - 4, crlf, 4) == 0)
		return (2);
	if (msg.n >= 2 && memcmp(msg.p + msg.n - 2, "\n\n", 2) == 0)
		return (1);
	return (msg.n == 1 && msg.p[0] == '\n' ? 1 : 0);
}

static const char *
dialect(const struct mbox *m, const struct span *s, bool quoted)
{
	switch (m->as) {
	case SP_AS_MBOXO:
		return ("mboxo");
	case SP_AS_MBOXRD:
		return ("mboxrd");
	case SP_AS_MBOXCL:
		return (s->by_length ? "mboxcl" : "mboxo");
	case SP_AS_MBOXCL2:
		return (s->by_length ? "mboxcl2" : "mbox");
	case SP_AS_DETECT:
	case SP_AS_EML:
	case SP_AS_MBOX:
	case SP_AS_MAILDIR:
	case SP_AS_PST:
	case SP_AS_PILER:
	case SP_AS_EXPORT:
		break;
	}
	return (quoted ? "mboxo" : "mbox");
}

/* All that leads from the message back to the bytes of the file. */
static enum sp_code
describe(const struct span *s, const char *name, struct sp_view from,
    struct sp_view tail, uint64_t unquoted, struct sp_buf *out)
{
	struct sp_json j;

	sp_json_init(&j, out);
	sp_json_obj(&j, "mbox");
	sp_json_cstr(&j, "dialect", name);
	sp_json_u64(&j, "offset", s->start);
	sp_json_u64(&j, "length", s->next - s->start);
	sp_json_str(&j, "from", from);
	if (tail.n > 0)
		sp_json_str(&j, "tail", tail);
	if (unquoted > 0)
		sp_json_u64(&j, "unquoted", unquoted);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}

static void
refuse(const struct mbox *m, uint64_t offset, const char *why)
{
	char *text =
	    sp_xasprintf("the message at offset %" PRIu64 " %s", offset, why);

	sp_import_failed(m->im, m->of->path, m->of->member, text);
	free(text);
}

/* What is quoted is taken away where that can be undone. */
static uint64_t
settle(struct mbox *m, const struct span *s, bool *quoted)
{
	bool rd = m->as == SP_AS_MBOXRD;
	bool cl = m->as == SP_AS_MBOXCL && s->by_length;
	uint64_t count[3], n;

	count_quotes(sp_buf_view(&m->msg), count);
	n = rd ? count[1] + count[2] : cl ? count[1] : 0;
	if (n > 0 && count[0] == 0) {
		unquote(&m->msg, rd);
		*quoted = false;
		return (n);
	}
	*quoted =
	    (m->as != SP_AS_MBOXCL2 || m->guessed) && (count[1] > 0 || n > 0);
	return (0);
}

static enum sp_code
hand_on(struct mbox *m, const struct span *s, struct sp_view from,
    struct sp_view tail, struct sp_err *err)
{
	struct sp_import_item item = *m->of;
	char date[SP_IMPORT_DATE_MAX];
	struct sp_buf extra;
	enum sp_code rc;
	uint64_t unquoted = settle(m, s, &item.quoted);
	const char *name = dialect(m, s, item.quoted);

	if (m->msg.n > m->im->max_message) {
		refuse(m, s->start, "is larger than the message limit");
		return (SP_OK);
	}
	item.mbox = true;
	item.offset = s->start;
	item.from_line = from;
	item.msg = sp_buf_view(&m->msg);
	if (item.quoted)
		item.flags[item.nflags++] = "mbox_quoted";
	if (s->ignored && (m->as == SP_AS_MBOXCL || m->as == SP_AS_MBOXCL2))
		item.flags[item.nflags++] = "mbox_bad_length";
	if (sp_import_from_date(sp_view_trim(from), date))
		item.origin_date = sp_view_str(date);
	sp_buf_init(&extra, 4 * LINE_MAX);
	rc = describe(s, name, from, tail, unquoted, &extra);
	item.extra = sp_buf_view(&extra);
	if (rc == SP_OK)
		rc = m->im->item(m->im->ctx, &item, err);
	else
		rc = sp_err_set(err, rc, 0, "a From line is too long");
	sp_buf_done(&extra);
	return (rc);
}

/* Read all of it, From line and tail included, and hand the message on. */
static enum sp_code
emit(struct mbox *m, const struct span *s, struct sp_err *err)
{
	size_t whole, head, got = 0, cut;
	struct sp_view from, tail;
	char *at, *line, end[TAIL_MAX];
	enum sp_code rc;

	if (s->end - s->start > m->im->max_message + SLACK) {
		refuse(m, s->start, "is larger than the message limit");
		return (SP_OK);
	}
	if (s->body - s->start > LINE_MAX) {
		refuse(m, s->start, "has a From line that is too long");
		return (SP_OK);
	}
	whole = (size_t)(s->next - s->start);
	head = (size_t)(s->body - s->start);
	sp_buf_clear(&m->msg);
	at = sp_buf_reserve(&m->msg, whole);
	if (at == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "%s: no memory for a message of this size", m->of->path));
	rc = sp_io_pread(m->fd, at, whole, s->start, &got, err);
	if (rc == SP_OK && got != whole)
		rc = sp_err_set(err, SP_EIO, 0,
		    "%s: the file changes while it is read", m->of->path);
	if (rc != SP_OK)
		return (rc);
	m->msg.n = whole;
	line = sp_view_dup(sp_view_mem(at, head));
	from = sp_view_mem(line, head);
	sp_buf_consume(&m->msg, head);
	/* The tail is what lies between the message and the next one. */
	cut = s->by_length ? (size_t)(s->next - s->end)
			   : separator_length(sp_buf_view(&m->msg));
	m->msg.n -= cut;
	memcpy(end, m->msg.p + m->msg.n, cut);
	tail = sp_view_mem(end, cut);
	rc = hand_on(m, s, from, tail, err);
	free(line);
	return (rc);
}

static bool
uses_length(const struct mbox *m)
{
	return (m->as == SP_AS_MBOXCL || m->as == SP_AS_MBOXCL2);
}

static enum sp_code
next_span(struct mbox *m, struct span *s, struct sp_err *err)
{
	struct sp_view line;
	bool fits = false;
	enum sp_code rc;

	*s = (struct span){ .start = s->next };
	rc = line_at(m, s->start, &line, &s->body, err);
	if (rc == SP_OK && uses_length(m))
		rc = by_length(m, s, &fits, err);
	if (rc != SP_OK || fits)
		return (rc);
	rc = find_separator(m, s->body, &s->next, err);
	s->end = s->next;
	return (rc);
}

static enum sp_code
walk(struct mbox *m, struct sp_err *err)
{
	struct span s = { .next = 0 };
	enum sp_code rc = SP_OK;
	bool all = false;

	if (m->as == SP_AS_DETECT || m->as == SP_AS_MBOX) {
		rc = all_fit(m, &all, err);
		m->guessed = all;
		m->as = all ? SP_AS_MBOXCL2 : SP_AS_MBOX;
	}
	while (rc == SP_OK && s.next < m->size) {
		rc = next_span(m, &s, err);
		if (rc == SP_OK && s.next <= s.start)
			rc = sp_err_set(err, SP_EIO, 0,
			    "%s: the file changes while it is read",
			    m->of->path);
		if (rc == SP_OK)
			rc = emit(m, &s, err);
	}
	return (rc);
}

enum sp_code
sp_import_mbox(const struct sp_import *im, int fd,
    const struct sp_import_item *of, enum sp_import_as as, struct sp_err *err)
{
	struct mbox m = { .im = im, .fd = fd, .of = of, .as = as };
	enum sp_code rc = sp_io_size(fd, &m.size, err);

	if (rc != SP_OK)
		return (rc);
	m.win = sp_xmalloc(CHUNK);
	sp_buf_init(&m.msg, im->max_message + SLACK + 2 * LINE_MAX + CHUNK);
	rc = walk(&m, err);
	sp_buf_done(&m.msg);
	free(m.win);
	return (rc);
}

/*
 * Cuts what an IMAP server sends into responses and literals (imap_parse.h has
 * the states and what is promised).  imap_command.c feeds it what the stream
 * has read; a response that is complete goes to imap_response.c, and what that
 * makes of it to the caller's events.
 *
 * A line of text may be in the middle of quotes, lists and sections when it
 * ends.  The parser looks at each byte once to know that, and so whether "{n}"
 * at the end of the line announces a literal and which FETCH item it belongs
 * to.
 */
#include "journal/pull/imap/imap_parse.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "journal/pull/imap/imap_scan.h"

#define QUOTED_MAX 60 /* bytes of a bad line that an error shows */

/* What kind of response the line begins: free text, which announces no
 * literals, data, or a FETCH, which may have a body. */
enum shape { SHAPE_NEW, SHAPE_TEXT, SHAPE_DATA, SHAPE_FETCH };

struct sp_imap_parser {
	const struct sp_imap_events *ev;

	/* The response so far, less what was skipped or handed on. */
	struct sp_buf line;
	struct sp_imap_literal literals[SP_IMAP_LITERALS_MAX];
	size_t nliterals;
	bool body_seen; /* this FETCH had its body, ... */
	bool body_rfc822; /* ... or one of two, by the name RFC822 */

	/* What comes next: text, or the literal (imap_parse.h). */
	enum { LINE, KEEP, SKIP, BODY } mode;
	uint64_t left; /* bytes of the literal */

	/* What the text up to here is in the middle of. */
	enum shape shape;
	size_t scanned; /* bytes of the line that were looked at */
	unsigned depth;
	bool quoted, escaped; /* "...", behind a backslash in it */
	bool bracket; /* the section of BODY[...] */
	size_t word; /* where the word at hand begins */
	size_t prev, prev_n; /* the word before it, and its length */

	struct sp_err err; /* code: the first failure, for good */
	struct sp_imap_response r;
};

struct sp_imap_parser *
sp_imap_parser_new(const struct sp_imap_events *ev)
{
	struct sp_imap_parser *p = sp_xcalloc(1, sizeof(*p));

	p->ev = ev;
	sp_buf_init(&p->line, SP_IMAP_LINE_MAX);
	return (p);
}

void
sp_imap_parser_free(struct sp_imap_parser *p)
{
	if (p == NULL)
		return;
	sp_buf_done(&p->line);
	free(p);
}

/* The failure for an answer that is not IMAP: ${what} is wrong with it. */
static enum sp_code
bad(struct sp_imap_parser *p, const char *what)
{
	size_t n = p->line.n < QUOTED_MAX ? p->line.n : QUOTED_MAX;

	return (sp_err_set(&p->err, SP_EFORMAT, 0,
	    "the server's answer is not IMAP (%s): \"%.*s\"%s", what, (int)n,
	    n > 0 ? p->line.p : "", n < p->line.n ? "..." : ""));
}

/* Which kind of response ${line} begins. */
static enum shape
shape_of(struct sp_view line)
{
	enum sp_imap_cond cond;
	struct sp_view rest = line, word;
	uint64_t n;

	if (!sp_view_starts(line, "* "))
		return (SHAPE_TEXT);
	(void)sp_view_cut(&rest, ' ');
	word = sp_view_cut(&rest, ' ');
	if (sp_imap_cond(sp_view_trim(word), &cond) ||
	    sp_view_ieq_str(word, "CAPABILITY") ||
	    sp_view_ieq_str(word, "ENABLED"))
		return (SHAPE_TEXT);
	if (sp_imap_number(word, &n) &&
	    sp_view_ieq_str(sp_view_cut(&rest, ' '), "FETCH"))
		return (SHAPE_FETCH);
	return (SHAPE_DATA);
}

/* Whether a [ at ${at} begins the section of a FETCH item, which may hold
 * blanks and parentheses. */
static bool
opens_section(const struct sp_imap_parser *p, size_t at)
{
	struct sp_view w = sp_view_mem(p->line.p + p->word, at - p->word);

	return (
	    p->shape == SHAPE_FETCH && p->depth == 1 && sp_imap_has_section(w));
}

/* A word ends before ${at}: it is the one before the next. */
static void
end_word(struct sp_imap_parser *p, size_t at)
{
	if (at > p->word) {
		p->prev = p->word;
		p->prev_n = at - p->word;
	}
	p->word = at + 1;
}

/* Look at the byte at ${at}: quotes, sections, lists, words. */
static enum sp_code
scan_byte(struct sp_imap_parser *p, size_t at)
{
	char c = p->line.p[at];

	if (p->quoted) {
		if (p->escaped || c == '\\')
			p->escaped = !p->escaped;
		else if (c == '"')
			p->quoted = false;
	} else if (c == '"') {
		p->quoted = true;
	} else if (p->bracket) {
		p->bracket = c != ']';
	} else if (c == '[' && opens_section(p, at)) {
		p->bracket = true;
	} else if (c == '(') {
		if (++p->depth > SP_IMAP_DEPTH_MAX)
			return (sp_err_set(&p->err, SP_ELIMIT, 0,
			    "the server's answer has lists deeper than %d",
			    SP_IMAP_DEPTH_MAX));
		end_word(p, at);
	} else if (c == ')') {
		if (p->depth-- == 0)
			return (bad(p, "a list ends that did not begin"));
		end_word(p, at);
	} else if (c == ' ') {
		end_word(p, at);
	}
	return (SP_OK);
}

/* Look at what was added to the line. */
static enum sp_code
scan_text(struct sp_imap_parser *p)
{
	enum sp_code rc = SP_OK;

	if (p->shape == SHAPE_NEW)
		p->shape = shape_of(sp_buf_view(&p->line));
	if (p->shape == SHAPE_TEXT)
		return (SP_OK);
	while (rc == SP_OK && p->scanned < p->line.n)
		rc = scan_byte(p, p->scanned++);
	if (rc == SP_OK && p->quoted)
		return (bad(p, "a quoted string does not end in its line"));
	return (rc);
}

/* Whether the line ends with "{12}", "{12+}" or "~{12}" (RFC 3501 section 4.3,
 * RFC 7888, RFC 3516): a literal of ${n} bytes, announced at ${at}.  An atom
 * may end in } as well. */
static enum sp_code
find_literal(struct sp_imap_parser *p, bool *is, size_t *at, uint64_t *n)
{
	struct sp_view v = sp_buf_view(&p->line), digits;
	size_t open;

	*is = false;
	if (p->shape == SHAPE_TEXT || v.n == 0 || v.p[v.n - 1] != '}')
		return (SP_OK);
	for (open = v.n - 1; open > p->word && v.p[open] != '{';)
		open--;
	if (v.p[open] != '{')
		return (SP_OK);
	*is = true;
	*at = open > p->word && v.p[open - 1] == '~' ? open - 1 : open;
	digits = sp_view_mem(v.p + open + 1, v.n - open - 2);
	if (digits.n > 0 && digits.p[digits.n - 1] == '+')
		digits.n--;
	if (!sp_imap_number(digits, n))
		return (bad(p, "the length of a literal is no number"));
	if (*at != p->word && !p->bracket)
		return (bad(p, "a literal in the middle of a word"));
	return (SP_OK);
}

/* Event: a body begins.  What the FETCH said before it is read from a copy,
 * since reading changes the text and the rest is still to come. */
static enum sp_code
emit_head(struct sp_imap_parser *p, bool partial, uint64_t offset, uint64_t n)
{
	char *copy = sp_xmalloc(p->line.n);
	struct sp_imap_scan s = { .text = memcpy(copy, p->line.p, p->line.n),
		.n = p->line.n,
		.lit = p->literals,
		.nlit = p->nliterals };
	enum sp_code rc;

	sp_imap_fetch_head(&s, &p->r);
	rc = p->ev->body(p->ev->ctx, &p->r.fetch, partial, offset, n, &p->err);
	free(copy);
	return (rc);
}

/* Take the announcement at ${at} off the line and decide what becomes of the
 * ${n} bytes that follow. */
static enum sp_code
start_literal(struct sp_imap_parser *p, size_t at, uint64_t n)
{
	struct sp_view item = sp_view_mem(p->line.p + p->prev, p->prev_n);
	struct sp_imap_literal *l = &p->literals[p->nliterals];
	uint64_t offset = 0;
	bool partial = false;

	if (p->nliterals++ == SP_IMAP_LITERALS_MAX)
		return (sp_err_set(&p->err, SP_ELIMIT, 0,
		    "the server's answer has more than %d literals",
		    SP_IMAP_LITERALS_MAX));
	*l = (struct sp_imap_literal){ .kind = SP_IMAP_L_SKIPPED, .at = at };
	p->mode = SKIP;
	p->left = n;
	if (p->shape == SHAPE_FETCH && p->depth == 1 && !p->bracket &&
	    at == p->word && sp_imap_is_body(item, &partial, &offset)) {
		bool rfc822 = sp_imap_is_rfc822(item);

		if (p->body_seen && !rfc822 && !p->body_rfc822)
			return (bad(p, "two bodies in one FETCH"));
		if (!p->body_seen) {
			l->kind = SP_IMAP_L_BODY;
			p->mode = BODY;
		}
		p->body_seen = true;
		p->body_rfc822 |= rfc822;
	} else if (n <= SP_IMAP_LITERAL_MAX) {
		l->kind = SP_IMAP_L_KEPT;
		l->n = (size_t)n;
		p->mode = KEEP;
	}
	p->line.n = at;
	p->prev_n = 0;
	if (p->mode != BODY)
		return (SP_OK);
	return (emit_head(p, partial, offset, n));
}

/* A literal is over: the line goes on behind it. */
static void
end_literal(struct sp_imap_parser *p)
{
	p->mode = LINE;
	p->scanned = p->word = p->line.n;
}

static void
start_line(struct sp_imap_parser *p)
{
	sp_buf_clear(&p->line);
	p->nliterals = 0;
	p->shape = SHAPE_NEW;
	p->scanned = p->word = p->prev = p->prev_n = 0;
	p->depth = 0;
	p->quoted = p->escaped = p->bracket = false;
	p->body_seen = p->body_rfc822 = false;
}

/* The response is complete: read it and tell the caller. */
static enum sp_code
complete_response(struct sp_imap_parser *p)
{
	struct sp_imap_scan s = { .text = p->line.p,
		.n = p->line.n,
		.lit = p->literals,
		.nlit = p->nliterals };
	struct sp_imap_quoted_body body;
	struct sp_err why;
	enum sp_code rc;

	/* Some servers put empty lines between their answers. */
	if (p->nliterals == 0 && sp_view_trim(sp_buf_view(&p->line)).n == 0) {
		start_line(p);
		return (SP_OK);
	}
	if (p->depth > 0 || p->bracket)
		return (bad(p, "a list does not end"));
	rc = sp_imap_response_parse(&s, &p->r, &body, &why);
	if (rc != SP_OK)
		return (bad(p, why.msg));
	if (p->body_seen && p->r.fetch.body != SP_IMAP_BODY_GIVEN)
		return (bad(p, "a body where there is none"));
	if (body.bytes.p != NULL) {
		if (p->body_seen)
			return (bad(p, "two bodies in one FETCH"));
		rc = p->ev->body(p->ev->ctx, &p->r.fetch, body.partial,
		    body.offset, body.bytes.n, &p->err);
		if (rc == SP_OK && body.bytes.n > 0)
			rc = p->ev->data(
			    p->ev->ctx, body.bytes.p, body.bytes.n, &p->err);
	}
	if (rc == SP_OK)
		rc = p->ev->response(p->ev->ctx, &p->r, &p->err);
	start_line(p);
	return (rc);
}

/*
 * A line end was found: either a literal follows, or the response is complete.
 */
static enum sp_code
end_line(struct sp_imap_parser *p)
{
	uint64_t n = 0;
	size_t at = 0;
	bool is = false;
	enum sp_code rc;

	if (p->line.n > p->scanned && p->line.p[p->line.n - 1] == '\r')
		p->line.n--;
	rc = scan_text(p);
	if (rc == SP_OK)
		rc = find_literal(p, &is, &at, &n);
	if (rc != SP_OK)
		return (rc);
	if (!is)
		return (complete_response(p));
	rc = start_literal(p, at, n);
	if (rc == SP_OK && n == 0)
		end_literal(p);
	return (rc);
}

/* Append to the response; SP_ELIMIT where it would be too long. */
static enum sp_code
append(struct sp_imap_parser *p, const char *data, size_t n)
{
	if (sp_buf_add(&p->line, data, n) == SP_OK)
		return (SP_OK);
	return (sp_err_set(&p->err, SP_ELIMIT, 0,
	    "the server's answer is longer than %u bytes", SP_IMAP_LINE_MAX));
}

/* Consume bytes up to the end of the line; ${used} of them. */
static enum sp_code
feed_line(struct sp_imap_parser *p, const char *data, size_t n, size_t *used)
{
	const char *end = memchr(data, '\n', n);
	enum sp_code rc;

	*used = end == NULL ? n : (size_t)(end - data) + 1;
	rc = append(p, data, end == NULL ? n : *used - 1);
	return (rc == SP_OK && end != NULL ? end_line(p) : rc);
}

/* Consume bytes of the literal; ${used} of them. */
static enum sp_code
feed_literal(struct sp_imap_parser *p, const char *data, size_t n, size_t *used)
{
	enum sp_code rc = SP_OK;

	*used = n < p->left ? n : (size_t)p->left;
	if (p->mode == KEEP)
		rc = append(p, data, *used);
	else if (p->mode == BODY)
		rc = p->ev->data(p->ev->ctx, data, *used, &p->err);
	p->left -= *used;
	if (p->left == 0)
		end_literal(p);
	return (rc);
}

enum sp_code
sp_imap_parser_feed(
    struct sp_imap_parser *p, const char *data, size_t n, struct sp_err *err)
{
	enum sp_code rc = p->err.code;

	while (rc == SP_OK && n > 0) {
		size_t used;

		rc = p->mode == LINE ? feed_line(p, data, n, &used)
				     : feed_literal(p, data, n, &used);
		data += used;
		n -= used;
		if (rc != SP_OK)
			p->err.code = rc;
	}
	if (rc != SP_OK && err != NULL)
		*err = p->err;
	return (rc);
}

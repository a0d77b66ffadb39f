#include "journal/pull/imap/imap_parse.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "journal/pull/imap/imap_scan.h"

#define SHOWN 60 /* bytes of a bad line that a message quotes */

enum shape { SHAPE_NEW, SHAPE_TEXT, SHAPE_DATA, SHAPE_FETCH };

struct sp_imap_parser {
	const struct sp_imap_events *ev;
	struct sp_buf line; /* the response so far */
	struct sp_imap_literal lit[SP_IMAP_LITERALS_MAX];
	size_t nlit;
	enum { LINE, KEEP, SKIP, BODY } mode;
	uint64_t left; /* of the literal */
	bool had_body;
	/* What the text up to here is in the middle of. */
	enum shape shape;
	size_t seen; /* bytes of the line that were looked at */
	unsigned depth;
	bool quoted, escaped, bracket;
	size_t word; /* where the word at hand begins */
	size_t last, lastn; /* the word before it */
	struct sp_err err; /* code: the first failure */
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

bool
sp_imap_parser_idle(const struct sp_imap_parser *p)
{
	return (p->err.code == SP_OK && p->mode == LINE && p->nlit == 0 &&
		p->line.n == 0);
}

static enum sp_code
bad(struct sp_imap_parser *p, const char *what)
{
	size_t n = p->line.n < SHOWN ? p->line.n : SHOWN;

	return (sp_err_set(&p->err, SP_EFORMAT, 0,
	    "the server's answer is not IMAP (%s): \"%.*s\"%s", what, (int)n,
	    n > 0 ? p->line.p : "", n < p->line.n ? "..." : ""));
}

/* What kind of line this is: free text, data, or a FETCH. */
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

/* The section of a FETCH item may hold blanks and parentheses. */
static bool
opens_section(const struct sp_imap_parser *p, size_t at)
{
	struct sp_view w = sp_view_mem(p->line.p + p->word, at - p->word);

	return (
	    p->shape == SHAPE_FETCH && p->depth == 1 && sp_imap_has_section(w));
}

static void
end_word(struct sp_imap_parser *p, size_t at)
{
	if (at > p->word) {
		p->last = p->word;
		p->lastn = at - p->word;
	}
	p->word = at + 1;
}

static enum sp_code
look_at(struct sp_imap_parser *p, size_t at)
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

static enum sp_code
look(struct sp_imap_parser *p)
{
	enum sp_code rc = SP_OK;

	if (p->shape == SHAPE_NEW)
		p->shape = shape_of(sp_buf_view(&p->line));
	if (p->shape == SHAPE_TEXT)
		return (SP_OK);
	while (rc == SP_OK && p->seen < p->line.n)
		rc = look_at(p, p->seen++);
	if (rc == SP_OK && p->quoted)
		return (bad(p, "a quoted string does not end in its line"));
	return (rc);
}

/* "{12}", "{12+}" or "~{12}" at the end of the line; ${at} is where it is. */
static enum sp_code
announced(struct sp_imap_parser *p, bool *is, size_t *at, uint64_t *n)
{
	struct sp_view v = sp_buf_view(&p->line), digits;
	size_t open;

	*is = false;
	if (p->shape == SHAPE_TEXT || v.n == 0 || v.p[v.n - 1] != '}')
		return (SP_OK);
	for (open = v.n - 1; open > p->word && v.p[open] != '{';)
		open--;
	if (v.p[open] != '{')
		return (SP_OK); /* an atom may end in } */
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

/* What a FETCH said before its body; the rest of it is still to come. */
static enum sp_code
head(struct sp_imap_parser *p, bool partial, uint64_t offset, uint64_t n)
{
	char *copy = sp_xmalloc(p->line.n);
	struct sp_imap_scan s = { .text = memcpy(copy, p->line.p, p->line.n),
		.n = p->line.n,
		.lit = p->lit,
		.nlit = p->nlit };
	enum sp_code rc;

	sp_imap_fetch_head(&s, &p->r);
	rc = p->ev->body(p->ev->ctx, &p->r.fetch, partial, offset, n, &p->err);
	free(copy);
	return (rc);
}

static enum sp_code
start_literal(struct sp_imap_parser *p, size_t at, uint64_t n)
{
	struct sp_view item = sp_view_mem(p->line.p + p->last, p->lastn);
	struct sp_imap_literal *l = &p->lit[p->nlit];
	uint64_t offset = 0;
	bool partial = false;

	if (p->nlit++ == SP_IMAP_LITERALS_MAX)
		return (sp_err_set(&p->err, SP_ELIMIT, 0,
		    "the server's answer has more than %d literals",
		    SP_IMAP_LITERALS_MAX));
	*l = (struct sp_imap_literal){ .kind = SP_IMAP_L_SKIPPED, .at = at };
	p->mode = SKIP;
	p->left = n;
	if (p->shape == SHAPE_FETCH && p->depth == 1 && !p->bracket &&
	    at == p->word && sp_imap_is_body(item, &partial, &offset)) {
		if (p->had_body)
			return (bad(p, "two bodies in one FETCH"));
		p->had_body = true;
		l->kind = SP_IMAP_L_BODY;
		p->mode = BODY;
	} else if (n <= SP_IMAP_LITERAL_MAX) {
		l->kind = SP_IMAP_L_KEPT;
		l->n = (size_t)n;
		p->mode = KEEP;
	}
	p->line.n = at;
	p->lastn = 0;
	if (p->mode != BODY)
		return (SP_OK);
	return (head(p, partial, offset, n));
}

/* A literal is over: the line goes on behind it. */
static void
end_literal(struct sp_imap_parser *p)
{
	p->mode = LINE;
	p->seen = p->word = p->line.n;
}

static void
start_line(struct sp_imap_parser *p)
{
	sp_buf_clear(&p->line);
	p->nlit = 0;
	p->shape = SHAPE_NEW;
	p->seen = p->word = p->last = p->lastn = 0;
	p->depth = 0;
	p->quoted = p->escaped = p->bracket = p->had_body = false;
}

static enum sp_code
complete(struct sp_imap_parser *p)
{
	struct sp_imap_scan s = { .text = p->line.p,
		.n = p->line.n,
		.lit = p->lit,
		.nlit = p->nlit };
	struct sp_view body = { NULL, 0 };
	uint64_t offset = 0;
	bool partial = false;
	struct sp_err why;
	enum sp_code rc;

	if (p->depth > 0 || p->bracket)
		return (bad(p, "a list does not end"));
	rc = sp_imap_response_parse(&s, &p->r, &body, &partial, &offset, &why);
	if (rc != SP_OK)
		return (bad(p, why.msg));
	if (p->had_body && p->r.fetch.body != SP_IMAP_BODY_GIVEN)
		return (bad(p, "a body where there is none"));
	/* A body that came as a quoted string. */
	if (body.p != NULL) {
		if (p->had_body)
			return (bad(p, "two bodies in one FETCH"));
		rc = p->ev->body(
		    p->ev->ctx, &p->r.fetch, partial, offset, body.n, &p->err);
		if (rc == SP_OK && body.n > 0)
			rc = p->ev->data(p->ev->ctx, body.p, body.n, &p->err);
	}
	if (rc == SP_OK)
		rc = p->ev->response(p->ev->ctx, &p->r, &p->err);
	start_line(p);
	return (rc);
}

/* The line end was seen. */
static enum sp_code
end_line(struct sp_imap_parser *p)
{
	uint64_t n = 0;
	size_t at = 0;
	bool is = false;
	enum sp_code rc;

	if (p->line.n > p->seen && p->line.p[p->line.n - 1] == '\r')
		p->line.n--;
	rc = look(p);
	if (rc == SP_OK)
		rc = announced(p, &is, &at, &n);
	if (rc != SP_OK)
		return (rc);
	if (!is)
		return (complete(p));
	rc = start_literal(p, at, n);
	if (rc == SP_OK && n == 0)
		end_literal(p);
	return (rc);
}

static enum sp_code
add(struct sp_imap_parser *p, const char *data, size_t n)
{
	if (sp_buf_add(&p->line, data, n) == SP_OK)
		return (SP_OK);
	return (sp_err_set(&p->err, SP_ELIMIT, 0,
	    "the server's answer is longer than %u bytes", SP_IMAP_LINE_MAX));
}

static enum sp_code
feed_line(struct sp_imap_parser *p, const char *data, size_t n, size_t *took)
{
	const char *end = memchr(data, '\n', n);
	enum sp_code rc;

	*took = end == NULL ? n : (size_t)(end - data) + 1;
	rc = add(p, data, end == NULL ? n : *took - 1);
	return (rc == SP_OK && end != NULL ? end_line(p) : rc);
}

static enum sp_code
feed_literal(struct sp_imap_parser *p, const char *data, size_t n, size_t *took)
{
	enum sp_code rc = SP_OK;

	*took = n < p->left ? n : (size_t)p->left;
	if (p->mode == KEEP)
		rc = add(p, data, *took);
	else if (p->mode == BODY)
		rc = p->ev->data(p->ev->ctx, data, *took, &p->err);
	p->left -= *took;
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
		size_t took;

		rc = p->mode == LINE ? feed_line(p, data, n, &took)
				     : feed_literal(p, data, n, &took);
		data += took;
		n -= took;
		if (rc != SP_OK)
			p->err.code = rc;
	}
	if (rc != SP_OK && err != NULL)
		*err = p->err;
	return (rc);
}

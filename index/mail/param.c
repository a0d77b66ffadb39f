/*
 * Content-Type and Content-Disposition (RFC 2045 section 5.1, RFC 2231): a
 * token, then parameters, of which file names are what people see.  Read as
 * mail programs write them: quotes and semicolons forgotten, backslashes of
 * Windows paths, names in encoded words, RFC 2231 values without their star.
 * Called by tree.c.
 */
#include "index/mail/param.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "index/mail/decode/charset.h"
#include "index/mail/limits.h"
#include "index/mail/decode/words.h"

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

static size_t
skip_blanks(struct sp_view v, size_t i)
{
	while (i < v.n && is_blank(v.p[i]))
		i++;
	return (i);
}

/* Pass over blanks and comments; an unclosed comment ends with the value. */
static size_t
skip_comments(struct sp_view v, size_t i)
{
	for (;;) {
		unsigned depth = 0;

		i = skip_blanks(v, i);
		if (i >= v.n || v.p[i] != '(')
			return (i);
		for (; i < v.n; i++) {
			if (v.p[i] == '(')
				depth++;
			else if (v.p[i] == ')' && --depth == 0)
				break;
			else if (v.p[i] == '\\')
				i++;
		}
		if (i >= v.n)
			return (v.n);
		i++;
	}
}

/*
 * Whether "token=" or "token*=" stands at ${i}: the next parameter, where the
 * semicolon was forgotten.
 */
static bool
is_param(struct sp_view v, size_t i)
{
	size_t from = i;

	while (i < v.n && (isalnum((unsigned char)v.p[i]) || v.p[i] == '-' ||
			      v.p[i] == '*'))
		i++;
	return (i > from && i < v.n && v.p[i] == '=');
}

/*
 * The end of the quoted string that begins at ${i} (behind the quote): a
 * quote with a semicolon, the end or another parameter behind it; an
 * unescaped quote amid a file name is part of it.  v.n if it is not closed.
 */
static size_t
quote_end(struct sp_view v, size_t i)
{
	for (; i < v.n; i++) {
		size_t j;

		if (v.p[i] == '\\' && i + 1 < v.n && v.p[i + 1] == '"') {
			/* \" at the very end closes: a path "C:\dir\". */
			if (skip_blanks(v, i + 2) == v.n)
				return (i + 1);
			i++;
			continue;
		}
		if (v.p[i] == '\\') {
			i++;
			continue;
		}
		if (v.p[i] != '"')
			continue;
		j = skip_blanks(v, i + 1);
		if (j == v.n || v.p[j] == ';' || v.p[j] == ',' ||
		    v.p[j] == '(' || (j > i + 1 && is_param(v, j)))
			return (i);
	}
	return (v.n);
}

/*
 * Copy a quoted value without escapes and folds.  A backslash before a letter
 * or digit is one of a Windows path and stays.
 */
static struct sp_view
copy_quoted(struct sp_mem *mem, struct sp_view v)
{
	char *s = sp_mem_get(mem, v.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == '\\' && i + 1 < v.n &&
		    !isalnum((unsigned char)v.p[i + 1]) &&
		    (unsigned char)v.p[i + 1] < 0x80)
			c = v.p[++i];
		if (c != '\r' && c != '\n')
			s[n++] = c == '\0' ? ' ' : c;
	}
	return (sp_view_mem(s, n));
}

/* Copy a value without folds and the blanks around it, NULs as spaces. */
static struct sp_view
copy_plain(struct sp_mem *mem, struct sp_view v)
{
	char *s;
	size_t n = 0;

	v = sp_view_trim(v);
	s = sp_mem_get(mem, v.n + 1);
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] != '\r' && v.p[i] != '\n')
			s[n++] = v.p[i] == '\0' ? ' ' : v.p[i];
	return (sp_view_mem(s, n));
}

/*
 * Read the value at ${i} into ${mem}; returns where it ends.  *unclosed
 * remembers that no quote closes from some place on, so that the search is
 * made once.
 */
static size_t
parse_value(struct sp_view v, size_t i, struct sp_mem *mem, bool *unclosed,
    struct sp_view *value)
{
	const char *semi;
	size_t end;

	i = skip_blanks(v, i);
	if (i < v.n && v.p[i] == '"') {
		end = *unclosed ? v.n : quote_end(v, i + 1);
		*unclosed = end == v.n;
		if (end < v.n) {
			*value = copy_quoted(
			    mem, sp_view_mem(v.p + i + 1, end - i - 1));
			return (end + 1);
		}
		i++;
	}
	semi = i < v.n ? memchr(v.p + i, ';', v.n - i) : NULL;
	end = semi == NULL ? v.n : (size_t)(semi - v.p);
	*value = copy_plain(mem, sp_view_mem(v.p + i, end - i));
	return (end);
}

/*
 * Split "filename*0*" into name, section and the star of an extended value
 * (RFC 2231 sections 3 and 4).
 */
static void
split_name(struct sp_param *p)
{
	const char *star = memchr(p->name.p, '*', p->name.n);
	struct sp_view rest;
	uint64_t n;

	if (star == NULL)
		return;
	rest.p = star + 1;
	rest.n = p->name.n - (size_t)(rest.p - p->name.p);
	p->name.n = (size_t)(star - p->name.p);
	if (rest.n == 0) {
		p->extended = true;
		return;
	}
	if (rest.p[rest.n - 1] == '*') {
		p->extended = true;
		rest.n--;
	}
	if (rest.n <= 9 && sp_view_u64(rest, &n)) {
		p->numbered = true;
		p->section = (unsigned)n;
	}
}

/*
 * The token first, then name=value as often as there is one; what stands
 * between and is neither is passed over.  Beyond SP_MAIL_MAX_PARAMS the rest
 * is dropped.
 */
void
sp_param_parse(struct sp_view v, struct sp_mem *mem, struct sp_params *out)
{
	size_t i = skip_comments(v, 0), from;
	bool unclosed = false;

	*out = (struct sp_params){ .token = sp_mem_dup(mem, sp_view_str("")) };
	if (v.n == 0)
		return;
	if (i < v.n && v.p[i] == '"')
		i++;
	from = i;
	while (i < v.n && !is_blank(v.p[i]) && v.p[i] != ';' && v.p[i] != '"' &&
	       v.p[i] != '(' && !(v.p[i] == '=' && i > from))
		i++;
	if (i < v.n && v.p[i] == '=')
		i = from; /* a parameter where the token should be */
	out->token = sp_mem_dup(mem, sp_view_mem(v.p + from, i - from));
	for (char *s = out->token; *s != '\0'; s++)
		*s = (char)tolower((unsigned char)*s);
	while (out->n < SP_MAIL_MAX_PARAMS) {
		struct sp_param p = { .order = (unsigned)out->n };

		while (i < v.n &&
		       (v.p[i] == ';' || v.p[i] == ',' || v.p[i] == '"' ||
			   is_blank(v.p[i]) || v.p[i] == '('))
			i = v.p[i] == '(' ? skip_comments(v, i) : i + 1;
		from = i;
		while (i < v.n && v.p[i] != '=' && v.p[i] != ';' &&
		       !is_blank(v.p[i]))
			i++;
		if (from >= v.n)
			break;
		p.name = sp_view_mem(v.p + from, i - from);
		i = skip_blanks(v, i);
		if (i >= v.n || v.p[i] != '=')
			continue;
		i = parse_value(v, i + 1, mem, &unclosed, &p.value);
		if (p.name.n == 0)
			continue;
		split_name(&p);
		out->v = sp_mem_more(mem, out->v, out->n, sizeof(p));
		out->v[out->n++] = p;
	}
}

static bool
is_name(struct sp_view v, const char *name)
{
	return (sp_view_ieq_str(v, name));
}

/* An RFC 2231 value is read from behind its charset and language. */
struct sp_view
sp_param_word(const struct sp_params *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++) {
		struct sp_view v = p->v[i].value;
		const char *q;
		size_t n = 0;

		if (!is_name(p->v[i].name, name) || v.n == 0 ||
		    p->v[i].section != 0)
			continue;
		if (p->v[i].extended && (q = memchr(v.p, '\'', v.n)) != NULL &&
		    (q = memchr(q + 1, '\'', v.n - (size_t)(q + 1 - v.p)))) {
			v.n -= (size_t)(q + 1 - v.p);
			v.p = q + 1;
		}
		while (n < v.n && !is_blank(v.p[n]))
			n++;
		v.n = n;
		return (v);
	}
	return (sp_view_str(NULL));
}

static int
by_section(const void *a, const void *b)
{
	const struct sp_param *const *x = a, *const *y = b;

	if ((*x)->section != (*y)->section)
		return ((*x)->section < (*y)->section ? -1 : 1);
	return ((*x)->order < (*y)->order ? -1 : (*x)->order > (*y)->order);
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	return (-1);
}

/* Append ${v} with %XX decoded; a percent sign that begins none stays. */
static void
put_percent(struct sp_view v, struct sp_buf *out)
{
	for (size_t i = 0; i < v.n; i++) {
		int h = -1, l = -1;

		if (v.p[i] == '%' && v.n - i > 2) {
			h = digit(v.p[i + 1]);
			l = digit(v.p[i + 2]);
		}
		if (h >= 0 && l >= 0) {
			(void)!sp_buf_addc(out, (char)(h << 4 | l));
			i += 2;
		} else {
			(void)!sp_buf_addc(out, v.p[i]);
		}
	}
}

/*
 * Cut charset'language' off an extended value (RFC 2231 section 4).  False, and
 * ${v} unchanged, if it has none.
 */
static bool
cut_charset(struct sp_view *v, struct sp_view *charset)
{
	const char *a = memchr(v->p, '\'', v->n), *b;
	size_t left;

	if (a == NULL)
		return (false);
	left = v->n - (size_t)(a + 1 - v->p);
	b = memchr(a + 1, '\'', left);
	if (b == NULL)
		return (false);
	*charset = sp_view_mem(v->p, (size_t)(a - v->p));
	left -= (size_t)(b + 1 - (a + 1));
	*v = sp_view_mem(b + 1, left);
	return (true);
}

/*
 * Append all sections of an RFC 2231 value, in their order, decoded as one
 * text; of a repeated section the first counts.
 */
static void
put_sections(
    struct sp_param **v, size_t n, struct sp_view fallback, struct sp_buf *out)
{
	struct sp_view charset = { NULL, 0 };
	struct sp_buf raw;
	bool extended = false;

	sp_buf_init(&raw, SP_MAIL_MAX_VALUE);
	for (size_t i = 0; i < n; i++) {
		struct sp_view t = v[i]->value;

		/* Of a repeated section the first counts. */
		if (i > 0 && v[i]->section == v[i - 1]->section)
			continue;
		if (v[i]->extended && i == 0)
			(void)cut_charset(&t, &charset);
		extended |= v[i]->extended;
		if (v[i]->extended)
			put_percent(t, &raw);
		else
			(void)!sp_buf_addv(&raw, t);
	}
	if (extended)
		(void)sp_charset_decode(
		    sp_buf_view(&raw), charset, fallback, out);
	else
		(void)sp_words_decode(sp_buf_view(&raw), fallback, out);
	sp_buf_done(&raw);
}

/*
 * Append "UTF-8''na%20me", an extended value without the star that it should
 * have.  False if it is no such value.
 */
static bool
put_starless(struct sp_view v, struct sp_buf *out)
{
	struct sp_view charset;
	struct sp_buf raw;

	if (!cut_charset(&v, &charset) || charset.n == 0 ||
	    !sp_charset_known(charset) || memchr(v.p, '%', v.n) == NULL)
		return (false);
	sp_buf_init(&raw, SP_MAIL_MAX_VALUE);
	put_percent(v, &raw);
	(void)sp_charset_decode(
	    sp_buf_view(&raw), charset, sp_view_str(NULL), out);
	sp_buf_done(&raw);
	return (true);
}

/*
 * Turn control characters behind ${from} into spaces and drop blanks on both
 * sides.  False if nothing is left.
 */
static bool
tidy(struct sp_buf *out, size_t from)
{
	struct sp_view v;

	for (size_t i = from; i < out->n; i++)
		if ((unsigned char)out->p[i] < ' ' || out->p[i] == 127)
			out->p[i] = ' ';
	v = sp_view_trim(sp_view_mem(out->p + from, out->n - from));
	if (v.n > 0)
		memmove(out->p + from, v.p, v.n);
	out->n = from + v.n;
	return (v.n > 0);
}

/*
 * Collect the sections of NAME* and the first plain NAME.  The plain one counts
 * if the sections give no text.
 */
bool
sp_param_text(const struct sp_params *p, const char *name,
    struct sp_view charset, struct sp_buf *out)
{
	const struct sp_param *plain = NULL;
	struct sp_param **pieces = NULL;
	size_t n = 0, from = out->n;

	for (size_t i = 0; i < p->n; i++) {
		struct sp_param *q = &p->v[i];

		if (!is_name(q->name, name) || q->value.n == 0)
			continue;
		if (!q->numbered && !q->extended) {
			if (plain == NULL)
				plain = q;
			continue;
		}
		if (pieces == NULL)
			pieces = sp_xcalloc(p->n, sizeof(struct sp_param *));
		pieces[n++] = q;
	}
	/* "name*" and "name*0" together: the whole one counts. */
	for (size_t i = 0; i < n; i++)
		if (!pieces[i]->numbered) {
			pieces[0] = pieces[i];
			n = 1;
		}
	if (n > 1)
		qsort(pieces, n, sizeof(struct sp_param *), by_section);
	if (n > 0)
		put_sections(pieces, n, charset, out);
	free(pieces);
	if (out->n > from && tidy(out, from))
		return (true);
	out->n = from;
	if (plain == NULL)
		return (false);
	if (!put_starless(plain->value, out))
		(void)sp_words_decode(plain->value, charset, out);
	return (out->n > from && tidy(out, from));
}

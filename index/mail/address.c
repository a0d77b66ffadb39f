#include "index/mail/address.h"

#include <string.h>

#include "base/buf.h"
#include "index/mail/charset.h"
#include "index/mail/limits.h"
#include "index/mail/words.h"

#define PIECE_MAX 4096 /* bytes of an encoded word or domain literal */

/*
 * The list while it is read.  An entry is collected in phrase and bare until
 * a comma, a semicolon or the end finishes it.
 */
struct list {
	struct sp_view v;
	size_t i;
	struct sp_view charset;
	struct sp_mem *mem;
	struct sp_mail_addrs *out;
	struct sp_buf phrase; /* words and quoted strings without quotes */
	struct sp_buf bare; /* the same with them: maybe an address */
	struct sp_buf comment;
	struct sp_buf name; /* the phrase before <> */
	struct sp_buf angle; /* what was between < and > */
	struct sp_buf group; /* name of the group */
	struct sp_buf full; /* name and comment */
	struct sp_buf tmp;
	bool has_angle;
	bool in_group;
	bool group_used; /* the group has a member */
	bool no_quote; /* no quote closes from here on */
	bool no_paren; /* no comment closes from here on */
	bool again; /* reading what a quote or encoded word held */
	bool ok;
};

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0');
}

static void
add(struct sp_buf *b, const char *p, size_t n)
{
	(void)sp_text_put(b, p, n);
}

static struct sp_view
trimmed(const struct sp_buf *b)
{
	return (sp_view_trim(sp_buf_view(b)));
}

static bool
has(struct sp_view v, char c)
{
	return (v.n > 0 && memchr(v.p, c, v.n) != NULL);
}

static struct sp_view
from(struct sp_view v, size_t n)
{
	return (sp_view_mem(v.p + n, v.n - n));
}

/* ---- an entry is complete ------------------------------------------- */

static void
emit(struct list *l, struct sp_view name, struct sp_view addr)
{
	struct sp_mail_addrs *o = l->out;
	struct sp_buf text;

	if (o->n >= SP_MAIL_MAX_ADDRS) {
		l->ok = false;
		return;
	}
	o->v = sp_mem_more(l->mem, o->v, o->n, sizeof(*o->v));
	sp_buf_init(&text, SP_MAIL_MAX_VALUE);
	name = sp_view_trim(name);
	if (name.n > 1 && name.p[0] == '"' && name.p[name.n - 1] == '"')
		name = sp_view_mem(name.p + 1, name.n - 2);
	(void)sp_words_decode(name, l->charset, &text);
	o->v[o->n].name = sp_mem_dup(l->mem, trimmed(&text));
	sp_buf_clear(&text);
	(void)sp_charset_decode(addr, sp_view_str(NULL), l->charset, &text);
	o->v[o->n].addr = sp_mem_dup(l->mem, trimmed(&text));
	o->n++;
	l->group_used = true;
	sp_buf_done(&text);
}

/* Take off what stands around an address and is not part of it. */
static struct sp_view
tidy(struct sp_view a)
{
	for (;;) {
		a = sp_view_trim(a);
		if (a.n == 0)
			return (a);
		if (sp_view_istarts(a, "mailto:")) {
			a = from(a, 7);
		} else if (a.p[0] == '[' && a.p[a.n - 1] == ']' &&
			   has(a, '@') && !has(from(a, 1), '[')) {
			a = sp_view_mem(a.p + 1, a.n - 2);
		} else if (memchr("<>,", a.p[0], 3) != NULL) {
			a = from(a, 1);
		} else if (memchr("<>,;", a.p[a.n - 1], 4) != NULL) {
			a.n--;
		} else {
			return (a);
		}
	}
}

/* "@a,@b:user@c": only what follows the route is the address. */
static struct sp_view
cut_route(struct sp_view a)
{
	const char *colon;

	if (a.n == 0 || a.p[0] != '@')
		return (a);
	colon = memchr(a.p, ':', a.n);
	return (colon == NULL ? a : from(a, (size_t)(colon + 1 - a.p)));
}

/* Blanks outside a quoted local part do not belong into an address. */
static struct sp_view
squeeze(struct sp_buf *tmp, struct sp_view a)
{
	bool quoted = false;

	sp_buf_clear(tmp);
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] == '"' && (i == 0 || a.p[i - 1] != '\\'))
			quoted = !quoted;
		if (quoted || !is_blank(a.p[i]))
			add(tmp, a.p + i, 1);
	}
	return (sp_buf_view(tmp));
}

static size_t
token_end(struct sp_view v, size_t i)
{
	bool quoted = false;

	for (; i < v.n && (quoted || !is_blank(v.p[i])); i++) {
		if (v.p[i] == '"')
			quoted = !quoted;
		else if (v.p[i] == '\\' && quoted)
			i++;
	}
	return (i < v.n ? i : v.n);
}

static bool
joins(char c)
{
	return (c == '@' || c == '.');
}

/*
 * The next word of ${v} with an '@' in it at or after ${i}, blanks around the
 * '@' included.  The text before it is its name.
 */
static bool
next_at(
    struct sp_view v, size_t *i, struct sp_view *before, struct sp_view *word)
{
	size_t a = *i, end;

	for (;;) {
		size_t b;

		while (a < v.n && is_blank(v.p[a]))
			a++;
		if (a >= v.n)
			return (false);
		end = token_end(v, a);
		/* "joe @ x . org" */
		for (;;) {
			for (b = end; b < v.n && is_blank(v.p[b]); b++)
				;
			if (b >= v.n ||
			    (!joins(v.p[b]) && !joins(v.p[end - 1])))
				break;
			end = token_end(v, b);
		}
		if (has(sp_view_mem(v.p + a, end - a), '@') && end - a > 1 &&
		    sp_words_length(sp_view_mem(v.p + a, end - a)) == 0)
			break;
		a = end;
	}
	*before = sp_view_trim(sp_view_mem(v.p + *i, a - *i));
	*word = sp_view_mem(v.p + a, end - a);
	*i = end;
	return (true);
}

static void parse(struct list *l);

/* Read what a quote or an encoded word held as a list of its own. */
static bool
read_again(struct list *l)
{
	struct list m = *l;
	struct sp_buf text;
	size_t before = l->out->n;

	if (l->again)
		return (false);
	sp_buf_init(&text, SP_MAIL_MAX_VALUE);
	(void)sp_words_decode(trimmed(&l->phrase), l->charset, &text);
	if (has(sp_buf_view(&text), '@')) {
		m.v = sp_buf_view(&text);
		m.again = true;
		parse(&m);
		l->group_used |= l->out->n > before;
	}
	sp_buf_done(&text);
	return (l->out->n > before);
}

/* "Joe (sales)": the comment is what readers of mail show, too. */
static struct sp_view
full_name(struct list *l, struct sp_view name)
{
	struct sp_view comment = trimmed(&l->comment);

	if (name.n == 0)
		return (comment);
	if (comment.n == 0)
		return (name);
	sp_buf_clear(&l->full);
	add(&l->full, name.p, name.n);
	add(&l->full, " (", 2);
	add(&l->full, comment.p, comment.n);
	add(&l->full, ")", 1);
	return (sp_buf_view(&l->full));
}

/* An entry without <>. */
static void
finish_bare(struct list *l)
{
	struct sp_view v = trimmed(&l->bare), name, word, comment, rest;
	size_t i = 0, n = 0;

	comment = trimmed(&l->comment);
	while (next_at(v, &i, &name, &word)) {
		word = squeeze(&l->tmp, tidy(cut_route(tidy(word))));
		rest = sp_view_trim(from(v, i));
		name = full_name(l, name);
		if (name.n == 0 && n == 0 && !has(rest, '@'))
			name = rest;
		emit(l, name, word);
		n++;
	}
	if (n > 0)
		return;
	if (v.n == 0 && comment.n == 0)
		return;
	if (read_again(l))
		return;
	l->ok = false;
	name = trimmed(&l->phrase);
	if (v.n > 0 && token_end(v, 0) == v.n && v.p[0] != '"' &&
	    sp_words_length(v) == 0 && sp_charset_is_ascii(v))
		emit(l, comment, v);
	else
		emit(l, full_name(l, name), sp_view_str(NULL));
}

static void
finish_angle(struct list *l)
{
	struct sp_view name = trimmed(&l->name), a, before, word;
	size_t i = 0;

	if (name.n == 0)
		name = trimmed(&l->phrase);
	a = tidy(cut_route(tidy(sp_buf_view(&l->angle))));
	if (has(a, ' ') && has(a, '@') && next_at(a, &i, &before, &word)) {
		/* "<Joe joe@x>": the name went inside. */
		if (name.n == 0)
			name = before;
		a = word;
	}
	if (a.n == 0 && has(name, '@') && l->bare.n > 0) {
		finish_bare(l);
		return;
	}
	l->ok &= has(a, '@') || a.n == 0;
	name = full_name(l, name);
	if (has(a, ' ') && !has(a, '@')) {
		/* "<Saved by a browser>" */
		if (name.n == 0)
			name = a;
		a.n = 0;
	}
	if (a.n > 0 || name.n > 0)
		emit(l, name, squeeze(&l->tmp, a));
}

static void
finish(struct list *l)
{
	if (l->has_angle)
		finish_angle(l);
	else
		finish_bare(l);
	sp_buf_clear(&l->phrase);
	sp_buf_clear(&l->bare);
	sp_buf_clear(&l->comment);
	sp_buf_clear(&l->name);
	sp_buf_clear(&l->angle);
	l->has_angle = false;
}

static void
end_group(struct list *l)
{
	if (l->in_group && !l->group_used)
		emit(l, trimmed(&l->group), sp_view_str(NULL));
	l->in_group = false;
}

/* ---- pieces of an entry --------------------------------------------- */

/* Where the quoted string that begins at ${i} (behind its quote) ends. */
static size_t
quote_end(struct list *l, size_t i)
{
	while (i < l->v.n && l->v.p[i] != '"')
		i += l->v.p[i] == '\\' && i + 1 < l->v.n ? 2 : 1;
	return (i < l->v.n ? i : l->v.n);
}

/*
 * A quote that was never closed pairs with the quote of a later entry, and
 * would hide the addresses between them.
 */
static bool
is_stray(struct list *l, struct sp_view q, size_t next)
{
	while (next < l->v.n && is_blank(l->v.p[next]))
		next++;
	if (next == l->v.n || memchr("<@,;(.:\"=", l->v.p[next], 9) != NULL)
		return (false);
	return (has(q, '@') && (has(q, '<') || has(q, ',')));
}

static void
read_quote(struct list *l)
{
	size_t end = l->no_quote ? l->v.n : quote_end(l, l->i + 1);
	struct sp_view q = { NULL, 0 };

	if (end == l->v.n) {
		l->no_quote = true;
	} else {
		q = sp_view_mem(l->v.p + l->i + 1, end - l->i - 1);
		if (is_stray(l, q, end + 1))
			end = l->v.n;
	}
	if (end == l->v.n) {
		l->ok = false;
		l->i++;
		return;
	}
	add(&l->bare, l->v.p + l->i, end + 1 - l->i);
	for (size_t i = 0; i < q.n; i++) {
		if (q.p[i] == '\\' && i + 1 < q.n)
			i++;
		if (q.p[i] != '\r' && q.p[i] != '\n')
			add(&l->phrase, q.p + i, 1);
	}
	l->i = end + 1;
}

static void
read_comment(struct list *l, struct sp_buf *out)
{
	unsigned depth = 1;
	size_t i = l->i + 1;
	struct sp_view c;

	for (; !l->no_paren && i < l->v.n; i++) {
		if (l->v.p[i] == '\\')
			i++;
		else if (l->v.p[i] == '(')
			depth++;
		else if (l->v.p[i] == ')' && --depth == 0)
			break;
	}
	if (l->no_paren || i >= l->v.n) {
		l->no_paren = true;
		l->ok = false;
		l->i++;
		return;
	}
	c = sp_view_mem(l->v.p + l->i + 1, i - l->i - 1);
	l->i = i + 1;
	if (out == NULL)
		return;
	if (out->n > 0)
		add(out, " ", 1);
	for (size_t k = 0; k < c.n; k++) {
		if (c.p[k] == '\\' && k + 1 < c.n)
			k++;
		if (c.p[k] != '\r' && c.p[k] != '\n')
			add(out, c.p + k, 1);
	}
}

/* From < to >, or to where the next address must begin. */
static void
read_angle(struct list *l)
{
	struct sp_view v = l->v;

	if (l->has_angle)
		finish(l);
	l->has_angle = true;
	sp_buf_clear(&l->name);
	add(&l->name, l->phrase.p, l->phrase.n);
	sp_buf_clear(&l->phrase);
	while (l->i < v.n && (v.p[l->i] == '<' || is_blank(v.p[l->i])))
		l->i++;
	while (l->i < v.n && v.p[l->i] != '>') {
		char c = v.p[l->i];
		struct sp_view a = sp_buf_view(&l->angle);

		if ((c == ',' || c == '<' || c == ';') && has(a, '@') &&
		    a.p[0] != '@') {
			l->ok = false;
			return;
		}
		if (c == '"' && !l->no_quote) {
			size_t end = quote_end(l, l->i + 1);

			if (end < v.n) {
				add(&l->angle, v.p + l->i, end + 1 - l->i);
				l->i = end + 1;
				continue;
			}
			l->no_quote = true;
		}
		if (c == '(' && !l->no_paren) {
			read_comment(l, NULL);
			continue;
		}
		add(&l->angle, is_blank(c) ? " " : &c, 1);
		l->i++;
	}
	while (l->i < v.n && v.p[l->i] == '>')
		l->i++;
}

/* "Name:" begins a group, unless it is part of an address. */
static void
read_colon(struct list *l)
{
	struct sp_view p = trimmed(&l->phrase);

	l->i++;
	if (l->has_angle || has(sp_buf_view(&l->bare), '@')) {
		add(&l->phrase, ":", 1);
		add(&l->bare, ":", 1);
		return;
	}
	if (!sp_view_ieq_str(p, "mailto")) {
		end_group(l);
		sp_buf_clear(&l->group);
		add(&l->group, p.p, p.n);
		l->in_group = true;
		l->group_used = false;
	}
	sp_buf_clear(&l->phrase);
	sp_buf_clear(&l->bare);
}

/* The length of what stands at the cursor as one piece: an encoded word, a
 * domain literal, or one character. */
static size_t
piece(struct list *l)
{
	struct sp_view rest = from(l->v, l->i);
	const char *close;
	size_t n;

	if (rest.n > PIECE_MAX)
		rest.n = PIECE_MAX;
	if (rest.n > 1 && rest.p[0] == '=' && rest.p[1] == '?') {
		n = sp_words_length(rest);
		return (n > 0 ? n : 1);
	}
	if (rest.p[0] == '[' && l->bare.n > 0 &&
	    l->bare.p[l->bare.n - 1] == '@') {
		close = memchr(rest.p, ']', rest.n);
		return (close == NULL ? 1 : (size_t)(close - rest.p) + 1);
	}
	return (1);
}

static void
read_text(struct list *l)
{
	const char *p = l->v.p + l->i;
	size_t n = piece(l);

	if (n == 1 && is_blank(*p))
		p = " ";
	add(&l->phrase, p, n);
	add(&l->bare, p, n);
	l->i += n;
}

static void
parse(struct list *l)
{
	l->i = 0;
	l->no_quote = l->no_paren = l->in_group = false;
	l->has_angle = l->group_used = false;
	l->ok = true;
	sp_buf_init(&l->phrase, l->v.n + 1);
	sp_buf_init(&l->bare, l->v.n + 1);
	sp_buf_init(&l->comment, l->v.n + 1);
	sp_buf_init(&l->name, l->v.n + 1);
	sp_buf_init(&l->angle, l->v.n + 1);
	sp_buf_init(&l->group, SP_MAIL_MAX_VALUE);
	sp_buf_init(&l->tmp, l->v.n + 1);
	sp_buf_init(&l->full, 2 * l->v.n + 8);
	while (l->i < l->v.n) {
		switch (l->v.p[l->i]) {
		case '"':
			read_quote(l);
			break;
		case '(':
			read_comment(l, &l->comment);
			break;
		case '<':
			read_angle(l);
			break;
		case ':':
			read_colon(l);
			break;
		case ',':
			finish(l);
			l->i++;
			break;
		case ';':
			finish(l);
			end_group(l);
			l->i++;
			break;
		case '>':
		case ')':
			l->ok = false;
			l->i++;
			break;
		default:
			read_text(l);
			break;
		}
	}
	finish(l);
	end_group(l);
	sp_buf_done(&l->phrase);
	sp_buf_done(&l->bare);
	sp_buf_done(&l->comment);
	sp_buf_done(&l->name);
	sp_buf_done(&l->angle);
	sp_buf_done(&l->group);
	sp_buf_done(&l->tmp);
	sp_buf_done(&l->full);
}

bool
sp_address_parse(struct sp_view value, struct sp_view charset,
    struct sp_mem *mem, struct sp_mail_addrs *out)
{
	struct list l = {
		.v = value, .charset = charset, .mem = mem, .out = out
	};

	out->present = true;
	parse(&l);
	return (l.ok);
}

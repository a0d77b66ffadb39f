/*
 * Address lists, the pieces: one pass over a field's value that collects
 * words, quoted strings, comments and <...> until a comma, a semicolon or the
 * end finishes the entry (address_entry.c decides what it means).
 *
 *     phrase, bare --"<"--> angle --">"--> phrase, bare --"," ";" end--> entry
 *     phrase --":"--> the name of a group, up to ";"
 *
 * Lenient: a quote or parenthesis that is never closed is a character of the
 * text, so that it hides no address behind it.  Called by facts.c for the
 * header of a message and by trace.c for fields of the way.
 */
#include "index/mail/address.h"

#include "index/mail/address_priv.h"
#include "index/mail/limits.h"
#include "index/mail/decode/words.h"

#define PIECE_MAX 4096 /* bytes of an encoded word or domain literal */

/* Where the quoted string that begins at ${i} (behind its quote) ends. */
static size_t
quote_end(struct sp_address_list *l, size_t i)
{
	while (i < l->v.n && l->v.p[i] != '"')
		i += l->v.p[i] == '\\' && i + 1 < l->v.n ? 2 : 1;
	return (i < l->v.n ? i : l->v.n);
}

/*
 * Whether the quoted string ${q}, which ends before ${next}, pairs a quote
 * that was never closed with the quote of a later entry: it would hide the
 * addresses between them.
 */
static bool
is_stray(struct sp_address_list *l, struct sp_view q, size_t next)
{
	while (next < l->v.n && sp_address_is_blank(l->v.p[next]))
		next++;
	if (next == l->v.n || strchr("<@,;(.:\"=", l->v.p[next]) != NULL)
		return (false);
	return (sp_address_has(q, '@') &&
		(sp_address_has(q, '<') || sp_address_has(q, ',')));
}

/*
 * Read the quoted string at the cursor into phrase (without quotes) and bare
 * (with them), or pass over its quote if it is a stray one.
 */
static void
read_quote(struct sp_address_list *l)
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
	sp_address_add(&l->bare, l->v.p + l->i, end + 1 - l->i);
	for (size_t i = 0; i < q.n; i++) {
		if (q.p[i] == '\\' && i + 1 < q.n)
			i++;
		if (q.p[i] != '\r' && q.p[i] != '\n')
			sp_address_add(&l->phrase, q.p + i, 1);
	}
	l->i = end + 1;
}

/*
 * Read the comment at the cursor, nested ones included, and append its text to
 * ${out} (NULL: drop it).  An unclosed parenthesis is passed over.
 */
static void
read_comment(struct sp_address_list *l, struct sp_buf *out)
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
		sp_address_add(out, " ", 1);
	for (size_t k = 0; k < c.n; k++) {
		if (c.p[k] == '\\' && k + 1 < c.n)
			k++;
		if (c.p[k] != '\r' && c.p[k] != '\n')
			sp_address_add(out, c.p + k, 1);
	}
}

/*
 * Read from '<' to '>', or to where the next address must begin.  The words
 * before it are the name.
 */
static void
read_angle(struct sp_address_list *l)
{
	struct sp_view v = l->v;
	struct sp_buf phrase = l->phrase;
	bool at = false;

	/* The words behind a <> without a comma are the next one's name. */
	sp_buf_init(&l->phrase, l->v.n + 1);
	if (l->has_angle)
		sp_address_list_finish(l);
	l->has_angle = true;
	sp_buf_clear(&l->name);
	sp_address_add(&l->name, phrase.p, phrase.n);
	sp_buf_done(&phrase);
	while (
	    l->i < v.n && (v.p[l->i] == '<' || sp_address_is_blank(v.p[l->i])))
		l->i++;
	while (l->i < v.n && v.p[l->i] != '>') {
		char c = v.p[l->i];

		if ((c == ',' || c == '<' || c == ';') && at &&
		    l->angle.p[0] != '@') {
			l->ok = false;
			return;
		}
		if (c == '"' && !l->no_quote) {
			size_t end = quote_end(l, l->i + 1);

			if (end < v.n) {
				sp_address_add(
				    &l->angle, v.p + l->i, end + 1 - l->i);
				l->i = end + 1;
				continue;
			}
			l->no_quote = true;
		}
		if (c == '(' && !l->no_paren) {
			read_comment(l, NULL);
			continue;
		}
		sp_address_add(&l->angle, sp_address_is_blank(c) ? " " : &c, 1);
		at |= c == '@';
		l->i++;
	}
	while (l->i < v.n && v.p[l->i] == '>')
		l->i++;
}

/* "Name:" begins a group, unless it is part of an address. */
static void
read_colon(struct sp_address_list *l)
{
	struct sp_view p = sp_address_trimmed(&l->phrase);

	l->i++;
	if (l->has_angle || sp_address_has(sp_buf_view(&l->bare), '@')) {
		sp_address_add(&l->phrase, ":", 1);
		sp_address_add(&l->bare, ":", 1);
		return;
	}
	if (!sp_view_ieq_str(p, "mailto")) {
		sp_address_list_end_group(l);
		sp_buf_clear(&l->group);
		sp_address_add(&l->group, p.p, p.n);
		l->in_group = true;
		l->group_used = false;
	}
	sp_buf_clear(&l->phrase);
	sp_buf_clear(&l->bare);
}

/*
 * The length of what stands at the cursor as one piece: an encoded word, a
 * domain literal, or one character.
 */
static size_t
piece_length(struct sp_address_list *l)
{
	struct sp_view rest = sp_address_skip(l->v, l->i);
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

/* Add the next piece to phrase and bare, blanks of all kinds as spaces. */
static void
read_text(struct sp_address_list *l)
{
	const char *p = l->v.p + l->i;
	size_t n = piece_length(l);

	if (n == 1 && sp_address_is_blank(*p))
		p = " ";
	sp_address_add(&l->phrase, p, n);
	sp_address_add(&l->bare, p, n);
	l->i += n;
}

/* Dispatch by the character at the cursor; every case moves it on. */
void
sp_address_list_parse(struct sp_address_list *l)
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
			sp_address_list_finish(l);
			l->i++;
			break;
		case ';':
			sp_address_list_finish(l);
			sp_address_list_end_group(l);
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
	sp_address_list_finish(l);
	sp_address_list_end_group(l);
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
	struct sp_address_list l = {
		.v = value, .charset = charset, .mem = mem, .out = out
	};

	out->present = true;
	sp_address_list_parse(&l);
	return (l.ok);
}

/*
 * Address lists, the entries: what the pieces that address.c collected for one
 * entry mean.  With <...> the address is in it; without, every word with an
 * '@' is one.  No address is lost: what has none keeps its text as a name, and
 * an address that hides in a quoted name or in an encoded word is looked for
 * there, once.
 */
#include "index/mail/address_priv.h"
#include "index/mail/decode/charset.h"
#include "index/mail/limits.h"
#include "index/mail/decode/words.h"

/*
 * Append one entry with its name and address decoded to UTF-8.  Beyond
 * SP_MAIL_MAX_ADDRS it is dropped and the list is flagged.
 */
static void
add_entry(struct sp_address_list *l, struct sp_view name, struct sp_view addr)
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
	o->v[o->n].name = sp_mem_dup(l->mem, sp_address_trimmed(&text));
	sp_buf_clear(&text);
	(void)sp_charset_decode(addr, sp_view_str(NULL), l->charset, &text);
	o->v[o->n].addr = sp_mem_dup(l->mem, sp_address_trimmed(&text));
	o->n++;
	l->group_used = true;
	sp_buf_done(&text);
}

/*
 * Take off what stands around an address and is not part of it: "mailto:",
 * brackets, commas and angles.
 */
static struct sp_view
tidy(struct sp_view a)
{
	for (;;) {
		a = sp_view_trim(a);
		if (a.n == 0)
			return (a);
		if (sp_view_istarts(a, "mailto:")) {
			a = sp_address_skip(a, 7);
		} else if (a.p[0] == '[' && a.p[a.n - 1] == ']' &&
			   sp_address_has(a, '@') &&
			   !sp_address_has(sp_address_skip(a, 1), '[')) {
			a = sp_view_mem(a.p + 1, a.n - 2);
		} else if (a.p[0] != '\0' && strchr("<>,", a.p[0]) != NULL) {
			a = sp_address_skip(a, 1);
		} else if (a.p[a.n - 1] != '\0' &&
			   strchr("<>,;", a.p[a.n - 1]) != NULL) {
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
	return (
	    colon == NULL ? a : sp_address_skip(a, (size_t)(colon + 1 - a.p)));
}

/*
 * The address without blanks outside a quoted local part; borrowed from
 * ${tmp}.
 */
static struct sp_view
squeeze(struct sp_buf *tmp, struct sp_view a)
{
	bool quoted = false;

	sp_buf_clear(tmp);
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] == '"' && (i == 0 || a.p[i - 1] != '\\'))
			quoted = !quoted;
		if (quoted || !sp_address_is_blank(a.p[i]))
			sp_address_add(tmp, a.p + i, 1);
	}
	return (sp_buf_view(tmp));
}

/* Where the word at ${i} ends: at a blank outside quotes, or at the end. */
static size_t
token_end(struct sp_view v, size_t i)
{
	bool quoted = false;

	for (; i < v.n && (quoted || !sp_address_is_blank(v.p[i])); i++) {
		if (v.p[i] == '"')
			quoted = !quoted;
		else if (v.p[i] == '\\' && quoted)
			i++;
	}
	return (i < v.n ? i : v.n);
}

/* Whether ${v} has an '@' outside quotes. */
static bool
has_at(struct sp_view v)
{
	bool quoted = false;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '"')
			quoted = !quoted;
		else if (v.p[i] == '@' && !quoted)
			return (true);
		else if (v.p[i] == '\\' && quoted)
			i++;
	}
	return (false);
}

/* Whether blanks beside ${c} are within an address: "joe @ x . org". */
static bool
joins_words(char c)
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

		while (a < v.n && sp_address_is_blank(v.p[a]))
			a++;
		if (a >= v.n)
			return (false);
		end = token_end(v, a);
		/* "joe @ x . org" */
		for (;;) {
			for (b = end; b < v.n && sp_address_is_blank(v.p[b]);
			     b++)
				;
			if (b >= v.n || (!joins_words(v.p[b]) &&
					    !joins_words(v.p[end - 1])))
				break;
			end = token_end(v, b);
		}
		if (has_at(sp_view_mem(v.p + a, end - a)) && end - a > 1 &&
		    sp_words_length(sp_view_mem(v.p + a, end - a)) == 0)
			break;
		a = end;
	}
	*before = sp_view_trim(sp_view_mem(v.p + *i, a - *i));
	*word = sp_view_mem(v.p + a, end - a);
	*i = end;
	return (true);
}

/*
 * Read what a quoted string or an encoded word held as a list of its own.
 * True if that gave an address.  Never nests twice.
 */
static bool
read_nested(struct sp_address_list *l)
{
	struct sp_address_list m = *l;
	struct sp_buf text;
	size_t before = l->out->n;

	if (l->nested)
		return (false);
	sp_buf_init(&text, SP_MAIL_MAX_VALUE);
	(void)sp_words_decode(
	    sp_address_trimmed(&l->phrase), l->charset, &text);
	if (sp_address_has(sp_buf_view(&text), '@')) {
		m.v = sp_buf_view(&text);
		m.nested = true;
		sp_address_list_parse(&m);
		l->group_used |= l->out->n > before;
	}
	sp_buf_done(&text);
	return (l->out->n > before);
}

/*
 * The name of an entry with its comment, as mail programs show it: "Joe
 * (sales)".  Borrowed from ${l}.
 */
static struct sp_view
full_name(struct sp_address_list *l, struct sp_view name)
{
	struct sp_view comment = sp_address_trimmed(&l->comment);

	if (name.n == 0)
		return (comment);
	if (comment.n == 0)
		return (name);
	sp_buf_clear(&l->full);
	sp_address_add(&l->full, name.p, name.n);
	sp_address_add(&l->full, " (", 2);
	sp_address_add(&l->full, comment.p, comment.n);
	sp_address_add(&l->full, ")", 1);
	return (sp_buf_view(&l->full));
}

/*
 * Finish an entry without <>: an entry for each word with an '@'; if there is
 * none, a lone ASCII word is a local part and anything else a name.
 */
static void
finish_bare(struct sp_address_list *l)
{
	struct sp_view v = sp_address_trimmed(&l->bare), name, word, comment,
		       rest;
	size_t i = 0, n = 0;

	comment = sp_address_trimmed(&l->comment);
	while (next_at(v, &i, &name, &word)) {
		word = squeeze(&l->tmp, tidy(cut_route(tidy(word))));
		rest = sp_view_trim(sp_address_skip(v, i));
		name = full_name(l, name);
		if (name.n == 0 && n == 0 && !sp_address_has(rest, '@'))
			name = rest;
		add_entry(l, name, word);
		n++;
	}
	if (n > 0)
		return;
	if (v.n == 0 && comment.n == 0)
		return;
	if (read_nested(l))
		return;
	l->ok = false;
	name = sp_address_trimmed(&l->phrase);
	if (v.n > 0 && token_end(v, 0) == v.n && v.p[0] != '"' &&
	    sp_words_length(v) == 0 && sp_charset_is_ascii(v))
		add_entry(l, comment, v);
	else
		add_entry(l, full_name(l, name), sp_view_str(NULL));
}

/*
 * Finish an entry with <>.  Senders also put the name inside, leave it empty
 * with the address in front, or put no address there at all.
 */
static void
finish_angle(struct sp_address_list *l)
{
	struct sp_view name = sp_address_trimmed(&l->name), a, before, word;
	size_t i = 0;

	if (name.n == 0)
		name = sp_address_trimmed(&l->phrase);
	a = tidy(cut_route(tidy(sp_buf_view(&l->angle))));
	if (sp_address_has(a, ' ') && sp_address_has(a, '@') &&
	    next_at(a, &i, &before, &word)) {
		/* "<Joe joe@x>": the name went inside. */
		if (name.n == 0)
			name = before;
		a = word;
	}
	if (a.n == 0 && sp_address_has(name, '@') && l->bare.n > 0) {
		finish_bare(l);
		return;
	}
	l->ok &= sp_address_has(a, '@') || a.n == 0;
	name = full_name(l, name);
	if (sp_address_has(a, ' ') && !sp_address_has(a, '@')) {
		/* "<Saved by a browser>" */
		if (name.n == 0)
			name = a;
		a.n = 0;
	}
	if (a.n > 0 || name.n > 0)
		add_entry(l, name, squeeze(&l->tmp, a));
}

void
sp_address_list_finish(struct sp_address_list *l)
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

void
sp_address_list_end_group(struct sp_address_list *l)
{
	if (l->in_group && !l->group_used)
		add_entry(l, sp_address_trimmed(&l->group), sp_view_str(NULL));
	l->in_group = false;
}

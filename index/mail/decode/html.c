/*
 * HTML to text.  A tokenizer that never builds a tree, in one pass over the
 * source:
 *
 *     text ---"<name", "</name"--> tag, attributes ---">"--> text
 *     text ---"<!", "<?"---------> comment, declaration ---> text
 *     tag "script", "style" -----> skipped up to its end --> text
 *
 * Each search that found nothing is remembered (no_gt, no_quote, no_comment),
 * so that the cost stays linear whatever the input.  What never ends hides
 * nothing: an unclosed comment or quote is read as text.  Called by text.c
 * with UTF-8 or ASCII.
 */
#include "index/mail/decode/html.h"

#include <ctype.h>
#include <libxml/HTMLparser.h>
#include <string.h>

#include "index/mail/decode/charset.h"
#include "index/mail/decode/utf8.h"

#define ENTITY_MAX 12 /* bytes of an entity's name */
#define META_MAX   2048 /* bytes looked at for a charset */

struct html {
	struct sp_view v;
	size_t i;
	struct sp_buf *out;
	char last; /* what was put last: ' ', '\n' or anything else */
	bool full;
	bool no_comment; /* no "-->" from here on */
	bool no_quote[2]; /* no ' and no " from here on */
	bool no_gt; /* no '>' from here on */
};

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f');
}

/* Append text unless the limit was reached before. */
static void
put(struct html *h, const char *p, size_t n)
{
	if (!h->full && !sp_utf8_put(h->out, p, n))
		h->full = true;
}

/*
 * Append ${c}, a space or a line feed, unless the text ends in a blank that
 * already says as much; a line feed replaces a space.
 */
static void
put_blank(struct html *h, char c)
{
	if (h->last == '\n' || (h->last == ' ' && c == ' '))
		return;
	if (h->last == ' ' && h->out->n > 0)
		h->out->n--;
	put(h, &c, 1);
	h->last = c;
}

/* Append text with each run of blanks as one. */
static void
put_text(struct html *h, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t j = i;

		while (j < n && !is_blank(p[j]))
			j++;
		if (j > i) {
			put(h, p + i, j - i);
			h->last = 'x';
		}
		if (j < n)
			put_blank(h, ' ');
		while (j < n && is_blank(p[j]))
			j++;
		i = j;
	}
}

/*
 * Append one character of an entity: blanks of all kinds as a space, invisible
 * characters not at all, what is no character as U+FFFD.
 */
static void
put_char(struct html *h, uint32_t c)
{
	if (c == 0xa0 || c == ' ' || c == '\t' || c == '\n' || c == '\r' ||
	    (c >= 0x2000 && c <= 0x200a)) {
		put_blank(h, ' ');
		return;
	}
	/* Soft hyphens and zero-width characters split words. */
	if (c == 0xad || c == 0x34f || (c >= 0x200b && c <= 0x200f) ||
	    c == 0xfeff)
		return;
	if (c < ' ' || c == 127 || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		c = 0xfffd;
	if (c >= 0x80 && c < 0xa0) {
		/* Numbers of Windows-1252, as browsers take them. */
		char b = (char)c;
		struct sp_view none = { NULL, 0 };

		(void)sp_charset_decode(sp_view_mem(&b, 1),
		    SP_VIEW_LIT("windows-1252"), none, h->out);
	} else if (!h->full && !sp_utf8_put_char(h->out, c)) {
		h->full = true;
	}
	h->last = 'x';
}

/* The code point of a numeric entity without & and ;, "#8364" or "#x20ac". */
static bool
entity_number(struct sp_view v, uint32_t *out)
{
	uint32_t base = 10, x = 0;
	size_t i = 1;

	if (v.n < 2 || v.p[0] != '#')
		return (false);
	if (v.p[1] == 'x' || v.p[1] == 'X') {
		base = 16;
		i = 2;
	}
	if (i == v.n)
		return (false);
	for (; i < v.n; i++) {
		int c = tolower((unsigned char)v.p[i]);
		uint32_t d;

		if (c >= '0' && c <= '9')
			d = (uint32_t)(c - '0');
		else if (base == 16 && c >= 'a' && c <= 'f')
			d = (uint32_t)(c - 'a') + 10;
		else
			return (false);
		if (x > 0x10ffff)
			return (false);
		x = x * base + d;
	}
	*out = x;
	return (true);
}

/*
 * The code point of a named entity, by the most common names and then by
 * libxml2's table.  ${v} is at most ENTITY_MAX bytes.
 */
static bool
entity_named(struct sp_view v, uint32_t *out)
{
	static const struct {
		const char *name;
		uint32_t c;
	} common[] = { { "nbsp", 0xa0 }, { "amp", '&' }, { "lt", '<' },
		{ "gt", '>' }, { "quot", '"' }, { "apos", '\'' } };
	const htmlEntityDesc *d;
	char name[ENTITY_MAX + 1];

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (sp_view_eq_str(v, common[i].name)) {
			*out = common[i].c;
			return (true);
		}
	memcpy(name, v.p, v.n);
	name[v.n] = '\0';
	d = htmlEntityLookup((const xmlChar *)name);
	if (d == NULL)
		return (false);
	*out = d->value;
	return (true);
}

/*
 * Read the entity at the '&' at *i and append its character, or '&' if it is
 * none; *i is then behind it.
 */
static void
put_entity(struct html *h, struct sp_view v, size_t *i)
{
	size_t from = *i + 1, to = from;
	struct sp_view name;
	uint32_t c;

	while (to < v.n && to - from < ENTITY_MAX &&
	       (isalnum((unsigned char)v.p[to]) || v.p[to] == '#'))
		to++;
	name = sp_view_mem(v.p + from, to - from);
	if (name.n == 0 || !(name.p[0] == '#' ? entity_number(name, &c)
					      : entity_named(name, &c))) {
		put_text(h, "&", 1);
		*i = from;
		return;
	}
	put_char(h, c);
	*i = to < v.n && v.p[to] == ';' ? to + 1 : to;
}

/* Append a stretch of text without tags, its entities decoded. */
static void
put_run(struct html *h, struct sp_view v)
{
	size_t i = 0;

	while (i < v.n && !h->full) {
		const char *amp = memchr(v.p + i, '&', v.n - i);
		size_t j = amp == NULL ? v.n : (size_t)(amp - v.p);

		put_text(h, v.p + i, j - i);
		i = j;
		if (amp != NULL)
			put_entity(h, v, &i);
	}
}

static bool
in_list(struct sp_view name, const char *const *list)
{
	if (name.n == 0)
		return (false);
	for (; *list != NULL; list++)
		if ((*list)[0] == (name.p[0] | 0x20) &&
		    sp_view_ieq_str(name, *list))
			return (true);
	return (false);
}

static bool
is_block(struct sp_view name)
{
	static const char *const blocks[] = { "p", "br", "div", "tr", "li",
		"table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "hr",
		"blockquote", "pre", "title", "dt", "dd", "section", "article",
		"header", "footer", "body", "head", "form", "option", NULL };

	return (in_list(name, blocks));
}

static bool
is_hidden(struct sp_view name)
{
	static const char *const hidden[] = { "script", "style", NULL };

	return (in_list(name, hidden));
}

/*
 * Append what an attribute shows to a reader: alternative text and title, and
 * of a link its target without query and fragment, which mostly track.
 */
static void
put_attribute(struct html *h, struct sp_view name, struct sp_view value)
{
	size_t n = 0;

	if (sp_view_ieq_str(name, "alt") || sp_view_ieq_str(name, "title")) {
		if (value.n == 0)
			return;
		put_blank(h, ' ');
		put_run(h, value);
		put_blank(h, ' ');
	} else if (sp_view_ieq_str(name, "href") &&
		   (sp_view_istarts(value, "http") ||
		       sp_view_istarts(value, "mailto:"))) {
		while (n < value.n && value.p[n] != '?' && value.p[n] != '#')
			n++;
		put_blank(h, ' ');
		put_run(h, sp_view_mem(value.p, n));
		put_blank(h, ' ');
	}
}

/*
 * The first ${c} at or after ${from}, or the length of the source.  *none
 * remembers that there is no further one.
 */
static size_t
find(struct html *h, size_t from, char c, bool *none)
{
	const char *p = NULL;

	if (!*none && from < h->v.n)
		p = memchr(h->v.p + from, c, h->v.n - from);
	*none = p == NULL;
	return (p == NULL ? h->v.n : (size_t)(p - h->v.p));
}

/* Read an attribute's value behind its '=', with or without quotes. */
static struct sp_view
read_value(struct html *h)
{
	struct sp_view v = h->v;
	size_t from;

	while (h->i < v.n && is_blank(v.p[h->i]))
		h->i++;
	if (h->i < v.n && (v.p[h->i] == '"' || v.p[h->i] == '\'')) {
		bool *none = &h->no_quote[v.p[h->i] == '"'];
		size_t end = find(h, h->i + 1, v.p[h->i], none);

		from = h->i + 1;
		if (end < v.n) {
			h->i = end + 1;
			return (sp_view_mem(v.p + from, end - from));
		}
		h->i++;
	}
	from = h->i;
	while (h->i < v.n && v.p[h->i] != '>' && !is_blank(v.p[h->i]))
		h->i++;
	return (sp_view_mem(v.p + from, h->i - from));
}

/* Read attributes up to and with the '>' that ends the tag. */
static void
read_attributes(struct html *h)
{
	struct sp_view v = h->v, name;

	while (h->i < v.n && !h->full) {
		size_t from;

		while (h->i < v.n && (is_blank(v.p[h->i]) || v.p[h->i] == '/'))
			h->i++;
		if (h->i < v.n && v.p[h->i] == '>') {
			h->i++;
			return;
		}
		from = h->i;
		while (h->i < v.n && v.p[h->i] != '=' && v.p[h->i] != '>' &&
		       v.p[h->i] != '/' && !is_blank(v.p[h->i]))
			h->i++;
		name = sp_view_mem(v.p + from, h->i - from);
		while (h->i < v.n && is_blank(v.p[h->i]))
			h->i++;
		if (h->i < v.n && v.p[h->i] == '=') {
			h->i++;
			put_attribute(h, name, read_value(h));
		}
	}
}

/* Go from behind <script> or <style> to the matching end tag, or to the end. */
static void
skip_hidden(struct html *h, struct sp_view name)
{
	struct sp_view v = h->v;

	while (h->i < v.n) {
		const char *p = memmem(v.p + h->i, v.n - h->i, "</", 2);

		if (p == NULL)
			break;
		h->i = (size_t)(p - v.p) + 2;
		if (v.n - h->i >= name.n &&
		    strncasecmp(v.p + h->i, name.p, name.n) == 0) {
			h->i -= 2;
			return;
		}
	}
	h->i = v.n;
}

/* Pass over the comment, doctype or processing instruction at "<!" or "<?". */
static void
skip_declaration(struct html *h)
{
	struct sp_view v = h->v;
	const char *p = NULL;
	size_t end;

	if (v.n - h->i >= 4 && memcmp(v.p + h->i, "<!--", 4) == 0) {
		if (!h->no_comment)
			p = memmem(v.p + h->i + 2, v.n - h->i - 2, "-->", 3);
		h->no_comment = p == NULL;
		/* One that never ends hides nothing. */
		h->i = p == NULL ? h->i + 4 : (size_t)(p - v.p) + 3;
		return;
	}
	end = find(h, h->i, '>', &h->no_gt);
	h->i = end < v.n ? end + 1 : h->i + 2;
}

/*
 * Read the tag at '<': its attributes, and the blank or line end it stands
 * for.
 */
static void
read_tag(struct html *h)
{
	struct sp_view v = h->v, name;
	bool close = v.p[h->i + 1] == '/';
	size_t from = h->i + (close ? 2 : 1), to = from;

	while (to < v.n && isalnum((unsigned char)v.p[to]))
		to++;
	name = sp_view_mem(v.p + from, to - from);
	h->i = to;
	read_attributes(h);
	if (is_block(name))
		put_blank(h, '\n');
	else if (sp_view_ieq_str(name, "td") || sp_view_ieq_str(name, "th"))
		put_blank(h, ' ');
	if (!close && is_hidden(name))
		skip_hidden(h, name);
}

/* Alternate between text and markup.  A '<' that begins no tag is text. */
bool
sp_html_text(struct sp_view v, struct sp_buf *out)
{
	struct html h = { .v = v, .out = out, .last = '\n' };

	while (h.i < v.n && !h.full) {
		const char *lt = memchr(v.p + h.i, '<', v.n - h.i);
		size_t j = lt == NULL ? v.n : (size_t)(lt - v.p);
		char c;

		put_run(&h, sp_view_mem(v.p + h.i, j - h.i));
		h.i = j;
		if (j == v.n)
			break;
		c = j + 1 < v.n ? v.p[j + 1] : ' ';
		if (c == '!' || c == '?') {
			skip_declaration(&h);
		} else if ((isalpha((unsigned char)c) ||
			       (c == '/' && j + 2 < v.n)) &&
			   find(&h, j, '>', &h.no_gt) < v.n) {
			read_tag(&h);
		} else {
			put_text(&h, "<", 1);
			h.i++;
		}
	}
	return (!h.full);
}

struct sp_view
sp_html_charset(struct sp_view v)
{
	if (v.n > META_MAX)
		v.n = META_MAX;
	for (size_t i = 0; i + 8 < v.n; i++) {
		size_t from = i + 8, to;

		if ((v.p[i] | 0x20) != 'c' ||
		    !sp_view_istarts(sp_view_mem(v.p + i, v.n - i), "charset="))
			continue;
		while (from < v.n && (v.p[from] == '"' || v.p[from] == '\''))
			from++;
		for (to = from;
		     to < v.n && (isalnum((unsigned char)v.p[to]) ||
				     v.p[to] == '-' || v.p[to] == '_');
		     to++)
			;
		return (sp_view_mem(v.p + from, to - from));
	}
	return (sp_view_str(NULL));
}

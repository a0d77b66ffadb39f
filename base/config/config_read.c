/*
 * Reads a configuration file in one pass, from bytes to values.  An option is
 * looked up in the table (config_table.c) and its values are checked and stored
 * (config_value.c) as it is met, so that the first mistake of the file is the
 * one that is reported, with its line and column.  Whatever could hide a slip
 * is a mistake: a section that is not closed, an option or a section given
 * twice, an unknown name, a character that needs quotes and has none.
 *
 * Called by config.c.  What the options must be together is checked after it
 * (config_check.c and its sisters); for their messages the place of each option
 * is kept.
 *
 *   file    = *( option / section )
 *   section = NAME [ value ] "{" *option "}"
 *   option  = NAME "=" ( value / "{" [ value *( "," value ) ] "}" )
 *   value   = WORD / "..." / '...'
 *
 * Between these stand blanks, line ends, and comments as in C or from # on.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config_priv.h"

enum config_token { END, WORD, QUOTED, PUNCT };

/* One file being read. */
struct config_reader {
	struct sp_config *c;
	struct sp_config_file *file;
	struct sp_err *err;
	struct sp_view text;
	/* what comes next in the text */
	size_t pos;
	unsigned line;
	size_t line_begin;
	/* the token that was read last */
	enum config_token token;
	struct sp_view
	    value; /* its bytes, of QUOTED those between the quotes */
	struct sp_config_place at;
};

/* The section whose options are read. */
struct config_scope {
	const char *section; /* of the option table; "" at top level */
	struct sp_view title;
	struct sp_config_place at; /* where it begins */
	void *base; /* the struct that its options are set in */
};

static enum sp_code fail(struct config_reader *r, struct sp_config_place at,
    const char *fmt, ...) SP_PRINTF(3, 4);

/* Set the error to "FILE:LINE:COLUMN: " and the text; always SP_ECONFIG. */
static enum sp_code
fail(struct config_reader *r, struct sp_config_place at, const char *fmt, ...)
{
	char what[SP_ERR_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return (sp_err_set(r->err, SP_ECONFIG, 0, "%s:%u:%u: %s", r->file->path,
	    at.line, at.column, what));
}

/* ---- tokens ---------------------------------------------------------- */

static struct sp_config_place
here(const struct config_reader *r)
{
	return ((struct sp_config_place){
	    r->line, (unsigned)(r->pos - r->line_begin) + 1 });
}

/* Go on to offset ${end}, counting lines. */
static void
advance(struct config_reader *r, size_t end)
{
	for (; r->pos < end; r->pos++) {
		if (r->text.p[r->pos] == '\n') {
			r->line++;
			r->line_begin = r->pos + 1;
		}
	}
}

/* Skip blanks, line ends and comments. */
static enum sp_code
skip(struct config_reader *r)
{
	for (;;) {
		const struct sp_view rest =
		    sp_view_mem(r->text.p + r->pos, r->text.n - r->pos);
		const char *end;

		if (rest.n > 0 && strchr(" \t\r\n", rest.p[0]) != NULL) {
			advance(r, r->pos + 1);
		} else if (sp_view_starts(rest, "#") ||
			   sp_view_starts(rest, "//")) {
			end = memchr(rest.p, '\n', rest.n);
			advance(r, end == NULL ? r->text.n
					       : (size_t)(end - r->text.p));
		} else if (sp_view_starts(rest, "/*")) {
			end = memmem(rest.p + 2, rest.n - 2, "*/", 2);
			if (end == NULL)
				return (fail(r, here(r),
				    "the comment that begins here is never closed; expected */"));
			advance(r, (size_t)(end + 2 - r->text.p));
		} else {
			return (SP_OK);
		}
	}
}

/* Read a value in quotes.  Its escapes are \\ and the quote itself. */
static enum sp_code
read_quoted(struct config_reader *r)
{
	const char *t = r->text.p;
	const size_t n = r->text.n, from = r->pos + 1;
	const char q = t[r->pos];

	for (r->pos = from; r->pos < n && t[r->pos] != q; r->pos++) {
		const unsigned char c = (unsigned char)t[r->pos];
		const char next = r->pos + 1 < n ? t[r->pos + 1] : '\0';

		if (c == '\n')
			break;
		if (c < 0x20 || c == 0x7f)
			return (fail(r, here(r),
			    "a control character stands in a quoted value"));
		if (q == '"' && c == '$' && next == '{')
			return (fail(r, here(r),
			    "the environment is not read; put ${ in single quotes if it is meant"));
		if (c != '\\' || next == '\0')
			continue;
		if (next != q && next != '\\')
			return (fail(r, here(r),
			    "unknown escape in a quoted value; expected \\%c or \\\\",
			    q));
		r->pos++;
	}
	if (r->pos >= n || t[r->pos] != q)
		return (fail(r, r->at,
		    "the quoted value is not closed on this line; expected %c",
		    q));
	r->token = QUOTED;
	r->value = sp_view_mem(t + from, r->pos - from);
	r->pos++;
	return (SP_OK);
}

static bool
is_word(char c)
{
	return ((unsigned char)c > 0x20 && c != 0x7f &&
		strchr("#\"'={}()+,*$;", c) == NULL);
}

/* Name what stands where no word can begin or go on. */
static enum sp_code
fail_byte(struct config_reader *r)
{
	const unsigned char c = (unsigned char)r->text.p[r->pos];

	if (c == ';')
		return (fail(r, here(r),
		    "unexpected \";\"; an option ends at the end of its value"));
	if (c == '+' && r->pos + 1 < r->text.n && r->text.p[r->pos + 1] == '=')
		return (fail(r, here(r),
		    "\"+=\" is not used here; write all values in one list"));
	if (c <= 0x20 || c >= 0x7f)
		return (fail(r, here(r),
		    "unexpected byte 0x%02x; expected plain text", c));
	return (fail(r, here(r),
	    "unexpected \"%c\"; a value with such a character must be in quotes",
	    c));
}

/* Read a name, or a value without quotes. */
static enum sp_code
read_word(struct config_reader *r)
{
	const char *t = r->text.p;
	const size_t from = r->pos;

	for (; r->pos < r->text.n && is_word(t[r->pos]); r->pos++) {
		if (r->pos > from && t[r->pos] == '/' && t[r->pos - 1] == '/')
			return (fail(
			    r, here(r), "a value with // must be in quotes"));
	}
	if (r->pos == from ||
	    (r->pos < r->text.n && strchr("#\"'()+*$;", t[r->pos]) != NULL))
		return (fail_byte(r));
	r->token = WORD;
	r->value = sp_view_mem(t + from, r->pos - from);
	return (SP_OK);
}

/* Read the next token. */
static enum sp_code
next(struct config_reader *r)
{
	char c;

	if (skip(r) != SP_OK)
		return (SP_ECONFIG);
	r->at = here(r);
	if (r->pos == r->text.n) {
		r->token = END;
		return (SP_OK);
	}
	c = r->text.p[r->pos];
	if (c == '"' || c == '\'')
		return (read_quoted(r));
	if (strchr("={},", c) == NULL)
		return (read_word(r));
	r->token = PUNCT;
	r->value = sp_view_mem(r->text.p + r->pos++, 1);
	return (SP_OK);
}

static bool
is_punct(const struct config_reader *r, char c)
{
	return (r->token == PUNCT && r->value.p[0] == c);
}

static bool
is_value(const struct config_reader *r)
{
	return (r->token == WORD || r->token == QUOTED);
}

/* ---- where things stand ---------------------------------------------- */

/* Remember where the option ${name} of ${scope} stands, or with "" the section
 * itself; each may stand once. */
static enum sp_code
remember(struct config_reader *r, const struct config_scope *scope,
    const char *name, struct sp_config_place at)
{
	struct sp_config_file *f = r->file;
	const struct sp_config_item *old =
	    sp_config_find(f, scope->section, scope->title, name);

	if (old != NULL && *name != '\0')
		return (fail(r, at,
		    "option \"%s\" is given twice; it was set in line %u", name,
		    old->at.line));
	if (old != NULL)
		return (fail(r, at,
		    "section \"%s%s%.*s\" is given twice; it begins in line %u",
		    scope->section, scope->title.n > 0 ? " " : "",
		    (int)scope->title.n, scope->title.p, old->at.line));
	if (f->n == SP_CONFIG_ITEMS_MAX)
		return (fail(r, at, "more than %u options and sections",
		    SP_CONFIG_ITEMS_MAX));
	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? 64 : f->cap * 2;
		f->items = sp_xrealloc(f->items, f->cap * sizeof(*f->items));
	}
	f->items[f->n++] = (struct sp_config_item){
		.section = scope->section,
		.title = scope->title,
		.name = name,
		.at = at,
	};
	return (SP_OK);
}

/* ---- options and sections -------------------------------------------- */

/* Remember the token just read, whose text ends where the reader is, as a value
 * of ${o}, and return it. */
static struct sp_view
remember_value(struct config_reader *r, const struct sp_config_option *o)
{
	struct sp_config_file *f = r->file;
	const size_t quotes = r->token == QUOTED ? 2 : 0;
	const size_t n = r->value.n + quotes;

	if (f->nvalues == f->vcap) {
		f->vcap = f->vcap == 0 ? 64 : f->vcap * 2;
		f->values =
		    sp_xrealloc(f->values, f->vcap * sizeof(*f->values));
	}
	f->values[f->nvalues++] = (struct sp_config_given){ o, r->pos - n, n };
	return (sp_view_mem(r->text.p + r->pos - n, n));
}

/* Set the option from the token just read. */
static enum sp_code
set_value(struct config_reader *r, const struct config_scope *scope,
    const struct sp_config_option *o)
{
	char *text = sp_config_unquote(remember_value(r, o));
	char want[SP_CONFIG_EXPECTED_MAX];
	enum sp_code rc = SP_OK;

	if (!sp_config_set(scope->base, o, text)) {
		sp_config_expected(o, want);
		rc = fail(r, r->at,
		    "\"%.100s\" is no value of option \"%s\"; expected %s",
		    text, o->name, want);
	}
	free(text);
	return (rc);
}

/* Read the value or values of an option; the token read last is its "=". */
static enum sp_code
read_values(struct config_reader *r, const struct config_scope *scope,
    const struct sp_config_option *o, struct sp_config_place at)
{
	size_t count = 0;

	if (next(r) != SP_OK)
		return (SP_ECONFIG);
	if (is_value(r) && !sp_config_is_list(o))
		return (set_value(r, scope, o));
	if (is_value(r))
		return (fail(r, at,
		    "option \"%s\" is a list; expected { value, value }",
		    o->name));
	if (!is_punct(r, '{') || !sp_config_is_list(o))
		return (fail(r, at,
		    "option \"%s\" has no value; expected %s = VALUE", o->name,
		    o->name));
	do {
		if (next(r) != SP_OK)
			return (SP_ECONFIG);
		if (is_punct(r, '}') && count == 0)
			return (SP_OK);
		if (!is_value(r))
			return (fail(r, r->at,
			    "the list of option \"%s\" is broken; expected a value",
			    o->name));
		if (++count > SP_CONFIG_LIST_MAX)
			return (fail(r, r->at,
			    "option \"%s\" has more than %u values", o->name,
			    SP_CONFIG_LIST_MAX));
		if (set_value(r, scope, o) != SP_OK || next(r) != SP_OK)
			return (SP_ECONFIG);
	} while (is_punct(r, ','));
	if (!is_punct(r, '}'))
		return (fail(r, r->at,
		    "the list of option \"%s\" is broken; expected \",\" or \"}\"",
		    o->name));
	return (SP_OK);
}

/* An unknown option at top level: name the section that has one of that name. */
static enum sp_code
fail_no_option(
    struct config_reader *r, struct sp_view name, struct sp_config_place at)
{
	for (size_t i = 0; i < sp_config_nsections; i++) {
		const struct sp_config_section *sec = &sp_config_sections[i];

		if (sp_config_option(sec->name, name) != NULL)
			return (fail(r, at,
			    "unknown option \"%.*s\"; it belongs into a section, %s%s { %.*s = ... }",
			    (int)name.n, name.p, sec->name,
			    sec->size > 0 ? " NAME" : "", (int)name.n, name.p));
	}
	return (fail(r, at, "unknown option \"%.*s\"", (int)name.n, name.p));
}

/*
 * Read the option ${name}, which stands at ${at}; the token read last is "=".
 */
static enum sp_code
read_option(struct config_reader *r, const struct config_scope *scope,
    struct sp_view name, struct sp_config_place at)
{
	const struct sp_config_option *o =
	    sp_config_option(scope->section, name);
	const struct sp_config_section *sec = sp_config_section(name);

	if (o == NULL && *scope->section != '\0')
		return (fail(r, at, "unknown option \"%.*s\" in section \"%s\"",
		    (int)name.n, name.p, scope->section));
	if (o == NULL && sec != NULL)
		return (
		    fail(r, at, "\"%s\" is a section; expected %s%s { ... }",
			sec->name, sec->name, sec->size > 0 ? " NAME" : ""));
	if (o == NULL)
		return (fail_no_option(r, name, at));
	if (remember(r, scope, o->name, at) != SP_OK)
		return (SP_ECONFIG);
	return (read_values(r, scope, o, at));
}

/* The name of an option in a section, at ${at}, without "=" behind it; the token
 * read last is what stands there. */
static enum sp_code
fail_no_equals(
    struct config_reader *r, struct sp_view name, struct sp_config_place at)
{
	const struct sp_config_section *sec = sp_config_section(name);

	if (sec != NULL)
		return (fail(r, at,
		    "section \"%s\" cannot stand inside another; expected %s%s { ... } behind its \"}\"",
		    sec->name, sec->name, sec->size > 0 ? " NAME" : ""));
	if (name.n > 1 && name.p[name.n - 1] == ':')
		name.n--;
	if (is_value(r))
		return (fail(r, at,
		    "the \"=\" is missing behind option \"%.*s\"; expected %.*s = %.*s",
		    (int)name.n, name.p, (int)name.n, name.p,
		    r->value.n < 100 ? (int)r->value.n : 100, r->value.p));
	return (
	    fail(r, at, "option \"%.*s\" has no value; expected %.*s = VALUE",
		(int)name.n, name.p, (int)name.n, name.p));
}

/* Read the options of a section, after its "{", and its "}". */
static enum sp_code
read_body(struct config_reader *r, const struct config_scope *scope)
{
	for (;;) {
		struct sp_config_place at;
		struct sp_view name;

		if (next(r) != SP_OK)
			return (SP_ECONFIG);
		if (is_punct(r, '}'))
			return (SP_OK);
		if (r->token == END)
			return (fail(r, scope->at,
			    "section \"%s%s%.*s\" is not closed; expected \"}\" before the end of the file",
			    scope->section, scope->title.n > 0 ? " " : "",
			    (int)scope->title.n, scope->title.p));
		if (r->token != WORD)
			return (fail(r, r->at,
			    "expected the name of an option or \"}\""));
		name = r->value;
		at = r->at;
		if (next(r) != SP_OK)
			return (SP_ECONFIG);
		if (!is_punct(r, '=') && sp_config_section(name) != NULL &&
		    (is_punct(r, '{') || is_value(r)))
			return (fail(r, at,
			    "section \"%.*s\" begins inside section \"%s\"; expected \"}\" to close what begins in line %u",
			    (int)name.n, name.p, scope->section,
			    scope->at.line));
		if (!is_punct(r, '='))
			return (fail_no_equals(r, name, at));
		if (read_option(r, scope, name, at) != SP_OK)
			return (SP_ECONFIG);
	}
}

/* What stands at ${at} begins like a section, and there is none of that name:
 * an option whose "=" is missing or was written ":", or a slip.  The token read
 * last is what follows the name. */
static enum sp_code
fail_no_section(
    struct config_reader *r, struct sp_view name, struct sp_config_place at)
{
	struct sp_view bare = name;

	if (bare.n > 1 && bare.p[bare.n - 1] == ':')
		bare.n--;
	if (sp_config_option("", bare) != NULL && is_value(r))
		return (fail(r, at,
		    "the \"=\" is missing behind option \"%.*s\"; expected %.*s = %.*s",
		    (int)bare.n, bare.p, (int)bare.n, bare.p,
		    r->value.n < 100 ? (int)r->value.n : 100, r->value.p));
	return (fail(r, at, "unknown section \"%.*s\"", (int)name.n, name.p));
}

/* A section's name ${name} and nothing behind it. */
static enum sp_code
fail_lone_section(
    struct config_reader *r, struct sp_view name, struct sp_config_place at)
{
	const struct sp_config_section *sec = sp_config_section(name);

	return (fail(r, at,
	    "section \"%s\" has no beginning; expected %s%s { ... }", sec->name,
	    sec->name, sec->size > 0 ? " NAME" : ""));
}

static bool
title_ok(struct sp_view v)
{
	for (size_t i = 0; i < v.n; i++) {
		const char c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_'))
			return (false);
	}
	return (v.n > 0 && v.n <= SP_CONFIG_NAME_MAX);
}

/* Read the section ${name}, which stands at ${at}; the token read last is what
 * follows the name: a title, or "{". */
static enum sp_code
read_section(
    struct config_reader *r, struct sp_view name, struct sp_config_place at)
{
	const struct sp_config_section *sec = sp_config_section(name);
	const bool titled = sec != NULL && sec->size > 0;
	struct config_scope scope = {
		.title = SP_VIEW_LIT(""), .at = at, .base = r->c
	};

	if (sec == NULL)
		return (fail_no_section(r, name, at));
	if (titled != is_value(r))
		return (fail(r, at,
		    titled
			? "section \"%s\" needs a name; expected %s NAME { ... }"
			: "section \"%s\" takes no name; expected %s { ... }",
		    sec->name, sec->name));
	if (titled && !title_ok(r->value))
		return (fail(r, r->at,
		    "the name of a section has letters, digits, \"-\" and \"_\", at most %u",
		    SP_CONFIG_NAME_MAX));
	scope.section = sec->name;
	if (titled) {
		scope.title = r->value;
		if (next(r) != SP_OK)
			return (SP_ECONFIG);
	}
	if (!is_punct(r, '{'))
		return (fail(
		    r, at, "expected \"{\" after section \"%s\"", sec->name));
	if (remember(r, &scope, "", at) != SP_OK)
		return (SP_ECONFIG);
	if (sp_config_count(r->c, sec) == SP_CONFIG_SECTION_MAX)
		return (fail(r, at, "more than %u %s sections",
		    SP_CONFIG_SECTION_MAX, sec->name));
	if (titled)
		scope.base = sp_config_add(r->c, sec, scope.title);
	return (read_body(r, &scope));
}

/* The top level of the file: options and sections, one after the other. */
enum sp_code
sp_config_read(struct sp_config *c, struct sp_view text,
    struct sp_config_file *file, struct sp_err *err)
{
	struct config_reader r = {
		.c = c, .file = file, .err = err, .text = text, .line = 1
	};
	const struct config_scope top = {
		.section = "", .title = SP_VIEW_LIT(""), .base = c
	};
	struct sp_config_place at;
	const char *why;

	why = sp_config_bytes(&r.text, &at);
	if (why != NULL)
		return (fail(&r, at, "%s", why));
	while (next(&r) == SP_OK) {
		const struct sp_view name = r.value;
		enum sp_code rc;

		at = r.at;
		if (r.token == END)
			return (SP_OK);
		if (is_punct(&r, '}'))
			return (fail(
			    &r, at, "unexpected \"}\"; no section is open"));
		if (r.token != WORD)
			return (fail(&r, at,
			    "expected the name of an option or of a section"));
		if (next(&r) != SP_OK)
			break;
		if ((r.token == END || is_punct(&r, '}') ||
			is_punct(&r, ',')) &&
		    sp_config_section(name) != NULL)
			return (fail_lone_section(&r, name, at));
		if (r.token == END || is_punct(&r, '}') || is_punct(&r, ','))
			return (fail(&r, at,
			    "expected \"%.*s = VALUE\" or a section \"%.*s { ... }\"",
			    (int)name.n, name.p, (int)name.n, name.p));
		rc = is_punct(&r, '=') ? read_option(&r, &top, name, at)
				       : read_section(&r, name, at);
		if (rc != SP_OK)
			break;
	}
	return (SP_ECONFIG);
}
